"""What becomes of a frozen vector: its label, when it is known, and what is told with it."""

from __future__ import annotations

import random
from collections import Counter

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from support.detecting import CARE_MODEL, DAY, HOUR, ROOMY, START, Bench, snapshot

from models.analysis.score_metrics import roc_auc
from models.contract.policy import Policy
from models.contract.training_example import WEEKLY, Example, WeeklyLabel
from models.features.catalogue import INDEX, NAMES, catalogue_hash
from models.scoring.scorer import Scorer
from models.state.columns import RISK, place
from models.state.subscriber_record import LABEL_CODE

HORIZON = 30 * DAY
LAPSE = 60 * DAY


def examples(bench: Bench) -> list[Example]:
    return [o.body for o in bench.outputs if isinstance(o.body, Example)]


def weekly(bench: Bench) -> list[Example]:
    return [e for e in examples(bench) if e.origin == WEEKLY]


def waiting(bench: Bench) -> int:
    return sum(key.startswith(LABEL_CODE) for key in bench.state)


def live(bench: Bench, start: int, days: int, subscriber: str = "s-2", hour: int = 11) -> int:
    """Somebody uses the service every day, so that the lane's time goes on; the time of the last."""
    for day in range(days):
        for kind in ("call", "data"):
            bench.send(kind, subscriber, start + day * DAY + hour * HOUR)
    return start + (days - 1) * DAY + hour * HOUR


def seen(days: int = 22, **profile: object) -> tuple[Bench, int]:
    """Three weeks of a subscriber with a profile: three weekly vectors of him wait."""
    bench = Bench()
    bench.send("profile", "s-1", START - DAY, **profile)
    live(bench, START, days, "s-1")
    return bench, START + days * DAY


def test_everybody_is_frozen_once_a_week() -> None:
    bench, _ = seen(29)
    assert waiting(bench) == 4
    times = sorted(int.from_bytes(key[1:9], "big") for key in bench.state if key.startswith(LABEL_CODE))
    assert np.diff(times).tolist() == [7 * DAY] * 3


def test_leaving_within_the_horizon_is_positive_and_nothing_waits_any_more() -> None:
    bench, end = seen()
    bench.send("outcome", "s-1", end, outcome="ported_out", leave_reason="price")
    told = weekly(bench)
    assert [e.label for e in told] == ["positive"] * 3
    assert {(e.outcome, e.outcome_ts, e.leave_reason) for e in told} == {("ported_out", end, "price")}
    assert waiting(bench) == 0
    assert len({e.example_id for e in told}) == 3


def test_vectors_older_than_the_horizon_are_negative_when_he_leaves() -> None:
    bench, end = seen(43)
    bench.send("outcome", "s-1", end, outcome="disconnected")
    assert [e.label for e in weekly(bench)] == [
        "positive" if e.ts + HORIZON >= end else "negative" for e in weekly(bench)
    ]
    assert {e.label for e in weekly(bench)} == {"positive", "negative"}


def test_who_uses_the_service_past_the_horizon_has_stayed() -> None:
    bench, end = seen()
    live(bench, end, 60, "s-1")
    told = weekly(bench)
    assert len(told) >= 3
    assert {e.label for e in told} == {"negative"}
    assert all(HORIZON <= e.delay_ms <= HORIZON + DAY for e in told)
    assert {(e.outcome, e.outcome_ts) for e in told} == {(None, None)}


def test_of_the_silent_the_longest_lapse_is_waited_for() -> None:
    bench, end = seen()
    live(bench, end, 68)
    assert "s-1" not in {e.subscriber_id for e in weekly(bench)}
    live(bench, end + 68 * DAY, 30)
    told = [e for e in weekly(bench) if e.subscriber_id == "s-1"]
    assert told
    assert {e.label for e in told} == {"negative"}
    assert all(HORIZON + LAPSE <= e.delay_ms <= HORIZON + LAPSE + DAY for e in told)


def test_a_silence_that_ends_ends_the_waiting_too() -> None:
    bench, end = seen()
    live(bench, end, 50)
    bench.send("call", "s-1", end + 50 * DAY)
    live(bench, end + 51 * DAY, 2)
    told = [e for e in weekly(bench) if e.subscriber_id == "s-1"]
    assert [(e.label, e.labelled_ts > end + 49 * DAY) for e in told][:3] == [("negative", True)] * 3


def test_a_feed_that_stands_still_labels_none_of_the_silent() -> None:
    bench, end = seen()
    for day in range(120):
        bench.send("data", "s-2", end + day * DAY)  # no call any more, from anybody
    assert "s-1" not in {e.subscriber_id for e in examples(bench)}


def test_a_lapse_is_dated_by_its_last_activity() -> None:
    bench, end = seen()
    live(bench, end, 20)
    bench.send("outcome", "s-1", end + 20 * DAY, outcome="lapsed", last_activity_ts=end - HOUR)
    told = sorted((e for e in weekly(bench) if e.subscriber_id == "s-1"), key=lambda e: e.ts)
    # What was frozen of him in his silence counts too: of those who come back it is negative.
    assert [e.label for e in told] == ["positive"] * len(told)
    assert any(e.ts > end for e in told)
    assert {e.outcome_ts for e in told} == {end - HOUR}


def test_a_lapse_declared_within_its_longest_time_overtakes_the_label_by_time() -> None:
    bench, end = seen()
    live(bench, end, 59)
    bench.send("outcome", "s-1", end + 59 * DAY, outcome="lapsed", last_activity_ts=end - HOUR)
    assert [e.label for e in weekly(bench) if e.subscriber_id == "s-1" and e.ts < end] == ["positive"] * 3
    assert bench.counts[-1].late_outcomes == 0


def test_passive_churn_is_void_within_the_horizon() -> None:
    bench, end = seen(43)
    bench.send("outcome", "s-1", end, outcome="involuntary")
    assert [e.label for e in weekly(bench)] == ["void" if e.ts + HORIZON >= end else "negative" for e in weekly(bench)]


def test_who_is_gone_by_his_profile_alone_has_no_label() -> None:
    bench, end = seen()
    bench.send("profile", "s-1", end, status="left")
    live(bench, end, 95)
    assert {e.label for e in weekly(bench) if e.subscriber_id == "s-1"} == {"void"}


def test_first_outcome_decides_and_later_ones_are_counted() -> None:
    bench, end = seen()
    bench.send("outcome", "s-1", end, outcome="ported_out")
    before = len(examples(bench))
    bench.send("outcome", "s-1", end + HOUR, outcome="involuntary")
    bench.send("outcome", "s-1", end + 2 * HOUR, outcome="disconnected")
    assert len(examples(bench)) == before
    assert sum(c.later_outcomes for c in bench.counts) == 2


def test_returned_rewrites_nothing_and_a_second_leaving_counts_again() -> None:
    bench, end = seen()
    bench.send("outcome", "s-1", end, outcome="ported_out")
    bench.send("outcome", "s-1", end + DAY, outcome="returned")
    assert [e.label for e in weekly(bench)] == ["positive"] * 3
    live(bench, end + 2 * DAY, 15, "s-1")
    bench.send("outcome", "s-1", end + 17 * DAY, outcome="disconnected")
    assert [e.outcome for e in weekly(bench)][3:] == ["disconnected"] * 2
    assert sum(c.later_outcomes for c in bench.counts) == 0


def test_an_outcome_later_than_the_labels_by_time_is_counted() -> None:
    bench, end = seen()
    live(bench, end, 95)
    bench.send("outcome", "s-1", end + 95 * DAY, outcome="lapsed", last_activity_ts=end)
    assert bench.counts[-1].late_outcomes == 1


@pytest.mark.parametrize("outcome", ["migrated", "downgraded"])
def test_what_is_no_leaving_labels_nobody(outcome: str) -> None:
    bench, end = seen()
    bench.send("outcome", "s-1", end, outcome=outcome)
    assert not examples(bench)
    bench.send("outcome", "s-1", end + DAY, outcome="ported_out")
    assert {e.downgraded for e in weekly(bench)} == {outcome == "downgraded"}


def test_the_vector_and_the_risk_are_those_that_were_served() -> None:
    bench, end = seen()
    for case in ("c-1", "c-2"):
        bench.send("care", "s-1", end, reason="complaint", case_id=case)
    for day in (1, 2):
        bench.send("call", "s-1", end + day * DAY)
    assert bench.life() == ["risk_tier raised"]
    bench.send("outcome", "s-1", end + 2 * DAY + HOUR, outcome="ported_out")
    scorer = Scorer(CARE_MODEL, bench.policy.base_rate)
    for example in examples(bench):
        x = np.array([example.numbers()]).T
        assert x.shape == (len(NAMES), 1)
        assert example.risk == pytest.approx(scorer.score(x).risk[0], rel=1e-6)
        assert example.catalogue == catalogue_hash()
    at_alert = [e for e in examples(bench) if e.origin == "risk_tier"]
    assert [e.numbers()[INDEX["complaints_open"]] for e in at_alert] == [2.0]
    alert = bench.alerts()[0]
    assert [(e.tier, e.model_version, e.cause) for e in at_alert] == [
        (alert.tier, alert.model_version, alert.action.cause if alert.action else None)
    ]


def test_the_lead_runs_from_the_first_alert_within_the_horizon() -> None:
    bench, end = seen()
    bench.send("care", "s-1", end, reason="port_out_query")
    bench.send("care", "s-1", end + 5 * DAY, reason="leave_intent")
    bench.send("outcome", "s-1", end + 9 * DAY, outcome="ported_out")
    assert {e.lead_ms for e in examples(bench)} == {9 * DAY}


def test_an_alert_amid_the_silence_of_a_lapse_is_right_and_has_foretold_it() -> None:
    """One definition for precision and recall: a lapse is dated by the last activity, and the alert came behind it."""
    bench, end = seen()
    bench.send("care", "s-1", end + 5 * DAY, reason="leave_intent")
    live(bench, end, 20)
    bench.send("outcome", "s-1", end + 20 * DAY, outcome="lapsed", last_activity_ts=end - HOUR)
    (at_alert,) = (e for e in examples(bench) if e.origin == "leave_intent")
    assert (at_alert.label, at_alert.lead_ms) == ("positive", 0)
    assert [counts.leavers for counts in bench.counts if counts.leavers] == [{"signal": 1}]
    assert {e.first_alert_ts for e in weekly(bench) if e.subscriber_id == "s-1"} == {at_alert.ts}


def test_contacts_between_snapshot_and_label_mark_the_treated() -> None:
    bench, end = seen()
    bench.send("contact", "s-1", end - 9 * DAY, channel="sms")
    bench.send("feedback", "s-1", end - DAY, status="refused", offer_code="R-A", channel="outbound_call")
    bench.send("outcome", "s-1", end, outcome="ported_out")
    marks = [(e.contacted, e.offer_code) for e in sorted(weekly(bench), key=lambda e: e.ts)]
    assert marks == [(True, "R-A")] * 3
    other, end = seen()
    other.send("feedback", "s-1", end - DAY, status="unreachable", channel="outbound_call")
    other.send("outcome", "s-1", end, outcome="ported_out")
    assert {e.contacted for e in weekly(other)} == {False}


def test_who_refuses_profiling_is_not_learned_from() -> None:
    bench, _ = seen(consent={"profiling": False})
    assert waiting(bench) == 0


def test_an_erasure_takes_the_vectors_along() -> None:
    bench, end = seen()
    assert waiting(bench) == 3
    bench.send("erasure", "s-1", end)
    assert waiting(bench) == 0
    assert not examples(bench)
    live(bench, end, 100)
    assert {e.subscriber_id for e in examples(bench)} <= {"s-2"}


def test_a_restart_waits_for_the_same_labels() -> None:
    bench, end = seen()
    bench.restart()
    bench.send("outcome", "s-1", end, outcome="ported_out")
    reference, _ = seen()
    reference.send("outcome", "s-1", end, outcome="ported_out")
    assert msgspec.json.encode(examples(bench)) == msgspec.json.encode(examples(reference))


def test_a_share_of_the_population_may_be_enough() -> None:
    policy = Policy()
    bench = Bench(policy=replace(policy, labels=replace(policy.labels, weekly_share=0.25)))
    for n in range(80):
        live(bench, START, 2, f"s-{n}", hour=1 + n % 7)
    live(bench, START + 2 * DAY, 8)
    kept = {key[10:] for key in bench.state if key.startswith(LABEL_CODE)}
    assert 8 <= len(kept) <= 35


def test_held_out_persons_are_not_contacted_but_are_learned_from() -> None:
    bench = Bench(policy=replace(ROOMY, contact=replace(ROOMY.contact, hold_out_share=0.999999)))
    bench.send("profile", "s-1", START - DAY)
    end = bench.week("s-1")
    for case in ("c-1", "c-2"):
        bench.send("care", "s-1", end + HOUR, reason="complaint", case_id=case)
    for day in range(1, 6):
        bench.send("call", "s-1", end + day * DAY)
    assert bench.life() == ["risk_tier suppressed hold_out"]
    bench.send("care", "s-1", end + 5 * DAY + HOUR, reason="leave_intent")
    assert bench.life()[1:] == ["leave_intent raised"]
    bench.send("outcome", "s-1", end + 6 * DAY, outcome="ported_out")
    assert {(e.origin, e.hold_out) for e in examples(bench)} >= {("risk_tier", True), ("leave_intent", True)}


# What only the future knows


def test_the_future_does_not_reach_back_into_a_vector() -> None:
    stays, end = seen()
    leaves, _ = seen()
    live(stays, end, 100, "s-1")
    leaves.send("visit", "s-1", end, page="number_portability", dwell_s=900)
    leaves.send("care", "s-1", end + HOUR, reason="port_out_code")
    leaves.send("outcome", "s-1", end + DAY, outcome="ported_out")
    before = [{e.ts: (e.x, e.risk, e.tier) for e in weekly(bench) if e.ts < end} for bench in (stays, leaves)]
    assert len(before[0]) == 3
    assert before[0] == before[1]


def test_who_leaves_by_a_coin_that_is_tossed_later_is_not_foretold() -> None:
    """The leak canary: whatever told it would have seen the outcome."""
    dice, bench = random.Random(7), Bench(snapshot(-3.0, calls_7d=([0.0, 5.0, 60.0], [2.0, 0.0, -2.0])))
    people = [f"s-{n}" for n in range(300)]
    use = {person: dice.uniform(0.2, 4.0) for person in people}
    for day in range(9):
        times = sorted(
            (dice.random(), person) for person in people for _ in range(round(dice.expovariate(1 / use[person])))
        )
        bench.apply([bench.arrival("call", who, START + day * DAY + int(at * DAY)) for at, who in times])
    for person in people:
        left = dice.random() < 0.5
        bench.send("outcome", person, START + 9 * DAY, outcome="ported_out" if left else "involuntary")
    # Who was cut off is void; for this one question he is the other side of the coin.
    told = [(e.risk, e.label == "positive") for e in weekly(bench)]
    assert len(told) > 250
    risk, left_later = np.array([r for r, _ in told]), np.array([p for _, p in told])
    assert np.ptp(risk) > 0.02
    sides = left_later.sum() * (~left_later).sum()
    three_errors = 3 * np.sqrt((len(told) + 1) / (12 * sides))
    assert abs(roc_auc(risk, left_later) - 0.5) < three_errors


def fates(bench: Bench) -> list[WeeklyLabel]:
    """Of the subscriber, not of the one whose events move the time."""
    return [o.body for o in bench.outputs if isinstance(o.body, WeeklyLabel) and o.key == "s-1"]


def spans(bench: Bench, ts: int) -> list[tuple[int, int, bool]]:
    """The weeks that are told of the vector of that time."""
    return [(fate.first, fate.last, fate.left) for fate in fates(bench) if fate.ts == ts]


def test_each_week_is_told_as_it_ends_and_the_verdict_after_the_last() -> None:
    bench, end = seen()
    live(bench, end, 50, "s-1")
    first = min(fate.ts for fate in fates(bench))
    assert spans(bench, first) == [(1, 1, False), (2, 2, False), (3, 3, False), (4, 4, False)]
    ends = [7, 14, 21, 30]
    told = [fate for fate in fates(bench) if fate.ts == first]
    assert all(0 <= fate.known_ts - first - day * DAY < DAY for fate, day in zip(told, ends, strict=True))
    assert len({fate.fate_id for fate in fates(bench)}) == len(fates(bench))
    verdict = next(e for e in weekly(bench) if e.ts == first)
    assert (verdict.label, verdict.x) == ("negative", told[0].x)


def test_a_leaving_is_told_in_its_week_and_the_weeks_before_it_with_it() -> None:
    bench, end = seen()
    bench.send("outcome", "s-1", end, outcome="ported_out")
    for verdict in weekly(bench):
        told = spans(bench, verdict.ts)
        week = (end - verdict.ts) // (7 * DAY) + 1
        assert told[-1][1:] == (week, True)
        assert [span[0] for span in told] == [1, *(last + 1 for _, last, _ in told[:-1])]
        assert not any(left for _, _, left in told[:-1])


def test_of_the_silent_a_week_is_known_when_they_come_back_or_are_declared_lapsed() -> None:
    bench, end = seen()
    live(bench, end, 25)
    latest = max(int.from_bytes(key[1:9], "big") for key in bench.state if key.startswith(LABEL_CODE))
    assert spans(bench, latest) == []
    back = end + 25 * DAY
    bench.send("call", "s-1", back)
    live(bench, back, 2)
    assert spans(bench, latest) == [(1, (back - latest) // (7 * DAY), False)]

    bench, end = seen()
    live(bench, end, 25)
    bench.send("outcome", "s-1", end + 25 * DAY, outcome="lapsed", last_activity_ts=end - DAY)
    assert all(fate.left for fate in fates(bench) if fate.ts > end - 5 * DAY)
    assert all(spans(bench, v.ts)[-1][2] for v in weekly(bench) if v.subscriber_id == "s-1" and v.label == "positive")


def test_who_is_cut_off_tells_no_further_week_and_an_alert_none() -> None:
    bench, end = seen()
    before = len(fates(bench))
    bench.send("outcome", "s-1", end, outcome="involuntary")
    assert len(fates(bench)) == before
    assert {fate.outcome for fate in fates(bench)} == {None}


def test_a_restart_tells_the_same_weeks() -> None:
    whole, cut = seen()[0], seen()[0]
    end = START + 22 * DAY
    for day in range(40):
        for bench in (whole, cut):
            live(bench, end + day * DAY, 1, "s-1")
        cut.restart()
    assert [msgspec.json.encode(fate) for fate in fates(cut)] == [msgspec.json.encode(fate) for fate in fates(whole)]


def test_what_a_former_release_told_is_not_told_again() -> None:
    """It wrote a vector anew with each week that it told of it, and nothing of that into the row."""
    whole, read_on = seen()[0], seen()[0]
    for day in range(22, 45):
        for bench in (whole, read_on):
            live(bench, START + day * DAY, 1, "s-1")
    before, told = len(fates(whole)), Counter(fate.ts for fate in fates(whole))
    assert max(told.values()) > 1
    columns = RISK.columns[: RISK.index["stayed_ts"]]
    row = read_on.detector.population.find("s-1")
    risks = read_on.detector.population.table[row, place(RISK, columns[0]) :][: len(columns)]
    for key, value in read_on.state.items():
        if key[:1] == LABEL_CODE and (weeks := told[int.from_bytes(key[1:9], "big")]) and key.endswith(b"s-1"):
            read_on.state[key] = msgspec.json.encode(msgspec.json.decode(value) | {"weeks": weeks})
    read_on.state[b"rs-1"] = b"\x01\x00" + risks.tobytes()
    read_on.restart()
    for day in range(45, 70):
        for bench in (whole, read_on):
            live(bench, START + day * DAY, 1, "s-1")
    assert fates(read_on) == fates(whole)
    assert len(fates(whole)) > before
