"""Real people's events through a real Kafka, real workers and a real learner beside them, and what came of them.

A bystander in each lane calls once a day, long after the data end, so that the lanes' time goes on and labels that time
decides are decided. He is no person, and no example of his is handed on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from support.black_box_events import lane_of
from support.black_box_worker import Worker, until
from support.history_check import Log, Verdict, read_log
from support.learner_rig import LearnerRig
from support.long_run import Progress, create_topics, fold_again
from support.rig import Rig
from support.rig import until as rig_until

from app.config.operator_files import learner_settings, policy_of_file
from app.publishing.publisher import PublishPace, publish
from app.publishing.record import TimedRecord, encode
from models.contract.events import CALLS, DATA_USAGE
from models.contract.time_units import DAY_MS
from models.contract.training_example import Example, WeeklyLabel
from models.learning.learner import LearnerSettings
from models.state.lane_time import floor_tick
from streams.kafka.topic_tail import as_told
from streams.model_topic.versions import is_own
from streams.records.topics import EXAMPLES, RANK

LANES: Final = 4
WORKERS: Final = 2
BOUND_S: Final = 1_800.0
SPEED: Final = 3.0 * 86_400
"""Recorded seconds a second. A lane that keeps up knows of a topic's records half a second late: a day and a half of
theirs. At once, it would be months, and outcomes would be applied long before the calls that they follow."""
BYSTANDER: Final = "clock-"


class RealRun(NamedTuple):
    """A run that is over.

    Attributes
    ----------
    told
        All of the topic of examples, in its order, the bystanders' too: what the learner learned and measured.
    numbers, published, report
        What the learner was started with, what it put into the topic of the models, version and bytes in order, and
        the last that it told.
    """

    log: Log
    verdict: Verdict
    told: list[Example | WeeklyLabel]
    numbers: LearnerSettings
    published: list[tuple[str, bytes]]
    report: dict[str, Any]
    records: int
    seconds: float

    @property
    def examples(self) -> list[Example]:
        """The verdicts, and the vectors taken at alerts."""
        return [each for each in self.told if isinstance(each, Example)]


def bystanders(begin: int, end: int, *topics: str) -> list[TimedRecord]:
    """A daily event of each topic in each lane, at noon."""
    names = [next(w for n in range(1000) if lane_of(w := f"{BYSTANDER}{n}", LANES) == lane) for lane in range(LANES)]
    fields: dict[str, dict[str, Any]] = {
        CALLS: {"direction": "outgoing", "duration_s": 60, "peer_network": "on_net"},
        DATA_USAGE: {"bytes": 1_000_000},
    }
    found = []
    for day in range(begin // DAY_MS, end // DAY_MS):
        ts = day * DAY_MS + DAY_MS // 2
        for who in names:
            for topic in topics:
                body = {"subscriber_id": who, "ts": ts, **fields[topic]}
                found.append(TimedRecord(topic, who.encode(), encode(body), ts))
    return found


class Operator(NamedTuple):
    """What an operator of such subscribers would set: TOML over the shipped policy and the learner's numbers."""

    policy: str
    numbers: str
    base_rate: float


async def run(
    rig: Rig, records: Sequence[TimedRecord], operator: Operator, directory: Path, *, end: int, clocks: tuple[str, ...]
) -> RealRun:
    """Start workers and learner, let them live through the records, stop them, and fold the history again.

    Parameters
    ----------
    end, clocks
        Until when time goes on, and in which topics: the usage feeds that the data have.
    """
    everything = [*records, *bystanders(min(r.ts for r in records), end, *clocks)]
    ordered = sorted(everything, key=lambda r: (r.ts, RANK[r.topic]))
    # A feed may have come to the end before another; what is due by the slower one is done at the next tick.
    tail = bystanders(end, end + DAY_MS, *clocks)
    told, numbers = directory / "policy.toml", directory / "numbers.toml"
    told.write_text(operator.policy)
    numbers.write_text(operator.numbers)
    await create_topics(rig)
    environment = {
        "HOLDFAST_BROKERS": ",".join(rig.client["bootstrap_servers"]),
        "HOLDFAST_TOPIC_PREFIX": rig.prefix,
        "HOLDFAST_GROUP": rig.group,
        "HOLDFAST_PARTITIONS": str(rig.partitions),
        "HOLDFAST_METRICS_PORT": "0",
        "HOLDFAST_POLICY": str(told),
        "HOLDFAST_BASE_RATE": str(operator.base_rate),
    }
    workers = [Worker(environment, directory / f"worker-{number}.log") for number in range(WORKERS)]
    learning = LearnerRig(rig, directory)
    learner = learning.start(HOLDFAST_LEARNER=str(numbers), HOLDFAST_CHECKPOINT_S="5")
    began = time.monotonic()
    try:
        await asyncio.to_thread(until, lambda: _lanes(workers) == rig.partitions, "all lanes open", 60)
        async with Progress(rig) as progress:
            total = 0
            # A new ledger applies outcomes first, as far as they are there: they must come when the lanes are open.
            for part, pace in ((ordered, PublishPace(SPEED)), (tail, PublishPace())):
                total += (await publish(part, rig.client, rig.prefix, pace=pace)).records
                lived = partial(_lived, rig, workers, progress, total)
                await rig_until(lived, f"{total} records lived", BOUND_S)
        seconds = time.monotonic() - began
        assert [await asyncio.to_thread(worker.stop) for worker in workers] == [0] * WORKERS
    finally:
        for worker in workers:
            worker.discard()
    log = await read_log(rig.client, rig.prefix, rig.partitions, bound_s=BOUND_S)
    learning.sent = log[EXAMPLES][0][-1].offset + 1
    await learning.learned(BOUND_S)
    assert await learner.stop() == 0
    verdict, _ = fold_again(log, rig, None, policy_of_file(told, operator.base_rate))
    records_of_models = [r for r in await learning.models() if r.key and r.value and not is_own(r.key)]
    published = [(r.key.decode(), r.value) for r in records_of_models]
    report = await learning.report()
    return RealRun(log, verdict, _told(log), learner_settings(numbers), published, report, total, round(seconds, 1))


async def _lived(rig: Rig, workers: Sequence[Worker], progress: Progress, records: int) -> bool:
    """Whether so many records are applied, and each lane has done what its time asks for: labels may be owed yet."""
    assert all(worker.code is None for worker in workers), "\n".join(worker.tail() for worker in workers)
    if not await progress.reached(records):
        return False
    clocks = [found.clock for found in (await rig.ledgers()).values()]
    return len(clocks) == rig.partitions and all(
        clock["sweeping"] is None and clock["last_tick"] >= floor_tick(clock["watermark"]) for clock in clocks
    )


def _lanes(workers: Sequence[Worker]) -> int:
    assert all(worker.code is None for worker in workers), "\n".join(worker.tail() for worker in workers)
    return sum(len({each.get("partition") for each in w.metrics().labels("holdfast_lag_records")}) for w in workers)


def _told(log: Log) -> list[Example | WeeklyLabel]:
    return [as_told(record.value) for record in log[EXAMPLES][0] if record.value is not None]
