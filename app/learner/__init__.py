"""``holdfast learner``: the process that reads examples and publishes models, and each night's segments.

Begin with :mod:`~app.learner.process`.
"""
