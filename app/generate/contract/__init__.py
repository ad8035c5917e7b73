"""``deploy/contract``, made from the types: JSON Schemas, the AsyncAPI document, and what a release fixes.

Begin with :mod:`~app.generate.contract.schemas`; ``python -m app.generate.contract`` writes the files.
"""
