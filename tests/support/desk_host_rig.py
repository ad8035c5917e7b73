"""The desk's host in this process, over real topics: what lanes would write, and what the desk makes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer, TopicPartition
from support.rig import Rig, until

from models.contract.breaches import Heard, Joined
from models.contract.policy import Policy
from models.desk.desk import DeskFold
from models.desk.lanes.lane_times import Written, time_of
from streams.desk.desk_report import DeskCommit, DeskStanding
from streams.desk.host import DeskHost
from streams.kafka.partition_read import chunks, reader
from streams.lanes.ports import LaneSpec
from streams.records.out_records import out_records
from streams.records.topics import ALERTS, BREACHES, BY_NAME, SUPPRESSIONS, WORK_ORDERS

GROUP: Final = "desk-tests"
OUTPUTS: Final = (ALERTS, SUPPRESSIONS, WORK_ORDERS)
Published = dict[tuple[str, int], list[tuple[bytes, bytes, list[tuple[str, bytes]]]]]
"""Key, value and headers of the committed records, by topic and partition."""


class KilledError(Exception):
    """The process dies at a step: nothing of it is tidied up."""


class Kept:
    """A report that keeps the commits."""

    def __init__(self) -> None:
        self.commits: list[DeskCommit] = []
        self.standing: DeskStanding | None = None
        self.closed = 0

    def desk_opened(self, standing: DeskStanding) -> None:
        self.standing = standing

    def desk_committed(self, commit: DeskCommit, standing: DeskStanding) -> None:
        self.commits.append(commit)
        self.standing = standing

    def desk_closed(self) -> None:
        self.closed += 1


class Hosted:
    """A host, and what ended it."""

    def __init__(self, host: DeskHost, report: Kept) -> None:
        self.host = host
        self.report = report
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        self.host.start(self.failed.set_result)

    async def ended(self) -> BaseException:
        return await asyncio.wait_for(self.failed, 30)


class DeskRig:
    """Topics of a desk, hosts over them, and who writes breaches."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.hosts: list[Hosted] = []
        self._lane: AIOKafkaProducer

    async def create(self) -> None:
        """Create the topics."""
        await self.rig.create()
        self._lane = AIOKafkaProducer(
            **self.rig.client, transactional_id=f"{self.rig.prefix}lane", retry_backoff_ms=10, max_request_size=8 << 20
        )
        await self._lane.start()

    def host(
        self,
        policy: Policy | Callable[[], Policy],
        fail_at: Callable[[str], None] = lambda _: None,
        **spec: Any,
    ) -> Hosted:
        """Start a host."""
        report = Kept()
        settings: dict[str, Any] = {
            "prefix": self.rig.prefix,
            "group": GROUP,
            "partitions": self.rig.partitions,
            "client": self.rig.client,
            "report": None,
            "wall_s": time.time,
            "fail_at": fail_at,
        }
        in_force = policy if callable(policy) else lambda: policy
        hosted = Hosted(DeskHost(LaneSpec(**settings | spec), in_force, report), report)
        hosted.start()
        self.hosts.append(hosted)
        return hosted

    async def close(self) -> None:
        """End the hosts."""
        await asyncio.gather(*(hosted.host.close() for hosted in self.hosts))
        await self._lane.stop()

    async def say(self, *heard: Heard | bytes) -> None:
        """Write records to the breaches in one transaction, as a lane does whose time is that of its records."""
        async with self._lane.transaction():
            for one in heard:
                raw = one if isinstance(one, bytes) else msgspec.json.encode(one)
                at = None if isinstance(one, bytes) else time_of(one)
                await self._lane.send(self.rig.prefix + BREACHES, raw, partition=0, timestamp_ms=at)

    async def joined(self) -> None:
        """Every lane joins."""
        await self.say(*(Joined(lane=lane) for lane in range(self.rig.partitions)))

    async def settled(self, hosted: Hosted, policy: Policy | None = None) -> None:
        """Wait until this host has heard all there is, first of all the policy."""

        async def done() -> bool:
            if hosted.failed.done():
                raise AssertionError("the desk has ended") from hosted.failed.result()
            if not hosted.host.ready:
                return False
            fold = hosted.host._fold
            known = fold.desk.context.policy
            if known is None or (policy is not None and known != policy) or fold.due:
                return False
            # The position of a full transaction says that all is read while the rest of it is still being written.
            if hosted.host._position != hosted.host._place.at(fold.progress):
                return False
            return hosted.host.read_to == await self.end(BREACHES)

        await until(done, "all is heard")

    async def end(self, topic: str) -> int:
        """The end of a topic's committed records."""
        consumer, place = reader(self.rig.client), TopicPartition(self.rig.prefix + topic, 0)
        await consumer.start()
        try:
            return int((await consumer.end_offsets([place]))[place])
        finally:
            await consumer.stop()

    async def records(self, topic: str, partition: int = 0) -> list[Any]:
        """The committed records of a partition."""
        consumer, place = reader(self.rig.client), TopicPartition(self.rig.prefix + topic, partition)
        await consumer.start()
        try:
            consumer.assign([place])
            end = (await consumer.end_offsets([place]))[place]
            async with aclosing(chunks(consumer, place, end, lambda _: None)) as batches:
                return [record async for batch in batches for record in batch]
        finally:
            await consumer.stop()

    async def heard(self) -> list[Heard]:
        """The history of the desk."""
        found: list[Heard] = [msgspec.json.decode(record.value, type=Heard) for record in await self.records(BREACHES)]
        return found

    async def written(self) -> Published:
        """What the desk has published."""
        found: Published = {}
        for topic in OUTPUTS:
            for partition in range(self.rig.partitions):
                for record in await self.records(topic, partition):
                    line = (record.key, record.value, list(record.headers))
                    found.setdefault((topic, partition), []).append(line)
        return found

    async def implied(self) -> Published:
        """What the desk's fold makes of the history, in one life without Kafka."""
        fold, found = DeskFold(self.rig.partitions), Published()
        for record in await self.records(BREACHES):
            written = Written(record.offset, record.timestamp, msgspec.json.decode(record.value, type=Heard))
            fold.read([written], record.offset + 1)
            while fold.due:
                fold.apply()
                _publish(fold, found)
        return found

    async def wrong(self) -> list[str]:
        """Where what is published is not what the history implies."""
        written = await self.written()
        found = differences(written, await self.implied())
        if found:
            history = await self.records(BREACHES)
            found += [f"history: {len(history)} records, the last at offset {history[-1].offset}; now they differ in:"]
            found += differences(await self.written(), await self.implied())
        return found


def differences(written: Published, implied: Published) -> list[str]:
    """Each partition in which what is published is not what the history implies, in a few lines.

    A comparison of the whole prints thousands, of which a log keeps the last few hundred: which partition it was, and
    whether a record was twice, missing or in another place, was not among them.
    """
    found = []
    for place in sorted(written.keys() | implied.keys()):
        ours, theirs = written.get(place, []), implied.get(place, [])
        if ours != theirs:
            same = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), -1)
            at = same if same >= 0 else min(len(ours), len(theirs))
            twice = len(ours) - len({value for _, value, _ in ours})
            found += [
                f"{place}: {len(ours)} written ({twice} of them twice), {len(theirs)} implied; they part at {at}:",
                *(f"  written {n} {ours[n][1]!r}" for n in range(at, min(at + 2, len(ours)))),
                *(f"  implied {n} {theirs[n][1]!r}" for n in range(at, min(at + 2, len(theirs)))),
            ]
    return found


def _publish(fold: DeskFold, found: Published) -> None:
    for lane, output in fold.take().outputs:
        ((topic, key, value, headers),) = out_records([output], GROUP)
        assert key is not None
        assert value is not None
        found.setdefault((topic, BY_NAME[topic].partition(lane)), []).append((key, value, headers))
