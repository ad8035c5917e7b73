"""Each kind of record that was once buried, or taken, for a wrong reason."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest
from aiokafka.partitioner import murmur2
from hypothesis import example, given
from hypothesis import strategies as st
from support.columns import columns
from support.rig import event

from models.contract.events import INPUTS, MIN_TS
from streams.kafka.key_placement import Partitioner
from streams.records.record_columns import Placed
from streams.records.wire import FUTURE_MS, Rejected, decode

STAMP = 1_780_000_000_000


class Raw(NamedTuple):
    key: bytes | None
    value: bytes | None
    timestamp: int = STAMP
    offset: int = 0


@pytest.mark.parametrize("topic", INPUTS)
def test_null_in_any_optional_fields_is_their_absence(topic: str) -> None:
    optional = [field.name for field in msgspec.structs.fields(INPUTS[topic]) if not field.required]
    bare = msgspec.json.decode(event(topic, "s", STAMP))

    @given(st.sets(st.sampled_from(optional)))
    def holds(absent: set[str]) -> None:
        without = {name: value for name, value in bare.items() if name not in absent}
        nulls = without | dict.fromkeys(absent)
        found = decode(topic, Raw(b"s", msgspec.json.encode(nulls)), STAMP)
        assert not isinstance(found, Rejected), found
        assert found == decode(topic, Raw(b"s", msgspec.json.encode(without)), STAMP)

    holds()


@given(st.sampled_from(sorted(INPUTS)), st.integers(-(2**62), 2**62))
def test_a_record_without_a_timestamp_is_held_against_the_brokers_time_alone(topic: str, ts: int) -> None:
    found = decode(topic, Raw(b"s", event(topic, "s", STAMP).replace(str(STAMP).encode(), str(ts).encode()), -1), STAMP)
    reason = found.reason if isinstance(found, Rejected) else None
    if ts < MIN_TS or ts > 253_402_300_799_999:
        assert reason == "out_of_range", "seconds for milliseconds among them"
    else:
        assert reason == ("future_ts" if ts > STAMP + FUTURE_MS else None)


TOPICS = st.sampled_from(sorted(INPUTS))


@given(TOPICS, st.integers(-(2**62), MIN_TS - 1), st.integers(-1, 2**50), st.integers(0, 2**50) | st.none())
@example(sorted(INPUTS)[0], STAMP // 1000, STAMP, STAMP)  # seconds
@example(sorted(INPUTS)[0], MIN_TS - 1, MIN_TS - 1, MIN_TS - 1)
def test_a_time_before_2000_is_out_of_range_at_any_other_time(
    topic: str, ts: int, stamped: int, broker_ms: int | None
) -> None:
    found = decode(topic, Raw(b"s", event(topic, "s", ts), stamped), broker_ms)
    assert isinstance(found, Rejected)
    assert (found.reason, "ts" in found.detail) == ("out_of_range", True)
    assert not isinstance(decode(topic, Raw(b"s", event(topic, "s", MIN_TS), MIN_TS), MIN_TS), Rejected)


KEYS = st.lists(st.tuples(TOPICS, st.binary(min_size=1, max_size=40) | st.none()), max_size=20)


@given(KEYS, st.integers(1, 64), st.data())
def test_a_key_is_misplaced_where_kafkas_client_has_another_partition(
    keys: list[tuple[str, bytes | None]], partitions: int, data: st.DataObject
) -> None:
    here = data.draw(st.integers(0, partitions - 1))
    placed = [Placed(topic, Raw(key, b"{}")) for topic, key in keys]
    wrong = {
        (topic, key) for topic, key in keys if key is not None and (murmur2(key) & 0x7FFFFFFF) % partitions != here
    }
    for record in placed:
        alone = Partitioner(here, partitions).misplaced(columns([record]))
        assert alone == ({record.topic: 1} if (record.topic, record.record.key) in wrong else {})
    lane = Partitioner(here, partitions)
    assert bool(wrong) <= lane.misplaced(columns(placed)).total() <= len(wrong), "two may share a slot of its table"
    assert lane.misplaced(columns(placed)) == {}, "each key of a topic once"
