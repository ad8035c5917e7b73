"""The simulated front line before a real desk: every order is worked on, and the same orders get the same answers."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
from support.breaches_made import DAY, HOUR, NINE, a_breach, an_answer
from support.desk_rig import DeskBench

from app.publishing.record import TimedRecord
from app.simulator.front_line import FrontLine
from models.contract.breaches import Answer, Mark
from models.contract.events import FEEDBACK, Feedback
from models.contract.policy import Policy
from models.contract.work_orders import WorkOrder
from models.detection.contact_rules import opens
from streams.records import wire

CUSTOMERS = 60


def read(record: TimedRecord) -> Feedback:
    raw = SimpleNamespace(offset=0, timestamp=record.ts, key=record.key, value=record.value, headers=())
    found = wire.decode(record.topic, raw, None)
    assert isinstance(found, Feedback), found
    return found


def answer(said: Feedback, at: int) -> Answer:
    return an_answer(
        said.status, at, said.alert_id, subscriber=said.subscriber_id, ts=said.ts, by=said.by, channel=said.channel
    )


def worked(seed: int, channels: tuple[str, ...], days: int = 6) -> tuple[list[Feedback], list[WorkOrder]]:
    """Some days of a desk and its front line, a quarter of an hour at a time."""
    bench, line = DeskBench(Policy()), FrontLine(seed)
    said: list[Feedback] = []
    orders: list[WorkOrder] = []

    def hear(*records: object) -> None:
        for output in bench.hear(*records):  # type: ignore[arg-type]
            if isinstance(output.body, WorkOrder):
                orders.append(output.body)
                line.hear(output.body)

    hear(*(a_breach(f"a{n}", subscriber=f"s-{n}", unit=f"u{n}", channels=channels) for n in range(CUSTOMERS)))
    for at in range(NINE, NINE + days * DAY, HOUR // 4):
        hear(Mark(lane=0, tick=at))
        heard = [read(record) for record in line.due(at)]
        said += heard
        hear(*(answer(each, at) for each in heard))
    return said, orders


def test_every_order_of_people_is_accepted_tried_and_mostly_brought_to_an_end() -> None:
    said, orders = worked(7, ("outbound_call", "store"))
    by_status = Counter(each.status for each in said)
    first = {each.alert_id: each.status for each in reversed(said)}
    assert len(first) == CUSTOMERS
    assert set(first.values()) == {"accepted"}
    assert by_status["contacted"] >= CUSTOMERS * 0.95
    assert 0.15 < by_status["unreachable"] / (by_status["unreachable"] + by_status["contacted"]) < 0.55
    assert by_status["retained"] > by_status["lost"] > 0
    assert by_status["refused"] > 0
    newest = {each.order_id: each.step for each in orders}
    assert Counter(newest.values())["archived"] == by_status["retained"] + by_status["lost"] + by_status["refused"]
    assert set(newest.values()) <= {"archived", "contacted"}, "an order that nobody works on"


def test_messages_are_delivered_and_seldom_answered() -> None:
    said, orders = worked(7, ("sms", "outbound_call"))
    assert {each.status for each in said if each.channel == "sms"} <= {
        "delivered",
        "unreachable",
        "retained",
        "refused",
    }
    assert Counter(each.status for each in said)["delivered"] >= CUSTOMERS * 0.9
    assert not [each for each in orders if each.step == "withdrawn"]


def test_the_same_orders_get_the_same_answers_and_another_seed_other_ones() -> None:
    assert worked(7, ("outbound_call",), days=2) == worked(7, ("outbound_call",), days=2)
    assert worked(7, ("outbound_call",), days=2)[0] != worked(8, ("outbound_call",), days=2)[0]


def test_people_are_contacted_within_the_windows_and_by_whom_the_order_was_given() -> None:
    said, _ = worked(3, ("outbound_call", "store"))
    contact = Policy().contact
    assert [
        each for each in said if opens(each.ts - 1, contact) != each.ts - 1 and opens(each.ts, contact) != each.ts
    ] == []
    assert {each.by for each in said} <= {f"u{n}" for n in range(CUSTOMERS)}, "no team: the unit's pool"


def an_order(**changed: object) -> WorkOrder:
    fields = {
        "order_id": "1a" * 16, "seq": 1, "step": "dispatched", "reason": "silence", "subscriber_id": "s-1",
        "customer_id": None, "account_id": None,
        "alert_ids": ["a1", "a2"], "unit": "tianhe-03", "role": "caller", "assignee": "caller-3a",
        "channel": "outbound_call", "contact_by": NINE + DAY, "by": "desk", "ts": NINE, "policy_version": "p-1",
    }  # fmt: skip
    return WorkOrder(**{**fields, **changed})  # type: ignore[arg-type]


def test_an_order_that_somebody_else_works_on_is_left_alone_until_they_leave_it() -> None:
    line = FrontLine(7)
    line.hear(an_order())
    assert line.due(NINE + DAY, spared="1a" * 16) == []
    line.hear(an_order(seq=2, step="accepted", reason="accepted", by="viewer", assignee="viewer", ts=NINE + 2 * HOUR))
    (first, *_) = line.due(NINE + DAY)
    assert (first.topic, read(first).alert_id, read(first).by) == (FEEDBACK, "a1", "viewer")
    assert first.ts >= NINE + 2 * HOUR, "before what the other one did"


@pytest.mark.parametrize("step", ["archived", "withdrawn"])
def test_nothing_is_said_of_an_order_that_is_over(step: str) -> None:
    line = FrontLine(7)
    line.hear(an_order())
    line.hear(an_order(seq=2, step=step))
    assert line.due(NINE + 30 * DAY) == []
