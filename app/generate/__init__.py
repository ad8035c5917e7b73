"""Files in the repository that a program writes: ``python -m app.generate.contract``, ``.kernel``, ``.dashboards``.

Each is fresh by a test.
"""
