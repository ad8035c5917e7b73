"""Lanes: partition ``p`` of every input, its subscribers, and one transaction a batch.

Begin with :mod:`~streams.lanes.lane`, which numbers the steps of the protocol. Records come in through
:mod:`~streams.lanes.transport` and :mod:`~streams.lanes.intake`, :mod:`~streams.lanes.detection_fold` makes the
decisions, and :mod:`~streams.lanes.assignment` opens and closes lanes, and the desk with lane 0. It may import
:mod:`streams.records` and :mod:`streams.kafka`.
"""
