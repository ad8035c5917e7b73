"""Life cycle of a data service: its users pass through the five stages of :mod:`models.features.data`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.simulator.people.population import SENIOR, SimulatedPopulation
from models.arrays import Floats, Ints
from models.contract.time_units import DAY_MS

_SHARE: Final = 0.12
_SHORTEST: Final = np.array([5.0, 14.0, 30.0, 14.0])
_LONGEST: Final = np.array([9.0, 24.0, 75.0, 30.0])
_LEVELS: Final = np.array([0.5, 0.8, 1.6, 1.5, 0.15])
"""Multiple of the usual sessions at the edges of the stages; linear between them."""
CATEGORIES: Final = ("video", "social", "games", "music", "browsing", "shopping", "work")
MIX: Final = np.array([0.26, 0.3, 0.1, 0.08, 0.14, 0.07, 0.05])


@dataclass(frozen=True, slots=True)
class Habits:
    """Subscribers of a data service, which one, and when its five stages begin (one column a stage).

    ``edges`` has the starts of all stages but the first, which is ``began``.
    """

    who: Ints
    category: Ints
    began: Ints
    edges: Ints

    def level(self, ts: int) -> Floats:
        """Multiple of each subscriber's usual sessions at ``ts``; 1 before the service has begun."""
        starts = np.column_stack([self.began, self.edges]).astype(np.float64)
        stage = (ts >= starts).sum(axis=1) - 1
        inside = np.clip(stage, 0, 3)
        rows = np.arange(len(self.who))
        left, right = starts[rows, inside], starts[rows, inside + 1]
        part = np.clip((ts - left) / np.maximum(right - left, 1), 0, 1)
        level = _LEVELS[inside] + (_LEVELS[inside + 1] - _LEVELS[inside]) * part
        known: Floats = np.where(stage < 0, 1.0, level)
        return known


def draw(rng: np.random.Generator, population: SimulatedPopulation, start_ms: int, days: int) -> Habits:
    """Give about an eighth of the private customers a service before or within the simulated days.

    >>> from app.simulator.people.population import settle
    >>> rng = np.random.default_rng(2)
    >>> habits = draw(rng, settle(rng, 1000, 0), 0, 60)
    >>> 40 < len(habits.who) < 160, bool((habits.level(0) > 0.14).all())
    (True, True)
    """
    eager = ~population.homes.corporate & (population.stage != SENIOR) & (rng.random(len(population)) < _SHARE)
    who = np.flatnonzero(eager)
    lengths = rng.uniform(_SHORTEST, _LONGEST, (len(who), 4)) * DAY_MS
    began = start_ms + (rng.uniform(-100, max(days, 1), len(who)) * DAY_MS).astype(np.int64)
    edges = began[:, None] + np.cumsum(lengths, axis=1).astype(np.int64)
    return Habits(who, rng.choice(4, len(who)), began, edges)
