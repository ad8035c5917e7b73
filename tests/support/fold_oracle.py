"""The slow and obvious twin of the fold: one event at a time, dictionaries and floats, nothing shared with it.

Sums come out bit for bit as those of the fold, given the exponential that the fold uses; that this one is right is
tested by itself.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from models.contract.events import (
    Billing,
    Call,
    CareContact,
    Contact,
    DataUsage,
    Deletion,
    Erasure,
    Feedback,
    Outcome,
    Profile,
    SiteVisit,
)
from models.kernel.arithmetic import exp as exponential

NAN = float("nan")
DAY = 86_400_000.0
SUMS = {
    "calls": {
        1: ["calls", "minutes"],
        7: ["calls", "minutes", "off_net", "rival_care", "dropped", "forwarded"],
        30: [
            "calls",
            "minutes",
            "sms",
            "outgoing",
            "off_net",
            "rival_care",
            "forwarded",
            "mobile",
            "unicom",
            "telecom",
            "broadnet",
            "other",
        ],
        90: ["calls", "minutes"],
    },
    "data": {
        1: ["mb", "sessions"],
        7: ["mb", "sessions", "failed", "throttled"],
        30: ["mb", "sessions"],
        90: ["mb", "sessions"],
    },
    "visits": {
        1: ["visits", "dwell", "pages"],
        7: ["visits", "dwell", "pages"],
        30: ["visits", "dwell", "pages", "portability", "shop"],
    },
    "care": {
        30: [
            "contacts",
            "leave_intent",
            "query",
            "code",
            "penalty_query",
            "complaint",
            "fault",
            "suspend",
            "subcard",
            "transfer",
        ],
    },
    "billing": {7: ["accrued"], 30: ["accrued"]},
}
RIVALS = {"china-mobile": "mobile", "china-unicom": "unicom", "china-telecom": "telecom", "china-broadnet": "broadnet"}
CARE = {"port_out_query": "query", "port_out_code": "code", "billing_dispute": "complaint"}
CARE |= {"suspend_keep_number": "suspend", "subcard_unlink": "subcard"}


def exp(x: float) -> float:
    return float(exponential.py_func(x))


def later(held: float, ts: float) -> float:
    return ts if math.isnan(held) or ts > held else held


def earlier(held: float, ts: float) -> float:
    return ts if math.isnan(held) or ts < held else held


@dataclass
class Sums:
    """Decayed sums of one block."""

    spec: dict[int, list[str]]
    ref: float = NAN
    first: float = NAN
    values: dict[str, float] = field(default_factory=dict)

    def add(self, ts: float, amounts: dict[str, float]) -> None:
        new = later(self.ref, ts)
        for days, stems in self.spec.items():
            moved = 0.0 if math.isnan(self.ref) else new - self.ref
            for stem in stems:
                held = self.values.get(f"{stem}_{days}", 0.0)
                added = exp((new - ts) / -(days * DAY)) * amounts.get(stem, 0.0)
                self.values[f"{stem}_{days}"] = held * exp(moved / -(days * DAY)) + added
        self.ref, self.first = new, earlier(self.first, ts)

    def columns(self) -> dict[str, float]:
        zeros = {f"{stem}_{days}": 0.0 for days, stems in self.spec.items() for stem in stems}
        return {"ref_ts": self.ref, "first_ts": self.first, **zeros, **self.values}


@dataclass
class Subscriber:
    """All that is known of one subscriber."""

    first: float = NAN
    last: float = NAN
    ids: deque[str] = field(default_factory=lambda: deque(maxlen=16))
    sums: dict[str, Sums] = field(default_factory=lambda: {name: Sums(spec) for name, spec in SUMS.items()})
    rival_ts: dict[str, float] = field(default_factory=dict)
    visits: list[SiteVisit] = field(default_factory=list)
    touches: list[tuple[int, str | None, str, str | None]] = field(default_factory=list)
    refused_ts: int | None = None
    cases: dict[str, dict[str, Any]] = field(default_factory=dict)
    care_ts: dict[str, float] = field(default_factory=dict)
    appointment: tuple[float, float] = (NAN, NAN)
    booked: str | None = None
    satisfaction: tuple[float, float] = (NAN, NAN)
    bills: dict[int, float] = field(default_factory=dict)
    recharges: list[float] = field(default_factory=list)
    plan: tuple[float, float, float] = (NAN, NAN, NAN)
    profile: Profile | None = None
    outcome: tuple[float, str] = (NAN, "none")
    left: bool = False
    left_ts: float = NAN

    def call(self, e: Call) -> None:
        voice = float(e.kind == "voice")
        amounts = {
            "calls": voice,
            "sms": 1.0 - voice,
            "minutes": e.duration_s / 60.0 * voice,
            "outgoing": voice * (e.direction == "outgoing"),
            "off_net": voice * (e.peer_network == "off_net"),
            "rival_care": float(e.peer_network == "competitor_care"),
            "forwarded": voice * e.forwarded,
            "dropped": voice * e.dropped,
        }
        if e.peer_operator is not None and e.peer_network == "off_net":
            amounts[RIVALS.get(e.peer_operator, "other")] = voice
        self.sums["calls"].add(e.ts, amounts)

    def data(self, e: DataUsage) -> None:
        amounts = {"mb": e.bytes / 1e6, "sessions": 1.0, "failed": float(e.failed), "throttled": float(e.throttled)}
        self.sums["data"].add(e.ts, amounts)

    def visit(self, e: SiteVisit) -> None:
        amounts = {"visits": 1.0, "dwell": e.dwell_s, "pages": float(e.pages)}
        amounts["portability"] = float(e.page == "number_portability")
        amounts["shop"] = float(e.page in ("store_locator", "checkout"))
        self.sums["visits"].add(e.ts, amounts)
        slot = RIVALS.get(e.operator, "other")
        self.rival_ts[slot] = later(self.rival_ts.get(slot, NAN), e.ts)
        self.visits = sorted([*self.visits, e], key=lambda v: v.ts)[-32:]

    def care(self, e: CareContact) -> None:
        opened = float(e.status == "opened")
        self.sums["care"].add(e.ts, {"contacts": opened, CARE.get(e.reason, e.reason): opened})
        if e.reason in ("leave_intent", "port_out_query", "port_out_code") and opened:
            self.care_ts[e.reason] = later(self.care_ts.get(e.reason, NAN), e.ts)
        if e.reason == "satisfaction" and e.score is not None and not e.ts < self.satisfaction[1]:
            self.satisfaction = (e.score, float(e.ts))
        other = not opened and None not in (self.booked, e.case_id) and self.booked != e.case_id
        if e.reason == "disconnect_appointment" and not e.ts < self.appointment[1] and not other:
            when = float(e.ts if e.appointment_ts is None else e.appointment_ts)
            self.appointment = (when if opened else NAN, float(e.ts))
            self.booked = e.case_id if opened else None
        if e.reason in ("complaint", "billing_dispute", "fault") and e.case_id is not None:
            self.case(e, e.case_id)

    def case(self, e: CareContact, case_id: str) -> None:
        if e.status == "resolved":
            self.cases.pop(case_id, None)
        elif case_id in self.cases:
            case = self.cases[case_id]
            case["opened_ts"] = min(case["opened_ts"], e.ts)
            case["due_ts"] = e.due_ts if e.due_ts is not None else case["due_ts"]
            case["department"] = e.department or case["department"]
        else:
            self.cases[case_id] = {
                "opened_ts": e.ts,
                "reason": e.reason,
                "due_ts": e.due_ts,
                "department": e.department,
            }
            if len(self.cases) > 24:
                self.cases.pop(min(self.cases, key=lambda c: (self.cases[c]["opened_ts"], c)))

    def billing(self, e: Billing) -> None:
        self.sums["billing"].add(e.ts, {"accrued": e.amount if e.kind == "accrual" else 0.0})
        if e.kind == "bill":
            day = datetime.fromtimestamp(e.ts / 1000, UTC)
            told = day.year * 12 + day.month - 1
            period = told if e.period is None else int(e.period[:4]) * 12 + int(e.period[5:]) - 1
            if period <= told + 1 and period > max(self.bills, default=period) - 4:
                self.bills[period] = e.amount
        elif e.kind == "recharge":
            self.recharges.append(float(e.ts))
        elif e.kind == "plan_change" and not e.ts < self.plan[0]:
            before = self.plan[1] if e.from_fee is None else e.from_fee
            fee = NAN if e.fee is None else e.fee
            self.plan = (float(e.ts), fee, fee / before - 1.0 if before > 0 else NAN)

    def touch(self, e: Contact | Feedback) -> None:
        if isinstance(e, Contact):
            touch = (e.ts, e.channel, "contacted", "others")
        elif e.status in ("contacted", "unreachable", "delivered", "read", "retained", "lost", "refused"):
            touch = (e.ts, e.channel, e.status, e.by)
        else:
            return
        if touch[2] == "refused":
            self.refused_ts = max(e.ts, self.refused_ts or 0)
        self.touches = sorted([*self.touches, touch], key=lambda t: t[0])[-64:]

    def settle_outcome(self, e: Outcome) -> None:
        if e.ts < self.outcome[0]:
            return
        willing = ("ported_out", "disconnected", "lapsed")
        if e.outcome in willing and self.left and self.outcome[1] in willing and not self.back_since(e.ts):
            self.outcome = (float(e.ts), self.outcome[1])
            return
        self.outcome = (float(e.ts), e.outcome)
        if e.outcome in ("ported_out", "disconnected", "lapsed", "involuntary"):
            self.left, self.left_ts = True, float(e.ts)
        elif e.outcome == "returned":
            self.left = False

    def back_since(self, now: int) -> bool:
        known = self.profile
        if known is None:
            return False
        signs = [known.activated_ts, known.ts if known.status == "active" else None]
        return any(sign is not None and self.left_ts < sign <= now for sign in signs)

    def set_profile(self, e: Profile) -> None:
        if self.profile is not None and e.ts < self.profile.ts:
            return
        self.profile = e
        if not e.consent.behaviour:
            self.sums["visits"] = Sums(SUMS["visits"])
            self.rival_ts, self.visits = {}, []

    def refuses(self) -> bool:
        return self.profile is not None and not self.profile.consent.behaviour

    def state(self) -> dict[str, dict[str, float]]:
        """Columns by block, under the names of the product's."""
        blocks = {name: sums.columns() for name, sums in self.sums.items()}
        for slot in ("mobile", "unicom", "telecom", "broadnet", "other"):
            blocks["visits"][f"{slot}_ts"] = self.rival_ts.get(slot, NAN)
        complaints = [c for c in self.cases.values() if c["reason"] != "fault"]
        due = [c["due_ts"] for c in complaints if c["due_ts"] is not None]
        blocks["care"] |= {
            "leave_intent_ts": self.care_ts.get("leave_intent", NAN),
            "query_ts": self.care_ts.get("port_out_query", NAN),
            "code_ts": self.care_ts.get("port_out_code", NAN),
            "appointment_ts": self.appointment[0],
            "appointment_told_ts": self.appointment[1],
            "satisfaction": self.satisfaction[0],
            "satisfaction_ts": self.satisfaction[1],
            "open_complaints": float(len(complaints)),
            "open_faults": float(len(self.cases) - len(complaints)),
            "due_ts": float(min(due)) if due else NAN,
        }
        newest = max(self.bills, default=0)
        blocks["billing"] |= {
            "period": float(newest) if self.bills else NAN,
            "bill": self.bills.get(newest, NAN),
            "bill_before": self.bills.get(newest - 1, NAN),
            "bill_two_before": self.bills.get(newest - 2, NAN),
            "bill_three_before": self.bills.get(newest - 3, NAN),
            "recharges": float(len(self.recharges)),
            "recharge_first_ts": min(self.recharges, default=NAN),
            "recharge_last_ts": max(self.recharges, default=NAN),
            "plan_change_ts": self.plan[0],
            "plan_fee": self.plan[1],
            "plan_fee_change": self.plan[2],
        }
        codes = ["none", "ported_out", "disconnected", "lapsed", "downgraded", "migrated", "involuntary", "returned"]
        blocks["outcome"] = {
            "ts": self.outcome[0],
            "code": float(codes.index(self.outcome[1])),
            "left": float(self.left),
            "left_ts": self.left_ts,
        }
        blocks["activity"] = {"first_ts": self.first, "last_ts": self.last}
        blocks["profile"] = profile_state(self.profile)
        return blocks


def profile_state(profile: Profile | None) -> dict[str, float]:
    names = ["ts", "activated_ts", "arpu", "penalty", "points", "star", "portable"]
    state: dict[str, float] = {}
    for name in [*names, "account_size"]:
        value = None if profile is None else getattr(profile, name)
        state[name] = NAN if value is None else float(value)
    for kind in ("mobile", "broadband", "iptv", "fixed"):
        held = [] if profile is None else profile.products
        ends = [float(p.contract_end_ts) for p in held if p.product == kind and p.contract_end_ts is not None]
        state[f"contract_end_{kind}"] = max(ends, default=NAN)
    state["corporate"] = NAN if profile is None else float(profile.account_id is not None)
    state["subcard"] = NAN if profile is None else float(profile.main_subscriber_id is not None)
    state["products"] = NAN if profile is None or not profile.products else float(len(profile.products))
    state["behaviour"] = NAN if profile is None else float(bool(profile.consent.behaviour))
    return state


@dataclass
class Step:
    """What one arrival did."""

    known: bool
    applied: bool
    late: bool
    now: float
    state: dict[str, dict[str, float]]


class Oracle:
    """A lane's subscribers."""

    def __init__(self, watermark: float = NAN) -> None:
        self.subscribers: dict[str, Subscriber] = {}
        self.watermark = watermark

    def apply(self, event: Any, record_ts: int = 0) -> Step:
        active = isinstance(event, Call | DataUsage | SiteVisit | CareContact | Billing)
        ts = float(record_ts if isinstance(event, Deletion) else event.ts)
        if active:
            self.watermark = later(self.watermark, ts)
        late = active and ts < self.watermark - 7 * DAY
        if isinstance(event, Deletion | Erasure) and event.subscriber_id not in self.subscribers:
            return Step(False, True, late, ts, Subscriber().state())
        subscriber = self.subscribers.setdefault(event.subscriber_id, Subscriber())
        applied = self.admit(subscriber, event)
        if applied:
            self.take(subscriber, event)
        now = ts if math.isnan(subscriber.last) else subscriber.last
        return Step(True, applied, late, now, subscriber.state())

    @staticmethod
    def admit(subscriber: Subscriber, event: Any) -> bool:
        if isinstance(event, Deletion | Erasure) or event.event_id is None:
            return True
        if event.event_id in subscriber.ids:
            return False
        subscriber.ids.append(event.event_id)
        return True

    @staticmethod
    def take(s: Subscriber, event: Any) -> None:
        if isinstance(event, SiteVisit) and s.refuses():
            return
        steps = {Call: s.call, DataUsage: s.data, SiteVisit: s.visit, CareContact: s.care, Billing: s.billing}
        if type(event) in steps:
            steps[type(event)](event)
            s.first, s.last = earlier(s.first, event.ts), later(s.last, event.ts)
        elif isinstance(event, Contact | Feedback):
            s.touch(event)
        elif isinstance(event, Outcome):
            s.settle_outcome(event)
        elif isinstance(event, Profile):
            s.set_profile(event)
        elif isinstance(event, Deletion):
            s.profile = None
