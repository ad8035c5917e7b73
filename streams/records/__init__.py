"""Records: the table of topics, decoding of events, encoding of decisions, dead letters, lane history.

Begin with :mod:`~streams.records.topics` and :mod:`~streams.records.wire`. It may import ``models`` only, and connects
to no broker.
"""
