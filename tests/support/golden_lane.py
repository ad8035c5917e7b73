"""Logs with every kind of event, and what the vectorised lane made of them before the compiled one replaced it.

Each file of ``tests/golden`` holds the arrivals, all outputs, the counts and the clock, and of each subscriber at the
end their columns, book, features and risk. All of it was compared equal, to a billionth, with two things left out on
purpose: an erased subscriber was scored once more, just before the score was deleted; and an unprofiled subscriber's
withheld tier episode now ends at the daily look alone. Then scores came to be published at a tier's change and at the
daily look only, as the contract says; the scores in the files, and nothing else, are those of that rule. Fates of
weeks came later still, and are left out.
"""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import msgspec
from support.detecting import Bench
from support.lane_mixes import hurried

from models.events import INPUTS, Arrival, Deletion
from models.policy import Policy
from models.snapshot import decode

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


def outputs_of(bench: Bench) -> list[Any]:
    return [
        [o.kind, o.key, o.ts, o.ce_id, o.trigger_record_ts, None if o.body is None else msgspec.to_builtins(o.body)]
        for o in bench.outputs
        if o.kind != "fate"
    ]


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
