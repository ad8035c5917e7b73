"""What Holdfast has committed, as any reader of committed records sees it, and how far it has been read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from support.black_box_events import HISTORY, OUTPUTS

BREACHES = "churn.breaches.v1"
DESK_STATE = "churn.desk-state.v1"


class Place(NamedTuple):
    """Where a record stands; the topic is without prefix."""

    topic: str
    partition: int
    offset: int


class Record(NamedTuple):
    """A record of an output topic, as a reader of committed records sees it."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]

    @property
    def body(self) -> dict[str, Any]:
        """The value as JSON."""
        found: dict[str, Any] = json.loads(self.value or b"null")
        return found


class Outputs:
    """Everything that was committed to the output topics, in the order of each partition."""

    def __init__(self, bootstrap: str, prefix: str, lanes: int) -> None:
        self.records: dict[str, list[Record]] = {topic: [] for topic in OUTPUTS}
        self.applied: dict[tuple[str, int], int] = {}
        self.heard = 0
        """Offset up to which the desk has heard the breaches."""
        self.told = Counter[str]()
        """Records for the desk, by what they are."""
        self._prefix = prefix
        self._reached: dict[tuple[str, int], int] = {}
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{prefix}black-box",  # never joined, nothing is committed
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 50,
            }
        )
        self._rests: dict[int, bool] = {}
        places = [*((topic, lane) for topic in OUTPUTS for lane in range(lanes)), (BREACHES, 0), (DESK_STATE, 0)]
        self._consumer.assign([TopicPartition(prefix + topic, lane, 0) for topic, lane in places])

    def pump(self, wait_s: float = 0.05) -> None:
        """Take in what has come."""
        message = self._consumer.poll(wait_s)
        while message is not None:
            self._take(message)
            message = self._consumer.poll(0)

    def _take(self, message: Message) -> None:
        topic, partition, offset = str(message.topic())[len(self._prefix) :], message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        error = message.error()
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            self._reached[topic, partition] = offset
            return
        self._reached[topic, partition] = offset + 1
        if topic == BREACHES:
            told = json.loads(message.value() or b"")
            self.told[told["what"]] += 1
            if "lane" in told:
                self._rests[told["lane"]] = told["what"] == "idle"
            return
        if topic == DESK_STATE:
            if message.key() == b"~position":
                self.heard = json.loads(message.value() or b"")["next_offset"]
            return
        headers = {str(name): value for name, value in message.headers() or []}
        record = Record(Place(topic, partition, offset), message.key(), message.value(), headers)
        self.records[topic].append(record)
        if topic == HISTORY:
            body = record.body
            for of, _, last in body["segments"]:
                name = body["topics"][of]
                self.applied[name, partition] = max(last, self.applied.get((name, partition), -1))

    def ends(self, lane: int) -> dict[tuple[str, int], int]:
        """Ends of the lane's outputs, uncommitted records included."""
        return self._ends([(topic, lane) for topic in OUTPUTS])

    def desk_is_done_with(self, lane: int) -> bool:
        """Whether the desk has heard all that the lane has told it by now, and that nothing more will come of it."""
        end = self._ends([(BREACHES, 0)])[BREACHES, 0]
        self.pump()
        reached = self._reached.get((BREACHES, 0), 0)  # beyond the end, if the lane has come to rest since
        return self.heard >= reached >= end and self._rests.get(lane, False)

    def _ends(self, places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], int]:
        asked = {TopicPartition(self._prefix + topic, lane): OffsetSpec.latest() for topic, lane in places}
        found = self._admin.list_offsets(asked)
        return {(tp.topic[len(self._prefix) :], tp.partition): f.result().offset for tp, f in found.items()}

    def read_to(self, ends: Mapping[tuple[str, int], int]) -> bool:
        """Whether everything before these ends was taken in."""
        return all(self._reached.get(each, 0) >= end for each, end in ends.items())

    def close(self) -> None:
        """Let the clients go; after this nothing can be read."""
        self._consumer.close()
        del self._admin
