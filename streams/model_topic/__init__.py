"""The topics between lanes and learner: models by version, the learner's checkpoint, examples in their order.

Begin with :mod:`~streams.model_topic.versions`; :mod:`~streams.model_topic.feed` is the workers' side and
:mod:`~streams.model_topic.learner_topics` the learner's. It may import records and cluster.
"""
