"""The compiled lane against what the vectorised one made of the same logs, frozen before it went."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from support.detecting import Bench
from support.golden_lane import SEEDS, arrivals_of, bench_of, difference, golden, outputs_of

from models.events import Page
from models.kernel import places
from models.kernel.engine import features_of
from models.state.columns import BLOCKS
from models.terms import prolong

_SCRIPT = """
import sys
from unit.models.test_golden_lane import fingerprint
print(fingerprint(int(sys.argv[1])))
"""


def lived(seed: int) -> tuple[dict[str, Any], Bench]:
    log = golden(seed)
    bench = bench_of(log)
    bench.apply(arrivals_of(log))
    return log, bench


def counted(bench: Bench) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for counts in bench.counts:
        for name, value in msgspec.to_builtins(counts).items():
            if isinstance(value, dict):
                whole[name] = dict(Counter(whole.get(name, {})) + Counter(value))
            else:
                whole[name] = whole.get(name, 0) + value
    return {name: value for name, value in whole.items() if value}


def subscribers(bench: Bench, now: int) -> dict[str, Any]:
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


def expected_subscribers(log: dict[str, Any]) -> dict[str, Any]:
    """As they were frozen, with the visits taken out of the book."""
    found = {}
    for name, kept in log["final"].items():
        book = dict(kept["book"] or {})
        visits = [visit[:3] for visit in book.pop("visits", [])]
        found[name] = kept | {"visits": visits, "book": book}
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_lane_decides_what_it_decided_before_it_was_compiled(seed: int):
    log, bench = lived(seed)
    assert difference(log["outputs"], outputs_of(bench)) is None
    assert difference(log["clock"], msgspec.to_builtins(bench.detector.clock)) is None
    frozen = {name: value for name, value in log["counts"].items() if value}
    assert difference(frozen, counted(bench)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_lane_keeps_of_everybody_what_it_kept_before_it_was_compiled(seed: int):
    log, bench = lived(seed)
    expected, found = expected_subscribers(log), subscribers(bench, log["now"])
    assert expected.keys() == found.keys()
    for name, kept in expected.items():
        mine = found[name] | {"book": found[name]["book"] or {}}
        if not any(kept["book"].values()):
            kept["book"] = mine["book"] if not any(mine["book"].values()) else {}
        assert difference(kept, mine, name) is None


def fingerprint(seed: int) -> str:
    """One hash of all state and outputs, to the last bit."""
    _, bench = lived(seed)
    digest = hashlib.blake2b(msgspec.json.encode(outputs_of(bench)))
    for key, value in sorted(bench.state.items()):
        digest.update(key + value)
    return digest.hexdigest()


def test_interpreted_and_compiled_for_any_processor_give_the_same_bits():
    tests = Path(__file__).parents[2]
    path = os.pathsep.join([str(tests), str(tests / "support"), str(tests.parent)])
    seed = SEEDS[0]
    for name, value in (("NUMBA_DISABLE_JIT", "1"), ("NUMBA_CPU_NAME", "generic")):
        env = os.environ | {"PYTHONPATH": path, name: value}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _SCRIPT, str(seed)],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == fingerprint(seed), name
