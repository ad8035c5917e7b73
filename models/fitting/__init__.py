"""The two learning models: River's logistic regression, and a Bayesian posterior over smooth curves.

Begin with :mod:`~models.fitting.knots`, the shared transformation of features. River is imported here and in
:mod:`models.learning` only. This package may import scoring and the packages below it; :mod:`models.learning` combines
the two models.
"""
