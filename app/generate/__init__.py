"""Files in the repository that a program writes: ``python -m app.generate.contract``, and the same of those beside it.

Each is fresh by a test.
"""
