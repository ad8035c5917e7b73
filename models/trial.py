"""Two models on the rows that both told, at the base rate at which either would be served."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from models import evidence
from models.evidence import Comparison
from models.jury import judging
from models.risk import shifted
from models.window import Window


def trial(
    window: Window, names: tuple[str, str], since: int, rates: Mapping[str, float], served_at: float | None, jury: float
) -> Comparison | None:
    """Compare the first of `names` with the second on the rows from number `since` on; None without one.

    Only rows of the jury count: whoever learned a subscriber's last week knows his next.

    Parameters
    ----------
    rates
        At which each tells its risks.
    served_at
        The operator's own, None before the first example: whatever is served is shifted to it, so a model gains
        nothing by its level alone.
    jury
        Share of the subscribers who are on it.
    """
    name, against = names
    if served_at is None:
        return None
    rows = window.latest(since)
    rows = rows.of(judging(rows.who, jury) & ~np.isnan(rows.told[name]) & ~np.isnan(rows.told[against]))
    if not len(rows.left):
        return None
    one, two = (shifted(rows.told[who], rates[who], served_at) for who in (name, against))
    return evidence.compare(one, two, rows.left, rows.who)
