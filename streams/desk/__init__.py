"""The desk on Kafka: breaches in, in the order of their single partition; alerts, suppressions and work orders out.

Begin with :mod:`~streams.desk.host`, which numbers the steps of the protocol; :mod:`models.desk` makes the decisions.
It may import records, cluster, and what all lanes share; :mod:`streams.lanes.assignment` starts and stops it.
"""
