"""The latent paths: each is there, and each changes what its subscribers do."""

from __future__ import annotations

import numpy as np
import pytest

from app.simulator.events.usage import calls
from app.simulator.people.behaviour import Behaviour, behaviour
from app.simulator.people.leaving_paths import Path, PathEnd
from app.simulator.rates import Rates
from app.simulator.rhythm import Span
from app.simulator.world import World
from models.contract.time_units import DAY_MS

START = 1_780_000_000_000
DAYS = 60


@pytest.fixture(scope="module")
def world() -> World:
    return World.create(3, 5_000, START, DAYS, Rates())


def test_all_seven_paths_are_walked_to_their_end_within_the_window(world: World) -> None:
    courses = world.courses
    ended = (courses.fate == PathEnd.LEAVES) & (courses.peak >= START) & (courses.peak < START + DAYS * DAY_MS)
    assert set(courses.path[ended].tolist()) == {int(path) for path in Path}


def test_there_are_decoys_and_saves_beside_the_leavers(world: World) -> None:
    fates = np.bincount(world.courses.fate, minlength=3)
    assert fates[PathEnd.STAYS] > fates[PathEnd.LEAVES] > fates[PathEnd.SAVED] > 0


def test_nobody_walks_two_paths(world: World) -> None:
    assert len(np.unique(world.courses.who)) == len(world.courses)


def test_a_course_takes_two_to_six_weeks(world: World) -> None:
    courses = world.courses
    days = (courses.peak - courses.onset)[courses.fate == PathEnd.LEAVES] / DAY_MS
    assert days.min() > 12
    assert days.max() < 44


@pytest.mark.parametrize("seed", [1, 2])
def test_members_of_an_account_go_together(seed: int) -> None:
    world = World.create(seed, 3_000, START, DAYS, Rates())
    rows = (world.courses.path == Path.CORPORATE) & (world.courses.fate == PathEnd.LEAVES)
    accounts = world.population.homes.account[world.courses.who[rows]]
    assert rows.any()
    assert (accounts >= 0).all()
    for account in np.unique(accounts):
        peaks = world.courses.peak[rows][accounts == account]
        assert np.ptp(peaks) <= 6 * DAY_MS


def shown(world: World, path: Path, name: str) -> float:
    """Mean change of a trait of the path's leavers a day before their peak, against their own usual."""
    courses = world.courses
    rows = (courses.path == path) & (courses.fate == PathEnd.LEAVES) & (courses.peak > START) & (courses.strength > 0)
    changes = []
    for who, peak in zip(courses.who[rows].tolist(), courses.peak[rows].tolist(), strict=True):
        now = getattr(behaviour(world.population, courses, peak - DAY_MS), name)[who]
        changes.append(now - getattr(Behaviour.usual(world.population), name)[who])
    return float(np.mean(changes))


@pytest.mark.parametrize(
    ("path", "falls", "rises"),
    [
        (Path.SECOND_SIM, ("outgoing", "sessions", "incoming", "bill"), ("off_net", "forwarded")),
        (Path.RIVAL, ("outgoing",), ("visits", "courted", "turn")),
        (Path.BAD_SERVICE, ("sessions",), ("dropped", "failed", "throttled", "troubles")),
        (Path.PRICE, ("volume",), ("visits", "turn")),
        (Path.CORPORATE, ("outgoing", "bill"), ("forwarded",)),
        (Path.DOWNGRADE, ("volume", "bill"), ()),
    ],
)
def test_each_path_shows_in_what_its_leavers_do(
    world: World, path: Path, falls: tuple[str, ...], rises: tuple[str, ...]
) -> None:
    assert all(shown(world, path, name) < 0 for name in falls)
    assert all(shown(world, path, name) > 0 for name in rises)


def test_decoys_and_saved_return_to_their_usual(world: World) -> None:
    courses = world.courses
    long_after = courses.progress(int(courses.peak.max()) + 60 * DAY_MS)
    assert (long_after[courses.fate != PathEnd.LEAVES] == 0).all()
    at_peak = courses.progress(START + 20 * DAY_MS)
    assert (at_peak[courses.fate == PathEnd.STAYS] > 0).any()


def test_some_leavers_give_no_sign(world: World) -> None:
    leavers = world.courses.fate == PathEnd.LEAVES
    silent = (world.courses.strength[leavers] == 0).mean()
    assert 0.03 < silent < 0.2


def test_who_is_barred_for_arrears_makes_no_calls() -> None:
    world = World.create(8, 200, START, 10, Rates())
    world.population.status[:] = 1
    span = Span(START, START + 4 * 3_600_000)
    strip = calls(world, behaviour(world.population, world.courses, START), span)
    assert all(b'"incoming"' in value for value in strip.values)
