"""Arrivals folded one at a time, and the state right after each: what the walk does, without its decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from support.detecting import snapshot

from models.contract.events import Arrival, Deletion, Erasure
from models.contract.policy import Policy
from models.features.catalogue import NAMES
from models.kernel import compiled, places
from models.kernel.arrivals import table_of
from models.scoring.engine import Engine
from models.scoring.scorer import Scorer
from models.state.columns import BLOCKS, RISK, SEEN_IDS
from models.state.population import Population
from models.state.record_updates import take_rare

STATE_BLOCKS = tuple(spec.name for spec in BLOCKS if spec not in (RISK, SEEN_IDS))
_SCORER = Scorer(snapshot(), 0.015)


@dataclass
class Trace:
    """What folding did, an entry for each arrival, in their order.

    ``rows`` is -1 where there is nobody, ``applied`` False for a duplicate, ``now`` the subscriber's own time after
    it, ``state`` has of each block its columns right after it, (n, k).
    """

    rows: npt.NDArray[np.int64]
    applied: npt.NDArray[np.bool_]
    now: npt.NDArray[np.float64]
    late: npt.NDArray[np.bool_]
    table: npt.NDArray[np.float64]
    state: dict[str, npt.NDArray[np.float64]]


def fold(population: Population, arrivals: Sequence[Arrival], watermark: float) -> Trace:
    """Apply the arrivals in their order; `watermark` is the lane's before them."""
    engine = Engine(population, _SCORER, Policy())
    engine.lane[places.WATERMARK] = watermark
    engine.lane[places.NEXT_TICK] = np.inf
    rows, applied, now, late, tables = [], [], [], [], []
    state: dict[str, list[npt.NDArray[np.float64]]] = {name: [] for name in STATE_BLOCKS}
    blank = Population()
    for arrival in arrivals:
        engine.counts[:] = 0
        engine.lane[places.ROOM] = np.inf
        table = table_of([arrival])
        table.seat(population)
        engine.walk(table, 0)
        engine.fresh()
        event = arrival.event
        row = population.find(event.subscriber_id)
        new = bool(engine.counts[places.APPLIED].sum())
        if new and row >= 0 and int(engine.lane[places.WHY]) & places.RARE and not isinstance(event, Erasure):
            take_rare(population, row, event)
        population.settle_rows()
        ts = arrival.record_ts if isinstance(event, Deletion) else event.ts
        last = population.table[row, places.LAST_TS] if row >= 0 else np.nan
        rows.append(row)
        applied.append(new)
        now.append(ts if np.isnan(last) else last)
        late.append(bool(engine.counts[places.TOO_LATE].sum()))
        of = population if row >= 0 else blank
        tables.append(of.table[row].copy())
        for name in STATE_BLOCKS:
            state[name].append(of.blocks[name].data[row].copy())
    width = len(blank.table[0])
    return Trace(
        np.array(rows, dtype=np.int64),
        np.array(applied, dtype=bool),
        np.array(now, dtype=np.float64),
        np.array(late, dtype=bool),
        np.array(tables).reshape(-1, width),
        {n: np.array(found).reshape(len(rows), len(blank.blocks[n].fill)) for n, found in state.items()},
    )


def features_after(trace: Trace, now: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Features right after each arrival, (F, n), looked at from these times."""
    x = np.empty((len(trace.rows), len(NAMES)))
    compiled.of_each(trace.table, np.arange(len(trace.rows)), np.asarray(now, dtype=np.float64), x)
    return np.ascontiguousarray(x.T)
