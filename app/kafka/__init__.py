"""``holdfast kafka``, ``bundle``, ``topics`` and ``dlq``: commands for a cluster.

Begin with :mod:`~app.kafka.command`, the Kafka on this machine; :mod:`~app.kafka.topics_command` creates and checks
topics, :mod:`~app.kafka.dlq_command` shows dead letters. It may import settings, what processes share, and ``streams``,
but no other verb.
"""
