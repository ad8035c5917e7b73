"""What a lane decides: tiers, signals, alerts' lives, labels; at an event, or at a tick.

Begin with :mod:`models.decisions.detector`. It walks over the arrivals with :mod:`models.kernel` and decides where that
stops; what is decided goes into the outbox.
"""
