"""The learner as a pure value: examples in; published models, a checkpoint and a report out.

Begin with :mod:`~models.learning.learner`. An example passes :mod:`~models.learning.admission`, trains the
:mod:`~models.learning.ensemble`, and moves the served model (:mod:`~models.learning.blend`), unless
:mod:`~models.learning.label_guard` (broken labels) or :mod:`~models.learning.model_withdrawal` (the served model is
worse than the prior) objects. This package may import all of ``models`` except decisions.
"""
