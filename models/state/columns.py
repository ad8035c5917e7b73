"""The columns of a subscriber, by block: the state that the fold keeps.

Times are epoch milliseconds (exact in a float64 until the year 287396), NaN is "never". A column whose name ends in
``_1``, ``_7``, ``_30`` or ``_90`` is a sum, forward-decayed to the block's ``ref_ts`` with a time constant of that many
days; such columns stand together, after ``ref_ts`` and ``first_ts``. A new column is appended to its block: older rows
are read with the column's fill value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

NAN: Final = float("nan")
TAU_DAYS: Final = (1, 7, 30, 90)
"""Time constants of the sums. At a steady rate a sum is the number of events in that many days."""

RIVALS: Final = ("china-mobile", "china-unicom", "china-telecom", "china-broadnet", "other")
"""The slots of the competitors; any other operator goes into the last."""
_RIVAL_WORDS: Final = (
    ("mobile", "cmcc", "移动"),
    ("unicom", "cucc", "联通"),
    ("telecom", "ctcc", "电信"),
    ("broadnet", "cbn", "广电"),
)

SEEN: Final = 16
"""Event ids remembered per subscriber, so that a repeated event is not applied twice."""
FIRST_SUM: Final = 2
"""Index of the first sum, after ``ref_ts`` and ``first_ts``."""


@lru_cache(maxsize=4096)
def rival(operator: str) -> int:
    """Slot in `RIVALS` of an operator's name as producers write it.

    Examples
    --------
    >>> [RIVALS[rival(name)] for name in ("China Unicom", "中国移动", "cbn", "Lebara")]
    ['china-unicom', 'china-mobile', 'china-broadnet', 'other']
    """
    name = operator.casefold()
    for slot, words in enumerate(_RIVAL_WORDS):
        if any(word in name for word in words):
            return slot
    return len(RIVALS) - 1


@dataclass(frozen=True, slots=True, eq=False)
class BlockSpec:
    """Name, one-byte code in the state key, columns and their fill values.

    ``taus`` has, for each of the sums, the index of its time constant in `TAU_DAYS`, and ``stems`` its name without
    the suffix.
    """

    name: str
    code: bytes
    columns: tuple[str, ...]
    fill: tuple[float, ...]
    index: dict[str, int]
    dtype: Any = "<f8"
    taus: tuple[int, ...] = ()
    stems: tuple[str, ...] = ()


def _block(name: str, code: bytes, *columns: str, dtype: str = "<f8") -> BlockSpec:
    """A block; columns ending in ``?`` start as NaN ("never"), the others at zero."""
    names = tuple(c.rstrip("?") for c in columns)
    fill = tuple(NAN if c.endswith("?") else 0.0 for c in columns)
    parts = [c.rpartition("_") for c in names]
    sums = [(TAU_DAYS.index(int(days)), stem) for stem, _, days in parts if days.isdigit() and int(days) in TAU_DAYS]
    taus, stems = tuple(tau for tau, _ in sums), tuple(stem for _, stem in sums)
    return BlockSpec(name, code, names, fill, {c: i for i, c in enumerate(names)}, dtype, taus, stems)


def _over(stems: str, *days: int) -> tuple[str, ...]:
    """Sum columns: each of the `stems` (in one string) over each of the time constants."""
    return tuple(f"{stem}_{n}" for n in days for stem in stems.split())


ACTIVITY: Final = _block("activity", b"a", "first_ts?", "last_ts?")  # every known subscriber has this block
RISK: Final = _block(
    "risk",
    b"r",
    "risk?",  # as last scored
    "scored_ts?",
    "published?",  # as last written to churn.risk-scores
    "tier",  # 0 healthy, 1 warning, 2 high_risk
    "tier_ts?",  # since when
    "due_ts?",  # the next tick at or after this looks at the subscriber (expiry, snooze, case, silence)
    "browsing_level",  # of the open browsing episode: only a stronger visit triggers, others prolong it; 0: any visit
    "browsing_until?",  # expiry of that episode, as prolonged by visits
    "above?",  # smoothed log-odds above the warning cut-off at the last daily look; NaN: not near it
    "reached",  # the tier that the last daily look reached: two looks must agree
    "reached_ts?",  # the last daily look at warning or above, for counting calm days
    "candidate_ts?",  # the tick at whose end the budget decides on the subscriber's tier alert
    "stayed_ts?",  # known to have stayed until then: labels of weeks that end by then are written
    "told_mobile?",  # end of the contract that they were notified of: no more notices for it
    "told_broadband?",
    "told_iptv?",
    "told_fixed?",
    "declined_ts?",  # when a value decline was last found
)
SEEN_IDS: Final = _block("seen", b"s", *(f"id{i}" for i in range(SEEN)), "position", dtype="<u8")
CALLS: Final = _block(
    "calls",
    b"c",
    "ref_ts?",
    "first_ts?",
    *_over("calls minutes", 1),
    *_over("calls minutes off_net rival_care dropped", 7),
    *_over("calls minutes sms outgoing off_net rival_care forwarded", 30),
    *_over("mobile unicom telecom broadnet other", 30),  # calls by the peer's operator, in the order of RIVALS
    *_over("calls minutes", 90),
    *_over("forwarded", 7),  # last, since an older state does not have it
)
DATA: Final = _block(
    "data",
    b"d",
    "ref_ts?",
    "first_ts?",
    *_over("mb sessions", 1),
    *_over("mb sessions failed throttled", 7),
    *_over("mb sessions", 30),
    *_over("mb sessions", 90),
)
VISITS: Final = _block(
    "visits",
    b"v",
    "ref_ts?",
    "first_ts?",
    *_over("visits dwell pages", 1, 7, 30),
    *_over("portability shop", 30),
    *(f"{name}_ts?" for name in ("mobile", "unicom", "telecom", "broadnet", "other")),  # latest visit by rival
)
CARE: Final = _block(
    "care",
    b"k",
    "ref_ts?",
    "first_ts?",
    *_over("contacts leave_intent query code penalty_query complaint fault suspend subcard transfer", 30),
    "leave_intent_ts?",
    "query_ts?",
    "code_ts?",  # the port-out authorisation code: no outbound pressure after it
    "appointment_ts?",  # time of the open disconnect appointment
    "appointment_told_ts?",
    "satisfaction?",
    "satisfaction_ts?",
    "open_complaints",
    "open_faults",
    "due_ts?",  # the earliest promised date among the open complaints
)
BILLING: Final = _block(
    "billing",
    b"b",
    "ref_ts?",
    "first_ts?",
    *_over("accrued", 7, 30),
    "period?",  # months since year 0 of the newest bill
    "bill?",
    "bill_before?",
    "bill_two_before?",
    "bill_three_before?",
    "recharges",
    "recharge_first_ts?",
    "recharge_last_ts?",
    "plan_change_ts?",
    "plan_fee?",
    "plan_fee_change?",  # as a share of the fee before
)
PROFILE: Final = _block(
    "profile",
    b"p",
    "ts?",
    "activated_ts?",
    "arpu?",
    "penalty?",
    "points?",
    "star?",
    "portable?",
    "corporate?",
    "account_size?",
    "subcard?",
    "products?",
    "contract_end_mobile?",
    "contract_end_broadband?",
    "contract_end_iptv?",
    "contract_end_fixed?",
    "behaviour?",  # 0: they refused the use of their site visits; NaN: nothing known, not refused
)
OUTCOME: Final = _block(
    "outcome",
    b"o",
    "ts?",  # of the newest outcome
    "code",  # its place in OUTCOME_CODES; of those who left of their own will, of the outcome by which they left
    "left",  # 1: gone (ported out, disconnected, lapsed, involuntary) and not returned
    "left_ts?",  # when they left, kept after a return
)
OUTCOME_CODES: Final = (
    "none",
    "ported_out",
    "disconnected",
    "lapsed",
    "downgraded",
    "migrated",
    "involuntary",
    "returned",
)

BLOCKS: Final = (ACTIVITY, RISK, SEEN_IDS, CALLS, DATA, VISITS, CARE, BILLING, PROFILE, OUTCOME)
START: Final = {
    spec.name: sum(len(before.columns) for before in BLOCKS[:place] if before is not SEEN_IDS)
    for place, spec in enumerate(BLOCKS)
    if spec is not SEEN_IDS
}
"""First column of each block in a subscriber's row; the ring of event ids is stored apart."""
WIDTH: Final = sum(len(spec.columns) for spec in BLOCKS if spec is not SEEN_IDS)
"""Number of columns in a row."""
BIT: Final = {spec.name: 1 << place for place, spec in enumerate(BLOCKS)} | {"kept_visits": 1 << len(BLOCKS)}
"""The bit of each part of the state in a row's `dirty`: the parts to be written."""
DELETED: Final = 1 << 15
"""The bit of a row whose subscriber was deleted in this transaction: none of it is written."""

KEPT_VISITS: Final = 32
"""Visits to competitors' sites kept one by one, so that the policy's windows over them are exact."""
VISIT_COLUMNS: Final = ("ts", "dwell_s", "page")
"""Columns of a kept visit; the page is its index in :data:`models.contract.events.Page`."""

ALIVE: Final = 1
"""Mark of a known subscriber: one of their events was applied, and they were not deleted since."""
SILENT: Final = 2
"""Mark of a reported silence, so that it is reported once."""
QUEUED: Final = 4
"""Mark of a row in the calendar of silences."""
UNPROFILED: Final = 8
"""Mark of a subscriber who refused profiling."""


def place(block: BlockSpec, column: str) -> int:
    """Index of a column in a subscriber's row.

    Examples
    --------
    >>> place(ACTIVITY, "last_ts"), place(RISK, "risk")
    (1, 2)
    """
    return START[block.name] + block.index[column]
