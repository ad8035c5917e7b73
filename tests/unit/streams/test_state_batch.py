"""The batch that is made of state records is the one that aiokafka would have made of them, byte for byte."""

from __future__ import annotations

import inspect
from random import Random

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder, MessageBatch
from aiokafka.record.default_records import DefaultRecordBatch

from models.state.state_records import StateRecord, StateRecords
from streams.records.out_records import StateBatch, batches

NOW_MS = 1_780_000_000_123
WRITER = (4_711, 3, 2**31 - 5)


def some_records(count: int) -> list[StateRecord]:
    draw = Random(count)
    sizes = (0, 1, 63, 64, 127, 200, 8_191, 8_192, 20_000)
    return [
        (draw.randbytes(draw.choice((1, 9, 63, 64, 1_024))), draw.choice((None, draw.randbytes(draw.choice(sizes)))))
        for _ in range(count)
    ]


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 200])
def test_it_is_the_batch_that_aiokafka_would_have_made(count: int):
    pairs, theirs = some_records(count), BatchBuilder(8 << 20, 0, is_transactional=1)
    for key, value in pairs:
        theirs.append(timestamp=NOW_MS, key=key, value=value, headers=[])
    records = StateRecords()
    records.put(pairs[: count // 2])
    records.put(pairs[count // 2 :])
    assert list(records) == pairs
    (ours,) = batches(records, NOW_MS)
    for batch in (ours, theirs):
        batch._set_producer_state(*WRITER)
    assert ours.record_count() == theirs.record_count() == count
    assert bytes(ours._build()) == bytes(theirs._build())
    assert DefaultRecordBatch(ours._build()).validate_crc()


def test_nothing_to_write_is_no_batch():
    assert batches(StateRecords(), NOW_MS) == []


def test_it_has_all_that_a_producer_asks_of_a_builder():
    asked = {"record_count", "closed", "close", "_set_producer_state", "_build"}
    for name in asked:
        ours, theirs = (inspect.signature(getattr(made, name)) for made in (StateBatch, BatchBuilder))
        assert list(ours.parameters) == list(theirs.parameters), name
    text = inspect.getsource(MessageBatch)
    called = {word.split("(")[0] for word in text.split("self._builder.")[1:]}
    assert called <= asked | {"append"}, called
