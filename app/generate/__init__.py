"""Generators of files in the repository: ``python -m app.generate.contract``, and likewise the others beside it.

A test fails if one is out of date.
"""
