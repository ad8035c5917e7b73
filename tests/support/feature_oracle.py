"""The features of one subscriber in plain floats, written down once more from their descriptions."""

from __future__ import annotations

import math
from collections.abc import Callable

NAN = float("nan")
DAY = 86_400_000.0
State = dict[str, dict[str, float]]


class Subject:
    """One subscriber's columns, looked at from `now`."""

    def __init__(self, state: State, now: float) -> None:
        self.state = state
        self.now = now

    def never(self, block: str) -> bool:
        return math.isnan(self.state[block]["ref_ts"])

    def silent(self, block: str) -> float:
        """Days since the last event."""
        return NAN if self.never(block) else max(0.0, self.now - self.state[block]["ref_ts"]) / DAY

    def age(self, block: str) -> float:
        return NAN if self.never(block) else max(0.0, self.now - self.state[block]["first_ts"]) / DAY

    def total(self, block: str, column: str) -> float:
        days = float(column.rpartition("_")[2])
        return 0.0 if self.never(block) else self.state[block][column] * math.exp(-self.silent(block) / days)

    def known(self, block: str, column: str) -> float:
        return NAN if self.never(block) else self.total(block, column)

    def rate(self, block: str, column: str) -> float:
        days = float(column.rpartition("_")[2])
        return self.total(block, column) / (days * (1 - math.exp(-self.age(block) / days)))

    def share(self, block: str, part: str, whole: str) -> float:
        return self.total(block, part) / self.total(block, whole) if self.total(block, whole) >= 1 else NAN

    def change(self, block: str, stem: str, short: int, long: int) -> float:
        if self.never(block) or self.age(block) < {1: 3, 7: 14, 30: 45}[short]:
            return NAN
        if self.total(block, f"{stem}_{long}") < 1:
            return NAN
        return self.rate(block, f"{stem}_{short}") / self.rate(block, f"{stem}_{long}")

    def usual(self, block: str, *columns: str) -> float:
        """Events a day as of the last event; 0 when too little is known."""
        if self.never(block):
            return 0.0
        age = (self.state[block]["ref_ts"] - self.state[block]["first_ts"]) / DAY
        count = sum(self.state[block][c] for c in columns)
        return count / (30 * (1 - math.exp(-age / 30))) if age >= 7 and count >= 2 else 0.0

    def days_since(self, block: str, column: str) -> float:
        return (self.now - self.state[block][column]) / DAY

    def told(self, column: str) -> float:
        """Of the profile, which says nothing of the time before its own."""
        profile = self.state["profile"]
        return profile[column] if self.now >= profile["ts"] else NAN

    def visits(self, value: float) -> float:
        return NAN if self.state["profile"]["behaviour"] == 0 else value


def rhythm(s: Subject, block: str, *columns: str) -> float:
    rate = s.usual(block, *columns)
    return s.silent(block) * rate if rate > 0 else NAN


def silent_days(s: Subject) -> float:
    known = [days for days in (s.silent("calls"), s.silent("data")) if not math.isnan(days)]
    return min(known, default=NAN)


def usage_rhythm(s: Subject) -> float:
    rate = s.usual("calls", "calls_30", "sms_30") + s.usual("data", "sessions_30")
    return silent_days(s) * rate if rate > 0 else NAN


def stage(s: Subject) -> str | None:
    if s.never("data"):
        return None
    if s.silent("data") >= 30:
        return "cancelled"
    if s.age("data") < 30:
        return "acquired"
    if s.rate("data", "sessions_7") < 0.5 * s.rate("data", "sessions_30"):
        return "losing_interest"
    return "habit" if s.total("data", "sessions_30") >= 15 else "interested"


def bill_slope(s: Subject) -> float:
    b = s.state["billing"]
    bills = [b["bill_two_before"], b["bill_before"], b["bill"]]
    mean = sum(bills) / 3
    return (bills[2] - bills[0]) / 2 / mean if mean > 0 else NAN


def bill_vs_usual(s: Subject) -> float:
    b = s.state["billing"]
    before = [x for x in (b["bill_before"], b["bill_two_before"], b["bill_three_before"]) if not math.isnan(x)]
    return b["bill"] / (sum(before) / len(before)) if before and sum(before) > 0 else NAN


def recharge_gap(s: Subject) -> float:
    b = s.state["billing"]
    if b["recharges"] < 3 or b["recharge_last_ts"] <= b["recharge_first_ts"]:
        return NAN
    usual = (b["recharge_last_ts"] - b["recharge_first_ts"]) / (b["recharges"] - 1)
    return max(0.0, s.now - b["recharge_last_ts"]) / usual


def plan_fee_change(s: Subject) -> float:
    if s.never("billing"):
        return NAN
    return s.state["billing"]["plan_fee_change"] if s.days_since("billing", "plan_change_ts") <= 90 else 0.0


def tenure(s: Subject) -> float:
    months = s.days_since("profile", "activated_ts") / 30.4375
    return months if months >= 0 else NAN


def flag(known: float, answer: bool) -> float:
    return NAN if math.isnan(known) else float(answer)


def rivals(s: Subject) -> float:
    slots = ("mobile", "unicom", "telecom", "broadnet", "other")
    return s.visits(float(sum(s.days_since("visits", f"{slot}_ts") <= 30 for slot in slots)))


DEFINITIONS: dict[str, Callable[[Subject], float]] = {
    "calls_7d_vs_30d": lambda s: s.change("calls", "calls", 7, 30),
    "calls_1d_vs_7d": lambda s: s.change("calls", "calls", 1, 7),
    "calls_30d_vs_90d": lambda s: s.change("calls", "calls", 30, 90),
    "call_minutes_7d_vs_30d": lambda s: s.change("calls", "minutes", 7, 30),
    "call_minutes_30d_vs_90d": lambda s: s.change("calls", "minutes", 30, 90),
    "off_net_calls_7d_vs_30d": lambda s: s.change("calls", "off_net", 7, 30),
    "outgoing_share_30d": lambda s: s.share("calls", "outgoing_30", "calls_30"),
    "off_net_share_30d": lambda s: s.share("calls", "off_net_30", "calls_30"),
    "china_mobile_share_30d": lambda s: s.share("calls", "mobile_30", "calls_30"),
    "china_unicom_share_30d": lambda s: s.share("calls", "unicom_30", "calls_30"),
    "china_telecom_share_30d": lambda s: s.share("calls", "telecom_30", "calls_30"),
    "china_broadnet_share_30d": lambda s: s.share("calls", "broadnet_30", "calls_30"),
    "other_operator_share_30d": lambda s: s.share("calls", "other_30", "calls_30"),
    "competitor_care_calls_7d": lambda s: s.known("calls", "rival_care_7"),
    "competitor_care_calls_30d": lambda s: s.known("calls", "rival_care_30"),
    "forwarded_share_30d": lambda s: s.share("calls", "forwarded_30", "calls_30"),
    "dropped_share_7d": lambda s: s.share("calls", "dropped_7", "calls_7"),
    "call_recency_vs_rhythm": lambda s: rhythm(s, "calls", "calls_30", "sms_30"),
    "data_mb_1d_vs_7d": lambda s: s.change("data", "mb", 1, 7),
    "data_mb_7d_vs_30d": lambda s: s.change("data", "mb", 7, 30),
    "data_mb_30d_vs_90d": lambda s: s.change("data", "mb", 30, 90),
    "data_sessions_7d_vs_30d": lambda s: s.change("data", "sessions", 7, 30),
    "data_failed_share_7d": lambda s: s.share("data", "failed_7", "sessions_7"),
    "data_throttled_share_7d": lambda s: s.share("data", "throttled_7", "sessions_7"),
    "data_recency_vs_rhythm": lambda s: rhythm(s, "data", "sessions_30"),
    "silent_days": silent_days,
    "recency_vs_rhythm": usage_rhythm,
    "portability_visits_30d": lambda s: s.visits(s.total("visits", "portability_30")),
    "competitor_shop_visits_30d": lambda s: s.visits(s.total("visits", "shop_30")),
    "competitors_visited_30d": rivals,
    "care_contacts_30d": lambda s: s.total("care", "contacts_30"),
    "leave_intent_30d": lambda s: s.total("care", "leave_intent_30"),
    "port_out_queries_30d": lambda s: s.total("care", "query_30"),
    "port_out_codes_30d": lambda s: s.total("care", "code_30"),
    "penalty_queries_30d": lambda s: s.total("care", "penalty_query_30"),
    "complaints_30d": lambda s: s.total("care", "complaint_30"),
    "complaints_open": lambda s: s.state["care"]["open_complaints"],
    "complaint_overdue_days": lambda s: max(0.0, s.days_since("care", "due_ts")),
    "faults_30d": lambda s: s.total("care", "fault_30"),
    "faults_open": lambda s: s.state["care"]["open_faults"],
    "disconnect_appointment": lambda s: float(s.days_since("care", "appointment_ts") <= 7),
    "subcard_unlinks_30d": lambda s: s.total("care", "subcard_30"),
    "suspensions_30d": lambda s: s.total("care", "suspend_30"),
    "transfers_30d": lambda s: s.total("care", "transfer_30"),
    "last_satisfaction": lambda s: s.state["care"]["satisfaction"],
    "arpu": lambda s: s.told("arpu"),
    "bill_slope_3_periods": bill_slope,
    "bill_vs_usual": bill_vs_usual,
    "spend_7d_vs_30d": lambda s: s.change("billing", "accrued", 7, 30),
    "recharge_gap_vs_usual": recharge_gap,
    "plan_fee_change_90d": plan_fee_change,
    "tenure_months": tenure,
    "tenure_first_year": lambda s: flag(tenure(s), 1 <= tenure(s) < 12),
    "tenure_over_five_years": lambda s: flag(tenure(s), tenure(s) >= 61),
    "products": lambda s: s.told("products"),
    "points": lambda s: s.told("points"),
    "penalty": lambda s: s.told("penalty"),
    "corporate": lambda s: s.told("corporate"),
    "subcard": lambda s: s.told("subcard"),
    "portable": lambda s: s.told("portable"),
}
for _days in (1, 7, 30):
    DEFINITIONS |= {
        f"calls_{_days}d": lambda s, d=_days: s.known("calls", f"calls_{d}"),
        f"call_minutes_{_days}d": lambda s, d=_days: s.known("calls", f"minutes_{d}"),
        f"data_mb_{_days}d": lambda s, d=_days: s.known("data", f"mb_{d}"),
        f"data_sessions_{_days}d": lambda s, d=_days: s.known("data", f"sessions_{d}"),
        f"competitor_visits_{_days}d": lambda s, d=_days: s.visits(s.total("visits", f"visits_{d}")),
        f"competitor_dwell_{_days}d": lambda s, d=_days: s.visits(s.total("visits", f"dwell_{d}")),
        f"competitor_pages_{_days}d": lambda s, d=_days: s.visits(s.total("visits", f"pages_{d}")),
    }
for _kind in ("mobile", "broadband", "iptv", "fixed"):
    DEFINITIONS[f"contract_days_left_{_kind}"] = lambda s, k=_kind: (s.told(f"contract_end_{k}") - s.now) / DAY
for _stage in ("acquired", "interested", "habit", "losing_interest", "cancelled"):
    DEFINITIONS[f"data_stage_{_stage}"] = lambda s, name=_stage: NAN if stage(s) is None else float(stage(s) == name)


def features(state: State, now: float) -> dict[str, float]:
    subject = Subject(state, now)
    return {name: define(subject) for name, define in DEFINITIONS.items()}
