"""The checker itself, over lanes kept in memory: clean when nothing is wrong, and every damage called by its name."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from support.columns import columns
from support.counting import CountingFold
from support.history_check import Log, Record, check
from support.plain_order import in_order
from support.rig import event, mix

from models.contract.events import CALLS, INPUTS
from models.kernel.arrivals import EventReader
from streams.lanes import ledger
from streams.lanes.intake import ArrivalBatch, decoded
from streams.lanes.ledger import LEDGER_KEY, Ledger
from streams.records.lane_history import history_record, read, segments
from streams.records.out_records import OutRecord
from streams.records.record_columns import Placed
from streams.records.topics import ALERTS, ALL_TOPICS, DEAD_LETTERS, HISTORY, SCORES, STATE

BEGIN = 1_780_000_000_000
Records = dict[str, dict[int, list[Record]]]
Damage = Callable[[Records], None]


class MemoryLane:
    """A lane without its broker: what it would have committed, cut into batches of any size."""

    def __init__(self, log: Records, partition: int, seed: int, budget: int = 1_000_000) -> None:
        self.fold = CountingFold(budget)
        self._log = log
        self._partition = partition
        self._draw = random.Random(seed)
        self._ledger = Ledger("group", 2, {"x": "y"}, dict.fromkeys(INPUTS, -1))
        self._write([history_record(partition, [], None, self.fold.versions, opened="group")])

    def run(self, spoil: Callable[[list[Placed]], list[Placed]] = lambda placed: placed) -> None:
        """Apply all there is; `spoil` is done to each batch, as by a lane that errs."""
        rest = {topic: list(self._log[topic][self._partition]) for topic in INPUTS}
        while any(rest.values()):
            placed = []
            for one in in_order(rest)[: self._draw.randint(1, 30)]:
                placed.append(one)
                rest[one.topic].pop(0)
            self.apply(spoil(placed))

    def apply(self, placed: list[Placed]) -> None:
        batch: ArrivalBatch | None = decoded(columns(placed), BEGIN + 60_000, EventReader())
        while batch is not None:
            applied = self.fold.apply(batch.arrivals)
            done, batch = batch.cut(applied) if applied < len(batch.arrivals) else (batch, None)
            self.commit(done, batch)

    def commit(self, done: ArrivalBatch, rest: ArrivalBatch | None) -> None:
        folded = self.fold.take()
        model, policy = self.fold.versions
        offsets = self._ledger.offsets | done.settled(rest, lambda _: None)
        self._ledger = Ledger("group", 2, {"x": "y"}, offsets, clock=self.fold.clock(), model=model, policy=policy)
        stopped = rest.placed[0] if rest is not None else None
        self._write(
            [
                *(OutRecord(STATE, key, value) for key, value in folded.state),
                OutRecord(STATE, LEDGER_KEY, ledger.encode(self._ledger)),
                *folded.outputs,
                *done.letters("t.", self._partition)[1],
                history_record(
                    self._partition, segments(done.placed), done.broker_ms, self.fold.versions, stopped=stopped
                ),
            ]
        )

    def _write(self, records: Iterable[OutRecord]) -> None:
        for topic, key, value, headers in records:
            log = self._log[topic][self._partition]
            log.append(Record(log[-1].offset + 1 if log else 0, 0, key, value, tuple(headers)))


def inputs(seed: int = 1, count: int = 400) -> Records:
    """Two partitions of all inputs, with poison among them and offsets missing."""
    draw = random.Random(seed)
    log: Records = {topic.name: {0: [], 1: []} for topic in ALL_TOPICS}
    for topic, partition, who, ts in mix(seed, count, 2, BEGIN, subscribers=5):
        records = log[topic][partition]
        value = event(topic, who, ts) if draw.random() > 0.05 else b"poison"
        offset = records[-1].offset + draw.choice([1, 1, 1, 4]) if records else draw.choice([0, 3])
        records.append(Record(offset, ts, who.encode(), value))
    return log


def ran(spoil: Callable[[list[Placed]], list[Placed]] | None = None, budget: int = 1_000_000) -> Records:
    log = inputs()
    for partition in (0, 1):
        lane = MemoryLane(log, partition, seed=partition, budget=budget)
        if spoil is None:
            lane.run()
        else:
            lane.run(spoil)
    return log


def verdict(log: Log, budget: int = 1_000_000, **kwargs: Any) -> Any:
    return check(log, "t.", lambda _: CountingFold(budget), **kwargs)


@pytest.mark.parametrize("budget", [1_000_000, 4])
def test_run_without_fault_is_clean(budget: int) -> None:
    found = verdict(ran(budget=budget), budget)
    assert found.findings == [], str(found)
    assert found.applied == 400
    assert found.transactions > 20
    assert found.outputs["alert"] == found.outputs["score"] > 10
    assert found.outputs["dead_letter"] > 5


def test_what_is_not_applied_yet_is_lost_only_when_the_run_has_ended() -> None:
    log = ran()
    log[CALLS][0].append(Record(10_000, BEGIN, b"s", event(CALLS, "s", BEGIN)))
    assert verdict(log).names == {"record_lost"}
    assert verdict(log, ended=False).findings == []


# Faults of a lane, which then writes what follows from them.


def without(nth: int) -> Callable[[list[Placed]], list[Placed]]:
    """Never apply the n-th record."""
    seen = iter(range(10_000))
    return lambda placed: [one for one in placed if next(seen) != nth]


def test_record_that_was_never_applied() -> None:
    assert verdict(ran(without(50))).names == {"record_lost"}


def test_event_that_was_applied_twice() -> None:
    log = inputs()
    lane = MemoryLane(log, 0, seed=0)
    order = in_order({topic: log[topic][0] for topic in INPUTS})
    lane.apply(order[:20])
    lane.apply(order[19:])
    assert verdict({topic: {0: parts[0]} for topic, parts in log.items()}).names == {"applied_twice"}


def test_events_applied_in_a_wrong_order() -> None:
    def swapped(placed: list[Placed]) -> list[Placed]:
        at = next((i for i in range(len(placed) - 1) if placed[i].topic != placed[i + 1].topic), None)
        return placed if at is None else [*placed[:at], placed[at + 1], placed[at], *placed[at + 2 :]]

    assert verdict(ran(swapped)).names == {"wrong_order"}


def test_order_that_the_history_does_not_tell() -> None:
    """Applied in another order than is written down: the bytes of the rows show it."""
    log = inputs()
    lane = MemoryLane(log, 0, seed=0)
    order = in_order({topic: log[topic][0] for topic in INPUTS})
    right = decoded(columns(order), BEGIN + 60_000, EventReader())
    arrivals = list(right.arrivals)
    mine = [i for i, arrival in enumerate(arrivals) if arrival.event.subscriber_id == "s0-1"]
    arrivals[mine[1]], arrivals[mine[2]] = arrivals[mine[2]], arrivals[mine[1]]
    lane.fold.apply(arrivals)
    lane.commit(right, None)
    names = verdict({topic: {0: parts[0]} for topic, parts in log.items()}).names
    assert names == {"state_differs", "alert_lost", "alert_unexpected"}


# Damage done to what was written.


def _records(topic: str, change: Callable[[list[Record]], list[Record]]) -> Damage:
    def damage(log: Records) -> None:
        log[topic][0] = change(log[topic][0])

    return damage


def _first_row_of(records: list[Record]) -> int:
    return next(i for i, record in enumerate(records) if record.key != LEDGER_KEY)


def _without_row(records: list[Record]) -> list[Record]:
    at = _first_row_of(records)
    return records[:at] + records[at + 1 :]


def _other_row(records: list[Record]) -> list[Record]:
    at = _first_row_of(records)
    return [*records[:at], records[at]._replace(value=bytes(20)), *records[at + 1 :]]


def _without_ledger(records: list[Record]) -> list[Record]:
    at = [i for i, r in enumerate(records) if r.key == LEDGER_KEY][5]
    return records[:at] + records[at + 1 :]


def _other_ledger(change: Callable[[dict[str, Any]], None]) -> Callable[[list[Record]], list[Record]]:
    def changed(records: list[Record]) -> list[Record]:
        at = [i for i, r in enumerate(records) if r.key == LEDGER_KEY][-1]
        body = json.loads(records[at].value or b"")
        change(body)
        return [*records[:at], records[at]._replace(value=json.dumps(body).encode()), *records[at + 1 :]]

    return changed


def _behind(body: dict[str, Any]) -> None:
    topic = max(body["offsets"], key=body["offsets"].__getitem__)
    body["offsets"][topic] -= 1


def _other_segment(records: list[Record]) -> list[Record]:
    """A segment that ends at an offset which no reader sees."""
    at = next(i for i, r in reversed(list(enumerate(records))) if read(r.value).segments)
    body = json.loads(records[at].value or b"")
    body["segments"][-1][2] += 1
    return [*records[:at], records[at]._replace(value=json.dumps(body).encode()), *records[at + 1 :]]


DAMAGES: dict[str, tuple[set[str], Damage]] = {
    "alert skipped": ({"alert_lost"}, _records(ALERTS, lambda r: r[:3] + r[4:])),
    "last alert skipped": ({"alert_lost"}, _records(ALERTS, lambda r: r[:-1])),
    "alert doubled": ({"alert_twice", "alert_not_unique"}, _records(ALERTS, lambda r: [*r, r[2]])),
    "alerts swapped": ({"alert_swapped"}, _records(ALERTS, lambda r: [r[1], r[0], *r[2:]])),
    "alert invented": (
        {"alert_unexpected"},
        _records(ALERTS, lambda r: [*r, r[0]._replace(value=b'{"alert_id": "x", "seq": 1}')]),
    ),
    "alert without its headers": (
        {"alert_lost", "alert_unexpected"},
        _records(ALERTS, lambda r: [r[0]._replace(headers=()), *r[1:]]),
    ),
    "score skipped": ({"score_lost"}, _records(SCORES, lambda r: r[1:])),
    "dead letter skipped": ({"dead_letter_lost"}, _records(DEAD_LETTERS, lambda r: r[1:])),
    "dead letter doubled": ({"dead_letter_twice"}, _records(DEAD_LETTERS, lambda r: [*r, r[0]])),
    "row skipped": ({"state_differs"}, _records(STATE, _without_row)),
    "row changed": ({"state_differs"}, _records(STATE, _other_row)),
    "rows after the last ledger": ({"history_torn"}, _records(STATE, lambda r: [*r, r[0]])),
    "ledger behind": ({"ledger_differs"}, _records(STATE, _other_ledger(_behind))),
    "ledger of another time": ({"ledger_differs"}, _records(STATE, _other_ledger(lambda b: b["clock"].clear()))),
    "segment beyond the log": ({"applied_unknown"}, _records(HISTORY, _other_segment)),
    "input record unknown to all": (
        {"record_lost"},
        _records(CALLS, lambda r: [*r, r[-1]._replace(offset=r[-1].offset + 9)]),
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_called_by_its_name(name: str) -> None:
    expected, damage = DAMAGES[name]
    log = ran()
    damage(log)
    found = verdict(log).names
    assert found == expected


def test_lost_history_and_lost_ledger_are_torn() -> None:
    for damage in (_records(HISTORY, lambda r: r[:-1]), _records(STATE, _without_ledger)):
        log = ran()
        damage(log)
        assert "history_torn" in verdict(log).names


def test_aborted_record_that_was_applied_is_not_in_the_log() -> None:
    log = ran()
    last = log[CALLS][0].pop()
    found = verdict(log)
    assert "applied_unknown" in found.names
    assert str(last.offset) in str(found)


def test_other_versions_are_switched_to() -> None:
    log = inputs()
    lane = MemoryLane(log, 0, seed=0)
    order = in_order({topic: log[topic][0] for topic in INPUTS})
    lane.apply(order[:50])
    lane.fold.versions = ("m-next", "p-test")
    lane.apply(order[50:])
    mine = {topic: {0: parts[0]} for topic, parts in log.items()}
    assert verdict(mine).names == {"ledger_differs"}

    def switch(fold: Any, model: str, policy: str) -> None:
        fold.versions = (model, policy)

    assert verdict(mine, switch=switch).findings == []
