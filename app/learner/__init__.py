"""``holdfast learner``: the process that reads examples and publishes models and nightly segments.

Begin with :mod:`~app.learner.process`; what it learns is in :mod:`models.learning`, how it reads and writes in
:mod:`streams.model_topic.learner_topics`. It may import settings and what processes share, but no other verb.
"""
