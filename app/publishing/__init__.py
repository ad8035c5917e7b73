"""Publishing of simulated or recorded events to Kafka: record, topic preparation, pace.

Begin with :mod:`~app.publishing.publisher`. Simulator, replay, evaluation and demo use it.
"""
