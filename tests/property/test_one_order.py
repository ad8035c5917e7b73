"""Whatever comes when, however it is cut: a lane takes its logs in one order, that of the plain model."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from support.columns import block, columns
from support.plain_order import in_order
from support.rig import event

from models.contract.events import MIN_TS
from streams.lanes import intake as intakes
from streams.lanes.intake import Intake
from streams.lanes.ports import Fetch
from streams.records.lane_history import segments
from streams.records.record_columns import Placed
from streams.records.topics import BOOTSTRAP, INPUT_TOPICS
from streams.records.wire import FUTURE_MS

TOPICS = [topic.name for topic in INPUT_TOPICS]
BROKER_MS = MIN_TS + 12


class Raw(NamedTuple):
    offset: int
    timestamp: int
    key: bytes = b"s"
    value: bytes = b"{}"


class Log(NamedTuple):
    """A partition as a reader of committed records sees it: its records, and its last stable offset."""

    records: list[Raw]
    stable: int

    def fetch(self, epoch: int, start: int, end: int) -> Fetch:
        return Fetch(epoch, start, end, block(r for r in self.records if start <= r.offset < end))


Logs = dict[str, Log]
STAMPS = st.one_of(
    st.integers(MIN_TS, BROKER_MS),
    st.just(-1),  # none: its ts counts
    st.just(BROKER_MS + FUTURE_MS + 7),  # far ahead of the broker's clock
)


@st.composite
def logs(draw: st.DrawFn) -> Logs:
    """Stamps go back and forth; holes are aborted or compacted records, or markers, also at the end."""
    made: Logs = {}
    for topic in TOPICS:
        if topic not in BOOTSTRAP and not draw(st.booleans()):
            made[topic] = Log([], draw(st.integers(0, 3)))
            continue
        records, at = [], 0
        for stamp in draw(st.lists(STAMPS, max_size=6)):
            at += draw(st.integers(0, 2))
            # Without a stamp: dated by its ts, or not at all.
            value = event(topic, "s", draw(st.integers(MIN_TS, BROKER_MS))) if draw(st.booleans()) else b"?"
            records.append(Raw(at, stamp, value=value))
            at += 1
        made[topic] = Log(records, at + draw(st.integers(0, 2)))
    return made


class Consumer:
    """Fetches of `logs` for an intake, in an order that hypothesis draws."""

    def __init__(self, logs: Logs, data: st.DataObject) -> None:
        self._logs = logs
        self._data = data
        self._stable: dict[str, int] = {}
        self._places = dict.fromkeys(logs, 0)
        self.intake = Intake(logs, lambda topic, _: self._stable.get(topic))
        for topic in logs:
            self.intake.sought(topic, 1, 0)

    def restart(self, taken: list[Placed]) -> None:
        """A lane that has applied `taken` opens elsewhere."""
        self._stable = {}
        self._places = {topic: max([0, *(r.offset + 1 for t, r in taken if t == topic)]) for topic in self._logs}
        self.intake = Intake(self._logs, lambda topic, _: self._stable.get(topic))
        for topic, place in self._places.items():
            self.intake.sought(topic, 1, place)

    def readable(self) -> list[str]:
        """Topics of which an answer would bring something new, and that the lane would take."""
        return [
            topic
            for topic, log in self._logs.items()
            if self.intake.takes(topic) and (self._places[topic] < log.stable or topic not in self._stable)
        ]

    def answer(self, readable: list[str]) -> None:
        """One answer of the broker for one topic: some records, some holes, or nothing but the answer."""
        topic = self._data.draw(st.sampled_from(readable))
        log, start = self._logs[topic], self._places[topic]
        end = self._data.draw(st.integers(min(start + 1, log.stable), log.stable))
        self._stable[topic] = log.stable
        self._places[topic] = end
        self.intake.offer(topic, log.fetch(1, start, end))


def lived(logs: Logs, data: st.DataObject, ends: dict[str, int], *, restarts: bool = False) -> list[Placed]:
    """What a lane takes of `logs`, batch by batch, while fetches come in between."""
    consumer, taken = Consumer(logs, data), list[Placed]()
    due = sum(len(log.records) for log in logs.values())
    while len(taken) < due or ends:
        if ends and consumer.intake.exhausted(ends):
            ends = {}
            continue
        readable = consumer.readable()
        if readable and not (consumer.intake.ready(ends) and data.draw(st.booleans())):
            consumer.answer(readable)
            continue
        batch = consumer.intake.take(ends, BROKER_MS)
        assert batch, f"nothing is to be read, and yet it waits for {consumer.intake.awaited(ends)}"
        taken += batch
        if restarts and data.draw(st.integers(0, 3)) == 0:
            consumer.restart(taken)
    return taken


def plain(logs: Logs) -> dict[str, list[Raw]]:
    return {topic: log.records for topic, log in logs.items()}


@given(logs(), st.data(), st.booleans())
def test_the_order_is_that_of_the_logs_whatever_comes_first(logs: Logs, data: st.DataObject, restarts: bool) -> None:
    assert lived(logs, data, {}, restarts=restarts) == in_order(plain(logs), BROKER_MS)


@given(logs(), st.data(), st.booleans())
def test_what_is_first_is_read_to_its_ends_and_then_all(logs: Logs, data: st.DataObject, restarts: bool) -> None:
    """Ends of the moment of the opening: what came behind them waits for its turn."""
    ends = {t: data.draw(st.integers(1, logs[t].stable), f"end of {t}") for t in BOOTSTRAP if logs[t].stable}
    first = {topic: [r for r in logs[topic].records if r.offset < end] for topic, end in ends.items()}
    then = {t: [r for r in log.records if r.offset >= ends.get(t, 0)] for t, log in logs.items()}
    assert lived(logs, data, ends, restarts=restarts) == in_order(first, BROKER_MS) + in_order(then, BROKER_MS)


@given(logs(), st.data())
def test_full_buffers_and_small_batches_do_not_show(logs: Logs, data: st.DataObject) -> None:
    """A topic that is full takes no more while another is waited for, and that one is never full."""
    full, batch = intakes.FULL_RECORDS, intakes.BATCH_RECORDS
    intakes.FULL_RECORDS, intakes.BATCH_RECORDS = 2, 3
    try:
        assert lived(logs, data, {}) == in_order(plain(logs), BROKER_MS)
    finally:
        intakes.FULL_RECORDS, intakes.BATCH_RECORDS = full, batch


@given(logs(), st.data())
def test_stretch_of_the_order_is_in_order(logs: Logs, data: st.DataObject) -> None:
    """What the off-line check of the history rests on."""
    order = in_order(plain(logs), BROKER_MS)
    first = data.draw(st.integers(0, len(order)))
    stretch = order[first : data.draw(st.integers(first, len(order)))]
    again: dict[str, list[Raw]] = {}
    for topic, record in stretch:
        again.setdefault(topic, []).append(record)
    assert in_order(again, BROKER_MS) == stretch


@given(logs())
def test_segments_tell_the_order(logs: Logs) -> None:
    order = in_order(plain(logs), BROKER_MS)
    told = [
        (topic, record.offset)
        for rank, first, last in segments(columns(order))
        for topic in [TOPICS[rank]]
        for record in logs[topic].records
        if first <= record.offset <= last
    ]
    assert told == [(topic, record.offset) for topic, record in order]
