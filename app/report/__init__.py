"""``holdfast report``: the T+1 report, the day's and the month's figures of retention, each with what it was made of.

Begin with :mod:`~app.report.indicators`: one query an indicator, over the tables of :mod:`~app.report.facts`. It may
import :mod:`app.alerts` and :mod:`app.orders`, whose words it uses.
"""
