"""The model of the first day: common knowledge of the trade in round log-odds, fitted to no data.

0.7 doubles the odds, 1.4 is four times, 2.3 ten times, 3 twenty times. Each curve is monotonic. Counts and flags start
at zero, so a fading signal returns to the risk without it, and never below it: having asked how to leave makes nobody
safer. Unknown values add nothing, except that unseen usage counts as none: if a whole feed is missing, that is the same
for everybody.

Level and cut-offs are round too, near those of unlabelled simulated subscribers. The learner replaces them with the
operator's own as soon as it has seen enough weekly vectors.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from models.features.catalogue import NAMES, catalogue_hash
from models.scoring.snapshot import Curve, Cutoff, Provenance, Snapshot

VERSION: Final = "prior-1"
BASE_RATE: Final = 0.05
_INTERCEPT: Final = -3.7
_CUTOFFS: Final = (
    (0.005, 0.7), (0.01, 0.45), (0.02, 0.25), (0.05, 0.14), (0.10, 0.10), (0.20, 0.06), (0.35, 0.04), (0.50, 0.03),
)  # fmt: skip

Points = tuple[tuple[float, float], ...]


class Belief(NamedTuple):
    """The assumed effect of a feature on leaving, and why.

    Attributes
    ----------
    points
        Log-odds at some values; linear between them, constant outside.
    usual
        Its usual value, by definition and not from data; None if there is none.
    missing
        Log-odds if it is unknown.
    """

    feature: str
    why: str
    points: Points
    usual: float | None = 0.0
    missing: float = 0.0


def _falls(half: float) -> Points:
    """Use relative to one's own usual (1.0): `half` at half of it, twice as much at none."""
    return ((0.0, 2.0 * half), (0.5, half), (1.0, 0.0))


def _counts(*at: float) -> Points:
    """Log-odds at 1, 2, 3 ... events; zero without any."""
    return tuple(enumerate((0.0, *at)))


_SILENT: Final[Points] = (
    (0, 0.0), (1, 0.3), (3, 0.8), (7, 1.5), (14, 2.0), (21, 2.4), (30, 2.7), (45, 3.0), (60, 3.3), (90, 3.6),
)  # fmt: skip
_CALLS_7: Final[Points] = ((0, 0.5), (1, 0.3), (4, 0.1), (8, 0.0), (16, -0.1), (32, -0.2), (64, -0.4))
_CALLS_30: Final[Points] = ((0, 0.7), (1, 0.5), (4, 0.4), (16, 0.1), (32, 0.0), (64, -0.1), (128, -0.3))
_DATA_7: Final[Points] = ((0, 0.4), (1, 0.3), (4, 0.1), (8, 0.0), (16, -0.1), (32, -0.2), (64, -0.3))
_CONTRACT: Final[Points] = ((0, 0.7), (30, 0.6), (90, 0.3), (180, 0.0), (365, -0.3))
_FAILS: Final[Points] = ((0.02, 0.0), (0.1, 0.4), (0.3, 0.8))

BELIEFS: Final = (
    # Silence, against the calendar and against one's own rhythm.
    Belief("silent_days", "no use means leaving or gone, each further week more so", _SILENT, 0.0, 2.2),
    Belief("recency_vs_rhythm", "silent for many of one's own gaps", ((2, 0.0), (4, 0.1), (8, 0.2), (20, 0.4)), 1.0),
    # Level of use: light users have little to lose, and often a second SIM.
    Belief("calls_7d", "few calls in a week", _CALLS_7, None, 0.5),
    Belief("calls_30d", "few calls in a month", _CALLS_30, None, 0.7),
    Belief("data_sessions_7d", "little data use in a week", _DATA_7, None, 0.4),
    # Falling use, relative to one's own.
    Belief("calls_7d_vs_30d", "calls thin out", _falls(0.3), 1.0),
    Belief("calls_30d_vs_90d", "calls thin out over months", _falls(0.3), 1.0),
    Belief("data_sessions_7d_vs_30d", "data use thins out", _falls(0.6), 1.0),
    Belief("data_mb_30d_vs_90d", "data use thins out over months", _falls(0.1), 1.0),
    Belief("data_stage_losing_interest", "data use is below half of the usual", _counts(0.2)),
    Belief("data_stage_cancelled", "data use was given up", _counts(0.2)),
    # Money.
    Belief("recharge_gap_vs_usual", "the recharge that was due did not come", ((1, 0.0), (2, 0.4), (4, 0.8)), 1.0),
    Belief("spend_7d_vs_30d", "spending falls", _falls(0.2), 1.0),
    Belief("bill_slope_3_periods", "bills fall from month to month", ((-0.3, 0.3), (0, 0.0))),
    Belief("bill_vs_usual", "the last bill is below the usual", ((0.5, 0.3), (1, 0.0)), 1.0),
    Belief("plan_fee_change_90d", "a cheaper plan is often a step on the way out", ((-0.5, 0.3), (0, 0.0))),
    # Ties to the operator.
    Belief("contract_days_left_mobile", "free to go when the contract ends, bound long before", _CONTRACT, None),
    Belief("contract_days_left_broadband", "a line at home binds", ((0, 0.0), (90, -0.1), (365, -0.3)), None),
    Belief("products", "each further product binds", ((1, 0.0), (2, -0.1), (3, -0.2)), 1.0),
    Belief("penalty", "leaving would cost", ((0, 0.0), (200, -0.3))),
    Belief("tenure_first_year", "in months 1 to 11 many leave", _counts(0.4)),
    Belief("tenure_over_five_years", "after month 60 some look around again", _counts(0.1)),
    Belief("portable", "a number that may not be ported binds", ((0, -0.2), (1, 0.0)), 1.0),
    # Service.
    Belief("dropped_share_7d", "calls drop", _FAILS),
    Belief("data_failed_share_7d", "data sessions fail", _FAILS),
    Belief("data_throttled_share_7d", "the plan is used up before its time", ((0.05, 0.0), (0.3, 0.4))),
    Belief("faults_30d", "faults were reported", _counts(0.4, 0.7, 0.9)),
    Belief("faults_open", "a fault is not repaired", _counts(0.3, 0.5)),
    Belief("complaints_30d", "complaints often come before leaving", _counts(0.5, 0.9, 1.2)),
    Belief("complaints_open", "a complaint is not dealt with", _counts(0.3, 0.5, 0.6)),
    Belief("complaint_overdue_days", "a promise to a complaint was broken", ((0, 0.0), (1, 0.2), (7, 0.5))),
    Belief("care_contacts_30d", "many contacts with care", _counts(0.1, 0.2, 0.3)),
    Belief("last_satisfaction", "a bad opinion of us", ((2, 0.5), (4, 0.3), (7, 0.0)), None),
    # Words and steps of leaving.
    Belief("leave_intent_30d", "said to be leaving", _counts(1.4, 1.8, 2.0)),
    Belief("port_out_queries_30d", "asked whether the number may be ported", _counts(1.8, 2.2)),
    Belief("port_out_codes_30d", "has the code: nearly gone", _counts(3.0)),
    Belief("penalty_queries_30d", "asked what leaving would cost", _counts(0.7, 1.0)),
    Belief("disconnect_appointment", "the end is booked", _counts(3.0)),
    Belief("suspensions_30d", "the number is suspended, another SIM is in use", _counts(1.0)),
    Belief("subcard_unlinks_30d", "the household comes apart", _counts(0.7)),
    Belief("transfers_30d", "the number changes hands", _counts(0.3)),
    Belief("forwarded_share_30d", "calls are forwarded to another number", ((0.01, 0.0), (0.05, 0.5), (0.3, 1.0))),
    # Rivals.
    Belief("competitor_visits_7d", "reads competitors' sites", ((0, 0.0), (1, 0.4), (3, 0.9), (10, 1.6))),
    Belief("competitor_visits_30d", "has read them for weeks", ((0, 0.0), (3, 0.3), (10, 0.6))),
    Belief("portability_visits_30d", "reads how to take the number along", _counts(0.7, 1.0, 1.2)),
    Belief("competitor_shop_visits_30d", "was at a competitor's checkout", _counts(0.4, 0.6, 0.8)),
    Belief("competitor_care_calls_30d", "rings a competitor's care line", _counts(0.6, 0.9, 1.0)),
)


def prior() -> Snapshot:
    """The snapshot served until the learner publishes another.

    Examples
    --------
    >>> prior().version, prior().features == NAMES
    ('prior-1', True)
    """
    believed = {belief.feature: belief for belief in BELIEFS}
    return Snapshot(
        version=VERSION,
        curves=[_curve(believed.get(name) or Belief(name, "", ((0.0, 0.0),), None)) for name in NAMES],
        intercept=_INTERCEPT,
        base_rate=BASE_RATE,
        catalogue_hash=catalogue_hash(),
        cutoffs=[Cutoff(share, risk) for share, risk in _CUTOFFS],
        provenance=Provenance(source="written by hand, fitted to no data", licence="Apache-2.0"),
    )


def _curve(belief: Belief) -> Curve:
    return Curve(
        feature=belief.feature,
        knots=[float(value) for value, _ in belief.points],
        values=[float(odds) for _, odds in belief.points],
        missing=belief.missing,
        usual=belief.usual,
    )
