"""Typed inputs and outputs: events, alerts, training examples, the closed vocabularies, the operator's policy.

It imports no other package of ours, and every other may import it. Begin with :mod:`~models.contract.events`, then
:mod:`~models.contract.alerts`; :mod:`~models.contract.policy` holds the operator's decisions, and
:mod:`~models.contract.playbook` the offers by cause and segment.
"""
