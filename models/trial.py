"""Two models on the rows that both told, as they were or would have been served."""

from __future__ import annotations

import numpy as np

from models import evidence
from models.evidence import Comparison
from models.window import Window


def trial(window: Window, name: str, against: str, since: int) -> Comparison | None:
    """Compare `name` with `against`; None without a row that both told.

    Parameters
    ----------
    since
        Rows whose vectors were frozen from this time on, ms: of those before, somebody may have learned the outcome.
    """
    rows = window.latest()
    rows = rows.of((rows.ts >= since) & ~np.isnan(rows.told[name]) & ~np.isnan(rows.told[against]))
    if not len(rows.left):
        return None
    return evidence.compare(rows.told[name], rows.told[against], rows.left, rows.who)
