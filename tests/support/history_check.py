"""The history of a run, held against what a fold makes of the same records: nothing lost, doubled, torn or swapped.

It reads what a ``read_committed`` reader sees once the run is over, and folds it again, off-line and single-threaded.
Whatever was killed, paused or moved meanwhile, these must hold; each breach has a name of its own:

``record_lost``
    A record of an input is in no segment of the history.
``applied_twice``, ``applied_unknown``
    A segment covers what an earlier one has covered; it begins or ends at a record that no reader can see.
``wrong_order``
    A transaction's records were not applied in the lane's order: the smallest head by date and topic's rank.
``history_torn``, ``ledger_differs``
    Transactions and history records do not pair up; a ledger does not say what its transaction applied.
``fold_differs``
    The fold stopped elsewhere than it did then.
``state_differs``
    The rows that a transaction wrote are not, byte for byte, those that the fold gives.
``<output>_lost``, ``_twice``, ``_unexpected``, ``_swapped``
    Breaches, scores, suppressions, receipts and dead letters that the fold gives, and alerts, suppressions and work
    orders that the desk's fold makes of the breaches, against those that are there.
``alert_not_unique``
    Two alert records of the run carry one ``(alert_id, seq)``.

It is good for any fold; the state topic must not have been compacted yet.
"""

from __future__ import annotations

import asyncio
import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from support.columns import columns
from support.plain_order import in_order

from models.contract.breaches import Heard
from models.desk.desk import DeskFold
from models.desk.lanes.lane_times import Written
from models.kernel.arrivals import EventReader
from streams.desk import desk_position
from streams.desk.desk_position import POSITION_KEY
from streams.history.fold_again import FoldAgain
from streams.lanes import ledger
from streams.lanes.intake import ArrivalBatch, decoded
from streams.lanes.ledger import LEDGER_KEY, Ledger
from streams.lanes.ports import Fold
from streams.records import lane_history
from streams.records.lane_history import HistoryRecord, segments
from streams.records.out_records import out_records
from streams.records.record_columns import Placed
from streams.records.topics import (
    ALERTS,
    ALL_TOPICS,
    BREACHES,
    BY_NAME,
    DEAD_LETTERS,
    DESK_STATE,
    EXAMPLES,
    HISTORY,
    INPUT_TOPICS,
    RECEIPTS,
    SCORES,
    STATE,
    SUPPRESSIONS,
    WORK_ORDERS,
)

OUTPUTS: Final = {
    BREACHES: "breach",
    ALERTS: "alert",
    WORK_ORDERS: "work_order",
    SCORES: "score",
    SUPPRESSIONS: "suppression",
    EXAMPLES: "example",
    RECEIPTS: "receipt",
    DEAD_LETTERS: "dead_letter",
}
SHOWN: Final = 5
"""Findings of one name that a partition tells: damage early in a lane shows in all that follows."""


class Record(NamedTuple):
    """A record as a ``read_committed`` reader sees it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


Log = Mapping[str, Mapping[int, Sequence[Record]]]
"""Records by topic (without prefix) and partition."""
NewFold = Callable[[int], Fold]
Switch = Callable[[Fold, str, str], None]


class Finding(NamedTuple):
    """One breach, in the names of the docstring above."""

    name: str
    partition: int
    detail: str


class Verdict(NamedTuple):
    """What the check found, and how much it has seen: a check of nothing finds nothing."""

    findings: list[Finding]
    transactions: int
    applied: int
    outputs: Counter[str]

    @property
    def names(self) -> set[str]:
        return {finding.name for finding in self.findings}

    def __str__(self) -> str:
        lines = [f"{f.name} in partition {f.partition}: {f.detail}" for f in self.findings] or ["clean"]
        return "\n".join([*lines, f"({self.transactions} transactions, {self.applied} records, {dict(self.outputs)})"])


class _Transaction(NamedTuple):
    """What belongs to one ledger record."""

    rows: list[tuple[bytes, bytes | None]]
    ledger: Ledger


async def read_log(client: Mapping[str, Any], prefix: str, partitions: int, *only: str, bound_s: float = 60.0) -> Log:
    """All committed records of all topics of `prefix`, or of `only` some, to their ends of this moment."""
    names = {topic.full(prefix): topic.name for topic in ALL_TOPICS if not only or topic.name in only}
    tps = [TopicPartition(full, p) for full, name in names.items() for p in range(BY_NAME[name].partitions(partitions))]
    log: dict[str, dict[int, list[Record]]] = {name: {p: [] for p in range(partitions)} for name in names.values()}
    consumer = AIOKafkaConsumer(
        **client, group_id=None, enable_auto_commit=False, isolation_level="read_committed", fetch_max_wait_ms=50
    )
    await consumer.start()
    try:
        consumer.assign(tps)
        await consumer.seek_to_beginning(*tps)
        ends = await consumer.end_offsets(tps)
        left = set(tps)
        async with asyncio.timeout(bound_s):
            while left := {tp for tp in left if await consumer.position(tp) < ends[tp]}:
                for tp, batch in (await consumer.getmany(*left, timeout_ms=200)).items():
                    log[names[tp.topic]][tp.partition] += [
                        Record(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in batch
                    ]
    finally:
        await consumer.stop()
    return log


def check(log: Log, prefix: str, new_fold: NewFold, *, switch: Switch | None = None, ended: bool = True) -> Verdict:
    """Fold the history again and tell what does not fit.

    Parameters
    ----------
    new_fold
        Makes the empty fold of a partition.
    switch
        Called as ``switch(fold, model, policy)`` before a transaction of other versions than the fold's.
    ended
        Whether the lanes had time to apply all that is there; otherwise records at the ends may be open yet.
    """
    lanes = [_Lane(log, prefix, partition, new_fold(partition), switch) for partition in log[HISTORY]]
    for (topic, partition), made in _of_desk(log, len(lanes)).items():
        lanes[partition].expect(topic, made)
    for lane in lanes:
        lane.check(ended=ended)
    alerts = [(lane.partition, record) for lane in lanes for record in log[ALERTS][lane.partition]]
    outputs: Counter[str] = Counter()
    for topic, name in OUTPUTS.items():
        outputs[name] = sum(len(records) for records in log[topic].values())
    return Verdict(
        [finding for lane in lanes for finding in lane.findings] + _not_unique(alerts),
        sum(lane.transactions for lane in lanes),
        sum(lane.applied for lane in lanes),
        outputs,
    )


def counted_by_desk(log: Log) -> tuple[Counter[str], int]:
    """Breaches by kind that the desk has counted, and how many of them wait at the end."""
    fold, counts = DeskFold(len(log[HISTORY])), Counter[str]()
    for record in log[BREACHES][0]:
        fold.read([_written(record)], record.offset + 1)
        while fold.due:
            fold.apply()
            counts.update(fold.take().counts.breaches)
    return counts, fold.desk.waiting().total()


def _written(record: Record) -> Written:
    return Written(record.offset, record.timestamp, msgspec.json.decode(record.value or b"", type=Heard))


def _of_desk(log: Log, lanes: int) -> dict[tuple[str, int], list[tuple[Any, ...]]]:
    """What the desk makes of the breaches that it has heard, by topic and partition."""
    positions = [desk_position.decode(r.value or b"") for r in log[DESK_STATE][0] if r.key == POSITION_KEY]
    found: dict[tuple[str, int], list[tuple[Any, ...]]] = defaultdict(list)
    fold = DeskFold(lanes)
    for record in log[BREACHES][0]:
        if not positions or record.offset >= positions[-1].progress.read_to:
            break
        fold.read([_written(record)], record.offset + 1)
        while fold.due:
            fold.apply()
            for lane, output in fold.take().outputs:
                ((topic, key, value, headers),) = out_records([output], positions[-1].group)
                found[topic, lane].append((key, value, tuple(headers)))
    return found


def _not_unique(alerts: Iterable[tuple[int, Record]]) -> list[Finding]:
    seen: dict[tuple[str, int], str] = {}
    found = []
    for partition, record in alerts:
        body = json.loads(record.value or b"{}")
        name, place = (body["alert_id"], body["seq"]), f"{partition}/{record.offset}"
        if name in seen:
            found.append(Finding("alert_not_unique", partition, f"{name} at {seen[name]} and {place}"))
        seen[name] = place
    return found


class _Lane:
    """The check of one partition."""

    def __init__(self, log: Log, prefix: str, partition: int, fold: Fold, switch: Switch | None) -> None:
        self.partition = partition
        self.findings: list[Finding] = []
        self.transactions = 0
        self.applied = 0
        self._prefix = prefix
        self._fold = fold
        self._again = FoldAgain(fold)
        self._switch = switch
        self._inputs = {topic.name: list(log[topic.name][partition]) for topic in INPUT_TOPICS}
        self._offsets = {topic: [r.offset for r in records] for topic, records in self._inputs.items()}
        self._history = [lane_history.read(record.value) for record in log[HISTORY][partition]]
        self._written, self._torn_rows = _transactions(log[STATE][partition])
        mine = {record.key for records in self._inputs.values() for record in records}
        self._found = {
            topic: [
                r
                for r in log[topic][BY_NAME[topic].partition(partition)]
                if not BY_NAME[topic].single or (r.key and r.key in mine)
            ]
            for topic in OUTPUTS
        }
        self._expected: dict[str, list[tuple[Any, ...]]] = {topic: [] for topic in OUTPUTS}
        self._of_desk: dict[str, list[tuple[Any, ...]]] = {}
        self._covered: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._told: Counter[str] = Counter()

    def expect(self, topic: str, made: list[tuple[Any, ...]]) -> None:
        """What the desk has written into this partition."""
        self._of_desk[topic] = made

    def check(self, *, ended: bool) -> None:
        records = [record for record in self._history if record.opened is None]
        self.transactions = len(records)
        if len(records) != len(self._written) or self._torn_rows:
            rows = f", {self._torn_rows} rows of none" if self._torn_rows else ""
            self._tell("history_torn", f"{len(records)} history records, {len(self._written)} ledgers{rows}")
        if self._written and (until := self._written[0].ledger.clock.get("recorded_until")) is not None:
            self._fold.resume({"recorded_until": until})
        batches = [self._batch(number, record) for number, record in enumerate(records)]
        for number, (record, placed) in enumerate(zip(records, batches, strict=True)):
            self._fold_again(number, record, placed)
        self._check_coverage(ended=ended)
        for topic, name in OUTPUTS.items():
            self._check_outputs(topic, name)

    def _tell(self, name: str, detail: str) -> None:
        self._told[name] += 1
        if self._told[name] <= SHOWN:
            self.findings.append(Finding(name, self.partition, detail))

    def _batch(self, number: int, record: HistoryRecord) -> list[Placed]:
        """The records of a transaction in the order that its history tells."""
        placed: list[Placed] = []
        for rank, first, last in record.segments:
            topic = record.topics[rank]
            for before, behind in self._covered[topic]:
                if first <= behind and last >= before:
                    self._tell("applied_twice", f"transaction {number}: {topic} {first}-{last} after {before}-{behind}")
            self._covered[topic].append((first, last))
            taken = self._between(topic, first, last)
            if not taken or taken[0].offset != first or taken[-1].offset != last:
                self._tell("applied_unknown", f"transaction {number}: {topic} {first}-{last}")
            placed += [Placed(topic, r) for r in taken]
        self.applied += len(placed)
        self._check_order(number, record, placed)
        return placed

    def _between(self, topic: str, first: int, last: int) -> list[Record]:
        at = bisect_right(self._offsets[topic], first - 1)
        return self._inputs[topic][at : bisect_right(self._offsets[topic], last)]

    def _check_order(self, number: int, record: HistoryRecord, placed: list[Placed]) -> None:
        # A transaction is a stretch of the lane's order, and putting a stretch in order again changes nothing.
        by_topic: dict[str, list[Record]] = defaultdict(list)
        for topic, r in placed:
            by_topic[topic].append(r)
        again = in_order({topic: sorted(records) for topic, records in by_topic.items()}, record.broker_ms)
        if again != placed:
            self._tell("wrong_order", f"transaction {number}: {record.segments}, not {segments(columns(again))}")

    def _fold_again(self, number: int, record: HistoryRecord, placed: list[Placed]) -> None:
        fold = self._fold
        if fold.versions != (record.model, record.policy) and self._switch is not None:
            self._switch(fold, record.model, record.policy)
        stopped: list[Placed] = []
        if record.stopped is not None:
            # It stopped because of what came next, so it has to see that again.
            topic, offset = record.topics[record.stopped[0]], record.stopped[1]
            stopped = [Placed(topic, r) for r in self._between(topic, offset, offset)]
        batch = decoded(columns([*placed, *stopped]), record.broker_ms, EventReader())
        given, own = batch.arrivals, len(batch.arrivals) - len(stopped)
        if stopped:
            batch, _ = batch.cut(own)
        count, folded = self._again.apply(given, own)
        if count != own or len(folded) != 1:
            self._tell("fold_differs", f"transaction {number}: applied {count}, then it was {own}")
        if number < len(self._written):
            self._check_transaction(number, batch, [row for each in folded for row in each.state])
        outputs = [output for each in folded for output in each.outputs]
        for topic, key, value, headers in [*outputs, *batch.letters(self._prefix, self.partition)[1]]:
            if topic == BREACHES and not key:
                continue  # marks of time fall where transactions end
            self._expected[topic].append((key, value, tuple(headers)))

    def _check_transaction(self, number: int, batch: ArrivalBatch, rows: list[tuple[bytes, bytes | None]]) -> None:
        written = self._written[number]
        if written.rows != rows:
            at = next((i for i, (a, b) in enumerate(zip(written.rows, rows, strict=False)) if a != b), -1)
            what = f"row {at}: {written.rows[at]} for {rows[at]}" if at >= 0 else "the rest is the same"
            self._tell(
                "state_differs", f"transaction {number}: {len(written.rows)} rows, the fold gives {len(rows)}; {what}"
            )
        before = self._written[number - 1].ledger.offsets if number else {}
        offsets = {**before, **{topic: record.offset for topic, record in batch.placed}}
        clock, versions = self._fold.clock(), self._fold.versions
        said = written.ledger
        settled = all(self._settled(topic, offsets.get(topic, -1), to) for topic, to in said.offsets.items())
        if not settled or (said.clock, (said.model, said.policy)) != (clock, versions):
            self._tell("ledger_differs", f"transaction {number}: {said}, applied to {offsets}, {clock}, {versions}")

    def _settled(self, topic: str, applied: int, said: int) -> bool:
        """Whether a ledger that says `said` is right when `applied` is the last record: holes may lie between."""
        return applied == said or (applied < said and not self._between(topic, applied + 1, said))

    def _check_coverage(self, *, ended: bool) -> None:
        for topic, records in self._inputs.items():
            runs = sorted(self._covered[topic])
            firsts = [first for first, _ in runs]
            end = max((last for _, last in runs), default=-1)
            for record in records:
                at = bisect_right(firsts, record.offset) - 1
                inside = at >= 0 and record.offset <= runs[at][1]
                if not inside and (ended or record.offset < end):
                    self._tell("record_lost", f"{topic} offset {record.offset}")

    def _check_outputs(self, topic: str, name: str) -> None:
        made = self._of_desk.get(topic, [])
        expected = [*self._expected[topic], *made]
        found = [(r.key, r.value, r.headers) for r in self._found[topic]]
        if found == expected:
            return
        want, have = Counter(expected), Counter(found)
        for one, count in (want - have).items():
            self._tell(f"{name}_lost", f"{count} x {_brief(one)}")
        for one, count in (have - want).items():
            kind = "twice" if one in want else "unexpected"
            self._tell(f"{name}_{kind}", f"{count} x {_brief(one)}")
        if want == have and not (made and self._expected[topic]):  # of two writers there is no one order
            at = next(i for i, (a, b) in enumerate(zip(expected, found, strict=True)) if a != b)
            self._tell(f"{name}_swapped", f"record {at}: {_brief(found[at])} for {_brief(expected[at])}")


def _transactions(records: Iterable[Record]) -> tuple[list[_Transaction], int]:
    """State records by transaction: a transaction's ledger is its last one. Also how many rows have no ledger."""
    found: list[_Transaction] = []
    rows: list[tuple[bytes, bytes | None]] = []
    for record in records:
        if record.key == LEDGER_KEY:
            said = ledger.decode(record.value or b"")
            if rows or said.clock:  # else the lane has said no more than that it is there
                found.append(_Transaction(rows, said))
            rows = []
        else:
            rows.append((record.key or b"", record.value))
    return found, len(rows)


def _brief(output: tuple[Any, ...]) -> str:
    return repr(output)[:200]
