"""The topics between lanes and learner, and what else is noted in the models topic: retention to restore, a history.

Begin with :mod:`~streams.model_topic.versions`; :mod:`~streams.model_topic.feed` is the workers' side and
:mod:`~streams.model_topic.learner_topics` the learner's. It may import :mod:`streams.records` and :mod:`streams.kafka`.
"""
