"""From features to a risk: the model as plain JSON, the scorer made of it, its level, and the three tiers.

Begin with :mod:`~models.scoring.snapshot` and :mod:`~models.scoring.scorer`; :mod:`~models.scoring.prior` is the model
of the first day, and :mod:`~models.scoring.engine` scores the rows of a lane with the compiled code. It may import
features, state, kernel and contract. Nothing here learns and nothing decides.
"""
