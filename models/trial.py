"""Two models on the rows that both told, each at the level of those rows.

The level of what is served is set by base rates, the window's and the operator's. Where the operator's is not what
happens, that alone would decide who has the smaller loss: on CollegeMsg, where 77 % left and one half was told, a model
that ranked better by 0.02 AUC was refused by 0.1 of log-loss.
"""

from __future__ import annotations

import numpy as np

from models import evidence
from models.compiled import base_rate
from models.evidence import Comparison, Whos
from models.level import levelled
from models.quality import Bools
from models.risk import Floats
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
    return matched(rows.told[name], rows.told[against], rows.left, rows.who)


def matched(risk: Floats, against: Floats, left: Bools, who: Whos) -> Comparison | None:
    """Compare what two told of the same rows; None without any."""
    if not len(left):
        return None
    rate = base_rate(left)
    return evidence.compare(levelled(risk, rate), levelled(against, rate), left, who)
