"""Generators of files in the repository: ``python -m app.generate.contract``, and likewise the others beside it.

A test fails if a file is not what its generator writes. Begin with :mod:`~app.generate.docs`, the smallest. They may
import all of the product but evaluation and demo.
"""
