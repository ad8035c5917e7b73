"""``holdfast backtest``: figures of the recorded history, folded again by the policy in force and by another one.

Begin with :mod:`~app.backtest.command`; :mod:`~app.backtest.rerun` folds, by :mod:`streams.history`. It may import
the check of a policy file from :mod:`app.policy`, and the words of :mod:`app.alerts`.
"""
