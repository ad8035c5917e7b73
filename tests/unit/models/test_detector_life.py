"""The life of an alert, as the contract tells it."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any

import msgspec
import pytest
from support.desk_rig import heard
from support.detecting import DAY, HOUR, MINUTE, ROOMY, START, Bench, say, snapshot

from models.contract.breaches import Answer
from models.contract.policy import ConsentDefault, KindPolicies, KindPolicy, Policy
from models.contract.training_example import Example
from models.contract.work_orders import WorkOrder
from models.detection.contact_rules import CHANNELS
from models.detection.outbox import Output
from models.state.columns import UNPROFILED
from models.state.population import PROFILE_CODE


def policy_with(**tiers: Any) -> Policy:
    return msgspec.structs.replace(ROOMY, tiers=msgspec.structs.replace(ROOMY.tiers, **tiers))


def known(**profile: Any) -> Bench:
    bench = Bench()
    bench.send("profile", "s-1", **({"ts": START - DAY} | profile))
    return bench


def watched(**profile: Any) -> tuple[Bench, int]:
    bench = known(**profile)
    return bench, bench.week("s-1")


def complain(bench: Bench, ts: int, case: int, status: str = "opened") -> None:
    bench.send("care", "s-1", ts, reason="complaint", case_id=f"c-{case}", status=status)


def live(bench: Bench, first: int, last: int) -> None:
    """A call at noon of each of these days, so that the look at midnight after it is made."""
    for day in range(first, last + 1):
        bench.send("call", "s-1", START + day * DAY + 12 * HOUR)


def at_high_risk(**profile: Any) -> Bench:
    """The eighth day and the ninth see two open complaints; the second look is that at the midnight of day 9."""
    bench, end = watched(**profile)
    for case in (1, 2):
        complain(bench, end + case * MINUTE, case)
    live(bench, 8, 9)
    return bench


def tell(bench: Bench, ts: int, status: str, alert_id: str | None = None, **fields: Any) -> None:
    last = bench.alerts()[-1].alert_id if alert_id is None else alert_id
    bench.send("feedback", "s-1", ts, status=status, alert_id=last, **fields)


def test_tier_alert_is_raised_at_the_second_look_eased_escalated_and_closed_when_calm() -> None:
    bench = at_high_risk()
    complain(bench, START + 9 * DAY + 13 * HOUR, 2, "resolved")
    live(bench, 10, 11)
    complain(bench, START + 11 * DAY + 13 * HOUR, 2)
    live(bench, 12, 13)
    for case in (1, 2):
        complain(bench, START + 13 * DAY + 13 * HOUR, case, "resolved")
    live(bench, 14, 19)
    told = ["risk_tier raised", "risk_tier eased", "risk_tier escalated", "risk_tier eased"]
    assert bench.life() == told
    live(bench, 20, 20)
    assert bench.life() == [*told, "risk_tier closed recovered"]
    assert len({a.alert_id for a in bench.alerts()}) == 1
    assert [a.seq for a in bench.alerts()] == [1, 2, 3, 4, 5]
    assert [a.trigger.tick for a in bench.alerts()] == [START + day * DAY for day in (9, 11, 13, 15, 20)]
    assert [(a.previous_tier, a.tier) for a in bench.alerts()] == [
        ("healthy", "high_risk"),
        ("high_risk", "warning"),
        ("warning", "high_risk"),
        ("high_risk", "warning"),
        ("warning", "healthy"),
    ]
    assert [a.severity for a in bench.alerts()] == ["high", "normal", "high", "normal", "normal"]


def test_warning_raises_nothing_unless_the_policy_says_so() -> None:
    for raises, life in (("high_risk", []), ("warning", ["risk_tier raised"])):
        bench = Bench(policy=policy_with(raises=raises))
        bench.send("profile", "s-1", START - DAY)
        complain(bench, bench.week("s-1") + HOUR, 1)
        live(bench, 8, 10)
        assert bench.life() == life
        assert bench.scores()[-1].tier == "warning"


def test_tier_needs_seven_days_of_history_and_signals_do_not() -> None:
    bench = known()
    for case in (1, 2):
        complain(bench, START + HOUR + case, case)
    bench.send("care", "s-1", START + 2 * HOUR, reason="leave_intent")
    live(bench, 0, 8)
    assert bench.life() == ["leave_intent raised"]
    live(bench, 9, 9)
    assert bench.life() == ["leave_intent raised", "risk_tier raised"]
    assert bench.alerts()[-1].tier == "high_risk"


def test_score_is_published_first_then_at_a_tier_change_or_a_fifth() -> None:
    bench, end = watched()
    assert [s.tier for s in bench.scores()] == ["healthy"]
    complain(bench, end + HOUR, 1)
    live(bench, 8, 10)
    # At the first look the risk has moved, at the second the tier.
    assert [s.tier for s in bench.scores()] == ["healthy", "healthy", "warning"]
    first, second, third = bench.scores()
    assert (third.previous_tier, third.base_rate) == ("healthy", 0.015)
    assert second.risk > 5 * first.risk


def test_score_of_somebody_at_risk_says_unit_worth_and_strongest_reason() -> None:
    bench = at_high_risk(arpu=138.0, unit="tianhe-03")
    first, *_, last = bench.scores()
    assert (first.tier, first.unit, first.segment, first.reason) == ("healthy", "tianhe-03", "high", None)
    assert (last.tier, last.unit, last.segment, last.reason) == ("high_risk", "tianhe-03", "high", "complaints_open")
    nobody = Bench()
    nobody.week("s-1")
    assert [(s.unit, s.segment, s.reason) for s in nobody.scores()] == [("unassigned", None, None)]


def crowd(bench: Bench, complaints: dict[str, int]) -> None:
    """Subscribers who are known for a week and then have so many open complaints each."""
    last = 0
    for who in complaints:
        bench.send("profile", who, START - DAY)
        last = bench.week(who)
    for who, cases in complaints.items():
        for case in range(cases):
            bench.send("care", who, last + HOUR + case, reason="complaint", case_id=f"{who}-{case}")


def test_what_is_over_the_budget_is_low_priority_once_and_judged_again_at_each_look() -> None:
    """A quarter of an alert a day: who does not get one today may later, without a word in between."""
    bench = Bench(policy=policy_with(budget=250.0 / 3))
    crowd(bench, {"s-1": 2, "s-2": 2, "s-3": 2})
    live(bench, 8, 20)
    tier = [a for a in bench.alerts() if a.kind == "risk_tier"]
    # Of equals the first by id; then four days are needed for the next, the first of them saved before.
    assert [(a.subscriber_id, (a.ts - START) // DAY) for a in tier] == [("s-1", 9), ("s-2", 12), ("s-3", 16)]
    assert [(s.subscriber_id, s.reason, (s.ts - START) // DAY) for s in bench.suppressions()] == [
        ("s-2", "low_priority", 9),
        ("s-3", "low_priority", 9),
    ]


def test_who_has_left_brings_no_budget() -> None:
    bench = Bench(policy=policy_with(budget=250.0 / 3))
    crowd(bench, {"s-1": 2, "s-2": 2, "s-3": 2, "s-4": 0, "s-5": 0, "s-6": 0})
    for who in ("s-4", "s-5", "s-6"):
        bench.send("outcome", who, START + 7 * DAY + 21 * HOUR, outcome="ported_out")
    live(bench, 8, 20)
    tier = [a for a in bench.alerts() if a.kind == "risk_tier"]
    # As of three: the same days as without those who left.
    assert [(a.ts - START) // DAY for a in tier] == [9, 12, 16]


def test_the_best_go_first() -> None:
    model = snapshot(-5.0, complaints_open=([0.0, 1.0, 2.0, 3.0], [0.0, 1.8, 4.0, 5.0]))
    bench = Bench(model, policy_with(budget=50.0))
    crowd(bench, {"s-1": 2, "s-2": 3, "s-3": 2})
    live(bench, 8, 9)
    assert [(a.subscriber_id, a.event) for a in bench.alerts()] == [("s-2", "raised")]
    assert [s.subscriber_id for s in bench.suppressions()] == ["s-1", "s-3"]


def test_transaction_that_ends_amid_the_candidates_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes then, in this process or another, goes on with the rest."""

    def lived(*, restarts: bool) -> tuple[list[Output], dict[bytes, bytes]]:
        bench = Bench(policy=policy_with(budget=250.0))
        crowd(bench, {f"s-{n}": 2 for n in range(1, 9)})
        for day in range(8, 14):
            rest = [bench.arrival("call", "s-1", START + day * DAY + 12 * HOUR)]
            while rest or bench.detector.owed:
                rest = rest[bench.detector.apply(rest) :]
                bench.commit()
                if restarts:
                    bench.restart()
        return bench.told, bench.state

    whole = lived(restarts=False)
    monkeypatch.setattr("models.detection.outbox.MAX_OUTPUTS", 2)
    assert lived(restarts=False) == whole
    assert lived(restarts=True) == whole
    assert sum(output.kind == "heard" for output in whole[0]) > 2


def test_kind_that_is_switched_off_is_suppressed() -> None:
    off = msgspec.structs.replace(
        ROOMY, kinds=KindPolicies(leave_intent=KindPolicy(enabled=False), risk_tier=KindPolicy(enabled=False))
    )
    bench = Bench(policy=off)
    bench.send("profile", "s-1", START - DAY)
    end = bench.week("s-1")
    for case in (1, 2):
        complain(bench, end + case * MINUTE, case)
    bench.send("care", "s-1", end + HOUR, reason="leave_intent")
    live(bench, 8, 12)
    assert bench.life() == ["leave_intent suppressed low_priority", "risk_tier suppressed low_priority"]


def test_leave_intent_said_twice_escalates_once() -> None:
    bench = known()
    for hour in range(3):
        bench.send("care", "s-1", START + hour * HOUR, reason="leave_intent")
    assert bench.life() == ["leave_intent raised", "leave_intent escalated"]
    assert [a.trigger.offset for a in bench.alerts()] == [1, 2]


def test_an_alert_does_not_escalate_once_the_profile_is_deleted() -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="port_out_query")
    bench.send("profile", "s-1", START + HOUR, deleted=True)
    for hour in (2, 3):
        bench.send("care", "s-1", START + hour * HOUR, reason="port_out_code")
    assert bench.life() == ["port_out raised", "port_out suppressed no_profile"]
    (withheld,) = bench.suppressions()
    assert (withheld.alert_id, withheld.event, withheld.seq) == (bench.alerts()[0].alert_id, "escalated", 1)
    bench.send("feedback", "s-1", START + 4 * HOUR, status="lost")
    assert bench.life()[2:] == ["port_out closed feedback"]
    assert [a.seq for a in bench.alerts()] == [1, 2]


def test_browsing_escalates_on_a_portability_page_and_expires_without_a_trigger() -> None:
    bench = known()
    for hour in range(3):
        bench.send("visit", "s-1", START + hour * HOUR)
    bench.send("visit", "s-1", START + DAY, page="number_portability", dwell_s=31)
    bench.send("visit", "s-1", START + 6 * DAY, page="number_portability", dwell_s=31)
    bench.send("call", "s-2", START + 13 * DAY - HOUR)
    assert bench.life() == ["competitor_browsing raised", "competitor_browsing escalated"]
    bench.send("call", "s-2", START + 13 * DAY + HOUR)
    assert bench.life()[2:] == ["competitor_browsing closed expired"]
    closed = bench.alerts()[-1]
    assert closed.trigger.tick == START + 13 * DAY
    assert (closed.trigger.topic, closed.trigger.offset, closed.action, closed.reasons) == (None, None, None, None)
    assert [a.severity for a in bench.alerts()] == ["normal", "high", "high"]


def test_kinds_are_independent() -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("care", "s-1", START + MINUTE, reason="port_out_query")
    bench.send("visit", "s-1", START + HOUR, page="checkout", dwell_s=90)
    tell(bench, START + 2 * HOUR, "dismissed")
    assert bench.life() == [
        "leave_intent raised",
        "port_out raised",
        "competitor_browsing raised",
        "competitor_browsing closed feedback",
    ]


@pytest.mark.parametrize("status", ["retained", "lost", "refused", "dismissed", "withdrawn", "snoozed"])
def test_feedback_that_closes(status: str) -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    tell(bench, START + HOUR, status)
    assert bench.life() == ["leave_intent raised", "leave_intent closed feedback"]
    tell(bench, START + 2 * HOUR, status)
    assert len(bench.life()) == 2
    assert bench.counts[-1].unknown_feedback == 1


@pytest.mark.parametrize("status", ["accepted", "contacted", "unreachable", "delivered", "read"])
def test_feedback_that_changes_the_work_order_only(status: str) -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    tell(bench, START + HOUR, status, channel="sms")
    assert bench.life() == ["leave_intent raised"]
    assert bench.counts[-1].unknown_feedback == 0


def test_feedback_for_an_unknown_alert_is_counted_and_kept() -> None:
    bench = known()
    bench.send("feedback", "s-1", START, status="contacted", alert_id="nobody", channel="sms")
    assert bench.counts[-1].unknown_feedback == 1
    book = bench.detector.population.book(bench.detector.population.find("s-1"))
    assert [t.status for t in book.touches] == ["contacted"]
    bench.send("feedback", "s-1", START, status="contacted", channel="sms")
    assert bench.counts[-1].unknown_feedback == 0


def test_cooldown_withholds_the_same_kind_once_and_ends_after_thirty_days() -> None:
    bench = known()
    bench.send("visit", "s-1", START, page="checkout", dwell_s=90)
    tell(bench, START + HOUR, "dismissed")
    for day in (25, 26):
        bench.send("visit", "s-1", START + day * DAY, page="checkout", dwell_s=90)
    assert bench.life()[2:] == ["competitor_browsing suppressed cooldown"]
    bench.send("care", "s-1", START + 25 * DAY, reason="leave_intent")
    bench.send("call", "s-2", START + 30 * DAY + HOUR)
    assert bench.life()[3:] == ["leave_intent raised", "competitor_browsing raised"]
    late = bench.alerts()[-1]
    suppressed = bench.suppressions()[0]
    assert late.alert_id == suppressed.alert_id
    assert (late.ts, late.trigger.offset, late.seq) == (START + 30 * DAY, 2, 1)


@pytest.mark.parametrize("reason", ["leave_intent", "port_out_query", "disconnect_appointment"])
def test_who_rings_again_is_heard_however_soon_and_also_after_a_refusal(reason: str) -> None:
    bench = known()
    for day, status in enumerate(("dismissed", "refused", "lost")):
        bench.send("care", "s-1", START + day * DAY, reason=reason)
        tell(bench, START + day * DAY + HOUR, status)
    assert [said.split()[1] for said in bench.life()] == ["raised", "closed"] * 3
    assert bench.suppressions() == []


@pytest.mark.parametrize("status", ["refused", "lost"])
@pytest.mark.parametrize("reason", ["leave_intent", "port_out_query", "disconnect_appointment"])
def test_who_rings_again_and_again_is_heard_after_a_refusal_on_another_number(reason: str, status: str) -> None:
    """Each ring prolongs the episode of their lane, which knows of no refusal: they were never heard again."""
    bench = Bench()
    for name in ("s-1", "s-2"):
        bench.send("profile", name, START - DAY, customer_id="p-1")
    for day in range(0, 80, 10):
        bench.send("care", "s-1", START + day * DAY, reason=reason)
        bench.send("feedback", "s-2", START + day * DAY + HOUR, status=status)
    assert [said.split()[1] for said in bench.life()] == ["raised", "closed"] * 8
    assert len({alert.alert_id for alert in bench.alerts()}) == 8
    assert bench.suppressions() == []


def test_notices_of_a_contract_go_on_after_a_refusal_on_another_number() -> None:
    bench = Bench()
    ends = [{"product": "mobile", "contract_end_ts": START + 91 * DAY}]
    bench.send("profile", "s-1", START - DAY, customer_id="p-1", products=ends)
    bench.send("profile", "s-2", START - DAY, customer_id="p-1")
    for day in range(92):
        bench.send("call", "s-1", START + day * DAY)
        if day == 5:
            bench.send("feedback", "s-2", START + day * DAY + HOUR, status="refused")
    notices = [(a.event, (a.ts - START) // DAY) for a in bench.alerts() if a.kind == "contract_expiry"]
    assert [event for event, _ in notices][:3] == ["raised", "closed", "raised"]
    assert [day for event, day in notices if event != "closed"] == [1, 31, 61, 84, 90]


def test_refusal_gives_ninety_days_of_peace_from_what_the_customer_did_not_start() -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="port_out_query")
    tell(bench, START + HOUR, "refused")
    bench.send("visit", "s-1", START + 85 * DAY, page="checkout", dwell_s=90)
    assert bench.life()[2:] == ["competitor_browsing suppressed cooldown"]
    bench.send("call", "s-2", START + 91 * DAY)
    assert bench.life()[3:] == ["competitor_browsing raised"]


@pytest.mark.parametrize("status", ["refused", "lost"])
@pytest.mark.parametrize("alert_id", ["", None, "nobody"])
def test_refusal_and_loss_close_everything_that_stands(status: str, alert_id: str | None) -> None:
    """About the newest alert, of a walk-in, or about one that is not known: it is the subscriber who refuses."""
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("visit", "s-1", START + MINUTE, page="checkout", dwell_s=90)
    bench.send("care", "s-2", START + MINUTE, reason="leave_intent")
    of = bench.alerts()[-1].alert_id if alert_id == "" else alert_id
    bench.send("feedback", "s-1", START + HOUR, status=status, alert_id=of)
    closed = [(a.subscriber_id, a.kind, a.close_reason) for a in bench.alerts() if a.event == "closed"]
    assert closed == [("s-1", "competitor_browsing", "feedback"), ("s-1", "leave_intent", "feedback")]
    assert bench.counts[-1].unknown_feedback == (alert_id == "nobody")


def test_what_was_withheld_before_a_refusal_never_rings() -> None:
    bench = known(do_not_contact=True)
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("feedback", "s-1", START + HOUR, status="refused")
    bench.send("profile", "s-1", START + DAY)
    assert bench.life() == ["leave_intent suppressed do_not_contact"]


@pytest.mark.parametrize(("status", "peace"), [("dismissed", 30), ("retained", 30), ("withdrawn", 30), ("refused", 90)])
def test_who_still_stands_at_high_risk_when_the_peace_is_over_is_a_candidate_again(status: str, peace: int) -> None:
    bench = at_high_risk()
    raised = bench.alerts()[-1].ts
    tell(bench, START + 9 * DAY + 13 * HOUR, status)
    told = ["risk_tier raised", "risk_tier closed feedback"]
    over = 9 + peace + (status == "refused")  # of a refusal the peace begins with it, at noon
    live(bench, 10, over - 2)
    bench.restart()
    live(bench, over - 1, over - 1)
    assert bench.life("risk_tier") == told if status == "refused" else [*told, "risk_tier raised"]
    live(bench, over, over + 3)
    assert bench.life("risk_tier") == [*told, "risk_tier raised"]
    first, *_, anew = (a for a in bench.alerts() if a.kind == "risk_tier")
    assert anew.alert_id != first.alert_id
    assert (anew.seq, anew.tier, anew.trigger.topic) == (1, "high_risk", None)
    assert anew.ts >= raised + 30 * DAY


def test_who_is_calm_when_the_peace_is_over_is_no_candidate() -> None:
    bench = at_high_risk()
    tell(bench, START + 9 * DAY + 13 * HOUR, "dismissed")
    for case in (1, 2):
        complain(bench, START + 20 * DAY, case, "resolved")
    live(bench, 10, 45)
    assert bench.life("risk_tier") == ["risk_tier raised", "risk_tier closed feedback"]


def test_a_candidate_once_more_goes_through_the_budget() -> None:
    """A lane of one subscriber whose budget is an alert in forty days."""
    bench = Bench(policy=policy_with(budget=25.0))
    bench.send("profile", "s-1", START - DAY)
    for case in (1, 2):
        complain(bench, bench.week("s-1") + HOUR, case)
    day = 8
    while not bench.alerts():
        live(bench, day, day)
        day += 1
    tell(bench, START + day * DAY, "dismissed")
    live(bench, day, day + 45)
    once = ["risk_tier suppressed low_priority", "risk_tier raised"]
    assert bench.life("risk_tier") == [*once, "risk_tier closed feedback", *once]
    first, second = bench.suppressions()
    assert first.alert_id != second.alert_id
    assert bench.alerts()[-1].ts - bench.alerts()[0].ts == 40 * DAY


@pytest.mark.parametrize(
    "said", [{"do_not_contact": True}, {"consent": {"marketing": dict.fromkeys(CHANNELS, False), "behaviour": True}}]
)
def test_do_not_contact_neither_closes_nor_escalates_what_was_raised(said: dict[str, Any]) -> None:
    bench = at_high_risk()
    bench.send("visit", "s-1", START + 9 * DAY + 13 * HOUR, page="plans", dwell_s=400)
    open_ = bench.life()
    bench.send("profile", "s-1", START + 9 * DAY + 14 * HOUR, **said)
    bench.send("visit", "s-1", START + 9 * DAY + 15 * HOUR, page="checkout", dwell_s=90)
    assert [each for each in bench.life() if each.split()[1] != "suppressed"] == open_


def test_what_got_stronger_during_do_not_contact_escalates_when_that_is_taken_back() -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="port_out_query")
    bench.send("profile", "s-1", START + HOUR, do_not_contact=True)
    bench.send("care", "s-1", START + 2 * HOUR, reason="port_out_code")
    bench.send("profile", "s-1", START + 3 * HOUR, do_not_contact=True, segment="high")
    withheld = ["port_out raised", "port_out suppressed do_not_contact"]
    assert bench.life() == withheld
    for hour in (4, 5):
        bench.send("profile", "s-1", START + hour * HOUR)
    assert bench.life() == [*withheld, "port_out escalated"]
    assert [alert.seq for alert in bench.alerts()] == [1, 2]


@pytest.mark.parametrize(("withdrawn", "closed"), [("c-1", False), ("c-2", True), (None, True)])
def test_appointment_that_was_booked_anew_outlives_the_withdrawal_of_the_first(
    withdrawn: str | None, closed: bool
) -> None:
    bench = known()
    for hour, case, days in ((0, "c-1", 5), (1, "c-2", 9)):
        at = START + days * DAY
        bench.send("care", "s-1", START + hour * HOUR, reason="disconnect_appointment", case_id=case, appointment_ts=at)
    bench.send("care", "s-1", START + 2 * HOUR, reason="disconnect_appointment", case_id=withdrawn, status="resolved")
    ends = ["disconnect_appointment closed recovered"] if closed else []
    moved = "disconnect_appointment escalated"  # to another day, so with another deadline
    assert bench.life() == ["disconnect_appointment raised", moved, *ends]


def test_appointment_that_is_withdrawn_closes_its_own_alert() -> None:
    bench = known()
    book = {"reason": "disconnect_appointment", "appointment_ts": START + 9 * DAY}
    bench.send("care", "s-1", START, **book)
    bench.send("care", "s-1", START + MINUTE, reason="leave_intent")
    bench.send("care", "s-1", START + 2 * HOUR, **book)
    # An older word than the booking that stands takes nothing back.
    bench.send("care", "s-1", START + HOUR, reason="disconnect_appointment", status="resolved")
    assert bench.life() == ["disconnect_appointment raised", "leave_intent raised"]
    bench.send("care", "s-1", START + 3 * HOUR, reason="disconnect_appointment", status="resolved")
    assert bench.life()[2:] == ["disconnect_appointment closed recovered"]
    bench.send("care", "s-1", START + DAY, **book)
    assert bench.life()[3:] == ["disconnect_appointment raised"]


def test_snoozed_is_raised_anew_if_the_breach_stands() -> None:
    bench = at_high_risk()
    now = START + 9 * DAY + 13 * HOUR
    tell(bench, now, "snoozed", until_ts=now + 2 * DAY)
    live(bench, 10, 11)
    assert bench.life() == ["risk_tier raised", "risk_tier closed feedback"]
    bench.send("call", "s-1", now + 2 * DAY + HOUR)
    assert bench.life()[2:] == ["risk_tier raised"]
    first, _, anew = bench.alerts()
    assert first.alert_id != anew.alert_id
    assert anew.trigger.tick is not None
    assert (anew.seq, anew.tier, anew.severity) == (1, "high_risk", "high")


def test_snoozed_is_told_when_the_breach_grows_while_it_is_quiet() -> None:
    bench = at_high_risk()
    tell(bench, START + 9 * DAY + 13 * HOUR, "snoozed", until_ts=START + 40 * DAY)
    complain(bench, START + 9 * DAY + 14 * HOUR, 2, "resolved")
    live(bench, 10, 11)
    complain(bench, START + 11 * DAY + 14 * HOUR, 2)
    live(bench, 12, 14)
    assert bench.life()[2:] == ["risk_tier suppressed snoozed"]


def test_snoozed_is_not_raised_anew_if_the_breach_is_gone() -> None:
    bench = at_high_risk()
    now = START + 9 * DAY + 13 * HOUR
    tell(bench, now, "snoozed", until_ts=now + 12 * DAY)
    for case in (1, 2):
        complain(bench, now + HOUR, case, "resolved")
    live(bench, 10, 23)
    assert bench.life() == ["risk_tier raised", "risk_tier closed feedback"]


def test_an_override_lets_a_tier_be_raised_after_a_refusal() -> None:
    bench = at_high_risk()
    now = START + 9 * DAY + 13 * HOUR
    tell(bench, now, "refused")
    live(bench, 10, 13)
    assert bench.life() == ["risk_tier raised", "risk_tier closed feedback"]
    bench.send("feedback", "s-1", START + 13 * DAY + 13 * HOUR, status="overridden", until_ts=START + 20 * DAY)
    live(bench, 14, 15)
    assert bench.life()[2:] == ["risk_tier raised"]


def test_an_override_leaves_the_tier_alert_that_stands() -> None:
    bench = at_high_risk()
    bench.send("feedback", "s-1", START + 9 * DAY + 13 * HOUR, status="overridden")
    for case in (1, 2):
        complain(bench, START + 9 * DAY + 14 * HOUR, case, "resolved")
    live(bench, 10, 23)
    assert bench.life()[-1] == "risk_tier closed recovered"


def test_an_instruction_about_an_account_names_that_of_the_profile_and_none_is_counted() -> None:
    bench = known(account_id="acme")
    said = {"status": "blocked", "scope": "account", "by": "mei", "note": "tender", "until_ts": START + DAY}
    bench.send("feedback", "s-1", START, **said)
    (answer,) = [body for body in heard(bench.told) if isinstance(body, Answer)]
    assert (answer.account_id, answer.note, answer.by) == ("acme", "tender", "mei")
    alone = known()
    alone.send("feedback", "s-1", START, **said)
    assert not any(isinstance(body, Answer) for body in heard(alone.told))
    assert alone.counts[-1].unknown_feedback == 1


def test_alert_without_profile_is_withheld_once_and_raised_when_one_arrives() -> None:
    bench = Bench()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("care", "s-1", START + HOUR, reason="leave_intent")
    assert bench.life() == ["leave_intent suppressed no_profile"]
    bench.send("profile", "s-1", START - 300 * DAY)
    assert bench.life()[1:] == ["leave_intent raised"]
    (raised,) = bench.alerts()
    assert raised.alert_id == bench.suppressions()[0].alert_id
    assert raised.trigger.offset == 1
    # The profile is old; the contact is wanted from now on.
    assert raised.ts == START + HOUR
    assert raised.action is not None
    assert raised.action.contact_by > START + HOUR


def test_alert_without_profile_is_not_raised_when_the_breach_no_longer_stands() -> None:
    bench = Bench()
    bench.send("visit", "s-1", START, page="checkout", dwell_s=90)
    bench.send("call", "s-2", START + 8 * DAY)
    bench.send("profile", "s-1", START + 8 * DAY)
    assert bench.life() == ["competitor_browsing suppressed no_profile"]


def test_nobody_sees_the_life_of_an_alert_whose_raised_was_withheld() -> None:
    bench = at_high_risk(do_not_contact=True)
    for case in (1, 2):
        complain(bench, START + 9 * DAY + 13 * HOUR, case, "resolved")
    live(bench, 10, 17)
    assert bench.life() == ["risk_tier suppressed do_not_contact"]
    # Their tier moves all the same, and is told.
    assert [t for t, _ in groupby(s.tier for s in bench.scores())] == ["healthy", "high_risk", "warning", "healthy"]


def test_tier_alert_that_was_withheld_is_raised_at_the_look_after_a_profile_allows_it() -> None:
    bench = at_high_risk(do_not_contact=True)
    bench.send("profile", "s-1", START + 9 * DAY + 13 * HOUR, do_not_contact=False)
    assert bench.life() == ["risk_tier suppressed do_not_contact"]
    live(bench, 10, 10)
    assert bench.life() == ["risk_tier suppressed do_not_contact", "risk_tier raised"]
    assert bench.alerts()[0].alert_id == bench.suppressions()[0].alert_id


def test_do_not_contact_reaches_every_kind_and_is_lifted_by_a_profile() -> None:
    bench = known(do_not_contact=True)
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("care", "s-1", START, reason="disconnect_appointment", appointment_ts=START + 9 * DAY)
    bench.send("visit", "s-1", START + HOUR, page="checkout", dwell_s=90)
    assert {s.split(" ", 1)[1] for s in bench.life()} == {"suppressed do_not_contact"}
    bench.send("profile", "s-1", START + DAY, do_not_contact=False)
    assert sorted(bench.life()[3:]) == [
        "competitor_browsing raised",
        "disconnect_appointment raised",
        "leave_intent raised",
    ]


def test_withheld_for_another_reason_is_told_again() -> None:
    bench = Bench()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("profile", "s-1", START + HOUR, do_not_contact=True)
    bench.send("profile", "s-1", START + 2 * HOUR, do_not_contact=True)
    assert bench.life() == ["leave_intent suppressed no_profile", "leave_intent suppressed do_not_contact"]
    assert bench.breaches() == 2


def test_refused_behaviour_is_not_used_and_that_is_told_once() -> None:
    bench = known(consent={"behaviour": False})
    for hour in range(4):
        bench.send("visit", "s-1", START + hour * HOUR, page="checkout", dwell_s=90)
    assert bench.life() == ["competitor_browsing suppressed no_consent"]
    (told,) = bench.suppressions()
    assert (told.reasons, told.action) == (None, None)
    bench.send("profile", "s-1", START + DAY)
    assert len(bench.life()) == 1
    bench.send("visit", "s-1", START + DAY + HOUR, page="checkout", dwell_s=90)
    assert bench.life()[1:] == ["competitor_browsing raised"]


@pytest.mark.parametrize("consent", [{}, {"marketing": {"sms": True}}, {"profiling": True}])
def test_behaviour_that_nobody_consented_to_is_not_used_and_that_is_told_once(consent: dict[str, Any]) -> None:
    bench = known(consent=consent)
    for hour in range(4):
        bench.send("visit", "s-1", START + hour * HOUR, page="checkout", dwell_s=90)
    assert bench.life() == ["competitor_browsing suppressed no_consent"]
    assert bench.suppressions()[0].reasons is None
    bench.send("care", "s-1", START + DAY, reason="leave_intent")
    assert bench.life()[1:] == ["leave_intent raised"]


def test_consent_that_is_absent_is_counted() -> None:
    bench = Bench()
    bench.send("profile", "s-1", START, consent={})
    bench.send("profile", "s-2", START, consent={"marketing": {"sms": True}, "profiling": False})
    bench.send("profile", "s-2", START - DAY, consent={})  # older than what is known: not applied
    assert counted(bench, "consent_absent") == {"marketing": 1, "behaviour": 2, "profiling": 1}


@pytest.mark.parametrize("said", [True, False])
def test_consent_of_a_former_state_is_what_was_refused_and_no_more(said: bool) -> None:
    """It wrote yes for what nobody had said; what was said is known again with the next profile."""
    bench = known(consent={"behaviour": said})
    key, now = next((k, v) for k, v in bench.state.items() if k.startswith(PROFILE_CODE))
    bench.restart()
    assert bench.detector.population.profiles[0].consent.behaviour is said
    bench.state[key] = b"{" + now.partition(b",")[2]
    bench.restart()
    assert bench.detector.population.profiles[0].consent.behaviour is (None if said else False)
    bench.send("visit", "s-1", START, page="checkout", dwell_s=90)
    assert bench.life() == ["competitor_browsing suppressed no_consent"]


def test_profiling_that_nobody_refused_is_used() -> None:
    assert at_high_risk(consent={}).life() == ["risk_tier raised"]


def test_policy_says_what_absent_consent_means_also_of_profiles_that_came_before() -> None:
    """In the running lane as after a restart; what is stated stands."""
    asked = msgspec.structs.replace(ROOMY, consent_default=ConsentDefault(behaviour=True, profiling=False))
    lives = []
    for restart in (False, True):
        bench = Bench()
        for who, consent in (("s-1", {}), ("s-2", {"behaviour": False, "profiling": True})):
            bench.send("profile", who, START - DAY, consent=consent)
            bench.send("visit", who, START, page="checkout", dwell_s=90)
        bench.policy = asked
        if restart:
            bench.restart()
        else:
            bench.detector.switch(policy=asked)
        bench.send("call", "s-3", START + 8 * DAY)
        for who in ("s-1", "s-2"):
            bench.send("visit", who, START + 8 * DAY, page="checkout", dwell_s=90)
        population = bench.detector.population
        assert [bool(population.marks[population.find(who)] & UNPROFILED) for who in ("s-1", "s-2")] == [True, False]
        bench.detector.switch(policy=ROOMY)
        assert population.visits.of(population.find("s-1")) == []
        lives.append([f"{o.key} {said}" for o in bench.outputs if (said := say(o))])
    assert lives[0] == lives[1]
    assert [said for said in lives[0][2:] if "raised" in said] == ["s-1 competitor_browsing raised"]
    assert lives[0][-1] == "s-2 competitor_browsing suppressed no_consent"


def test_refused_profiling_gives_neither_score_nor_tier() -> None:
    bench = at_high_risk(consent={"profiling": False})
    assert bench.life() == ["risk_tier suppressed no_consent"]
    assert bench.scores() == []
    assert bench.suppressions()[0].risk == 0.015
    assert bench.detector.tiers_count()["healthy"] == 1
    bench.send("profile", "s-1", START + 9 * DAY + 13 * HOUR)
    live(bench, 10, 11)
    assert bench.life()[1:] == ["risk_tier raised"]


@pytest.mark.parametrize("status", ["suspended_arrears", "suspended_fraud"])
def test_suspension_closes_and_raises_nothing_until_it_is_lifted(status: str) -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("profile", "s-1", START + HOUR, status=status)
    assert bench.life() == ["leave_intent raised", "leave_intent closed suspended"]
    bench.send("visit", "s-1", START + DAY, page="checkout", dwell_s=90)
    assert bench.life()[2:] == ["competitor_browsing suppressed passive_churn"]
    bench.send("profile", "s-1", START + 2 * DAY)
    assert bench.life()[3:] == ["competitor_browsing raised"]


def test_voluntary_suspension_still_alerts() -> None:
    bench = known(status="suspended_voluntary")
    bench.send("care", "s-1", START, reason="leave_intent")
    assert bench.life() == ["leave_intent raised"]


@pytest.mark.parametrize("outcome", ["ported_out", "disconnected", "lapsed", "involuntary"])
def test_outcome_closes_everything(outcome: str) -> None:
    bench = at_high_risk()
    now = START + 9 * DAY + 13 * HOUR
    bench.send("care", "s-1", now, reason="leave_intent")
    bench.send("outcome", "s-1", now + DAY, outcome=outcome)
    assert sorted(bench.life()[2:]) == ["leave_intent closed outcome", "risk_tier closed outcome"]
    bench.send("visit", "s-1", now + 2 * DAY, page="checkout", dwell_s=90)
    told = bench.life("competitor")
    assert told == (["competitor_browsing suppressed passive_churn"] if outcome == "involuntary" else [])
    if outcome != "involuntary":
        assert bench.detector.tiers_count()["healthy"] == 1


@pytest.mark.parametrize("outcome", ["migrated", "downgraded", "returned"])
def test_outcome_that_is_no_churn_closes_nothing(outcome: str) -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("outcome", "s-1", START + DAY, outcome=outcome)
    assert bench.life("leave_intent") == ["leave_intent raised"]


def test_who_returned_is_watched_again() -> None:
    bench = known()
    bench.send("outcome", "s-1", START)
    bench.send("care", "s-1", START + DAY, reason="leave_intent")
    bench.send("outcome", "s-1", START + 5 * DAY, outcome="returned")
    bench.send("care", "s-1", START + 6 * DAY, reason="leave_intent")
    assert bench.life() == ["leave_intent raised"]


def test_involuntary_outcome_is_taken_back_by_a_newer_active_profile() -> None:
    bench = known()
    bench.send("outcome", "s-1", START, outcome="involuntary")
    bench.send("care", "s-1", START + DAY, reason="leave_intent")
    bench.send("profile", "s-1", START + 2 * DAY)
    assert bench.life() == ["leave_intent suppressed passive_churn", "leave_intent raised"]


def test_late_event_counts_and_triggers_nothing() -> None:
    bench = known()
    bench.send("call", "s-2", START + 10 * DAY)
    bench.send("care", "s-1", START + 3 * DAY - 1, reason="leave_intent")
    bench.send("visit", "s-1", START + 3 * DAY - 1, page="checkout", dwell_s=90)
    assert bench.life() == []
    assert bench.counts[-1].late == {"telecom.site-visits.v1": 1}
    bench.send("care", "s-1", START + 3 * DAY, reason="leave_intent")
    assert bench.life() == ["leave_intent raised"]
    # Two of them were counted: the late one is a contact like any other.
    assert bench.alerts()[0].reasons is not None


def test_repeated_event_is_counted_and_not_applied() -> None:
    bench = known()
    for _ in range(2):
        bench.send("care", "s-1", START, reason="leave_intent", event_id="e-1")
    assert bench.life() == ["leave_intent raised"]
    assert bench.counts[-1].duplicates == {"telecom.care-contacts.v1": 1}
    assert bench.counts[-1].applied.get("telecom.care-contacts.v1", 0) == 0


def test_appointment_that_is_past_is_expired_and_one_ahead_ends_with_it() -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="disconnect_appointment", appointment_ts=START - HOUR)
    assert bench.life() == ["disconnect_appointment suppressed expired"]
    bench = known()
    bench.send("care", "s-1", START, reason="disconnect_appointment", appointment_ts=START + 5 * HOUR)
    bench.send("call", "s-1", START + 6 * HOUR)
    assert bench.life() == ["disconnect_appointment raised", "disconnect_appointment closed expired"]
    raised = bench.alerts()[0]
    assert raised.action is not None
    assert raised.action.contact_by == START + 4 * HOUR


def test_switch_takes_another_policy_into_force() -> None:
    bench = known()
    strict = msgspec.structs.replace(
        Policy(), version="p-2", browsing=msgspec.structs.replace(Policy().browsing, visits=2)
    )
    bench.send("visit", "s-1", START)
    bench.detector.switch(policy=strict)
    bench.send("visit", "s-1", START + HOUR)
    assert bench.life() == ["competitor_browsing raised"]
    assert bench.alerts()[0].policy_version == "p-2"
    assert bench.detector.versions == ("m-test", "p-2")


def counted(bench: Bench, name: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for counts in bench.counts:
        total.update(getattr(counts, name))
    return dict(total)


def test_a_first_start_on_a_backlog_counts_who_has_left_by_now() -> None:
    """Profiles are read first and tell of today: nobody rings who is gone, and figures are as they would have been."""
    bench = at_high_risk(ts=START + 60 * DAY, status="left")
    bench.restart()
    live(bench, 10, 11)
    bench.send("care", "s-1", START + 12 * DAY, reason="leave_intent")
    bench.send("outcome", "s-1", START + 12 * DAY + HOUR, outcome="ported_out")
    assert bench.alerts() == []
    assert [(s.kind, s.reason) for s in bench.suppressions()] == [
        ("risk_tier", "passive_churn"),
        ("leave_intent", "passive_churn"),
    ]
    assert counted(bench, "leavers") == {"risk_tier": 1}
    assert [lead for counts in bench.counts for lead in counts.leads_ms] == [3 * DAY + HOUR]
    told = [o.body for o in bench.outputs if isinstance(o.body, Example)]
    assert {(e.origin, e.label) for e in told} == {
        ("weekly", "positive"),
        ("risk_tier", "positive"),
        ("leave_intent", "positive"),
    }


def test_a_backlog_goes_through_the_budget_with_who_has_left_by_now() -> None:
    bench = Bench(policy=policy_with(budget=0.0))
    bench.send("profile", "s-1", START + 60 * DAY, status="left")
    end = bench.week("s-1")
    for case in (1, 2):
        complain(bench, end + case * MINUTE, case)
    live(bench, 8, 12)
    assert [s.reason for s in bench.suppressions()] == ["low_priority"]


def test_what_became_of_tier_alerts_is_counted() -> None:
    bench = at_high_risk()
    bench.send("outcome", "s-1", START + 12 * DAY, outcome="ported_out")
    assert counted(bench, "leavers") == {"risk_tier": 1}
    assert [lead for counts in bench.counts for lead in counts.leads_ms] == [3 * DAY]
    calm = at_high_risk()
    for case in (1, 2):
        complain(calm, START + 9 * DAY + 13 * HOUR, case, "resolved")
    live(calm, 10, 20)
    assert counted(calm, "recovered") == {"longer": 1}
    asked, end = watched()
    asked.send("care", "s-1", end, reason="leave_intent")
    asked.send("outcome", "s-1", end + DAY, outcome="disconnected")
    assert counted(asked, "leavers") == {"signal": 1}
    unseen, end = watched()
    unseen.send("outcome", "s-1", end + DAY, outcome="ported_out")
    assert counted(unseen, "leavers") == {"none": 1}


def test_a_do_not_contact_that_is_taken_back_gives_an_open_alert_its_order_again() -> None:
    bench = known()
    bench.send("care", "s-1", START, reason="leave_intent")

    def steps(ts: int, **profile: Any) -> list[tuple[str, str]]:
        found = bench.send("profile", "s-1", ts, **profile)
        return [(o.body.step, o.body.reason) for o in found if isinstance(o.body, WorkOrder)]

    assert steps(START + HOUR, do_not_contact=True) == [("withdrawn", "do_not_contact")]
    bench.restart()
    assert steps(START + DAY) == [("dispatched", "leave_intent")]
    assert bench.life() == ["leave_intent raised"]


def steps_at(bench: Bench, ts: int, **profile: Any) -> list[tuple[str, str]]:
    """The steps of orders that a new profile leads to."""
    found = bench.send("profile", "s-1", ts, **profile)
    return [(o.body.step, o.body.reason) for o in found if isinstance(o.body, WorkOrder)]


REFUSED = {"consent": {"behaviour": False}}


def browsed() -> Bench:
    """A subscriber whose browsing has raised an alert."""
    bench = known()
    for hour in range(3):
        bench.send("visit", "s-1", START + hour * HOUR)
    bench.send("call", "s-1", START + 3 * HOUR)
    assert bench.life() == ["competitor_browsing raised"]
    return bench


def test_withdrawn_behaviour_ends_the_order_that_rests_on_browsing_until_it_is_allowed_again() -> None:
    bench = browsed()
    assert steps_at(bench, START + 4 * HOUR, **REFUSED) == [("withdrawn", "no_consent")]
    bench.restart()
    assert steps_at(bench, START + 5 * HOUR, **REFUSED, unit="yuexiu-01") == []
    bench.send("call", "s-1", START + 3 * DAY)  # past every deadline of the order
    assert bench.life() == ["competitor_browsing raised"]
    assert steps_at(bench, START + 3 * DAY + HOUR) == [("dispatched", "competitor_browsing")]


def test_browsing_gets_no_order_when_do_not_contact_is_taken_back_with_behaviour_withdrawn() -> None:
    bench = browsed()
    assert steps_at(bench, START + 4 * HOUR, do_not_contact=True) == [("withdrawn", "do_not_contact")]
    assert steps_at(bench, START + 5 * HOUR, **REFUSED) == []
    assert steps_at(bench, START + 6 * HOUR) == [("dispatched", "competitor_browsing")]


def test_visits_that_may_not_be_used_do_not_prolong_an_alert() -> None:
    bench = browsed()
    steps_at(bench, START + 4 * HOUR, **REFUSED)
    bench.send("visit", "s-1", START + 5 * DAY, page="checkout", dwell_s=90)
    bench.send("call", "s-2", START + 8 * DAY)
    assert bench.life() == ["competitor_browsing raised", "competitor_browsing closed expired"]


def test_consent_that_is_absent_is_withdrawn_if_the_policy_says_so() -> None:
    assert steps_at(browsed(), START + 4 * HOUR, consent={}) == [("withdrawn", "no_consent")]


def test_withdrawn_profiling_ends_the_order_that_rests_on_the_model_and_no_other() -> None:
    bench = at_high_risk()
    last = START + 10 * DAY
    unprofiled = {"consent": {"behaviour": True, "profiling": False}}
    assert bench.life()[-1] == "risk_tier raised"
    assert steps_at(bench, last, **REFUSED) == []
    assert steps_at(bench, last + HOUR, **unprofiled) == [("withdrawn", "no_consent")]
    spoken = browsed()
    assert steps_at(spoken, START + 4 * HOUR, **unprofiled) == []
