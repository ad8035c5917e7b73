"""The long exactness test in short: every input, garbage of every kind, a join, and two kill -9 within a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.foreign_producer import DAY, REASONS, Town
from support.long_run import exact, run, told
from support.rig import Rig

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]
EVENTS = 30_000
SEED = 20_261


async def test_every_event_counts_once_under_kills(
    rig: Rig, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    rig.partitions = 4
    begin = int(time.time() * 1000) - 21 * DAY
    town = Town(SEED, 400, begin, 20)
    profiles = list(town.profiles())
    over = await run(
        rig,
        profiles,
        town.story(EVENTS - len(profiles)),
        EVENTS,
        ("join", "kill", "kill_again"),
        seed=SEED,
        rate=3_000,
        model=None,
        directory=tmp_path,
    )
    figures = exact(over, rig, town)
    told(figures, SEED, record_property)
    assert town.unique == EVENTS
    assert figures["examples"] > 0
    assert (over.fleet.kills, over.fleet.joins) == (2, 1)
    assert set(town.garbage) == set(REASONS)
