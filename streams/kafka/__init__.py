"""Access to the brokers: topic creation and checks, transactions, retries, views without a group.

Begin with :mod:`~streams.kafka.topic_admin` and :mod:`~streams.kafka.transaction`. It may import
:mod:`streams.records.record_columns`; lanes and the models topic use it.
"""
