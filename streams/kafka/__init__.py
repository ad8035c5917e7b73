"""Access to the brokers: topic creation and checks, placement of keys, transactions, retries, views without a group.

Begin with :mod:`~streams.kafka.topic_admin` and :mod:`~streams.kafka.transaction`. It may import
:mod:`streams.records`; every package of ``streams`` but the embedded Kafka may use it.
"""
