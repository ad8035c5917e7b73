"""What goes in and comes out, typed: events, alerts, training examples, the closed vocabularies, the operator's policy.

It imports nothing of ours, and everything else may import it. Begin with :mod:`~models.contract.events`, then
:mod:`~models.contract.alerts`; :mod:`~models.contract.policy` is what the operator decides, and
:mod:`~models.contract.playbook` what can be offered to whom.
"""
