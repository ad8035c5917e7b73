"""What judges the exactness runs is itself tried: each kind of damage must be seen."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.foreign_producer import CALLS, DAY, REASONS, Landed, Sent, Town
from support.history_check import Record
from support.long_run import breaches_told, by_key, difference, misburied, not_in_sequence, schedule

from streams.lanes.ledger import LEDGER_KEY
from streams.records.dead_letters import dead_letter
from streams.records.topics import ALERTS, DEAD_LETTERS, SUPPRESSIONS
from streams.records.wire import Rejected, decode

PREFIX = "t."
PLANTED = Sent(CALLS, b"s-1", b"not json", 1_000, "not_json")
AT = Landed(CALLS, 1, 7)


def alerts(*bodies: dict[str, Any]) -> dict[str, dict[int, list[Record]]]:
    return {ALERTS: {0: [Record(n, 0, b"s-1", json.dumps(body).encode()) for n, body in enumerate(bodies)]}}


def buried(sent: Sent = PLANTED, at: Landed = AT, partition: int = 1, copies: int = 1, prefix: str = PREFIX) -> Any:
    letter = dead_letter(
        prefix + at.topic,
        at.partition,
        Record(at.offset, sent.stamp, sent.key, sent.value),
        Rejected(sent.garbage, "why"),  # type: ignore[arg-type]
    )
    record = Record(0, 0, letter.key, letter.value, tuple(letter.headers))
    return {DEAD_LETTERS: {partition: [record] * copies}}


@pytest.mark.parametrize("seqs", [[2], [1, 3], [1, 1], [2, 1]])
def test_broken_sequence_is_seen(seqs: list[int]) -> None:
    assert not_in_sequence(alerts(*({"alert_id": "a", "seq": seq} for seq in seqs)))
    assert not not_in_sequence(alerts({"alert_id": "a", "seq": 1}, {"alert_id": "b", "seq": 1}))


@pytest.mark.parametrize(
    "log",
    [
        buried(copies=0),
        buried(copies=2),
        buried(at=AT._replace(offset=8)),
        buried(PLANTED._replace(garbage="too_deep")),
        buried(PLANTED._replace(value=b"not jsom")),
        buried(PLANTED._replace(key=None)),
        buried(PLANTED._replace(value=b"x" * 300_000)),
        buried(partition=0),
        buried(prefix=""),
    ],
    ids=["lost", "twice", "elsewhere", "reason", "value", "key", "digest", "partition", "prefix"],
)
def test_wrong_dead_letter_is_seen(log: Any) -> None:
    assert misburied(log, {AT: PLANTED}, PREFIX)
    assert not misburied(buried(), {AT: PLANTED}, PREFIX)


def test_digest_of_a_large_one_is_held_against_its_bytes() -> None:
    large = PLANTED._replace(value=b"x" * 300_000)
    assert not misburied(buried(large), {AT: large}, PREFIX)
    assert misburied(buried(large), {AT: large._replace(value=b"y" * 300_000)}, PREFIX)


def test_breaches_are_raised_and_suppressed_ones() -> None:
    bodies = [{"kind": "silence", "event": event} for event in ("raised", "escalated", "closed")]
    told = breaches_told({**alerts(*bodies), SUPPRESSIONS: alerts({"kind": "silence"})[ALERTS]})
    assert told == {"silence": 2}


@pytest.mark.parametrize("other", [["a"], ["a", "b", "c"], ["b", "a"], ["a", "x"]])
def test_difference_is_seen(other: list[str]) -> None:
    assert difference({ALERTS: ["a", "b"]}, {ALERTS: other})
    assert not difference({ALERTS: ["a", "b"]}, {ALERTS: ["a", "b"]})


def test_rows_of_a_transaction_are_ordered_by_key_and_no_further() -> None:
    ledger = Record(9, 0, LEDGER_KEY, b"{}")
    gone, back, b = Record(0, 0, b"a", None), Record(1, 0, b"a", b"1"), Record(2, 0, b"b", b"1")
    assert by_key([b, gone, ledger, b, back]) == [gone, b, ledger, b, back]
    assert by_key([b, gone, back, ledger]) == [gone, back, b, ledger] != by_key([b, back, gone, ledger])


def test_producer_knows_the_fate_of_each_record() -> None:
    """Its garbage has one fault each, and its events none: what the runs expect is not left to chance."""
    begin = 1_780_000_000_000
    town = Town(3, 50, begin, 20)
    records = [*town.profiles(), *town.story(20_000)]
    for sent in records:
        found = decode(sent.topic, Record(0, sent.stamp, sent.key, sent.value), begin + 21 * DAY)
        assert (found.reason if isinstance(found, Rejected) else None) == sent.garbage, sent
    assert set(town.garbage) == set(REASONS)
    assert len(records) == town.unique + town.duplicates + town.garbage.total()
    assert town.garbage.total() == pytest.approx(200, rel=0.3)
    assert town.duplicates == pytest.approx(400, rel=0.3)


def test_schedule_is_the_same_for_the_same_seed() -> None:
    steps = schedule(5, 1_000, ("join", "kill", "kill_again"))
    assert steps == schedule(5, 1_000, ("join", "kill", "kill_again")) != schedule(6, 1_000, ("join", "kill", "kill"))
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    assert 80 <= steps[0].at <= steps[-1].at <= 750
