"""A worker process with the counting fold: python count_worker.py BROKER PREFIX GROUP.

It logs lines of JSON to stdout. What is done to it comes by environment:

PARTITIONS, SESSION_TIMEOUT_S, BUDGET, TAKE_OVER, ACCEPT_LOSS
    As in LaneSpec and CountingFold.
KILL_AT=step[:n], PAUSE_AT=step[:n]
    SIGKILL or SIGSTOP to itself when it comes to the step for the n-th time (first). Beside the lane's own steps there
    are ``produced`` (all records of a transaction are in the log, the commit is not asked for) and ``committing``
    (it is asked for, and not confirmed).
HOLD=partition:path, HOLD_SEND=partition:path
    That lane's batches wait until the file is there before they are written, or when the transaction has begun: a
    broker that is slow for one partition.
SLOW=partition:seconds
    Folding a batch of that lane takes so long.
FULL_RECORDS, FETCH_BYTES, POLL_BYTES, CLOSE_S, FATE_S
    The bounds of the same names in streams.lanes.{intake, transport, lane} and streams.kafka.transaction.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import aiokafka
import structlog

from app.worker.process import run_worker
from counting import CountingFold
from models.contract.events import Arrival
from streams.kafka import transaction
from streams.kafka.transaction import LaneProducer
from streams.lanes import intake, lane, transport
from streams.lanes.ports import NOTHING, Commit, LaneSpec
from streams.records.out_records import OutRecord, StateBatch
from streams.records.topics import STATE

STEPS = ("fenced", "restored", "decoded", "folded", "before_commit", "produced", "committing", "after_commit")
_ENDS = {"KILL_AT": signal.SIGKILL, "PAUSE_AT": signal.SIGSTOP}


class Silent:
    """A report that nobody reads."""

    def lane_opened(self, partition: int, found: Commit = NOTHING) -> None: ...
    def lane_closed(self, partition: int) -> None: ...
    def committed(self, partition: int, commit: Commit) -> None: ...
    def restore_remaining(self, partition: int, records: int) -> None: ...
    def lag(self, topic: str, partition: int, records: int, seconds: float) -> None: ...


class SlowFold(CountingFold):
    """Takes its time."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def apply(self, arrivals: Sequence[Arrival]) -> int:
        time.sleep(self._seconds)
        return super().apply(arrivals)


def fail_points() -> Callable[[str], None]:
    wanted = {}
    for name, number in _ENDS.items():
        step, _, nth = os.environ.get(name, "").partition(":")
        if step:
            assert step in STEPS, step
            wanted[step, int(nth or 1)] = number
    reached: Counter[str] = Counter()

    def fail_at(step: str) -> None:
        reached[step] += 1
        if number := wanted.get((step, reached[step])):
            structlog.get_logger().info("struck", step=step)
            os.kill(os.getpid(), number)

    return fail_at


def strike_inside_transactions(fail_at: Callable[[str], None]) -> None:
    commit = aiokafka.AIOKafkaProducer.commit_transaction

    async def commit_transaction(self: Any) -> None:
        fail_at("produced")
        asked = asyncio.ensure_future(commit(self))
        await asyncio.sleep(0.002)
        fail_at("committing")
        await asked

    aiokafka.AIOKafkaProducer.commit_transaction = commit_transaction


def hold(partition: int, gate: Path) -> None:
    write = LaneProducer.write

    async def held(self: LaneProducer, records: list[OutRecord], state: Sequence[StateBatch] = ()) -> Any:
        ours = self._partition == partition and state
        while ours and not gate.exists():
            await asyncio.sleep(0.02)
        return await write(self, records, state)

    LaneProducer.write = held


def hold_send(partition: int, gate: Path) -> None:
    send = aiokafka.AIOKafkaProducer.send_batch

    opened = False

    async def held(self: Any, batch: Any, topic: str, *, partition: int) -> Any:
        nonlocal opened
        if partition == lane_held and topic.endswith(STATE):
            while opened and not gate.exists():
                await asyncio.sleep(0.02)
            opened = True  # what a lane writes when it opens goes through
        return await send(self, batch, topic, partition=partition)

    lane_held = partition
    aiokafka.AIOKafkaProducer.send_batch = held


def new_fold(partition: int) -> CountingFold:
    slow, _, seconds = os.environ.get("SLOW", "-1:0").partition(":")
    if partition == int(slow):
        return SlowFold(float(seconds))
    return CountingFold(int(os.environ.get("BUDGET", "1000000")))


def main() -> None:
    broker, prefix, group = sys.argv[1:4]
    environment = os.environ
    logging.basicConfig(level=logging.WARNING, stream=sys.stdout)
    stamp = structlog.processors.TimeStamper("%H:%M:%S.%f", utc=True)
    structlog.configure([structlog.processors.add_log_level, stamp, structlog.processors.JSONRenderer()])
    fail_at = fail_points()
    if any(name in environment for name in _ENDS):
        strike_inside_transactions(fail_at)
    for name, way in {"HOLD": hold, "HOLD_SEND": hold_send}.items():
        if held := environment.get(name):
            partition, _, path = held.partition(":")
            way(int(partition), Path(path))
    intake.FULL_RECORDS = int(environment.get("FULL_RECORDS", intake.FULL_RECORDS))
    transport.FETCH_BYTES = int(environment.get("FETCH_BYTES", transport.FETCH_BYTES))
    transport.POLL_BYTES = int(environment.get("POLL_BYTES", transport.POLL_BYTES))
    lane.CLOSE_S = float(environment.get("CLOSE_S", lane.CLOSE_S))
    transaction.FATE_S = float(environment.get("FATE_S", transaction.FATE_S))
    spec = LaneSpec(
        prefix=prefix,
        group=group,
        partitions=int(environment["PARTITIONS"]),
        client={"bootstrap_servers": [broker]},
        report=Silent(),
        wall_s=time.time,
        session_timeout_s=float(environment.get("SESSION_TIMEOUT_S", "10")),
        take_over="TAKE_OVER" in environment,
        accept_loss="ACCEPT_LOSS" in environment,
        fail_at=fail_at,
    )
    run_worker(spec, new_fold)


if __name__ == "__main__":
    main()
