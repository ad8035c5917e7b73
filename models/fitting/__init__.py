"""The two models that learn, each alone: River's logistic regression, and a posterior over smooth curves.

Begin with :mod:`~models.fitting.knots`, the ground on which both learn. River is imported here and in
:mod:`models.learning` only. It may import scoring and what lies below; how the two are put together is learning's.
"""
