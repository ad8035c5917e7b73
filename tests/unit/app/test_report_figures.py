"""Each indicator of the T+1 report against an example worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace
from support.report_rig import DAY, LONG_AGO, Bench, at, fraction

from app.report.indicators import INDICATORS
from app.report.record_rows import READ
from models.contract.events import CONTACTS, FEEDBACK, OUTCOMES, SUBSCRIBERS
from models.contract.policy import CapacityException, ContactPolicy, Policy, UnitPolicy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.detection.contact_rules import held_out
from streams.records.topics import ALERTS

HALF = ContactPolicy(hold_out_share=0.5)
HELD = [name for name in (f"s-{n}" for n in range(40)) if held_out(None, name, HALF)]
FREE = [name for name in (f"s-{n}" for n in range(40)) if not held_out(None, name, HALF)]


def three_stay(bench: Bench) -> None:
    for who in "xyz":
        bench.profile(who)


def test_churn_is_of_the_mean_of_opening_and_closing_and_passive_apart() -> None:
    with Bench() as bench:
        three_stay(bench)
        for who, outcome in (("a", "ported_out"), ("b", "lapsed"), ("c", "disconnected"), ("d", "involuntary")):
            bench.profile(who)
            bench.left(who, at(0, 12), outcome)
        for who, outcome in (("e", "migrated"), ("f", "downgraded")):
            bench.profile(who)
            bench.left(who, at(0, 12), outcome)
        bench.profile("new", activated_ts=at(0, 13))
        found = bench.figures()
    # 9 at the beginning; 5 of them and one who came at the end
    of = {key: fraction(found[key, "day", "total", ""]) for key in ("active_churn", "passive_churn", "port_out_rate")}
    assert of == {"active_churn": (3, 7.5), "passive_churn": (1, 7.5), "port_out_rate": (1, 7.5)}
    assert found["active_churn", "day", "total", ""].now.value == pytest.approx(0.4)
    assert found["active_churn", "day", "total", ""].change == pytest.approx(0.4)
    assert fraction(found["active_churn", "month", "total", ""]) == (3, 7.5)


def test_a_day_is_the_operators_and_begins_and_ends_at_their_midnight() -> None:
    with Bench() as bench:
        three_stay(bench)
        for who, ts in (("a", at(0) - 1), ("b", at(0)), ("c", at(-1) - 1), ("d", at(-1))):
            bench.profile(who)
            bench.left(who, ts)
        churn = bench.of("active_churn")
    assert (churn.now.numerator, churn.before.numerator) == (2, 1)
    tokyo = Policy(contact=ContactPolicy(utc_offset_hours=9.0))
    with Bench(tokyo) as bench:
        bench.profile("a")
        bench.left("a", at(-1) - HOUR_MS)  # midnight there: tomorrow
        assert bench.of("active_churn").now.numerator == 0


def test_month_to_date_begins_on_the_first_and_is_compared_with_as_many_days_of_the_month_before() -> None:
    with Bench() as bench:
        three_stay(bench)
        times = {"oct-1": at(59), "oct-29": at(31, 23), "oct-30": at(30), "nov-1": at(28), "nov-29": at(0)}
        for who, ts in times.items():
            bench.profile(who)
            bench.left(who, ts)
        churn = bench.of("active_churn", "month")
    assert (churn.now.numerator, churn.before.numerator) == (2, 2)
    assert (churn.now.first, churn.now.last) == (date(2026, 11, 1), DAY)
    assert (churn.before.first, churn.before.last) == (date(2026, 10, 1), date(2026, 10, 29))


def test_nobody_leaves_twice_and_who_returned_may_leave_again() -> None:
    with Bench() as bench:
        three_stay(bench)
        bench.profile("a")
        bench.left("a", at(0, 8))
        bench.left("a", at(0, 9), "lapsed")
        bench.profile("b")
        bench.left("b", at(3))
        bench.left("b", at(2), "returned")
        bench.left("b", at(0, 9))
        bench.left("b", at(0, 10), "returned")
        churn = bench.of("active_churn")
    assert fraction(churn) == (2, (5 + 4) / 2)


def test_an_event_id_counts_once_and_an_older_profile_changes_nothing() -> None:
    with Bench() as bench:
        bench.profile("a", ts=at(9), unit="new")
        bench.profile("a", ts=at(10), unit="old")
        for _ in range(2):
            bench.bill("a", at(59), 100.0, event_id="e-1")
            bench.bill("a", at(28), 30.0)  # no id, no dedup
        bench.bill("b", at(59), 7.0, event_id="e-1")  # another subscriber's
        figure = bench.of("stock_revenue_retention", "month", by="unit", scope="new")
    assert fraction(figure) == (60.0, 100.0)


def test_stock_revenue_is_that_of_the_base_months_customers_on_the_same_days() -> None:
    with Bench() as bench:
        bench.profile("a")
        for ts, amount in ((at(59), 100.0), (at(50), 20.0), (at(28), 90.0), (at(30), 7.0)):
            # the 1st and the 10th of October, the 1st of November, the 30th of October
            bench.bill("a", ts, amount)
        bench.profile("gone")  # in the base, and its revenue is lost
        bench.bill("gone", at(59), 50.0)
        bench.left("gone", at(20))
        bench.profile("new", activated_ts=at(20))
        bench.bill("new", at(10), 500.0)
        bench.profile("before")  # left within the base month: no customer at its end
        bench.bill("before", at(59), 60.0)
        bench.left("before", at(40))
        bench.bill("a", at(28), 1000.0, kind="accrual")
        found = bench.figures()
    revenue = found["stock_revenue_retention", "month", "total", ""]
    assert fraction(revenue) == (90.0, 170.0)
    assert revenue.now.value == pytest.approx(90 / 170)
    assert fraction(found["stock_customer_retention", "month", "total", ""]) == (1, 2)
    with Bench() as bench:
        bench.profile("a")
        bench.bill("a", at(59), 4.0, kind="accrual")
        bench.bill("a", at(28), 3.0, kind="accrual")
        assert fraction(bench.of("stock_revenue_retention", "month", revenue="accrual")) == (3.0, 4.0)


def test_stock_takes_a_base_month_of_choice() -> None:
    with Bench() as bench:
        bench.profile("a")
        bench.profile("b", activated_ts=at(100))
        bench.left("a", at(80))
        assert fraction(bench.of("stock_customer_retention", base=date(2026, 7, 1))) == (0, 1)
    with Bench() as bench:
        bench.profile("a")
        bench.left("a", at(80))
        assert fraction(bench.of("stock_customer_retention", base=date(2026, 10, 1))) == (0, 0)


def test_precision_is_of_those_found_thirty_days_before_raised_or_withheld_each_once() -> None:
    with Bench() as bench:
        for who in "abcdefg":
            bench.profile(who)
        bench.breach("a", at(30, 3))
        bench.left("a", at(0.5))
        bench.breach("b", at(30, 3), withheld="low_priority")
        bench.left("b", at(1))
        bench.breach("c", at(30, 3))
        bench.breach("c", at(30, 9), event="escalated", seq=2)
        bench.left("c", at(-0.5))  # within 30 days of the second finding, but not of the first
        bench.breach("d", at(30, 3), tier="warning")
        bench.left("d", at(10))
        bench.breach("e", at(30, 3), kind="silence")
        bench.left("e", at(10))
        bench.breach("f", at(30, 3))
        bench.left("f", at(10), "involuntary")
        bench.breach("g", at(29, 1))
        bench.left("g", at(3))
        figure = bench.of("high_risk_precision")
    assert fraction(figure) == (2, 4)
    assert (figure.now.first, figure.now.last, figure.now.why) == (date(2026, 10, 30), date(2026, 10, 30), None)


def test_an_open_horizon_has_no_value_but_what_is_known() -> None:
    def told(bench: Bench) -> None:
        for who in "ab":
            bench.profile(who)
            bench.breach(who, at(5))
        bench.left("a", at(2))

    with Bench() as bench:
        told(bench)
        day = date(2026, 11, 24)
        figure = bench.figures(day, started=True, as_of=at(-1))["high_risk_precision", "day", "total", ""]
        assert (fraction(figure), figure.now.value, figure.now.why) == ((1, 2), None, "not_over")
        assert figure.change is None
    with Bench() as bench:
        told(bench)
        figure = bench.figures(day, started=True, as_of=at(-40))["high_risk_precision", "day", "total", ""]
        assert (fraction(figure), figure.now.value, figure.now.why) == ((1, 2), 0.5, None)
    with Bench() as bench:  # the day itself is not over
        bench.profile("a")
        figure = bench.of("active_churn", as_of=at(0, 12))
        assert (figure.now.denominator, figure.now.value, figure.now.why) == (1, None, "not_over")


def test_a_day_that_is_not_recorded_to_its_end_has_no_value() -> None:
    for until, why in ((at(0, 17), "not_over"), (at(0, 18), None)):
        with Bench(until=until) as bench:
            bench.profile("a")
            assert bench.of("active_churn").now.why == why


def test_what_kafka_has_deleted_has_no_value() -> None:
    with Bench() as bench:
        bench.profile("a")
        bench.record(OUTCOMES, "b", {"subscriber_id": "b", "ts": at(5), "outcome": "lapsed"}, at(5), begins=70)
        found = bench.figures()
        assert found["active_churn", "day", "total", ""].now.value == 0.0
        month = found["active_churn", "month", "total", ""].now
        assert (month.numerator, month.value, month.why) == (1, None, "not_kept")
        assert found["complaints_in_time", "month", "total", ""].now.why is None
    with Bench(begun=at(10)) as bench:
        bench.profile("a", ts=at(10))
        found = bench.figures()
        assert found["active_churn", "day", "total", ""].now.why is None
        assert found["active_churn", "month", "total", ""].now.why == "not_kept"


def test_a_store_that_came_too_late_for_some_records_says_so() -> None:
    """Two reads: what Kafka deleted between them was known to the first one, or to none."""
    for begins, why in ((1, None), (2, "not_kept")):
        with Bench() as bench:
            bench.profile("a")
            bench.left("b", at(20))
            known = bench.facts.known_from(OUTCOMES)
            bench.record(OUTCOMES, "c", {"subscriber_id": "c", "ts": at(5), "outcome": "lapsed"}, at(5), begins=begins)
            assert known == LONG_AGO
            assert bench.of("active_churn", "month").now.why == why


def test_a_store_keeps_four_hundred_days_and_says_so() -> None:
    with Bench(begun=at(500)) as bench:
        bench.profile("a", ts=at(450))
        bench.bill("a", at(401), 10.0)
        bench.bill("a", at(399), 20.0)
        bench.left("a", at(401))  # an outcome stays: or they would be back
        bench.facts.prune(at(0))
        assert bench.facts.known_from(OUTCOMES) == at(400)
        assert bench.facts.db.execute("SELECT amount FROM bills").fetchall() == [(20.0,)]
        assert bench.of("active_churn").now.denominator == 0


def test_nothing_by_nothing_is_empty_and_not_zero() -> None:
    with Bench() as bench:
        for figure in bench.figures().values():
            assert figure.now.value is None
            assert figure.change is None


def test_hold_out_alone_and_net_retention_with_interval() -> None:
    with Bench(Policy(contact=HALF)) as bench:
        for who in (*HELD[:5], *FREE[:8]):
            bench.profile(who)
            bench.breach(who, at(30, 3), withheld="hold_out" if who in HELD else None)
        bench.breach(HELD[0], at(30, 4), kind="silence")  # each person once
        for who in (*HELD[:2], FREE[0]):
            bench.left(who, at(12))
        for who in HELD[5:9]:  # a kind that reaches the hold-out too is no comparison
            bench.profile(who)
            bench.breach(who, at(30, 3), kind="leave_intent")
            bench.left(who, at(12))
        found = bench.figures()
    assert fraction(found["high_risk_precision_hold_out", "day", "total", ""]) == (2, 5)
    net = found["net_retention", "day", "total", ""].now
    assert (net.numerator, net.denominator) == (0.4, 0.125)
    assert net.value == pytest.approx(0.275)
    assert net.low is not None
    assert net.high is not None
    assert net.low < 0 < net.value < net.high  # Newcombe: of so few it may as well be nothing


def test_without_a_hold_out_no_net_retention_is_claimed() -> None:
    with Bench() as bench:
        bench.profile("a")
        bench.breach("a", at(30, 3))
        figure = bench.of("net_retention")
    assert (figure.now.numerator, figure.now.denominator, figure.now.value) == (None, 0.0, None)


def test_recall_asks_for_three_days_before_and_a_month_at_most() -> None:
    with Bench() as bench:
        told: list[tuple[str, float, str]] = [
            ("a", 3.1, "high_risk"), ("b", 2.9, "high_risk"), ("c", 10, "warning"), ("d", 31, "high_risk"),
        ]  # fmt: skip
        for who, days, tier in told:
            bench.profile(who)
            bench.tier(who, at(0, 12) - round(days * DAY_MS), tier)
            bench.left(who, at(0, 12))
        bench.profile("e")
        bench.breach("e", at(4), withheld="low_priority")
        bench.left("e", at(0, 12), "lapsed")
        bench.profile("f")
        bench.tier("f", at(9), "high_risk")
        bench.left("f", at(0, 12), "involuntary")
        found = bench.figures()
    assert fraction(found["recall", "day", "total", ""]) == (2, 5)
    assert fraction(found["recall_with_warning", "day", "total", ""]) == (3, 5)


def test_lift_is_precision_by_the_rate_of_all() -> None:
    with Bench() as bench:
        for who in "abcdefgh":
            bench.profile(who)
        for who in "ab":
            bench.breach(who, at(30, 3))
        for who in "ac":
            bench.left(who, at(12))
        figure = bench.of("lift")
    assert fraction(figure) == (0.5, 0.25)
    assert figure.now.value == 2.0


def test_lead_time_is_the_median_from_the_first_alert_that_foretells() -> None:
    with Bench() as bench:
        for who, days in (("a", 2), ("b", 10), ("c", 5)):
            bench.profile(who)
            bench.breach(who, at(0, 12) - days * DAY_MS, kind="silence")
            bench.breach(who, at(0, 11), kind="leave_intent")
            bench.left(who, at(0, 12))
        bench.profile("d")
        bench.breach("d", at(20), kind="contract_expiry")
        bench.breach("d", at(20), withheld="low_priority")
        bench.breach("d", at(40))
        bench.left("d", at(0, 12))
        figure = bench.of("lead_time_days")
    assert (figure.now.value, figure.now.denominator) == (5.0, 3)


def test_first_contact_counts_orders_due_unless_they_ended_before() -> None:
    with Bench() as bench:
        due = at(0, 12)
        for order, contacted, ended in (
            ("in time", due, None), ("late", due + 1, None), ("never", None, due + HOUR_MS), ("moot", None, due - 1),
            ("first", due - HOUR_MS, due - 1),
        ):  # fmt: skip
            bench.step(order, 1, "dispatched", at(1), contact_by=due)
            if contacted:
                bench.step(order, 2, "contacted", contacted, contact_by=due)
            if ended:
                bench.step(order, 3, "archived" if contacted else "withdrawn", ended, contact_by=due)
        bench.step("moved", 1, "dispatched", at(1), contact_by=due)
        bench.step("moved", 2, "reassigned", due + 1, contact_by=at(-1, 12), unit="yuexiu-04")
        bench.step("tomorrow", 1, "dispatched", at(0, 1), contact_by=at(-1))
        found = bench.figures(by="unit")
    assert fraction(found["first_contact_in_time", "day", "tianhe-03", ""]) == (2, 4)
    assert fraction(found["first_contact_in_time", "day", "yuexiu-04", ""]) == (0, 1)


def test_reach_is_of_orders_and_an_order_is_reached_once() -> None:
    with Bench() as bench:
        bench.step("o", 1, "dispatched", at(1), alert_ids=["x", "y"])
        bench.said("a", at(0, 9), "unreachable", alert_id="x")
        bench.said("a", at(0, 15), "contacted", alert_id="y")
        bench.said("b", at(0, 9), "unreachable", alert_id="z")
        bench.said("c", at(0, 9), "accepted", alert_id="u")
        bench.said("d", at(0, 9), "contacted")  # a walk-in: nobody tried
        figure = bench.of("reach")
    assert fraction(figure) == (1, 2)


@pytest.mark.parametrize(("days", "key"), [(30, "retention_success_30"), (90, "retention_success_90")])
def test_a_success_stays_and_pays_and_without_bills_it_is_not_known(days: int, key: str) -> None:
    then = at(days, 12)
    with Bench() as bench:
        for who, before, after in (
            ("kept", 100.0, 95.0), ("cheaper", 100.0, 94.0), ("gone", 100.0, 100.0), ("late", 100.0, 100.0),
            ("unbilled", None, 100.0), ("open", 100.0, None),
        ):  # fmt: skip
            bench.profile(who)
            bench.said(who, then, "contacted", alert_id=f"of-{who}")
            bench.said(who, then + HOUR_MS, "retained", alert_id=f"of-{who}")
            if before:
                bench.bill(who, then - DAY_MS, before)
            if after:
                bench.bill(who, then + 20 * DAY_MS, after)
        bench.left("gone", then + 3 * DAY_MS)
        bench.left("late", then + (days + 1) * DAY_MS)
        bench.said("a", then, "unreachable", alert_id="not")
        figure = bench.of(key)
    assert (fraction(figure), figure.now.unknown) == ((2, 4), 2)


def test_over_reporting_is_of_what_was_reported_retained() -> None:
    then = at(30, 12)
    with Bench() as bench:
        for who, after in (("a", 100.0), ("b", 50.0), ("c", 100.0)):
            bench.profile(who)
            bench.bill(who, then - DAY_MS, 100.0)
            bench.bill(who, then + DAY_MS, after)
            bench.said(who, then, "retained", alert_id=f"of-{who}")
        bench.left("c", then + 9 * DAY_MS)
        bench.said("d", then, "contacted", alert_id="d")
        figure = bench.of("over_reporting")
    assert fraction(figure) == (2, 3)


def test_an_appointment_is_saved_if_it_was_withdrawn_and_they_stayed() -> None:
    date_ts = at(30, 10)
    with Bench() as bench:
        for who in ("withdrew", "left", "came", "told", "later"):
            bench.profile(who)
            bench.cared(who, at(33), "disconnect_appointment", appointment_ts=date_ts, case_id=f"c-{who}")
        bench.cared("withdrew", at(31), "disconnect_appointment", status="resolved", case_id="c-withdrew")
        bench.cared("left", at(31), "disconnect_appointment", status="resolved", case_id="c-left")
        bench.left("left", at(10))
        bench.cared("came", at(31), "disconnect_appointment", status="resolved", case_id="another")
        bench.said("told", at(31), "withdrawn")
        bench.cared("later", at(32), "disconnect_appointment", appointment_ts=at(3), case_id="c-2")
        figure = bench.of("appointment_saves")
    assert fraction(figure) == (2, 4)


def test_a_decline_is_repaired_by_a_bill_of_ninety_five_per_cent_of_three_months() -> None:
    then = at(90, 12)
    with Bench() as bench:
        for who, after in (("a", 95.0), ("b", 94.0), ("c", None)):
            bench.profile(who)
            if who != "c":
                for months in (1, 2, 3):
                    bench.bill(who, then - 30 * months * DAY_MS, 70.0 + 15 * months)  # 100 in the mean
            bench.bill(who, then, 10.0)  # the one that made the decline
            if after:
                bench.bill(who, then + 80 * DAY_MS, after)
            bench.breach(who, then, kind="value_decline", withheld=None if who == "a" else "person_cap")
        figure = bench.of("downgrade_repair")
    assert (fraction(figure), figure.now.unknown) == ((1, 2), 1)


def test_complaints_are_in_time_by_what_was_promised() -> None:
    due = at(0, 12)
    with Bench() as bench:
        for case, done in (("a", due), ("b", due + 1), ("c", None)):
            bench.cared("s", at(2), "complaint", case_id=case, due_ts=due)
            if done:
                bench.cared("s", done, "complaint", case_id=case, status="resolved")
        bench.cared("s", at(2), "billing_dispute", case_id="d", due_ts=due)
        bench.cared("s", at(1), "billing_dispute", case_id="d", status="resolved")
        bench.cared("s", at(2), "fault", case_id="e", due_ts=due)
        figure = bench.of("complaints_in_time")
    assert fraction(figure) == (2, 4)


def test_disturbed_is_who_was_contacted_beyond_a_cap_as_a_person() -> None:
    with Bench() as bench:
        for who, customer in (("a", "p"), ("a2", "p"), ("b", "q"), ("c", "r"), ("d", "t")):
            bench.profile(who, customer_id=customer)
        for who in ("a", "b", "c", "d"):
            bench.breach(who, at(1), kind="leave_intent" if who == "c" else "silence")
            bench.said(who, at(0, 10), "contacted", alert_id=bench_alert(who))
            bench.said(who, at(0, 15), "retained", alert_id=bench_alert(who))  # the same contact
        bench.put(CONTACTS, "a2", at(6.5), channel="sms")  # another number of that person, another department
        bench.put(CONTACTS, "b", at(8), channel="sms")
        bench.put(CONTACTS, "c", at(2), channel="sms")  # but c began it
        bench.said("d", at(0, 16), "contacted")  # d came to us afterwards
        figure = bench.of("disturbance")
    assert fraction(figure) == (1, 4)


def bench_alert(who: str) -> str:
    return f"{'leave_intent' if who == 'c' else 'silence'}-{who}"


def test_complaints_caused_come_within_a_week_after_the_contact() -> None:
    with Bench() as bench:
        for who, days in (("a", 2.0), ("b", -0.9), ("c", 7.9)):
            bench.profile(who)
            bench.said(who, at(7, 12), "contacted", alert_id=who)
            bench.cared(who, at(days), "complaint")
        figure = bench.of("complaints_caused")
    assert fraction(figure) == (1, 3)


def test_suppressions_by_reason_are_of_all_breaches() -> None:
    with Bench() as bench:
        bench.breach("a", at(0, 9))
        bench.breach("b", at(0, 9), withheld="cooldown")
        bench.breach("c", at(0, 9), withheld="low_priority")
        bench.breach("c", at(0, 10), withheld="low_priority")  # the same breach at the next look
        bench.breach("d", at(0, 9), withheld="low_priority", event="escalated")
        bench.breach("e", at(1, 9), withheld="legal")
        found = bench.figures()
    shares = {key[3]: fraction(found[key]) for key in found if key[:2] == ("suppression_mix", "day")}
    assert shares == {"": (2, 3), "cooldown": (1, 3), "low_priority": (1, 3), "legal": (0, 0)}


def test_capacity_and_target_are_the_policys_of_those_days() -> None:
    unit = UnitPolicy(
        name="tianhe-03",
        capacity={"outbound_call": 10},
        exceptions=(CapacityException(first="2026-11-29", channel="outbound_call", contacts=4),),
        target=2,
    )
    with Bench(Policy(units=(unit,))) as bench:
        for number, (step, ts) in enumerate((("contacted", at(0, 9)), ("contacted", at(1, 9)), ("accepted", at(0, 9)))):
            bench.step(f"o-{number}", 1, step, ts, alert_ids=[f"x-{number}"], subscriber_id=f"s-{number}")
        bench.step("o-3", 1, "contacted", at(0, 9), channel="sms")  # no limit, no capacity
        bench.said("s-0", at(0, 9), "retained", alert_id="x-0")
        bench.said("s-0", at(0, 10), "retained", alert_id="x-0")
        found = bench.figures(by="unit")
    use, target = found["capacity_use", "day", "tianhe-03", ""], found["target_reached", "day", "tianhe-03", ""]
    assert (fraction(use), use.before.denominator) == ((1, 4), 10)
    assert fraction(found["capacity_use", "month", "tianhe-03", ""]) == (2, 28 * 10 + 4)
    assert (fraction(target), target.now.value) == ((1, 2), 0.5)
    assert fraction(found["target_reached", "month", "tianhe-03", ""]) == (1, 2 * 29)


def test_win_back_is_of_those_who_left_half_a_year_ago() -> None:
    with Bench() as bench:
        for who in "abcd":
            bench.profile(who)
            bench.left(who, at(180, 12), "involuntary" if who == "d" else "lapsed")
        bench.left("a", at(50), "returned")
        bench.left("c", at(0, 13), "returned")  # an hour late
        bench.profile("b", ts=at(40), activated_ts=at(40))  # a new contract under the old number
        figure = bench.of("win_back")
    assert fraction(figure) == (2, 3)


def test_scopes_are_the_newest_profiles_unit_and_segment_and_the_tier_of_that_time() -> None:
    def told(bench: Bench) -> None:
        bench.profile("a", unit="u-1", arpu=200.0)
        bench.tier("a", at(9), "warning")
        bench.tier("a", at(0, 10), "high_risk")
        bench.left("a", at(0, 9))
        bench.profile("b", arpu=60.0)
        bench.left("b", at(0, 9))
        bench.left("c", at(0, 9))  # no profile at all

    expected = {
        "unit": {"u-1": 1, "unassigned": 2},
        "segment": {"high": 1, "mid": 1, "unknown": 1},
        "tier": {"warning": 1, "unknown": 2},
    }
    for by, numbers in expected.items():
        with Bench() as bench:
            told(bench)
            found = bench.figures(by=by)
        mine = {key[2]: found[key].now.numerator for key in found if key[:2] == ("active_churn", "day")}
        assert mine == numbers
    with Bench() as bench:
        told(bench)
        assert fraction(bench.of("active_churn", unit="u-1")) == (1, 0.5)


def test_the_erased_are_in_no_figure_also_if_their_records_come_later() -> None:
    with Bench() as bench:
        three_stay(bench)
        bench.profile("a")
        bench.left("a", at(0, 9))
        bench.erased("a", at(0, 10))
        bench.said("a", at(0, 9), "contacted", alert_id="late")
        bench.profile("a", ts=at(0, 11), unit="again")  # a new life
        found = bench.figures()
        rows = bench.facts.db.execute("SELECT hash FROM erased").fetchall()
    assert fraction(found["active_churn", "day", "total", ""]) == (0, 4)
    assert fraction(found["reach", "day", "total", ""]) == (0, 0)
    assert len(rows) == 1
    assert rows[0][0] != "a"


def test_a_deleted_profile_ends_the_service_and_keeps_unit_and_history() -> None:
    with Bench() as bench:
        three_stay(bench)
        bench.profile("a", unit="u-1")
        bench.left("a", at(0, 9))
        bench.record(SUBSCRIBERS, "a", None, at(0, 10))
        bench.record(SUBSCRIBERS, "never seen", None, at(0, 10))
        found = bench.figures(by="unit")
    assert fraction(found["active_churn", "day", "u-1", ""]) == (1, 0.5)
    assert fraction(found["active_churn", "day", "unassigned", ""]) == (0, 3)


def test_what_cannot_be_read_is_counted_and_left_out() -> None:
    with Bench() as bench:
        bench.record(OUTCOMES, "a", b"{", at(0))
        bench.record(FEEDBACK, "a", {"subscriber_id": "b", "ts": at(0), "status": "contacted"}, at(0))
        bench.record(ALERTS, "a", b"{}", at(0))
        assert bench.facts.unread == {OUTCOMES: 1, FEEDBACK: 1, ALERTS: 1}


def test_every_indicator_says_what_it_is_of_and_needs_a_topic_that_is_read() -> None:
    for indicator in INDICATORS:
        texts: list[Any] = [indicator.name, indicator.of, indicator.by]
        assert all(text.en and text.zh for text in texts)
        assert indicator.needs.keys() <= set(READ)
    assert len({indicator.key for indicator in INDICATORS}) == len(INDICATORS)


def test_the_policy_in_force_gives_the_look_back() -> None:
    policy = Policy()
    short = replace(policy, labels=replace(policy.labels, horizon_days=5.0))
    with Bench(short) as bench:
        bench.profile("a")
        bench.tier("a", at(8), "high_risk")
        bench.left("a", at(0, 12))
        assert fraction(bench.of("recall")) == (0, 1)
