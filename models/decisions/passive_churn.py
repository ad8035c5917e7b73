"""Passive churn: who is suspended or was let go by the operator, in contrast to those who leave of their own will.

Passive churn is not for retention: the stage ``_passive_churn`` of :mod:`~models.decisions.contact_rules` withholds
their breaches, and they get no label.
"""

from __future__ import annotations

from typing import Final

from models.contract.events import Profile
from models.state.columns import OUTCOME, OUTCOME_CODES

_LEFT: Final = OUTCOME.index["left"]
_CODE: Final = OUTCOME.index["code"]
_LEFT_TS: Final = OUTCOME.index["left_ts"]
_INVOLUNTARY: Final = float(OUTCOME_CODES.index("involuntary"))
_PASSIVE: Final = frozenset({"suspended_arrears", "suspended_fraud", "left"})


def passive(profile: Profile | None, involuntary: bool) -> bool:
    """Whether the subscriber is suspended or gone by the operator's decision: passive churn, not for retention.

    A profile that says *active* is newer than an involuntary outcome only if `involuntary` is already false.
    """
    return involuntary or (profile is not None and profile.status in _PASSIVE)


def left_involuntarily(outcome: list[float], profile: Profile | None) -> bool:
    """Whether the subscriber's last outcome is involuntary and no newer profile is active."""
    if not (outcome[_LEFT] == 1.0 and outcome[_CODE] == _INVOLUNTARY):
        return False
    return profile is None or profile.status != "active" or profile.ts <= outcome[_LEFT_TS]


def left_willingly(outcome: list[float], profile: Profile | None, clock: float) -> bool:
    """Whether the subscriber left of their own will, and neither returned nor was activated since."""
    if outcome[_LEFT] != 1.0 or outcome[_CODE] == _INVOLUNTARY:
        return False
    activated = None if profile is None else profile.activated_ts
    return activated is None or not outcome[_LEFT_TS] < activated <= clock
