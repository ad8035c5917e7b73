"""The policies of ``churn.policy.v1``: by version, signed, followed by workers and published by a command.

Begin with :mod:`~streams.policy_topic.policies`. It may import records and cluster.
"""
