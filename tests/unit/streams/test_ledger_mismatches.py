"""State and topics that disagree, and what the operator's word does about it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.contract.events import CALLS, DATA_USAGE, OUTCOMES, SUBSCRIBERS
from streams.lanes import ledger as ledgers
from streams.lanes.ledger import LaneLogs, Ledger, LedgerMismatchError
from streams.records.topics import INPUT_TOPICS

TOPICS = [topic.name for topic in INPUT_TOPICS]


def logs(start: int = 0, end: int = 100, **kwargs: Any) -> LaneLogs:
    given = {"topic_ids": {t: f"id-{t}" for t in TOPICS}, "starts": {}, "ends": {}, "committed": {}, **kwargs}
    given["starts"] = dict.fromkeys(TOPICS, start) | given["starts"]
    given["ends"] = dict.fromkeys(TOPICS, end) | given["ends"]
    return LaneLogs(**given)


def ledger(**offsets: int) -> Ledger:
    found = ledgers.new("holdfast", 8, logs())
    return msgspec.structs.replace(
        found, offsets=dict.fromkeys(TOPICS, 49) | {f"telecom.{t}.v1": o for t, o in offsets.items()}
    )


def mismatches(
    held: Ledger, found: LaneLogs, group: str = "holdfast", partitions: int = 8, **kwargs: bool
) -> list[str]:
    return ledgers.mismatches(held, group, partitions, found, **{"take_over": False, **kwargs})


def test_ledger_goes_through_bytes() -> None:
    held = msgspec.structs.replace(ledger(), clock={"watermark": 5, "feeds": {"a": 1}}, model="m-1", policy="p-1")
    assert ledgers.decode(ledgers.encode(held)) == held


def test_fields_of_later_versions_are_ignored() -> None:
    value = ledgers.encode(ledger())
    assert ledgers.decode(value[:-1] + b',"later":[1]}') == ledger()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (b"", "cannot be read"),
        (b"{}", "cannot be read"),
        (b"\xff", "cannot be read"),
        (b'{"group":"g","partitions":1,"topic_ids":{},"offsets":{},"format":2}', "of format 2, this version reads 1"),
    ],
)
def test_ledger_that_cannot_be_read_is_a_mismatch(value: bytes, said: str) -> None:
    with pytest.raises(LedgerMismatchError, match=said):
        ledgers.decode(value)


def test_new_ledger_holds_the_starts_and_the_profiles_ends() -> None:
    found = ledgers.new("holdfast", 8, logs(5, 100, ends={OUTCOMES: 5}))
    assert found.offsets == dict.fromkeys(TOPICS, 4)
    assert found.bootstrap == {SUBSCRIBERS: 100, "telecom.erasures.v1": 100}
    assert {found.next_offset(topic, 5) for topic in TOPICS} == {5}
    assert mismatches(found, logs(5)) == []


@pytest.mark.parametrize(
    ("held", "found", "said"),
    [
        (ledger(), logs(), []),
        (ledger(), logs(50), []),
        (ledger(), logs(50, 50), []),
        (ledger(calls=-1), logs(), []),
        (ledger(), logs(starts={CALLS: 51}), [f"{CALLS} starts at offset 51, the state needs 50: 1 records"]),
        (ledger(calls=-1), logs(starts={CALLS: 7}), [f"{CALLS} starts at offset 7, the state needs 0: 7 records"]),
        (ledger(), logs(ends={CALLS: 49}), [f"{CALLS} ends at offset 49, the state has applied 49"]),
        (
            ledger(),
            logs(topic_ids={t: "other" if t == CALLS else f"id-{t}" for t in TOPICS}),
            [f"{CALLS} was recreated"],
        ),
        (
            ledger(calls=10, billing=20),
            logs(30),
            [f"{CALLS} starts at offset 30", "telecom.billing.v1 starts at offset 30"],
        ),
    ],
)
def test_mismatch_names_the_topic(held: Ledger, found: LaneLogs, said: list[str]) -> None:
    told = mismatches(held, found)
    assert len(told) == len(said), told
    assert all(line.startswith(expected) for line, expected in zip(sorted(told), sorted(said), strict=True)), told


def test_other_group_and_other_count_are_told() -> None:
    told = mismatches(ledger(), logs(), "other", 12)
    assert "'holdfast'" in told[0]
    assert "'other'" in told[0]
    assert "written for 8 partitions, the topics have 12" in told[1]
    assert len(mismatches(ledger(), logs(), "other", 8, take_over=True)) == 0
    assert len(mismatches(ledger(), logs(), "other", 12, take_over=True)) == 1


def test_topic_that_the_state_does_not_know_yet_is_read_from_its_start() -> None:
    """An input that a later version has added."""
    held = ledger()
    old = msgspec.structs.replace(
        held,
        topic_ids={t: i for t, i in held.topic_ids.items() if t != CALLS},
        offsets={t: o for t, o in held.offsets.items() if t != CALLS},
    )
    assert mismatches(old, logs(starts={CALLS: 3})) == []
    assert old.next_offset(CALLS, 3) == 3


def test_group_that_has_read_says_that_a_missing_state_is_lost() -> None:
    assert ledgers.lost_state(logs()) == []
    assert ledgers.lost_state(logs(5, committed={CALLS: 5})) == []
    told = ledgers.lost_state(logs(committed={CALLS: 5, DATA_USAGE: 0}))
    assert len(told) == 1
    assert f"{CALLS} to offset 5" in told[0]


OFFSETS = st.integers(-1, 120)


@given(
    st.fixed_dictionaries(dict.fromkeys(TOPICS, OFFSETS)),
    st.fixed_dictionaries({t: st.tuples(st.integers(0, 100), st.integers(0, 50)) for t in TOPICS}),
    st.sets(st.sampled_from(TOPICS)),
    st.integers(1, 16),
)
def test_accepted_loss_can_be_read_on(
    offsets: dict[str, int], bounds: dict[str, tuple[int, int]], recreated: set[str], partitions: int
) -> None:
    held = msgspec.structs.replace(ledger(), offsets=offsets, bootstrap={SUBSCRIBERS: 3})
    found = logs(
        starts={t: start for t, (start, _) in bounds.items()},
        ends={t: start + count for t, (start, count) in bounds.items()},
        topic_ids={t: "other" if t in recreated else f"id-{t}" for t in TOPICS},
    )
    accepted = ledgers.accept_loss(held, partitions, found)
    assert mismatches(accepted, found, partitions=partitions) == []
    assert accepted.group == held.group
    assert not accepted.bootstrap
    for topic, (start, count) in bounds.items():
        goes_on = accepted.next_offset(topic, start)
        assert start <= goes_on <= start + count
        # What is still there and was applied is not applied again, and what was not is not skipped.
        if topic in recreated:
            assert goes_on == start
        else:
            assert goes_on == min(max(offsets[topic] + 1, start), start + count)
