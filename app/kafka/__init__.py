"""``holdfast kafka``, ``bundle``, ``topics`` and ``dlq``: commands for a cluster.

Begin with :mod:`~app.kafka.command`, the Kafka on this machine.
"""
