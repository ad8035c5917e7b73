from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.event_mixes import DAY, START, arrivals_of
from support.folded import Trace, fold

from models.contract.events import (
    Billing,
    Call,
    CareContact,
    Consent,
    Contact,
    DataUsage,
    Deletion,
    Erasure,
    Feedback,
    Outcome,
    Product,
    Profile,
    SiteVisit,
)
from models.state.columns import BLOCKS
from models.state.population import Population
from models.state.record_updates import KEPT_CASES

NEVER = float("nan")
INDEX = {spec.name: spec.index for spec in BLOCKS}


def call(ts: int = START, subscriber_id: str = "s-1", **fields: Any) -> Call:
    fields = {"direction": "outgoing", "duration_s": 60.0, "peer_network": "on_net"} | fields
    return Call(subscriber_id=subscriber_id, ts=ts, **fields)


def care(reason: str, ts: int = START, **fields: Any) -> CareContact:
    return CareContact(subscriber_id="s-1", ts=ts, reason=reason, **fields)


def bill(period: str | None, amount: float, ts: int = START) -> Billing:
    return Billing(subscriber_id="s-1", ts=ts, kind="bill", amount=amount, period=period)


def profile(ts: int = START, **fields: Any) -> Profile:
    return Profile(subscriber_id="s-1", ts=ts, **fields)


def visit(ts: int = START, **fields: Any) -> SiteVisit:
    return SiteVisit(subscriber_id="s-1", ts=ts, operator="china-unicom", dwell_s=30.0, **fields)


def folded(*events: Any, watermark: float = NEVER) -> tuple[Population, Trace]:
    population = Population()
    return population, fold(population, arrivals_of(list(events)), watermark)


def value(population: Population, block: str, column: str, subscriber: str = "s-1") -> float:
    return float(population.blocks[block].data[population.find(subscriber), INDEX[block][column]])


def test_state_after_each_arrival_is_of_that_moment():
    _, trace = folded(call(START), call(START), DataUsage(subscriber_id="s-1", ts=START, bytes=2e6), call(START))
    assert trace.state["calls"][:, INDEX["calls"]["calls_7"]].tolist() == [1.0, 2.0, 2.0, 3.0]
    assert trace.state["data"][:, INDEX["data"]["mb_30"]].tolist() == [0.0, 0.0, 2.0, 2.0]


def test_late_event_counts_with_what_is_left_of_its_weight():
    population, trace = folded(call(START), call(START - DAY))
    assert value(population, "calls", "calls_1") == pytest.approx(1 + np.exp(-1))
    assert value(population, "calls", "ref_ts") == START
    assert value(population, "calls", "first_ts") == START - DAY
    assert trace.now.tolist() == [START, START]


def test_late_is_told_against_the_watermark_of_the_moment():
    week = 7 * DAY
    _, trace = folded(call(START - 1), call(START + week), call(START - 1), call(START), watermark=START)
    assert trace.late.tolist() == [False, False, True, False]


def test_profiles_and_outcomes_neither_move_the_watermark_nor_are_late():
    _, trace = folded(
        profile(START + 90 * DAY),
        call(START),
        profile(START - 90 * DAY),
        Outcome(subscriber_id="s-1", ts=0, outcome="lapsed"),
    )
    assert not trace.late.any()


def test_clock_of_a_subscriber_is_moved_by_what_he_did_alone():
    _, trace = folded(
        profile(START + DAY),
        call(START),
        Feedback(subscriber_id="s-1", ts=START + 9 * DAY, status="read"),
        care("fault"),
    )
    assert trace.now.tolist() == [START + DAY, START, START, START]


def test_repeated_event_changes_nothing():
    population, trace = folded(call(event_id="e"), call(event_id="e"), profile(event_id="e", arpu=1.0))
    assert trace.applied.tolist() == [True, False, False]
    assert value(population, "calls", "calls_1") == 1.0
    assert population.profiles[0] is None


def test_deletion_of_somebody_unknown_has_no_row_and_no_effect():
    population, trace = folded(Deletion("nobody"), Erasure(subscriber_id="nobody", ts=START, request_id="r"))
    assert trace.rows.tolist() == [-1, -1]
    assert trace.applied.all()
    assert len(population) == 0
    assert np.isnan(trace.state["calls"][0, 0])


def test_deletion_clears_the_profile_and_leaves_the_history():
    population, _ = folded(
        call(), profile(arpu=30.0), Outcome(subscriber_id="s-1", ts=START, outcome="lapsed"), Deletion("s-1")
    )
    assert population.profiles[0] is None
    assert np.isnan(value(population, "profile", "arpu"))
    assert value(population, "calls", "calls_1") == 1.0
    assert value(population, "outcome", "left") == 1.0


def test_older_profile_is_ignored_and_an_equal_one_replaces():
    population, trace = folded(profile(5, arpu=1.0), profile(4, arpu=2.0), profile(5, arpu=3.0))
    assert trace.applied.all()
    assert trace.state["profile"][:, INDEX["profile"]["arpu"]].tolist() == [1.0, 1.0, 3.0]
    assert value(population, "profile", "arpu") == 3.0


def test_profile_tells_contract_ends_by_product():
    ends = (("mobile", 5), ("mobile", 9), ("iptv", None))
    products = [Product(product=kind, contract_end_ts=end) for kind, end in ends]
    population, _ = folded(profile(products=products))
    assert value(population, "profile", "contract_end_mobile") == 9.0
    assert np.isnan(value(population, "profile", "contract_end_iptv"))
    assert value(population, "profile", "products") == 3.0


def test_visits_of_who_refuses_are_dropped_and_not_taken():
    refusal = profile(START, consent=Consent(behaviour=False))
    population, trace = folded(visit(), visit(), refusal, visit(), call())
    assert trace.state["visits"][:, INDEX["visits"]["visits_7"]].tolist() == [1.0, 2.0, 0.0, 0.0, 0.0]
    assert population.visits.of(0) == []
    assert np.isnan(value(population, "visits", "unicom_ts"))
    assert trace.applied.all()


def test_only_visits_that_were_refused_do_not_count_as_activity():
    _, trace = folded(profile(START, consent=Consent(behaviour=False)), visit(START + DAY))
    assert np.isnan(trace.state["activity"]).all()


def test_newest_visits_are_kept_in_their_order():
    population, _ = folded(*[visit(START + (i * 7) % 40) for i in range(40)])
    kept = [ts for ts, _, _ in population.visits.of(0)]
    assert kept == sorted(kept)
    assert len(kept) == 32
    assert kept[0] == START + 8


def test_case_is_open_until_resolved_and_a_new_promise_may_be_broken_anew():
    population, trace = folded(
        care("complaint", case_id="c", due_ts=START + 5),
        care("billing_dispute", case_id="d", due_ts=START + 9),
        care("fault", case_id="f"),
        care("complaint", case_id="c", status="resolved"),
    )
    assert trace.state["care"][:, INDEX["care"]["open_complaints"]].tolist() == [1.0, 2.0, 2.0, 1.0]
    assert trace.state["care"][:, INDEX["care"]["due_ts"]].tolist() == [START + 5, START + 5, START + 5, START + 9]
    assert value(population, "care", "open_faults") == 1.0
    assert value(population, "care", "complaint_30") == 2.0
    population.book(0).cases["d"].told = True
    fold(population, arrivals_of([care("complaint", case_id="d", due_ts=START + 9)]), START)
    assert population.book(0).cases["d"].told
    fold(population, arrivals_of([care("complaint", case_id="d", due_ts=START + 99)]), START)
    assert not population.book(0).cases["d"].told


def test_open_cases_are_bounded_and_the_oldest_goes():
    events = [care("complaint", START + i, case_id=f"c-{i}") for i in range(KEPT_CASES + 2)]
    population, _ = folded(*events)
    assert set(population.book(0).cases) == {f"c-{i}" for i in range(2, KEPT_CASES + 2)}


def test_appointment_stands_until_it_is_withdrawn_by_a_later_word():
    population, _ = folded(
        care("disconnect_appointment", START, appointment_ts=START + DAY),
        care("disconnect_appointment", START - 1, status="resolved"),
    )
    assert population.book(0).appointment_ts == START + DAY
    fold(population, arrivals_of([care("disconnect_appointment", START + 1, status="resolved")]), START)
    assert population.book(0).appointment_ts is None
    assert np.isnan(value(population, "care", "appointment_ts"))


def test_last_opinion_is_the_latest_told():
    population, _ = folded(care("satisfaction", START, score=3.0), care("satisfaction", START - 1, score=9.0))
    assert value(population, "care", "satisfaction") == 3.0


def test_bills_find_their_period():
    months = [("2026-05", 30.0), ("2026-03", 10.0), ("2026-06", 40.0), ("2026-05", 35.0), ("2019-01", 1.0)]
    population, _ = folded(*[bill(period, amount) for period, amount in months])
    bills = [value(population, "billing", c) for c in ("bill", "bill_before", "bill_two_before", "bill_three_before")]
    assert bills[:2] == [40.0, 35.0]
    assert np.isnan(bills[2])
    assert bills[3] == 10.0


def test_bill_of_a_mistyped_year_does_not_push_out_the_others():
    population, _ = folded(bill("2026-05", 30.0), bill("9026-06", 99.0))
    assert value(population, "billing", "bill") == 30.0


def test_recharges_and_change_of_plan():
    events = [Billing(subscriber_id="s-1", ts=START + d * DAY, kind="recharge", amount=50.0) for d in (10, 0, 20)]
    change = Billing(subscriber_id="s-1", ts=START, kind="plan_change", amount=0.0, fee=59.0, from_fee=118.0)
    population, _ = folded(*events, change)
    assert value(population, "billing", "recharges") == 3.0
    assert value(population, "billing", "recharge_first_ts") == START
    assert value(population, "billing", "recharge_last_ts") == START + 20 * DAY
    assert value(population, "billing", "plan_fee_change") == -0.5


def test_touches_are_contacts_of_others_and_feedback_that_tells_of_one():
    population, _ = folded(
        Contact(subscriber_id="s-1", ts=2, channel="sms"),
        Feedback(subscriber_id="s-1", ts=1, status="refused", channel="outbound_call", by="m-7"),
        Feedback(subscriber_id="s-1", ts=3, status="accepted"),
    )
    book = population.book(0)
    assert [(t.ts, t.status, t.by) for t in book.touches] == [(1, "refused", "m-7"), (2, "contacted", "others")]
    assert book.refused_ts == 1


def test_outcome_is_kept_and_a_return_takes_it_back():
    population, trace = folded(
        Outcome(subscriber_id="s-1", ts=5, outcome="ported_out"),
        Outcome(subscriber_id="s-1", ts=4, outcome="returned"),
        Outcome(subscriber_id="s-1", ts=9, outcome="returned"),
    )
    assert trace.state["outcome"][:, INDEX["outcome"]["left"]].tolist() == [1.0, 1.0, 0.0]
    assert value(population, "outcome", "left_ts") == 5.0


def test_nothing_to_fold():
    population, trace = folded()
    assert len(trace.rows) == 0
    assert not population.take_changes()


@pytest.mark.parametrize(
    ("next_period", "expected"),
    [
        ("2026-04", [40.0, 10.0, NEVER, NEVER]),
        ("2026-06", [40.0, NEVER, NEVER, 10.0]),
        ("2026-07", [40.0] + [NEVER] * 3),
    ],
)
def test_bill_after_a_gap_leaves_the_months_between_unknown(next_period: str, expected: list[float]):
    population, _ = folded(bill("2026-03", 10.0), bill(next_period, 40.0, START + 60 * DAY))
    columns = ("bill", "bill_before", "bill_two_before", "bill_three_before")
    np.testing.assert_array_equal([value(population, "billing", c) for c in columns], expected)


def test_newest_contacts_are_kept_in_their_order():
    events = [Contact(subscriber_id="s-1", ts=START + (i * 7) % 80, channel="sms") for i in range(80)]
    population, _ = folded(*events)
    assert [t.ts for t in population.book(0).touches] == [START + i for i in range(16, 80)]


def test_who_is_unknown_shows_the_columns_of_nobody():
    population = Population()
    trace = fold(population, arrivals_of([Deletion("nobody"), call()]), NEVER)
    for name, state in trace.state.items():
        np.testing.assert_array_equal(state[0], population.blocks[name].fill)
