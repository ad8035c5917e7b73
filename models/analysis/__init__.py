"""Analysis of scores and their outcomes: metrics, paired tests, groups of subscribers, outcomes of offers.

Begin with :mod:`~models.analysis.score_metrics`; :mod:`~models.analysis.daily_segments` makes last night's groups. This
package may import scoring and the packages below it. Nothing here changes a model or a decision.
"""
