"""Each kind of record that was once buried, or taken, for a wrong reason."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.rig import event

from models.contract.events import INPUTS, MIN_TS
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
