"""Files in the repository that a program writes: ``python -m app.generate.contract`` and ``app.generate.kernel``.

Each is fresh by a test.
"""
