"""One order, however late: what a log says does not hang on who reads it, how many they are, and what befalls them.

``ORDER_SEED`` changes the operator and the moments of the blows: a seed that has failed once is to be tried again.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio
from support.long_run import Blow, decisions, difference, told
from support.plain_order import out_of_order
from support.preloaded import QUIET_MS, Life, Operator, read, settled
from support.rig import Rig

from streams.embedded_kafka.broker import EmbeddedBroker

pytestmark = [pytest.mark.faults]
SEED = int(os.environ.get("ORDER_SEED", "97"))


class Fate(NamedTuple):
    """Workers at the start, what befalls them, and in which transaction the first of all dies."""

    workers: int = 1
    blows: tuple[Blow, ...] = ()
    dies_at: int | None = None


SHORT = {"one": Fate(), "two": Fate(2), "struck": Fate(0, dies_at=6)}
LONG = {"one": Fate(), "two": Fate(2), "struck": Fate(1, ("pause", "kill", "join"))}
Record = Callable[[str, object], None]


@pytest_asyncio.fixture
async def rigs(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[dict[str, Rig]]:
    async with AsyncExitStack() as stack:
        made = {}
        for name in SHORT:
            (tmp_path / name).mkdir()
            rig = Rig(broker.bootstrap, f"{prefix}{name}.", tmp_path / name, partitions=4)
            made[name] = await stack.enter_async_context(rig)
        yield made


async def _lived(
    rigs: dict[str, Rig],
    fates: dict[str, Fate],
    operator: Operator,
    directory: Path,
    record_property: Record,
) -> None:
    records = await settled(list(rigs.values()), operator, SEED)
    lives: dict[str, Life] = {}
    for name, (workers, blows, dies_at) in fates.items():
        lives[name] = await read(rigs[name], records, workers, blows, SEED, directory / name, dies_at)
    said = {name: decisions(life.log) for name, life in lives.items()}
    figures = {f"seconds_{name}": life.seconds for name, life in lives.items()}
    counts, struck = {topic: len(found) for topic, found in said["one"].items()}, lives["struck"].fleet.struck
    told({"records": records, **figures, **counts, "struck": struck}, SEED, record_property)
    assert (lives["struck"].fleet.kills, lives["struck"].fleet.joins) == (1, 1)
    assert all(applied < records for _, applied in struck), "a blow fell when all was over"
    assert min(counts.values()) > 0
    for name, life in lives.items():
        assert not (found := out_of_order(life.log)), f"{name}: {found}"
        assert not (found := difference(said[name], said["one"])), f"{name} and one: {found}"


@pytest.mark.timeout(180)
async def test_a_short_log_says_the_same_to_all(rigs: dict[str, Rig], tmp_path: Path, record_property: Record) -> None:
    """Small enough for the gate."""
    end_ms = int(time.time() * 1000) - QUIET_MS
    await _lived(rigs, SHORT, Operator(130, 20, 0.15, end_ms), tmp_path, record_property)


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_two_months_say_the_same_to_all(rigs: dict[str, Rig], tmp_path: Path, record_property: Record) -> None:
    """Two months of an operator of 400."""
    end_ms = int(time.time() * 1000) - QUIET_MS
    await _lived(rigs, LONG, Operator(400, 60, 0.02, end_ms), tmp_path, record_property)
