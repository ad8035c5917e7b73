"""Records: the table of topics, decoding of events, encoding of decisions, dead letters, lane history.

Begin with :mod:`~streams.records.topics` and :mod:`~streams.records.wire`. Of ours it may import only ``models``; of
aiokafka it uses the record format, and it connects to no broker.
"""
