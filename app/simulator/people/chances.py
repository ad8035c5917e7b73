"""What happens to a few, whatever path they are on: they ask to be forgotten, or move to another number."""

from __future__ import annotations

import numpy as np

from app.simulator.events.agenda import Agenda
from app.simulator.people.leaving_paths import Courses
from app.simulator.people.population import SimulatedPopulation
from app.simulator.rates import Rates
from models.contract.events import ERASURES, OUTCOMES, SUBSCRIBERS
from models.contract.time_units import DAY_MS, MINUTE_MS

_LEFT = 4


def _struck(rng: np.random.Generator, count: int, monthly: float, days: int) -> list[int]:
    return np.flatnonzero(rng.random(count) < 1 - (1 - monthly) ** (days / 30)).tolist()


def settle(
    rng: np.random.Generator,
    agenda: Agenda,
    population: SimulatedPopulation,
    courses: Courses,
    rates: Rates,
    start_ms: int,
    days: int,
) -> None:
    """Choose whom it strikes within the simulated days; a number that moves is no churn, but its profile ends."""
    count = len(population)
    free = np.ones(count, dtype=np.bool_)
    free[courses.who] = False  # a course writes its own end
    for who in _struck(rng, count, rates.migrations_per_month, days):
        at = start_ms + int(rng.uniform(0, days) * DAY_MS)
        if free[who]:
            population.until[who] = at
            agenda.put(at, who, OUTCOMES, {"outcome": "migrated"})
            agenda.put(at + MINUTE_MS, who, SUBSCRIBERS, {"status": _LEFT})
    for number, who in enumerate(_struck(rng, count, rates.erasures_per_month, days)):
        at = start_ms + int(rng.uniform(0, days) * DAY_MS)
        population.erased[who] = at + 1  # the request itself is still written
        agenda.put(at, who, ERASURES, {"request_id": f"erase-{number:04d}"})
