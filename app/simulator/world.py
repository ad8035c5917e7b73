"""State of a running simulation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import numpy as np

from app.publishing.record import encode
from app.simulator import rhythm
from app.simulator.events import milestones
from app.simulator.events.agenda import Agenda, Cases
from app.simulator.people import chances, data_habits, leaving_paths
from app.simulator.people import population as people
from app.simulator.people.data_habits import Habits
from app.simulator.people.leaving_paths import Courses
from app.simulator.people.population import SimulatedPopulation
from app.simulator.rates import Rates
from app.simulator.rhythm import Rhythm, Span
from models.arrays import Floats, Ints
from models.contract.events import (
    BILLING,
    CALLS,
    CARE_CONTACTS,
    CONTACTS,
    DATA_USAGE,
    ERASURES,
    OUTCOMES,
    SITE_VISITS,
    SUBSCRIBERS,
)

KINDS: Final = {
    CALLS: "c",
    DATA_USAGE: "d",
    SITE_VISITS: "v",
    CARE_CONTACTS: "k",
    BILLING: "b",
    CONTACTS: "o",
    SUBSCRIBERS: "p",
    OUTCOMES: "x",
    ERASURES: "e",
}
"""The letter in the event ids of each topic."""


class Strip(NamedTuple):
    """Records of one topic and one span, unsorted: times, subscribers (rows of the population), and fields."""

    topic: str
    ts: Ints
    who: Ints
    values: list[bytes]


@dataclass(slots=True)
class World:
    """The population, the courses, the agenda, and the random generator."""

    rng: np.random.Generator
    run: str
    rates: Rates
    population: SimulatedPopulation
    ids: list[str]
    courses: Courses
    habits: Habits
    agenda: Agenda
    cases: Cases
    counts: dict[str, int] = field(default_factory=dict)

    @classmethod
    def create(cls, seed: int, subscribers: int, start_ms: int, days: int, rates: Rates) -> World:
        """Draw everything that is fixed before the first event."""
        rng = np.random.default_rng(seed)
        population = people.settle(rng, subscribers, start_ms)
        courses = leaving_paths.draw(rng, population, rates, start_ms, days)
        agenda = Agenda()
        cases = Cases(rng, agenda)
        milestones.settle(rng, agenda, cases, population, courses, rates)
        chances.settle(rng, agenda, population, courses, rates, start_ms, days)
        return cls(
            rng=rng,
            run=f"{seed:x}",
            rates=rates,
            population=population,
            ids=people.subscriber_ids(subscribers),
            courses=courses,
            habits=data_habits.draw(rng, population, start_ms, days),
            agenda=agenda,
            cases=cases,
        )

    def take(self, kind: str, count: int) -> int:
        """Reserve ``count`` numbers for event ids of this kind; the first of them."""
        first = self.counts.get(kind, 0)
        self.counts[kind] = first + count
        return first

    def draw(self, span: Span, rate: Floats, beat: Rhythm) -> tuple[Ints, Ints]:
        """Subscribers and times, unordered: a Poisson number each of ``rate`` a mean day, only while present."""
        count = self.rng.poisson(rate * rhythm.share(span, beat))
        who = np.repeat(np.arange(len(rate)), count)
        ts = rhythm.moments(self.rng, span, beat, len(who))
        there = self.population.present(who, ts)
        return who[there], ts[there]

    def event(self, topic: str, who: int, ts: int, fields: dict[str, Any]) -> bytes:
        """One event as bytes, with an id that is unique in this run."""
        kind = KINDS[topic]
        head = {"event_id": f"{self.run}-{kind}{self.take(kind, 1)}", "subscriber_id": self.ids[who], "ts": ts}
        return encode({**head, **fields})
