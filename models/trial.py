"""Two models on the rows that both told, at the base rate at which either would be served."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models import evidence
from models.evidence import Comparison
from models.risk import shifted
from models.window import Window


def trial(
    window: Window, name: str, against: str, since: int, rates: Mapping[str, float], served_at: float
) -> Comparison | None:
    """Compare `name` with `against` on the rows from number `since` on; None without a row that both told.

    Parameters
    ----------
    rates
        At which each tells its risks.
    served_at
        The operator's own: whatever is served is shifted to it, so a model gains nothing by its level alone.
    """
    rows = window.latest(since)
    rows = rows.of(~np.isnan(rows.told[name]) & ~np.isnan(rows.told[against]))
    if not len(rows.left):
        return None
    one, two = (shifted(rows.told[who], rates[who], served_at) for who in (name, against))
    return evidence.compare(one, two, rows.left, rows.who)
