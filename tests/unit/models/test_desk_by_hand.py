"""What is decided by hand: a person or an account is blocked, overridden, snoozed, released."""

from __future__ import annotations

from typing import Any

import pytest
from support.breaches_made import DAY, HOUR, NINE, a_breach, an_answer
from support.desk_rig import DeskBench

from models.contract.alerts import Alert, Suppression
from models.contract.breaches import Breach, Forgotten, Mark, Moved, OtherContact
from models.contract.policy import ContactPolicy, Policy
from models.contract.work_orders import WorkOrder
from models.detection.outbox import Output

POLICY = Policy(version="p-1", contact=ContactPolicy(caps=((1, 7.0),)))


def said(outputs: list[Output]) -> list[str]:
    """The outputs in short: ``silence raised``, ``silence suppressed blocked``, ``order withdrawn blocked``."""
    found = []
    for body in (output.body for output in outputs):
        if isinstance(body, Alert):
            found.append(f"{body.kind} {body.event}")
        elif isinstance(body, Suppression):
            found.append(f"{body.kind} suppressed {body.reason}")
        elif isinstance(body, WorkOrder):
            found.append(f"order {body.step} {body.reason}")
    return found


def mark(at: int, lane: int = 0) -> Mark:
    return Mark(lane=lane, tick=at)


def a_line(number: int, at: int = NINE, event: Any = "raised", **fields: Any) -> Breach:
    whose = {"subscriber": f"l-{number}", "account_id": "acme", "account_size": 12}
    return a_breach(f"a-{number}", at, event, **{"kind": "risk_tier", "unit": "corporate-1"} | whose | fields)


def of_account(status: Any, at: int, subscriber: str = "l-1", **fields: Any) -> Any:
    return an_answer(status, at, subscriber=subscriber, account_id="acme", **fields)


@pytest.mark.parametrize("kind", ["silence", "leave_intent", "contract_expiry"])
def test_nobody_of_a_blocked_person_is_contacted_until_its_end(kind: str) -> None:
    desk, until = DeskBench(POLICY), NINE + 40 * DAY
    desk.hear(an_answer("blocked", NINE, until_ts=until, note="in court", customer_id="c-1"))
    breach = a_breach("a", NINE + DAY, kind=kind, subscriber="s-2", customer="c-1")
    assert said(desk.hear(breach, mark(NINE + DAY))) == [f"{kind} suppressed blocked"]
    desk.restart()
    assert said(desk.hear(mark(until - HOUR))) == []
    assert said(desk.hear(mark(until))) == [f"{kind} raised", f"order dispatched {kind}"]


def test_a_block_withdraws_the_order_whose_alert_gets_another_when_it_ends() -> None:
    desk, until = DeskBench(POLICY), NINE + 3 * DAY
    first = desk.hear(a_breach("a", kind="leave_intent"))
    (block,) = desk.hear(an_answer("blocked", NINE + HOUR, until_ts=until, by="mei"))
    assert said([block]) == ["order withdrawn blocked"]
    assert block.body.by == "mei"  # type: ignore[union-attr]
    assert said(desk.hear(a_breach("a", NINE + 2 * HOUR, "escalated", kind="leave_intent"))) == [
        "leave_intent suppressed blocked"
    ]
    again = desk.hear(mark(until))
    assert said(again) == ["order dispatched leave_intent"]
    assert again[0].body.order_id not in {first[1].body.order_id}  # type: ignore[union-attr]
    assert again[0].body.contact_by > until  # type: ignore[union-attr]


def test_what_is_over_while_it_is_blocked_gets_no_order() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"), an_answer("blocked", NINE, until_ts=NINE + DAY))
    assert said(desk.hear(a_breach("a", NINE + HOUR, "closed", kind="leave_intent"))) == ["leave_intent closed"]
    assert said(desk.hear(mark(NINE + 2 * DAY))) == []


def test_a_block_without_an_end_holds_until_it_is_released() -> None:
    desk = DeskBench(POLICY)
    desk.hear(an_answer("blocked", NINE), a_breach("a"))
    desk.hear(a_breach("b", NINE + HOUR, kind="leave_intent"))
    assert said(desk.hear(mark(NINE + 400 * DAY))) == []
    desk.restart()
    at = NINE + 400 * DAY
    freed = desk.hear(an_answer("released", at, subscriber="s-1"))
    assert said(freed) == [
        "silence raised", "order dispatched silence", "leave_intent raised", "order dispatched leave_intent",
    ]  # fmt: skip
    assert {output.body.order_id for output in freed if isinstance(output.body, WorkOrder)} == {
        freed[1].body.order_id  # type: ignore[union-attr]
    }


def test_a_release_raises_nobody_whom_the_law_forbids() -> None:
    desk = DeskBench(POLICY)
    never = Moved(lane=0, clock=NINE, subscriber_id="s-1", unit="tianhe-03", allowed=("store",), do_not_contact=True)
    desk.hear(a_breach("a", kind="leave_intent"), an_answer("blocked", NINE), a_breach("b"), never)
    assert said(desk.hear(an_answer("released", NINE + DAY))) == []


def test_two_blocks_and_releases_in_one_moment_open_orders_of_their_own() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"))
    desk.hear(*(an_answer(status, NINE) for status in ("blocked", "released") * 2))
    ids = [output.ce_id for output in desk.outputs]
    assert len(ids) == len(set(ids))
    assert [output.body.step for output in desk.outputs if isinstance(output.body, WorkOrder)] == [
        "dispatched", "withdrawn", "dispatched", "withdrawn", "dispatched",
    ]  # fmt: skip


def test_a_block_that_is_past_when_it_is_heard_of_does_nothing() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"), mark(NINE + DAY))
    assert said(desk.hear(an_answer("blocked", NINE + DAY, until_ts=NINE + HOUR))) == []


def test_a_snooze_by_the_front_line_does_not_lift_a_block() -> None:
    desk = DeskBench(POLICY)
    desk.hear(an_answer("blocked", NINE), an_answer("snoozed", NINE + HOUR, until_ts=NINE + DAY))
    assert said(desk.hear(a_breach("a", NINE + 2 * DAY))) == ["silence suppressed blocked"]


def test_an_override_passes_cooldown_peace_and_caps_and_ends() -> None:
    desk, until = DeskBench(POLICY), NINE + 2 * DAY
    desk.hear(a_breach("a", kind="silence"), an_answer("refused", NINE + HOUR, "a"), a_breach("a", NINE, "closed"))
    assert said(desk.hear(a_breach("b", NINE + 2 * HOUR, kind="silence"))) == ["silence suppressed cooldown"]
    freed = desk.hear(an_answer("overridden", NINE + 3 * HOUR, until_ts=until, by="mei", note="agreed by phone"))
    assert said(freed) == ["silence raised", "order dispatched silence"]
    desk.hear(a_breach("b", NINE + 4 * HOUR, "closed"))
    assert said(desk.hear(mark(until), a_breach("c", until, kind="value_decline"))) == [
        "value_decline suppressed cooldown"
    ]


def test_an_override_passes_the_cap_of_messages() -> None:
    desk = DeskBench(Policy(contact=ContactPolicy(caps=())))
    for day in (0, 1):
        desk.hear(OtherContact(lane=0, clock=NINE, subscriber_id="s-1", ts=NINE + day * DAY, channel="sms"))
    at = NINE + 2 * DAY
    assert said(desk.hear(a_breach("a", at, channels=("sms",)))) == ["silence suppressed channel_cap"]
    assert said(desk.hear(an_answer("overridden", at, until_ts=at + DAY))) == [
        "silence raised",
        "order dispatched silence",
    ]


@pytest.mark.parametrize(("held", "reason"), [("blocked", "blocked"), ("snoozed", "snoozed")])
def test_an_override_passes_neither_a_block_nor_a_snooze(held: str, reason: str) -> None:
    desk = DeskBench(POLICY)
    desk.hear(an_answer(held, NINE, until_ts=NINE + 9 * DAY), an_answer("overridden", NINE, until_ts=NINE + 9 * DAY))
    assert said(desk.hear(a_breach("a", NINE + DAY))) == [f"silence suppressed {reason}"]


def test_an_override_passes_no_law() -> None:
    desk = DeskBench(POLICY)
    never = Moved(lane=0, clock=NINE, subscriber_id="s-1", unit="tianhe-03", allowed=("store",), do_not_contact=True)
    desk.hear(OtherContact(lane=0, clock=NINE, subscriber_id="s-1", ts=NINE, channel="sms"), a_breach("a"), never)
    assert said(desk.hear(an_answer("overridden", NINE, until_ts=NINE + DAY))) == []


def test_an_override_without_an_end_has_that_of_a_snooze() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a"), an_answer("refused", NINE, "a"), a_breach("a", NINE, "closed"))
    desk.hear(an_answer("overridden", NINE), mark(NINE + 7 * DAY))
    assert said(desk.hear(a_breach("b", NINE + 7 * DAY, kind="value_decline"))) == ["value_decline suppressed cooldown"]


def test_an_account_is_blocked_with_all_its_lines_in_every_lane() -> None:
    desk, until = DeskBench(POLICY, lanes=2), NINE + 10 * DAY
    desk.hear(a_line(1, kind="leave_intent"), a_line(2, lane=1, kind="complaint_overdue"), a_breach("other"))
    block = desk.hear(of_account("blocked", NINE, until_ts=until))
    assert said(block) == ["order withdrawn blocked"] * 2
    assert said(desk.hear(a_line(3, NINE + DAY, lane=1))) == [
        "risk_tier suppressed blocked",
        "account_exodus suppressed blocked",
    ]
    assert said(desk.hear(a_line(4, NINE + DAY, kind="contract_expiry"))) == ["contract_expiry suppressed blocked"]
    assert said(desk.hear(a_breach("x", NINE + DAY, subscriber="s-9"))) == [
        "silence raised",
        "order dispatched silence",
    ]
    desk.restart()
    freed = desk.hear(mark(until), mark(until, 1))
    assert said(freed).count("account_exodus raised") == 1
    assert "contract_expiry raised" in said(freed)
    assert "risk_tier raised" not in said(freed), "the incident stands for it"


def test_members_who_join_an_incident_while_it_is_blocked_are_not_told_of() -> None:
    desk = DeskBench(POLICY)
    desk.hear(*(a_line(number) for number in (1, 2, 3)))
    assert said(desk.hear(of_account("blocked", NINE + HOUR, until_ts=NINE + DAY))) == ["order withdrawn blocked"]
    assert said(desk.hear(a_line(4, NINE + 2 * HOUR))) == [
        "risk_tier suppressed low_priority",
        "account_exodus suppressed blocked",
    ]
    assert said(desk.hear(mark(NINE + DAY))) == ["order dispatched account_exodus"]


def test_a_line_that_comes_to_a_blocked_account_loses_its_order() -> None:
    desk = DeskBench(POLICY)
    desk.hear(of_account("blocked", NINE), a_line(1, account_id="other", kind="leave_intent"))
    moved = desk.hear(a_line(1, NINE + HOUR, "escalated", kind="leave_intent"))
    assert said(moved) == ["order withdrawn blocked", "leave_intent suppressed blocked"]
    assert said(desk.hear(of_account("released", NINE + HOUR, "l-2"))) == ["order dispatched leave_intent"]


def test_a_snooze_of_an_account_is_one_of_its_lines_and_its_release_ends_it() -> None:
    desk = DeskBench(POLICY)
    desk.hear(of_account("snoozed", NINE, until_ts=NINE + 20 * DAY))
    assert said(desk.hear(a_line(1, NINE + DAY))) == ["risk_tier suppressed snoozed"]
    assert said(desk.hear(a_line(2, NINE + DAY, kind="leave_intent")))[0] == "leave_intent raised"
    assert said(desk.hear(of_account("released", NINE + 2 * DAY, subscriber="l-7")))[0] == "risk_tier raised"


def test_an_override_of_an_account_holds_for_its_lines() -> None:
    desk = DeskBench(POLICY)
    made = OtherContact(lane=0, clock=NINE, subscriber_id="l-1", ts=NINE, channel="outbound_call")
    desk.hear(made, a_line(1))
    assert said(desk.hear(of_account("overridden", NINE, until_ts=NINE + DAY, subscriber="l-2"))) == [
        "risk_tier raised",
        "order dispatched risk_tier",
    ]


def test_a_release_of_a_person_leaves_their_account_blocked() -> None:
    desk = DeskBench(POLICY)
    desk.hear(of_account("blocked", NINE), an_answer("blocked", NINE, subscriber="l-1"), a_line(1))
    assert said(desk.hear(an_answer("released", NINE, subscriber="l-1"))) == []
    assert said(desk.hear(of_account("released", NINE)))[0] == "risk_tier raised"


def test_a_number_brings_its_block_along_to_the_person_it_turns_out_to_be_of() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", subscriber="main", customer="c-1", kind="leave_intent"))
    desk.hear(an_answer("blocked", NINE, subscriber="sub"))
    moved = desk.hear(a_breach("b", NINE + HOUR, subscriber="sub", customer="c-1"))
    assert said(moved) == ["order withdrawn blocked", "silence suppressed blocked"]
    assert said(desk.hear(a_breach("c", NINE + HOUR, subscriber="main", customer="c-1"))) == [
        "silence suppressed blocked"
    ]


def test_nothing_said_of_the_erased_is_kept() -> None:
    desk = DeskBench(POLICY)
    desk.hear(an_answer("blocked", NINE, note="in hospital"), Forgotten(lane=0, clock=NINE, subscriber_id="s-1"))
    assert not any(b"s-1" in key + value or b"hospital" in value for key, value in desk.state.items())


def test_a_block_that_ends_within_a_cap_leaves_the_cap_to_hold() -> None:
    desk, until = DeskBench(POLICY), NINE + 3 * DAY
    desk.hear(a_breach("a", kind="competitor_browsing"), an_answer("contacted", NINE, "a"))
    desk.hear(an_answer("blocked", NINE, until_ts=until))
    assert said(desk.hear(mark(until))) == ["competitor_browsing suppressed person_cap"]
    assert said(desk.hear(mark(NINE + 7 * DAY))) == ["order dispatched competitor_browsing"]


def test_an_override_during_a_block_says_nothing_of_what_was_stopped() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"), an_answer("blocked", NINE))
    assert said(desk.hear(an_answer("overridden", NINE, until_ts=NINE + DAY))) == []
