"""Looking at what was scored and what came of it: metrics, paired tests, groups of subscribers, what offers did.

Begin with :mod:`~models.analysis.score_metrics`; :mod:`~models.analysis.daily_segments` makes last night's groups. It
may import scoring and what lies below. Nothing here changes a model or a decision.
"""
