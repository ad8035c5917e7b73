"""``holdfast kafka``, ``bundle``, ``topics`` and ``dlq``: the verbs that look after a cluster.

Begin with :mod:`~app.kafka.command`, the Kafka of this machine.
"""
