"""Logs with every kind of event, and what a lane makes of them, frozen.

Each file of ``tests/golden`` holds the arrivals, all outputs, the counts and the clock, and of each subscriber at the
end their columns, book, visits, features and risk. They were first frozen from the vectorised lane, and the compiled
one gave the same to a billionth. When tiers came to move at the daily look alone, within a budget, and the customer's
own matters to pass the cooldown, all else was compared and what those rules change was frozen anew: ``python
-m support.golden_lane`` in ``tests`` does so. The commit of its output says which differences were looked at,
and why they are right.
"""

from __future__ import annotations

import gzip
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np
from support.detecting import Bench
from support.lane_mixes import hurried

from models.contract.events import INPUTS, Arrival, Deletion, Page
from models.contract.policy import Policy
from models.detection.breach_lifecycle import prolong
from models.kernel import places
from models.scoring.engine import features_of
from models.scoring.snapshot import decode
from models.state.columns import BLOCKS

FOLDER = Path(__file__).parents[1] / "golden"
SEEDS = (0, 1, 2)
TOLERANCE = 1e-9


def golden(seed: int) -> dict[str, Any]:
    with gzip.open(FOLDER / f"lane_{seed}.json.gz") as file:
        found: dict[str, Any] = json.load(file)
    return found


def arrivals_of(log: dict[str, Any]) -> list[Arrival]:
    """A deletion is written as the subscriber's id alone."""
    return [
        Arrival(topic, offset, ts, Deletion(event) if isinstance(event, str) else msgspec.convert(event, INPUTS[topic]))
        for topic, offset, ts, event in log["arrivals"]
    ]


def bench_of(log: dict[str, Any]) -> Bench:
    model = decode((FOLDER / "model.json").read_bytes())
    return Bench(model=model, policy=hurried() if log["hurried"] else Policy())


def lived(log: dict[str, Any]) -> Bench:
    """A lane that has lived through the log."""
    bench = bench_of(log)
    bench.apply(arrivals_of(log))
    return bench


def outputs_of(bench: Bench) -> list[Any]:
    return [
        [o.kind, o.key, o.ts, o.ce_id, o.trigger_record_ts, None if o.body is None else msgspec.to_builtins(o.body)]
        for o in bench.told
    ]


def counts_of(bench: Bench) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for counts in bench.counts:
        for name, value in msgspec.to_builtins(counts).items():
            if isinstance(value, dict):
                whole[name] = dict(Counter(whole.get(name, {})) + Counter(value))
            elif isinstance(value, list):
                whole[name] = [*whole.get(name, []), *value]
            else:
                whole[name] = whole.get(name, 0) + value
    return {name: value for name, value in whole.items() if value}


def subscribers_of(bench: Bench, now: int) -> dict[str, Any]:
    population, found = bench.detector.population, {}
    for row in population.live_rows().tolist():
        last = population.table[row, places.LAST_TS]
        x = features_of(population, np.array([row]), np.array([np.fmax(float(now), last)]))
        book = population.books.get(row)
        if book is not None:
            prolong(population, row, book)
        found[population.id_of(row)] = {
            "columns": {spec.name: population.blocks[spec.name].data[row].tolist() for spec in BLOCKS},
            "book": None if book is None else msgspec.to_builtins(book),
            "visits": [[ts, dwell, get_args(Page)[int(page)]] for ts, dwell, page in population.visits.of(row)],
            "features": x[:, 0].tolist(),
            "risk": float(bench.detector.scorer.score(x).risk[0]),
        }
    return found


def freeze(seed: int) -> None:
    """Write anew what a lane makes of the log."""
    log = golden(seed)
    bench = lived(log)
    log |= {
        "outputs": outputs_of(bench),
        "counts": counts_of(bench),
        "clock": msgspec.to_builtins(bench.detector.clock),
        "final": subscribers_of(bench, log["now"]),
    }
    packed = gzip.compress(msgspec.json.encode(log), mtime=0)
    (FOLDER / f"lane_{seed}.json.gz").write_bytes(packed)


def difference(expected: Any, found: Any, path: str = "") -> str | None:
    """Where two values differ first; numbers may by a billionth, and None stands for NaN."""
    if isinstance(expected, float) or isinstance(found, float):
        left, right = (math.nan if v is None else v for v in (expected, found))
        close = math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        return None if close or (math.isnan(left) and math.isnan(right)) else f"{path}: {expected} {found}"
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = sorted(expected.keys() | found.keys())
        pairs = [(f"{path}.{key}", expected.get(key, "absent"), found.get(key, "absent")) for key in keys]
    elif isinstance(expected, list) and isinstance(found, list | tuple):
        if len(expected) != len(found):
            return f"{path}: {len(expected)} and {len(found)} entries"
        pairs = [(f"{path}[{n}]", *both) for n, both in enumerate(zip(expected, found, strict=True))]
    else:
        return None if expected == found else f"{path}: {expected!r} {found!r}"
    return next((said for where, a, b in pairs if (said := difference(a, b, where))), None)


if __name__ == "__main__":
    for each in SEEDS:
        freeze(each)
