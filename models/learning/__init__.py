"""The learner as a pure value: examples in; published models, a checkpoint and a report out.

Begin with :mod:`~models.learning.learner`. An example passes :mod:`~models.learning.admission`, trains the
:mod:`~models.learning.ensemble`, and moves the served model (:mod:`~models.learning.blend`), unless one of the
:mod:`~models.learning.guards` objects: against broken labels, and against a served model that is worse than the prior.
This package may import analysis, fitting, scoring and the packages below them; neither lanes' decisions
(:mod:`models.detection`) nor the desk.
"""
