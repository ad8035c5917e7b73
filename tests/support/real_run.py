"""Real people's events through a real Kafka and real workers, and what came of them: log, verdict, examples.

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

import msgspec
import numpy as np
import numpy.typing as npt
from support.black_box_events import lane_of
from support.black_box_worker import Worker, until
from support.history_check import Log, Verdict, read_log
from support.long_run import Progress, create_topics, fold_again
from support.rig import Rig
from support.rig import until as rig_until

from app.policy_file import policy_in_force
from app.simulator.publish import Pace, publish
from app.simulator.record import RANK, Record, encode
from models.basis import Basis, Block, hats
from models.clock import floor_tick
from models.events import CALLS, DATA_USAGE, DAY_MS
from models.example import Example
from models.features import NAMES
from models.newton import Newton
from models.quality import roc_auc
from streams.topics import EXAMPLES

LANES: Final = 4
WORKERS: Final = 2
BOUND_S: Final = 1_800.0
SPEED: Final = 3.0 * 86_400
"""Recorded seconds a second. A lane that keeps up knows of a topic's records half a second late: a day and a half of
theirs. At once, it would be months, and outcomes would be applied long before the calls that they follow."""
RESAMPLES: Final = 500
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class RealRun(NamedTuple):
    """A run that is over."""

    log: Log
    verdict: Verdict
    examples: list[Example]
    records: int
    seconds: float


def bystanders(begin: int, end: int, *topics: str) -> list[Record]:
    """A daily event of each topic in each lane, at noon."""
    names = [next(f"clock-{n}" for n in range(1000) if lane_of(f"clock-{n}", LANES) == lane) for lane in range(LANES)]
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
                found.append(Record(topic, who.encode(), encode(body), ts))
    return found


async def run(
    rig: Rig, records: Sequence[Record], policy: str, directory: Path, *, end: int, clocks: tuple[str, ...]
) -> RealRun:
    """Start the workers, let them live through the records, stop them, and fold the history again.

    Parameters
    ----------
    policy
        TOML over the shipped one: what the data can be labelled by.
    end, clocks
        Until when time goes on, and in which topics: the usage feeds that the data have.
    """
    everything = [*records, *bystanders(min(r.ts for r in records), end, *clocks)]
    ordered = sorted(everything, key=lambda r: (r.ts, RANK[r.topic]))
    # A feed may have come to the end before another; what is due by the slower one is done at the next tick.
    tail = bystanders(end, end + DAY_MS, *clocks)
    told = directory / "policy.toml"
    told.write_text(policy)
    await create_topics(rig)
    environment = {
        "HOLDFAST_BROKERS": ",".join(rig.client["bootstrap_servers"]),
        "HOLDFAST_TOPIC_PREFIX": rig.prefix,
        "HOLDFAST_GROUP": rig.group,
        "HOLDFAST_PARTITIONS": str(rig.partitions),
        "HOLDFAST_METRICS_PORT": "0",
        # A busy machine must not bend the order of topics: figures would change with its load.
        "HOLDFAST_MERGE_WAIT_MS": "5000",
        "HOLDFAST_POLICY": str(told),
    }
    workers = [Worker(environment, directory / f"worker-{number}.log") for number in range(WORKERS)]
    began = time.monotonic()
    try:
        await asyncio.to_thread(until, lambda: _lanes(workers) == rig.partitions, "all lanes open", 60)
        async with Progress(rig) as progress:
            total = 0
            # A new ledger applies outcomes first, as far as they are there: they must come when the lanes are open.
            for part, pace in ((ordered, Pace(SPEED)), (tail, Pace())):
                total += (await publish(part, rig.client, rig.prefix, pace=pace)).records
                lived = partial(_lived, rig, workers, progress, total)
                await rig_until(lived, f"{total} records lived", BOUND_S)
        seconds = time.monotonic() - began
        assert [await asyncio.to_thread(worker.stop) for worker in workers] == [0] * WORKERS
    finally:
        for worker in workers:
            worker.discard()
    log = await read_log(rig.client, rig.prefix, rig.partitions, bound_s=BOUND_S)
    verdict, _ = fold_again(log, rig, None, policy_in_force(told, None))
    return RealRun(log, verdict, _examples(log), total, round(seconds, 1))


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


def _examples(log: Log) -> list[Example]:
    decode = msgspec.json.Decoder(Example).decode
    found = [decode(record.value) for record in log[EXAMPLES][0] if record.value is not None]
    return [example for example in found if not example.subscriber_id.startswith("clock-")]


# Figures


class Measured(NamedTuple):
    """An AUC with its 95 % interval, resampled by subscriber: snapshots of one person are not independent."""

    auc: float
    low: float
    high: float
    rows: int
    left: int
    people: int

    def __str__(self) -> str:
        return (
            f"AUC {self.auc:.3f} [{self.low:.3f}, {self.high:.3f}], {self.rows} snapshots of {self.people} people, "
            f"{self.left} left"
        )


def measured(risk: Floats, left: Bools, who: Sequence[str]) -> Measured:
    """Measure, and bootstrap."""
    names, person = np.unique(np.array(who), return_inverse=True)
    rows_of = [np.flatnonzero(person == n) for n in range(len(names))]
    draw = np.random.default_rng(7)
    found = []
    for _ in range(RESAMPLES):
        rows = np.concatenate([rows_of[n] for n in draw.integers(0, len(names), len(names))])
        if left[rows].any() and not left[rows].all():
            found.append(roc_auc(risk[rows], left[rows]))
    low, high = np.quantile(found, [0.025, 0.975]).tolist()
    return Measured(roc_auc(risk, left), low, high, len(left), int(left.sum()), len(names))


class Learned:
    """The learner of curves, fed with examples; its knots are frozen on vectors without labels.

    Parameters
    ----------
    first
        Vectors, (n, F), from which the knots are taken.
    """

    def __init__(self, first: Floats) -> None:
        self._kept = [f for f in range(len(NAMES)) if len(np.unique(first[~np.isnan(first[:, f]), f])) > 1]
        self._newton = Newton(Basis([hats(NAMES[f], first[:, f], 8) for f in self._kept]))

    def _block(self, x: Floats) -> Block:
        return self._newton.basis.place([x[:, f] for f in self._kept])

    def learn(self, examples: Sequence[Example], left: Bools) -> None:
        """In the order given."""
        if examples:
            self._newton.learn(self._block(vectors(examples)), left)

    def risk(self, examples: Sequence[Example]) -> Floats:
        """As it stands."""
        return self._newton.risk(self._block(vectors(examples)))


def vectors(examples: Sequence[Example]) -> Floats:
    """(n, F)."""
    return np.array([[np.nan if v is None else v for v in example.x] for example in examples], dtype=np.float64)
