"""The stream as a whole: valid by the contract, in order, the same for the same seed, and with the shapes it claims.

Nothing here is a figure of quality: the leavers found below are the ones that the simulator itself sent away.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from types import SimpleNamespace

import numpy as np
import orjson
import pytest

from app.publishing.record import TimedRecord
from app.simulator import Rates, simulate
from app.simulator.world import World
from models.contract.events import (
    BILLING,
    CALLS,
    CARE_CONTACTS,
    DATA_USAGE,
    ERASURES,
    FEEDBACK,
    INPUTS,
    OUTCOMES,
    SITE_VISITS,
    SUBSCRIBERS,
)
from models.contract.time_units import DAY_MS, HOUR_MS
from streams.records import wire

START = 1_780_000_000_000
SEED, SUBSCRIBERS_COUNT, DAYS = 11, 2_000, 45
SPARSE = Rates(calls_per_day=0.6, sessions_per_day=0.4, erasures_per_month=0.005)


@pytest.fixture(scope="module")
def life() -> list[tuple[TimedRecord, dict[str, object]]]:
    return [
        (record, orjson.loads(record.value)) for record in simulate(SEED, SUBSCRIBERS_COUNT, START, DAYS, rates=SPARSE)
    ]


def digest(seed: int) -> str:
    whole = hashlib.sha256()
    for record in simulate(seed, 60, START, 3):
        whole.update(repr(record).encode())
    return whole.hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert digest(1) == digest(1)
    assert digest(1) != digest(2)


def test_a_day_cut_into_spans_stays_one_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.simulator.stream._SPAN_EVENTS", 200)
    stamps = [record.ts for record in simulate(3, 100, START, 2)]
    assert stamps == sorted(stamps)
    assert len(stamps) > 2_000


def test_records_come_in_the_order_of_event_time_and_end_before_the_last_day(life) -> None:
    stamps = [record.ts for record, _ in life]
    assert stamps == sorted(stamps)
    assert stamps[0] == START
    assert stamps[-1] < START + DAYS * DAY_MS


def test_everybodys_profile_comes_first(life) -> None:
    opening = life[:SUBSCRIBERS_COUNT]
    assert {record.topic for record, _ in opening} == {SUBSCRIBERS}
    assert len({record.key for record, _ in opening}) == SUBSCRIBERS_COUNT
    assert {record.key for record, _ in life} <= {record.key for record, _ in opening}


def test_every_topic_but_the_feedback_is_written(life) -> None:
    assert {record.topic for record, _ in life} == set(INPUTS) - {FEEDBACK}


def test_every_record_is_valid_by_the_contract_and_has_no_field_beyond_it(life) -> None:
    for offset, (record, value) in enumerate(life):
        raw = SimpleNamespace(offset=offset, timestamp=record.ts, key=record.key, value=record.value, headers=())
        decoded = wire.decode(record.topic, raw, record.ts)
        assert not isinstance(decoded, wire.Rejected), (record, decoded)
        assert set(value) <= set(INPUTS[record.topic].__struct_fields__), record


def test_event_ids_are_unique(life) -> None:
    assert len({value["event_id"] for _, value in life}) == len(life)


def test_record_time_is_event_time_and_key_is_the_subscriber(life) -> None:
    assert all(value["ts"] == record.ts and value["subscriber_id"] == record.subscriber_id for record, value in life)


def test_nothing_is_written_of_who_asked_to_be_forgotten(life) -> None:
    forgotten: dict[bytes, int] = {}
    for at, (record, _) in enumerate(life):
        assert record.key not in forgotten, life[at]
        if record.topic == ERASURES:
            forgotten[record.key] = at
    assert forgotten


def test_who_has_left_neither_calls_nor_surfs_again(life) -> None:
    gone: set[bytes] = set()
    after = 0
    for record, value in life:
        if record.topic == OUTCOMES:
            if value["outcome"] in ("ported_out", "disconnected", "lapsed", "involuntary", "migrated"):
                gone.add(record.key)
            elif value["outcome"] == "returned":
                gone.discard(record.key)
        elif record.topic in (CALLS, DATA_USAGE, SITE_VISITS):
            after += record.key in gone
    assert gone
    assert after == 0


def test_a_lapse_is_declared_days_after_the_last_activity(life) -> None:
    last: dict[bytes, int] = {}
    lapses = 0
    for record, value in life:
        if record.topic in (CALLS, DATA_USAGE):
            last[record.key] = record.ts
        elif value.get("outcome") == "lapsed":
            lapses += 1
            assert record.ts - value["last_activity_ts"] >= SPARSE.lapse_after_days * DAY_MS
            assert last.get(record.key, 0) <= value["last_activity_ts"]
    assert lapses > 3


def test_monthly_churn_is_what_was_asked_for(life) -> None:
    leavers = sum(value.get("outcome") in ("ported_out", "disconnected", "lapsed") for _, value in life)
    monthly = leavers / SUBSCRIBERS_COUNT / (DAYS / 30)
    assert 0.6 * SPARSE.churn_per_month < monthly < 1.5 * SPARSE.churn_per_month


def test_without_churn_nobody_leaves_of_his_own_will() -> None:
    rates = Rates(
        churn_per_month=0, passive_per_month=0, downgrade_per_month=0, calls_per_day=0.1, sessions_per_day=0.1
    )
    outcomes = Counter(
        orjson.loads(record.value)["outcome"]
        for record in simulate(2, 400, START, 30, rates=rates)
        if record.topic == OUTCOMES
    )
    assert set(outcomes) <= {"migrated"}


def test_most_port_outs_are_announced_by_query_and_code(life) -> None:
    steps: dict[bytes, list[str]] = defaultdict(list)
    for record, value in life:
        if record.topic == CARE_CONTACTS and str(value["reason"]).startswith("port_out"):
            steps[record.key].append(str(value["reason"]))
        elif value.get("outcome") == "ported_out" and record.ts > START + 5 * DAY_MS:
            assert steps[record.key][-2:] == ["port_out_query", "port_out_code"], record


def test_a_resolved_case_was_opened_and_some_are_late(life) -> None:
    due: dict[object, object] = {}
    late = 0
    for record, value in life:
        if record.topic == CARE_CONTACTS and "case_id" in value and value.get("status") != "resolved":
            due[value["case_id"]] = value["due_ts"]
        elif record.topic == CARE_CONTACTS and value.get("status") == "resolved" and record.ts > START + 10 * DAY_MS:
            assert due[value["case_id"]] == value["due_ts"]
            late += record.ts > value["due_ts"]
    assert late > 0


def test_bills_come_once_a_month_and_the_profile_follows_what_moved(life) -> None:
    bills = Counter((record.key, value["period"]) for record, value in life if value.get("kind") == "bill")
    assert max(bills.values()) == 1
    kinds = {value["kind"] for record, value in life if record.topic == BILLING}
    assert kinds == {"accrual", "bill", "recharge", "plan_change"}
    assert sum(record.topic == SUBSCRIBERS for record, _ in life) > SUBSCRIBERS_COUNT


def test_suspensions_show_in_the_profile_before_an_involuntary_end(life) -> None:
    status = {}
    ends = 0
    for record, value in life:
        if record.topic == SUBSCRIBERS:
            status[record.key] = value["status"]
        elif value.get("outcome") == "involuntary":
            ends += 1
            assert str(status[record.key]).startswith("suspended_")
    assert ends > 0


def test_nights_are_quiet_and_calls_have_a_heavy_tail() -> None:
    hours = np.zeros(24)
    calls: Counter[bytes] = Counter()
    for record in simulate(4, 500, START, 7, rates=Rates(sessions_per_day=0)):
        if record.topic == CALLS:
            hours[(record.ts // HOUR_MS + 8) % 24] += 1
            calls[record.key] += 1
    assert hours[1:5].mean() < 0.1 * hours[9:21].mean()
    frequent = sorted(calls.values(), reverse=True)
    assert sum(frequent[:50]) > 0.3 * sum(frequent)
    assert 4 < sum(frequent) / 500 / 7 < 8


def test_the_world_behind_a_stream_is_that_of_its_seed(life) -> None:
    world = World.create(SEED, SUBSCRIBERS_COUNT, START, DAYS, SPARSE)
    left = {world.ids[who] for who in np.flatnonzero(world.population.until < START + DAYS * DAY_MS)}
    told = {
        record.subscriber_id
        for record, value in life
        if value.get("outcome") in ("ported_out", "disconnected", "involuntary", "migrated")
    }
    assert told <= left


@pytest.mark.parametrize(("subscribers", "days"), [(0, 1), (1, 0)])
def test_an_empty_simulation_is_refused(subscribers: int, days: int) -> None:
    with pytest.raises(ValueError, match="at least one"):
        next(simulate(1, subscribers, START, days))


@pytest.mark.parametrize("subscribers", [1, 2, 7, 39])
def test_a_handful_of_subscribers_is_a_population_too(subscribers: int) -> None:
    records = list(simulate(5, subscribers, START, 2))
    assert sum(record.topic == SUBSCRIBERS and record.ts == START for record in records) == subscribers
