"""The report's queries against plain loops over the same history, however it went."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from support.report_rig import DAY, Bench, at, fraction

from models.contract.time_units import DAY_MS, HOUR_MS

ACTIVE = ("ported_out", "disconnected", "lapsed")
WHO = ("a", "b", "c")
HOURS = st.integers(-6, 75 * 24)
"""Hours before the end of the report's day: two months and a half."""
times = HOURS.map(lambda hours: at(-1) - hours * HOUR_MS)
outcomes = st.tuples(
    st.sampled_from(WHO), times, st.sampled_from((*ACTIVE, "involuntary", "migrated", "returned", "returned"))
)
bills = st.tuples(st.sampled_from(WHO), times, st.sampled_from((90.0, 95.0, 100.0)))
said = st.tuples(st.sampled_from(WHO), times, st.sampled_from(("contacted", "unreachable", "read", "accepted")))
found = st.tuples(st.sampled_from(WHO), times, st.sampled_from(("high_risk", "warning")), st.booleans())


class History(NamedTuple):
    """What happened; `activated` has the subscribers with a profile, and since when they are there."""

    activated: dict[str, int | None]
    outcomes: list[tuple[str, int, str]]
    bills: list[tuple[str, int, float]]
    said: list[tuple[str, int, str]]
    found: list[tuple[str, int, str, bool]]


histories = st.builds(
    History,
    st.dictionaries(st.sampled_from(WHO), st.none() | times),
    # One outcome a moment: of two at the same one the order of the topic decides, which a set of events does not have.
    st.lists(outcomes, max_size=8, unique_by=lambda each: each[:2]),
    st.lists(bills, max_size=8, unique_by=lambda each: each[:2]),
    st.lists(said, max_size=8, unique_by=lambda each: each[:2]),
    st.lists(found, max_size=8, unique_by=lambda each: each[:2]),
)


@settings(max_examples=120, deadline=None)
@given(histories)
def test_queries_say_what_loops_say(history: History) -> None:
    with Bench() as bench:
        for who, activated in history.activated.items():
            # Dated before all: a profile newer than an involuntary outcome would undo it.
            bench.profile(who, **({} if activated is None else {"activated_ts": activated}))
        for who, ts, outcome in history.outcomes:
            bench.left(who, ts, outcome)
        for who, ts, amount in history.bills:
            bench.bill(who, ts, amount)
        for number, (who, ts, status) in enumerate(history.said):
            bench.said(who, ts, status, alert_id=f"said-{number}")
        for who, ts, tier, withheld in history.found:
            bench.breach(who, ts, tier=tier, withheld="low_priority" if withheld else None, alert_id=f"{who}-{ts}")
        figures = bench.figures()
    plain = Plain(history)
    for period, first in (("day", DAY), ("month", DAY.replace(day=1))):
        for key, expected in plain.figures(first).items():
            assert fraction(figures[key, period, "total", ""]) == expected, (key, period)


class Plain:
    """The formulas as loops, written from the specification."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.who = sorted({*history.activated, *(who for who, *_ in self.leavings(history))})

    @staticmethod
    def leavings(history: History) -> list[tuple[str, int, str]]:
        return [each for each in history.outcomes if each[2] in (*ACTIVE, "involuntary")]

    def there(self, who: str, ts: int) -> bool:
        """Whether they are in service just before `ts`."""
        return self._life(who, ts)[0]

    def leaves(self, who: str) -> list[tuple[int, str]]:
        return self._life(who, 1 << 60)[1]

    def _life(self, who: str, until: int) -> tuple[bool, list[tuple[int, str]]]:
        activated = self.history.activated.get(who)
        events = sorted((ts, 1, outcome) for name, ts, outcome in self.history.outcomes if name == who)
        if activated is not None:
            events = sorted([*events, (activated, 0, "returned")])
        words = [word for _, _, word in events if word != "migrated"]
        there = not words or words[0] != "returned"
        left = []
        for ts, _, word in events:
            if ts >= until or word == "migrated":
                continue
            if word == "returned":
                there = True
            elif there:
                there = False
                left.append((ts, word))
        return there, left

    def left_within(self, who: str, ts: int, days: int) -> bool:
        return any(how in ACTIVE and ts < when <= ts + days * DAY_MS for when, how in self.leaves(who))

    def figures(self, first_day: date) -> dict[str, Any]:
        first, last = at((DAY - first_day).days), at(-1)
        back = 30 * DAY_MS
        leavers = [(who, ts, how) for who in self.who for ts, how in self.leaves(who) if first <= ts < last]
        active = [each for each in leavers if each[2] in ACTIVE]
        mean = sum(self.there(who, ts) / 2 for who in self.who for ts in (first, last))
        base_end = at((DAY - (DAY.replace(day=1) - timedelta(days=1))).days - 1)
        base = [who for who in self.who if self.there(who, base_end)]
        flagged: dict[str, int] = {}
        for who, ts, tier, _ in self.history.found:
            if tier == "high_risk" and first - back <= ts < last - back:
                flagged[who] = min(ts, flagged.get(who, ts))
        seen = [
            any(
                name == who and tier == "high_risk" and ts - back <= when <= ts - 3 * DAY_MS
                for name, when, tier, _ in self.history.found
            )
            for who, ts, _ in active
        ]
        tried = [status for _, ts, status in self.history.said if first <= ts < last and status != "accepted"]
        return {
            "active_churn": (len(active), mean),
            "passive_churn": (sum(how == "involuntary" for _, _, how in leavers), mean),
            "stock_customer_retention": (sum(self.there(who, last) for who in base), len(base)),
            "high_risk_precision": (sum(self.left_within(who, ts, 30) for who, ts in flagged.items()), len(flagged)),
            "recall": (sum(seen), len(seen)),
            "reach": (sum(status != "unreachable" for status in tried), len(tried)),
            "retention_success_30": self.successes(first - back, last - back),
        }

    def successes(self, first: int, last: int) -> tuple[int, int]:
        good = decided = 0
        for who, ts, status in self.history.said:
            if status not in ("contacted", "read") or not first <= ts < last:
                continue
            mine = sorted((when, amount) for name, when, amount in self.history.bills if name == who)
            before = [amount for when, amount in mine if ts - 35 * DAY_MS < when <= ts]
            after = [amount for when, amount in mine if ts < when <= ts + 30 * DAY_MS]
            # In service at the end of the thirty days, the last moment included. Who was never known is not.
            stayed = who in self.who and self.there(who, ts + 30 * DAY_MS + 1)
            if before and (after or not stayed):
                decided += 1
                good += stayed and after[-1] >= 0.95 * before[-1]
        return good, decided
