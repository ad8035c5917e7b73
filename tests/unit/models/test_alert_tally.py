"""The figures of a policy, against answers worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from support.alerts_made import RAISED_MS, a_suppression, an_action, an_alert

from models.analysis.alert_tally import AlertTally, Figure, Outcomes
from models.contract.alerts import AlertId
from models.contract.events import Channel
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.work_orders import OrderId, WorkOrder

BEGIN = RAISED_MS // DAY_MS * DAY_MS
END = BEGIN + 40 * DAY_MS
NOBODY = Outcomes({}, 0, 30 * DAY_MS, END)


def tally(since: int = 0, until: int = 1 << 62) -> AlertTally:
    return AlertTally(since, until, 0.0)


def raised(number: int, day: float = 0.0, **changed: Any) -> Any:
    ts = BEGIN + round(day * DAY_MS)
    return an_alert(**{"alert_id": AlertId(f"{number}"), "subscriber_id": f"s-{number}", "ts": ts, **changed})


def step(order: str, what: Any, day: float, unit: str = "u", channel: Channel = "sms") -> WorkOrder:
    ts = BEGIN + round(day * DAY_MS)
    fields: dict[str, Any] = dict.fromkeys(WorkOrder.__struct_fields__) | {"order_id": OrderId(order), "step": what}
    return WorkOrder(**fields | {"unit": unit, "channel": channel, "ts": ts})


def figures(made: AlertTally, outcomes: Outcomes = NOBODY, units: Any = (), limit: Any = None) -> dict[Figure, Any]:
    return made.figures(BEGIN, outcomes, units, limit or (lambda *_: None))


def work(found: dict[Figure, Any]) -> dict[str, float]:
    return {figure.of: round(40 * value, 6) for figure, value in found.items() if figure.name == "contacts_a_day"}


def test_alerts_a_day_by_kind_tier_and_unit_and_of_each_1000_subscribers() -> None:
    made = tally()
    for body in (
        raised(1, kind="silence", tier="warning"),
        raised(1, 1.0, kind="silence", event="escalated", seq=2),
        raised(2, kind="silence", tier="healthy", action=an_action(unit="yuexiu-01")),
        raised(3, kind="port_out", tier="healthy", action=None),
        raised(3, 2.0, kind="port_out", event="closed", seq=2),
    ):
        made.take(body)
    found = figures(made, NOBODY._replace(subscribers=500))
    a_day = {(f.by, f.of): round(40 * v, 6) for f, v in found.items() if f.name == "alerts_a_day"}
    assert a_day == {
        ("", ""): 3, ("kind", "silence"): 2, ("kind", "port_out"): 1, ("tier", "warning"): 1, ("tier", "healthy"): 2,
        ("unit", "tianhe-03"): 1, ("unit", "yuexiu-01"): 1, ("unit", "unassigned"): 1,
    }  # fmt: skip
    assert found[Figure("alerts_a_day_per_1000", "kind", "silence")] == pytest.approx(2 / 40 / 500 * 1000)


def test_only_what_is_within_the_time_counts_and_days_are_those_of_it() -> None:
    made = tally(BEGIN + 10 * DAY_MS, BEGIN + 20 * DAY_MS)
    for number, day in enumerate((9.99, 10.0, 19.99, 20.0)):
        made.take(raised(number, day))
        made.take(
            a_suppression(decision_id=str(number), alert_id=AlertId(f"w{number}"), ts=BEGIN + round(day * DAY_MS))
        )
        made.waits(BEGIN + round(day * DAY_MS), {"u": 10 - number})
    found = figures(made)
    assert found[Figure("alerts_a_day")] == pytest.approx(2 / 10)
    assert found[Figure("withheld")] == 2
    assert (found[Figure("waiting_at_most", "unit", "u")], found[Figure("waiting_at_the_end", "unit", "u")]) == (9, 8)


def test_withheld_counts_an_alert_once_a_reason_however_often_it_is_said() -> None:
    made = tally()
    for number, (alert, reason, kind) in enumerate(
        [
            ("a", "capacity", "silence"),
            ("a", "cooldown", "silence"),
            ("a", "capacity", "silence"),
            ("b", "capacity", "port_out"),
        ]
    ):
        made.take(a_suppression(decision_id=str(number), alert_id=AlertId(alert), reason=reason, kind=kind))
    found = figures(made)
    assert {(f.by, f.of): v for f, v in found.items() if f.name == "withheld"} == {
        ("", ""): 3, ("reason", "capacity"): 2, ("reason", "cooldown"): 1, ("kind", "silence"): 2,
        ("kind", "port_out"): 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("life", "expected"),
    [
        ([("dispatched", 0.1), ("dispatched", 0.2), ("reminded", 0.3)], {"u": 1}),  # a second alert joins
        ([("dispatched", 0.1), ("contacted", 0.2), ("dispatched", 0.3)], {"u": 2}),  # contacted, and then once more
        ([("dispatched", 0.1), ("withdrawn", 0.2)], {"u": 0}),  # the hand is free again on that day
        ([("dispatched", 0.1), ("withdrawn", 1.2)], {"u": 1}),  # but not on the next one
    ],
)
def test_contact_takes_one_hand(life: list[tuple[str, float]], expected: dict[str, float]) -> None:
    made = tally()
    for what, day in life:
        made.take(step("o", what, day))
    assert work(figures(made)) == expected


def test_order_given_to_another_unit_takes_its_hand_there() -> None:
    made = tally()
    made.take(step("o", "dispatched", 0.1))
    made.take(step("o", "reassigned", 0.2, unit="v"))
    assert work(figures(made)) == {"u": 0, "v": 1}


def test_capacity_and_the_share_that_is_used_are_those_of_limited_channels() -> None:
    made = tally()
    for number in range(5):
        made.take(step(f"o-{number}", "dispatched", number, channel="outbound_call"))
        made.take(step(f"m-{number}", "dispatched", number, channel="wechat"))
    closed = {BEGIN // DAY_MS + day for day in range(10, 20)}

    def limit(unit: str, channel: Channel, day: int) -> int | None:
        return (0 if day in closed else 2) if (unit, channel) == ("u", "outbound_call") else None

    found = figures(made, units=["u", "idle"], limit=limit)
    assert found[Figure("contacts_a_day", "unit", "u")] == pytest.approx(10 / 40)
    assert found[Figure("capacity_a_day", "unit", "u")] == pytest.approx(30 * 2 / 40)
    assert found[Figure("capacity_used", "unit", "u")] == pytest.approx(5 / 60)
    assert found[Figure("contacts_a_day", "unit", "idle")] == 0
    assert Figure("capacity_a_day", "unit", "idle") not in found


def test_precision_and_lift_of_those_whose_month_is_over() -> None:
    made = tally()
    for number, day in ((1, 0.0), (1, 5.0), (2, 1.0), (3, 2.0), (4, 3.0), (5, 39.0)):
        made.take(raised(number, day))
    day = {n: BEGIN + n * DAY_MS for n in range(-5, 41)}
    left = {
        "s-1": [day[29]],  # within the month after the first alert
        "s-2": [day[1] + 30 * DAY_MS + HOUR_MS],  # an hour too late
        "s-3": [day[-5]],  # before
        "s-5": [day[40]],  # their month is not over: not counted either way
        "s-9": [day[20]],  # had no alert
    }
    found = figures(made, Outcomes(left, 100, 30 * DAY_MS, END))
    assert (found[Figure("outcome_known")], found[Figure("left_within_horizon")]) == (4, 1)
    assert found[Figure("precision")] == 1 / 4
    assert found[Figure("overall_rate")] == pytest.approx(4 / 100 * 30 / 40)
    assert found[Figure("lift")] == pytest.approx(0.25 / 0.03)


def test_nothing_is_said_of_outcomes_before_a_month_is_over() -> None:
    made = tally()
    made.take(raised(1))
    found = figures(made, Outcomes({"s-1": [BEGIN]}, 100, 30 * DAY_MS, BEGIN + 29 * DAY_MS))
    assert [found[Figure(name)] for name in ("precision", "overall_rate", "lift")] == [None, None, None]
