"""``holdfast alerts``: follow alerts, look one up, explain its risk, answer it.

Begin with :mod:`~app.alerts.command`; ``tail`` and ``top`` have modules of their own, :mod:`~app.alerts.explanation`
computes what ``explain`` prints. :mod:`~app.alerts.card_and_line` has the words for an alert, and
:mod:`~app.alerts.topic_reading` reads the topics: orders, relay, report and demo use both. It may import settings and
what processes share, but no other verb.
"""
