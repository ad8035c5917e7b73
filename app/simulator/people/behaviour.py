"""What the courses do to everyday life: how often, to whom, how well, at each moment of event time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from app.simulator.people.leaving_paths import Courses, Path
from app.simulator.people.population import SimulatedPopulation
from models.arrays import Floats, Ints


@dataclass(slots=True)
class Behaviour:
    """One row a subscriber, for one span.

    ``outgoing``, ``incoming``, ``sessions``, ``volume`` and ``bill`` multiply his own usual; ``visits`` are expected a
    day; the others are probabilities of one event. ``turn`` is how far he has turned away, and decides which pages
    of a competitor he reads.
    """

    outgoing: Floats
    incoming: Floats
    sessions: Floats
    volume: Floats
    bill: Floats
    off_net: Floats
    visits: Floats
    turn: Floats
    courted: Floats
    forwarded: Floats
    abroad: Floats
    dropped: Floats
    failed: Floats
    throttled: Floats
    troubles: Floats

    @classmethod
    def usual(cls, population: SimulatedPopulation) -> Behaviour:
        """How everybody is without a course."""
        count = len(population)
        return cls(
            outgoing=np.ones(count),
            incoming=np.ones(count),
            sessions=np.ones(count),
            volume=np.ones(count),
            bill=np.ones(count),
            off_net=0.15 + 0.5 * population.off_net,
            visits=0.012 * population.browses,
            turn=np.zeros(count),
            courted=np.full(count, 0.0008),
            forwarded=np.full(count, 0.01),
            abroad=np.full(count, 0.008),
            dropped=np.full(count, 0.012),
            failed=np.full(count, 0.01),
            throttled=np.full(count, 0.02),
            troubles=np.full(count, 0.0),
        )


def _second_sim(now: Behaviour, who: Ints, shown: Floats) -> None:
    now.outgoing[who] *= 1 - 0.9 * shown**1.2
    now.sessions[who] *= 1 - 0.93 * shown
    now.incoming[who] *= 1 - 0.45 * shown
    now.off_net[who] += 0.3 * shown
    now.forwarded[who] += 0.12 * shown
    now.bill[who] *= 1 - 0.35 * shown


def _rival(now: Behaviour, who: Ints, shown: Floats) -> None:
    now.visits[who] += 1.1 * shown**2
    now.turn[who] = shown
    now.courted[who] += 0.07 * shown
    now.outgoing[who] *= 1 - 0.25 * shown
    now.sessions[who] *= 1 - 0.2 * shown
    now.off_net[who] += 0.1 * shown


def _bad_service(now: Behaviour, who: Ints, shown: Floats) -> None:
    now.dropped[who] += 0.2 * shown
    now.failed[who] += 0.22 * shown
    now.throttled[who] += 0.18 * shown
    now.troubles[who] += 0.06 * shown
    now.outgoing[who] *= 1 - 0.2 * shown
    now.sessions[who] *= 1 - 0.15 * shown
    now.visits[who] += 0.12 * shown**2
    now.turn[who] = 0.6 * shown


def _price(now: Behaviour, who: Ints, shown: Floats) -> None:
    now.visits[who] += 0.4 * shown
    now.turn[who] = 0.5 * shown
    now.volume[who] *= 1 - 0.35 * shown
    now.outgoing[who] *= 1 - 0.15 * shown
    now.bill[who] *= 1 - 0.1 * shown


def _corporate(now: Behaviour, who: Ints, shown: Floats) -> None:
    now.forwarded[who] += 0.4 * shown
    now.outgoing[who] *= 1 - 0.5 * shown
    now.sessions[who] *= 1 - 0.25 * shown
    now.off_net[who] += 0.12 * shown
    now.bill[who] *= 1 - 0.35 * shown


def _downgrade(now: Behaviour, who: Ints, shown: Floats) -> None:
    now.sessions[who] *= 1 - 0.4 * shown
    now.volume[who] *= 1 - 0.5 * shown
    now.outgoing[who] *= 1 - 0.3 * shown
    now.bill[who] *= 1 - 0.4 * shown


def _passive(now: Behaviour, who: Ints, shown: Floats) -> None:
    """The odd numbers are frauds, with calls abroad by the dozen; the even ones merely stop paying."""
    fraud = who % 2 == 1
    now.abroad[who] += np.where(fraud, 0.6 * shown, 0.0)
    now.outgoing[who] *= np.where(fraud, 1 + 4 * shown, 1 - 0.3 * shown)
    now.sessions[who] *= 1 - 0.3 * shown


_EFFECTS: Final[dict[Path, Callable[[Behaviour, Ints, Floats], None]]] = {
    Path.SECOND_SIM: _second_sim,
    Path.RIVAL: _rival,
    Path.BAD_SERVICE: _bad_service,
    Path.PRICE: _price,
    Path.CORPORATE: _corporate,
    Path.DOWNGRADE: _downgrade,
    Path.PASSIVE: _passive,
}
_ARREARS, _FRAUD, _VOLUNTARY = 1, 2, 3


def behaviour(population: SimulatedPopulation, courses: Courses, ts: int) -> Behaviour:
    """How everybody behaves at ``ts``; who is suspended can be rung up, but neither call nor surf."""
    now = Behaviour.usual(population)
    shown = courses.progress(ts)
    for path, effect in _EFFECTS.items():
        rows = (courses.path == path) & (shown > 0)
        effect(now, courses.who[rows], shown[rows])
    barred = (population.status >= _ARREARS) & (population.status <= _VOLUNTARY)
    now.outgoing[barred] = 0
    now.sessions[barred] = 0
    now.incoming[barred] *= np.where(population.status[barred] == _ARREARS, 0.3, 0)
    return now
