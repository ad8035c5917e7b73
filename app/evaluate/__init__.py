"""``holdfast evaluate``: quality of the served model class, measured on labelled data.

Begin with :mod:`~app.evaluate.group`: :mod:`~app.evaluate.table` evaluates a labelled table in one pass,
:mod:`~app.evaluate.events` runs the product without Kafka over a log of events. It may import :mod:`app.tables` and
:mod:`app.replay`, which read the operator's files.
"""

from __future__ import annotations

from app.evaluate.group import evaluate

__all__ = ["evaluate"]
