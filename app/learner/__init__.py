"""``holdfast learner``: the process that reads examples and publishes models and nightly segments.

Begin with :mod:`~app.learner.process`.
"""
