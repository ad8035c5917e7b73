"""``holdfast report``: the T+1 report, the day's and the month's figures of retention, each with what it was made of.

Begin with :mod:`~app.report.indicators`: one query an indicator, over the tables that :mod:`~app.report.facts` fills
from the topics. :mod:`~app.report.periods` says which days count, :mod:`~app.report.figures` asks the queries.
"""
