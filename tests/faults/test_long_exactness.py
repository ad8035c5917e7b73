"""Nothing lost, nothing twice, over hundreds of thousands of events by somebody else's producer, kills and joins.

``LONG_EVENTS`` and ``LONG_SEED`` change the run: a seed that has failed once is to be tried again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.foreign_producer import CARE, DAY, REASONS, SUBSCRIBERS, Town
from support.long_run import Blow, decisions, difference, exact, run, told, undisturbed
from support.rig import Rig

from streams.embedded_kafka.broker import EmbeddedBroker

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.timeout(3600)]
EVENTS = int(os.environ.get("LONG_EVENTS", "300000"))
SEED = int(os.environ.get("LONG_SEED", "71828"))
PARTITIONS = 8
DAYS = 20
BLOWS: tuple[Blow, ...] = ("join", "kill", "kill_all", "join", "kill", "kill_opening")
"""Five kill -9: one, both at once, one of three, and the one that was just started again as it opens its lanes."""
Record = Callable[[str, object], None]


def town(seed: int, subscribers: int, **mix: dict[str, float]) -> Town:
    return Town(seed, subscribers, int(time.time() * 1000) - (DAYS + 1) * DAY, DAYS, **mix)


@pytest.fixture
def rig(rig: Rig) -> Rig:
    rig.partitions = PARTITIONS
    return rig


async def test_every_event_counts_once(rig: Rig, tmp_path: Path, record_property: Record) -> None:
    """All inputs, five kill -9, two joins, garbage of every kind: the history folds to what was written."""
    people = town(SEED, EVENTS // 100)
    profiles = list(people.profiles())
    story = people.story(EVENTS - len(profiles))
    over = await run(rig, profiles, story, EVENTS, BLOWS, seed=SEED, rate=4_000, model=None, directory=tmp_path)
    told(exact(over, rig, people), SEED, record_property)
    assert people.unique == EVENTS
    assert (over.fleet.kills, over.fleet.joins) == (5, 2)
    assert set(people.garbage) == set(REASONS)


async def test_alerts_equal_those_of_a_run_without_kills(
    rig: Rig, broker: EmbeddedBroker, prefix: str, tmp_path: Path, record_property: Record
) -> None:
    """With one input the order is given, so nothing that was killed may show in a single byte of what was decided.

    The profiles are there before the first worker is: without them every alert would be withheld.
    """
    events = EVENTS // 3
    people = town(SEED + 1, events // 30, mix={CARE: 1.0})
    profiles = list(people.profiles())
    story = people.story(events - len(profiles))
    over = await run(rig, profiles, story, events, BLOWS, seed=SEED + 1, rate=2_000, model=None, directory=tmp_path)
    figures = exact(over, rig, people)
    (tmp_path / "calm").mkdir()
    async with Rig(broker.bootstrap, f"{prefix}calm.", tmp_path / "calm", PARTITIONS) as calm:
        log, seconds = await undisturbed(calm, over, (SUBSCRIBERS, CARE), model=None, directory=tmp_path / "calm")
    assert not (found := difference(decisions(over.log), decisions(log))), found
    told({**figures, "seconds_uninterrupted": seconds}, SEED + 1, record_property)
    assert (over.fleet.kills, over.fleet.joins) == (5, 2)
