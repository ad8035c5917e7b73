"""A rehearsal of the compiled code on an empty lane, so that no event waits for the compiler.

Numba compiles a function at its first call, for the types of that call. Those types come from the arrays of the real
callers, so as far as possible the real callers are used here.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from models.contract.policy import Policy
from models.features.catalogue import NAMES
from models.kernel import compiled, places
from models.kernel.arrivals import EventReader, table_of
from models.scoring.engine import Engine, features_of
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Curve, Snapshot
from models.state.columns import SEEN_IDS
from models.state.population import Population

_BASE_RATE: Final = 0.01


class Rehearsed(NamedTuple):
    """Number of functions compiled, and number loaded from the cache."""

    compiled: int
    loaded: int


def rehearse() -> Rehearsed:
    """Compile everything, or load it from the cache; after this returns no call waits for the compiler.

    Raises
    ------
    OSError
        If the cache cannot be written, such as on a full disk; not after :func:`keep_nothing`.

    Examples
    --------
    >>> rehearse() == rehearse()  # the second time there is nothing to do
    True
    """
    nothing = [Curve(feature=name, knots=[0.0, 1.0], values=[0.0, 0.0]) for name in NAMES]
    scorer = Scorer(Snapshot(version="rehearsal", curves=nothing, intercept=0.0, base_rate=_BASE_RATE))
    population = Population()
    engine = Engine(population, scorer, Policy())
    nobody = np.array([population.seat("nobody")])
    engine.walk(table_of([]), 0)
    engine.look(nobody, np.zeros(1, dtype=np.int64), 0, 0, 1)
    engine.score(0, 0.0)
    engine.silence_due(nobody)
    order = np.zeros(len(NAMES), dtype=np.int64)
    compiled.contributions(engine.x, scorer.table(), scorer.usual_curves(), 0.0, engine.x, order)
    features_of(population, nobody, np.zeros(1))
    population.enliven(0)
    population.touch(0, SEEN_IDS.name)
    records = population.take_changes()
    records.put(list(records))
    Population().load(records)
    no_bytes, no_records = np.frombuffer(b"", dtype=np.uint8), np.zeros((0, places.RECORD), dtype=np.int64)
    EventReader().read(no_bytes, no_records)
    compiled.take_records(no_bytes, 0, 0, 0, 0, no_records)
    nothing_, none = np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64)
    compiled.merge(no_records, none, nothing_, none, 0, none, none)
    compiled.count_misplaced(no_bytes, no_records, 0, 1, np.zeros(1, dtype=np.uint8), nothing_)
    stats = [each.stats for each in _functions()]
    return Rehearsed(sum(each.cache_misses.total() for each in stats), sum(each.cache_hits.total() for each in stats))


def keep_nothing() -> None:
    """Disable the cache: compiled code then serves this process only."""
    for each in _functions():
        each._cache.disable()


def _functions() -> list[Any]:
    return [each for each in vars(compiled).values() if hasattr(each, "signatures")]
