"""From features to a risk: the model as plain JSON, its scorer, its calibration, and the three tiers.

Begin with :mod:`~models.scoring.snapshot` and :mod:`~models.scoring.scorer`; :mod:`~models.scoring.prior` is the model
of the first day, and :mod:`~models.scoring.engine` scores the rows of a lane with the compiled code. This package may
import features, state, kernel and contract. Nothing here learns or decides.
"""
