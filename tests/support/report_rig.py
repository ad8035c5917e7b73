"""Facts of a report from records in memory, written as a test would tell them."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any, Final, NamedTuple, Self

import msgspec
from support.alerts_made import a_suppression, an_action, an_alert

from app.report.facts import Facts
from app.report.figures import Asked, IndicatorValue, figures
from app.report.periods import Days
from models.contract.events import BILLING, CARE_CONTACTS, CONTACTS, ERASURES, FEEDBACK, OUTCOMES, SUBSCRIBERS
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.work_orders import WorkOrder
from streams.kafka.whole_topics import Chunk
from streams.records.topics import ALERTS, SCORES, SUPPRESSIONS, WORK_ORDERS

DAY: Final = date(2026, 11, 29)
MIDNIGHT: Final = Days(DAY, DAY).ms(8.0)[0]
"""Its beginning in Shanghai."""
LONG_AGO: Final = MIDNIGHT - 390 * DAY_MS


class Told(NamedTuple):
    """A record, as far as the report needs one."""

    key: bytes
    value: bytes | None
    timestamp: int
    offset: int = 0
    headers: tuple[tuple[str, bytes], ...] = ()


def at(day: float, hour: float = 0.0) -> int:
    """A time of the day that is so many days before the report's; negative hours are of the evening before."""
    return MIDNIGHT - round(day * DAY_MS) + round(hour * HOUR_MS)


class Bench:
    """Records by topic, and the figures of what was put there; a context manager.

    Parameters
    ----------
    begun
        Time of the first record of all: what was before is not known.
    until
        Time of the last record of all.
    """

    def __init__(self, policy: Policy | None = None, begun: int = LONG_AGO, until: int | None = None) -> None:
        self.policy = policy or Policy()
        self.facts = Facts(None, "here", self.policy)
        self._offsets: dict[str, int] = defaultdict(int)
        # A contact with a stranger by another department: known, and in nobody's way.
        self.put(CONTACTS, "stranger", begun, channel="sms")
        self.put(CONTACTS, "stranger", at(-41) if until is None else until, channel="sms")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.facts.db.close()

    def put(self, topic: str, who: str, ts: int, /, **fields: Any) -> None:
        """An event, with its record's time the event's."""
        self.record(topic, who, {"subscriber_id": who, "ts": ts, **fields}, ts)

    def record(self, topic: str, who: str, body: Any, ts: int, begins: int = 0) -> None:
        """A record of any body; None is a tombstone."""
        self._offsets[topic] += 1
        value = None if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        told = Told(who.encode(), value, ts)
        self.facts.take(Chunk(topic, "id", 0, (told,), begins, begins + self._offsets[topic]), at(-1))

    def profile(self, who: str, **fields: Any) -> None:
        """A profile that is old, unless said otherwise."""
        self.put(SUBSCRIBERS, who, fields.pop("ts", LONG_AGO), **fields)

    def left(self, who: str, ts: int, outcome: str = "ported_out", **fields: Any) -> None:
        """An outcome."""
        self.put(OUTCOMES, who, ts, outcome=outcome, **fields)

    def bill(self, who: str, ts: int, amount: float, kind: str = "bill", **fields: Any) -> None:
        """A bill, or an accrual."""
        self.put(BILLING, who, ts, kind=kind, amount=amount, **fields)

    def said(self, who: str, ts: int, status: str, **fields: Any) -> None:
        """Feedback of the front line."""
        self.put(FEEDBACK, who, ts, status=status, **fields)

    def cared(self, who: str, ts: int, reason: str, **fields: Any) -> None:
        """A contact with care."""
        self.put(CARE_CONTACTS, who, ts, reason=reason, **fields)

    def erased(self, who: str, ts: int) -> None:
        """An erasure."""
        self.put(ERASURES, who, ts, request_id="r-1")

    def breach(self, who: str, ts: int, kind: str = "risk_tier", withheld: str | None = None, **fields: Any) -> None:
        """A breach: an alert, or withheld for a reason."""
        body = {
            "alert_id": f"{kind}-{who}",
            "subscriber_id": who,
            "ts": ts,
            "kind": kind,
            "action": an_action(unit=fields.pop("unit", "tianhe-03")),
            **fields,
        }
        if withheld is None:
            self.record(ALERTS, who, an_alert(**body), ts)
        else:
            decision = f"{withheld}-{kind}-{who}-{ts}"
            self.record(SUPPRESSIONS, who, a_suppression(**body, reason=withheld, decision_id=decision), ts)

    def tier(self, who: str, ts: int, tier: str) -> None:
        """A published risk."""
        self.record(SCORES, who, {"subscriber_id": who, "ts": ts, "tier": tier}, ts)

    def step(self, order: str, seq: int, step: str, ts: int, **fields: Any) -> None:
        """A step of a work order."""
        body: dict[str, Any] = {
            "reason": "leave_intent",
            "subscriber_id": "a",
            "customer_id": None,
            "account_id": None,
            "alert_ids": [],
            "unit": "tianhe-03",
            "role": "caller",
            "assignee": None,
            "channel": "outbound_call",
            "contact_by": ts,
            "by": "desk",
            "policy_version": "p-1",
            **fields,
        }
        made = WorkOrder(order_id=order, seq=seq, step=step, ts=ts, **body)  # type: ignore[arg-type]
        self.record(WORK_ORDERS, str(body["subscriber_id"]), made, ts)

    def figures(self, day: date = DAY, **asked: Any) -> dict[tuple[str, str, str, str], IndicatorValue]:
        """The figures by indicator, period, scope and part; once a bench."""
        self.facts.derive()
        end = Days(day, day).ms(self.policy.contact.utc_offset_hours)[1]
        found = figures(self.facts, self.policy, Asked(day, asked.pop("as_of", end), **asked))
        return {(each.indicator.key, each.period, each.scope, each.part): each for each in found}

    def of(
        self, indicator: str, period: str = "day", scope: str = "total", part: str = "", **asked: Any
    ) -> IndicatorValue:
        """One of them."""
        return self.figures(**asked)[indicator, period, scope, part]


def fraction(figure: IndicatorValue) -> tuple[float | None, float | None]:
    """Numerator and denominator."""
    return figure.now.numerator, figure.now.denominator
