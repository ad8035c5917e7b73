"""The desk on Kafka: breaches in, in the order of their single partition; alerts, suppressions and work orders out.

Begin with :mod:`~streams.desk.host`, which numbers the steps of the protocol; :mod:`models.desk` makes the decisions.
It may import :mod:`streams.records`, :mod:`streams.kafka` and :mod:`streams.lanes`, whose ``assignment`` starts and
stops it as a :class:`~streams.lanes.ports.WorkerDesk`.
"""
