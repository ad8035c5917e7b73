"""Records: the table of topics, bytes to events and decisions to bytes, dead letters, a lane's history.

Begin with :mod:`~streams.records.topics` and :mod:`~streams.records.wire`. It may import ``models`` only, and speaks
to no broker.
"""
