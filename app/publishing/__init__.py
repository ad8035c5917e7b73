"""Simulated or recorded events onto Kafka: the record, the topics made ready for it, and the pace.

Begin with :mod:`~app.publishing.publisher`. Simulator, replay, evaluation and demo stand on it.
"""
