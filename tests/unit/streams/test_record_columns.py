"""Records as columns: what goes in comes out, joined or in parts, and no call of a lane waits for the compiler."""

from __future__ import annotations

from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from models.contract.events import CALLS, DATA_USAGE
from models.kernel import compiled
from models.kernel.arrivals import EventReader
from models.scoring.rehearsal import rehearse
from streams.kafka.key_placement import Partitioner
from streams.lanes.intake import Intake, decoded
from streams.lanes.ports import Fetch
from streams.records.record_columns import NONE, FetchedRecords, InputRecord, Placed, Records
from streams.records.topics import RANK

RECORDS = [
    InputRecord(3, 10, b"key", b"value"),
    InputRecord(4, -1, None, b""),
    InputRecord(9, 11, b"", None),
    InputRecord(10, 9, None, None),
    InputRecord(12, 12, b"k", b"v" * 9_000),
]


def test_what_goes_in_comes_out() -> None:
    columns = Records.of(RECORDS, RANK[CALLS])
    assert list(columns) == [Placed(CALLS, record) for record in RECORDS]
    assert list(columns[1:3]) == list(columns)[1:3]
    assert list(columns.some([4, 0])) == [columns[4], columns[0]]
    assert list(NONE) == []


def test_joined_parts_keep_the_bytes_that_are_theirs_alone() -> None:
    one, other = Records.of(RECORDS, RANK[CALLS]), Records.of(RECORDS[::-1], RANK[DATA_USAGE])
    whole = list(one)
    for first in range(5):
        for last in range(first, 6):
            joined = Records.joined([one[first:last], other[1:4], one[4:]])
            assert list(joined) == [*one[first:last], *other[1:4], *one[4:]]
            assert len(joined.buffer) == one[first:last].nbytes + other[1:4].nbytes + one[4:].nbytes
    assert list(one) == whole


def test_a_lane_calls_nothing_that_was_not_rehearsed() -> None:
    rehearse()

    def compiled_for() -> dict[str, int]:
        return {name: len(one.signatures) for name, one in vars(compiled).items() if hasattr(one, "signatures")}

    before = compiled_for()
    for codec in (0, 3):
        builder = DefaultRecordBatchBuilder(
            magic=2, compression_type=codec, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
            batch_size=1 << 20,
        )  # fmt: skip
        for offset in range(4):
            builder.append(offset, timestamp=5, key=b"s", value=b"?" if offset else b"{}", headers=[("h", b"v")])
        raw = bytes(builder.build())
        intake, partitioner = Intake([CALLS, DATA_USAGE], lambda *_: 0), Partitioner(0, 8)
        for topic in (CALLS, DATA_USAGE):
            intake.sought(topic, 1, 0)
            tp = TopicPartition(topic, 0)
            fetched = PartitionRecords(tp, MemoryRecords(raw), [], 0, None, None, True, READ_COMMITTED)
            intake.offer(topic, Fetch(1, 0, 4, list(FetchedRecords(fetched, raw))))
        batch = decoded(intake.take({}, 7), 7, EventReader())
        before_all, rest = batch.cut(0) if len(batch.arrivals) else (batch, batch)
        for part in (batch, before_all, rest):
            partitioner.misplaced(part.valid())
        assert len(batch.rejected) == 8
    assert compiled_for() == before
