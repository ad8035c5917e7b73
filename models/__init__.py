"""The pure core: a fold of events into subscribers, and the decisions that follow from them.

No clock, no random numbers, no I/O and no Kafka: time comes from the events, the model and the policy are arguments.
So the same events in the same order give the same state and the same alerts, on any machine and after any restart.
``models.kernel`` is the hot path; River is met only where a model learns (see ``.importlinter``).
"""
