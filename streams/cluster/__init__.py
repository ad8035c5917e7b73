"""Speaking with the brokers: topics created and checked, transactions, tries again, a bystander's view.

Begin with :mod:`~streams.cluster.topic_admin` and :mod:`~streams.cluster.transaction`. It may import
:mod:`streams.records.record_columns`; lanes and the topic of the models stand on it.
"""
