"""An operator's own files as rows with typed cells: encodings, separators, dates, numbers, the contract's words.

Begin with :mod:`~app.tables.recording`. A guess is made for a column over the whole file, never for one cell, and what
cannot be known is asked. Replay and evaluation read files through it.
"""
