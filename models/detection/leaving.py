"""Why a subscriber left and where they went, as codes; sources write free text in any language.

Also the revenue lost by an internal migration.
"""

from __future__ import annotations

from math import isnan
from typing import Final

import numpy as np

from models.arrays import Floats
from models.contract.events import Profile
from models.contract.policy import LeaveWords
from models.contract.time_units import DAY_MS
from models.contract.vocabulary import Destination, LeaveReason
from models.kernel.places import PLAN_CHANGE_TS, PLAN_FEE, PLAN_FEE_CHANGE
from models.state.columns import RIVALS, VISITS, place, rival

VISITED_DAYS: Final = 30.0
"""A visit to a competitor's site longer ago than this does not show where a leaver went."""
MOVED_DAYS: Final = 30.0
"""A change of plan recorded longer before a migration than this is not part of it."""
_DESTINATIONS: Final[tuple[Destination, ...]] = RIVALS
_FIRST_VISIT: Final = place(VISITS, "mobile_ts")


def reason_of(said: str | None, words: LeaveWords) -> LeaveReason:
    """The first reason with a word that occurs in the text; ``other`` if none does, ``unknown`` without a text.

    Examples
    --------
    >>> [reason_of(said, LeaveWords()) for said in ("资费太贵", "Network quality", "a whim", " ", None)]
    ['price', 'network', 'other', 'unknown', 'unknown']
    """
    found = (said or "").strip().casefold()
    if not found:
        return "unknown"
    for reason in words.__struct_fields__:
        if any(word.casefold() in found for word in getattr(words, reason)):
            return reason  # type: ignore[return-value]  # the fields are named by the reasons
    return "other"


def destination(said: str | None, columns: Floats, at: int) -> Destination:
    """The operator they went to: by the outcome, else by the competitor's site visited last; or ``unknown``.

    Visits are stored only for subscribers who allow their use.

    Examples
    --------
    >>> from models.state.population import Population
    >>> columns = Population().table[0]
    >>> destination("中国联通", columns, 0), destination(None, columns, 0)
    ('china-unicom', 'unknown')
    >>> columns[_FIRST_VISIT + RIVALS.index("china-telecom")] = 0.0
    >>> destination(None, columns, 30 * DAY_MS), destination(None, columns, 31 * DAY_MS)
    ('china-telecom', 'unknown')
    """
    if said is not None and said.strip():
        return _DESTINATIONS[rival(said)]
    visited = np.nan_to_num(columns[_FIRST_VISIT : _FIRST_VISIT + len(RIVALS)], nan=-np.inf)
    newest = int(np.argmax(visited))
    return _DESTINATIONS[newest] if visited[newest] >= at - VISITED_DAYS * DAY_MS else "unknown"


def moved_revenue(profile: Profile | None, columns: Floats, at: int) -> float:
    """Monthly revenue that an internal migration may cost: the fall of the plan's fee, if a change of plan shows it.

    Without a change in the month before, it is not known what they pay from now on, and all that they paid counts.

    Examples
    --------
    >>> from models.state.population import Population
    >>> columns, profile = Population().table[0], Profile(subscriber_id="s-1", ts=0, arpu=138.0)
    >>> moved_revenue(profile, columns, 0), moved_revenue(None, columns, 0)
    (138.0, 0.0)
    >>> columns[PLAN_CHANGE_TS], columns[PLAN_FEE], columns[PLAN_FEE_CHANGE] = 0.0, 60.0, -0.5
    >>> moved_revenue(profile, columns, 0), moved_revenue(profile, columns, 31 * DAY_MS)
    (60.0, 138.0)
    """
    fee, share = float(columns[PLAN_FEE]), float(columns[PLAN_FEE_CHANGE])
    if at - columns[PLAN_CHANGE_TS] <= MOVED_DAYS * DAY_MS and share > -1.0 and not isnan(fee):
        return max(0.0, fee / (1.0 + share) - fee)
    return 0.0 if profile is None or profile.arpu is None else max(0.0, profile.arpu)
