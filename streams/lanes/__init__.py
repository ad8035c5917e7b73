"""A lane: partition ``p`` of every input, its subscribers, and one transaction a batch.

Begin with :mod:`~streams.lanes.lane`, which numbers the steps of the protocol. Records come in by
:mod:`~streams.lanes.transport` and :mod:`~streams.lanes.intake`, are decided by
:mod:`~streams.lanes.detection_fold`, and lanes come and go by :mod:`~streams.lanes.assignment`. It may import records
and cluster.
"""
