"""One log that is all there before anybody reads it, and what workers make of it, however many they are and fare.

The log is simulated; model and policy are frozen and nobody learns, so all that is left to differ is the order.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from support.history_check import Log, read_log
from support.long_run import RECOVERY_S, Blow, Fleet, Progress, create_topics, schedule
from support.plain_order import in_order
from support.rig import Rig

import models
from app.simulator.publish import publish
from app.simulator.rates import DAY_MS, Rates
from app.simulator.stream import simulate
from models.snapshot import STARTING_SNAPSHOT
from streams import history
from streams.topics import BOOTSTRAP, HISTORY, INPUT_TOPICS

MODEL: Final = Path(models.__file__).with_name(STARTING_SNAPSHOT)
QUIET_MS: Final = 3_600_000
"""From the last event to the broker's clock: what is within 5 min of that may be poison now and not a moment later."""


class Operator(NamedTuple):
    """Whose log it is."""

    subscribers: int
    days: int
    churn: float
    end_ms: int


class Life(NamedTuple):
    """What became of the log, and how long it took."""

    log: Log
    seconds: float
    fleet: Fleet


async def preload(rig: Rig, operator: Operator, seed: int) -> int:
    """Write the whole log; returns how many records it has. The same operator and seed give the same offsets."""
    await create_topics(rig)
    start = operator.end_ms - operator.days * DAY_MS
    rates = Rates(churn_per_month=operator.churn)
    records = simulate(seed, operator.subscribers, start, operator.days, rates=rates)
    return (await publish(records, rig.client, rig.prefix)).records


async def read(rig: Rig, records: int, workers: int, blows: Sequence[Blow], seed: int, directory: Path) -> Life:
    """Have the log read to its end by so many workers, under these blows."""
    fleet = Fleet(rig, MODEL, directory, seed)
    began = time.monotonic()
    async with Progress(rig) as progress:
        for _ in range(workers):
            fleet.start()
        # A log that is all there is read fast: the blows fall within the first two thirds, without delay.
        steps = schedule(seed, records * 2 // 3, blows)
        await fleet.strike([step._replace(delay_s=step.delay_s / 20) for step in steps], progress)
        await fleet.finished(records, progress, RECOVERY_S + records / 1000)
    seconds = time.monotonic() - began
    await fleet.stop()
    return Life(await read_log(rig.client, rig.prefix, rig.partitions, bound_s=RECOVERY_S), round(seconds, 1), fleet)


def out_of_order(log: Log) -> list[str]:
    """Lanes that took their records in another order than the plain one: profiles and erasures first, then by date."""
    found = []
    for partition, records in log[HISTORY].items():
        taken = [
            (told.topics[rank], offset)
            for told in (history.read(record.value) for record in records)
            for rank, first, last in told.segments
            for offset in _offsets(log, told.topics[rank], partition, first, last)
        ]
        inputs = {topic.name: log[topic.name][partition] for topic in INPUT_TOPICS}
        first = in_order({topic: inputs[topic] for topic in BOOTSTRAP})
        then = in_order({topic: records for topic, records in inputs.items() if topic not in BOOTSTRAP})
        plain = [(topic, record.offset) for topic, record in first + then]
        if taken != plain:
            at = next((i for i, (one, other) in enumerate(zip(taken, plain, strict=False)) if one != other), -1)
            found.append(f"lane {partition}, record {at} of {len(plain)}: {taken[at]}, not {plain[at]}")
    return found


def _offsets(log: Log, topic: str, partition: int, first: int, last: int) -> range:
    records = log[topic][partition]
    assert records[first].offset == first, "an idempotent producer leaves no holes"
    assert records[last].offset == last
    return range(first, last + 1)


async def settled(rigs: Sequence[Rig], operator: Operator, seed: int) -> int:
    """The same log for each of `rigs`; returns how many records it has."""
    counts = await asyncio.gather(*(preload(rig, operator, seed) for rig in rigs))
    assert len(set(counts)) == 1
    return counts[0]
