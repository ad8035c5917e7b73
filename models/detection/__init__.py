"""A lane's decisions at events and ticks: tiers, signals, the lifecycle of breaches, labels.

Begin with :mod:`models.detection.detector`. It walks over the arrivals with :mod:`models.kernel` and decides wherever
the walk stops; decisions go into the outbox.
"""
