"""Publishing of simulated or recorded events to Kafka: record, topic preparation, pace. And feedback, from commands.

Begin with :mod:`~app.publishing.publisher`. Simulator, replay, evaluation and demo use it,
:mod:`~app.publishing.feedback` the verbs that answer an alert or instruct the desk. It may import settings, and no
process or command.
"""
