"""The Kafka edge: bytes become events, decisions become records, and both are committed in one transaction.

Faust agents receive whole fetched batches and hand them to lanes; a lane owns partition ``p`` of every input and the
slice of the subscribers in it. ``streams.lanes.lane`` holds the protocol as numbered steps, ``streams.records.topics``
the one table of topics. It may import ``models``, never ``app``.
"""
