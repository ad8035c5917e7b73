"""What a score and its reasons cost: run ``pytest -m benchmark -s tests/benchmarks/test_bench_risk.py``.

Processor time, not the clock on the wall, so that a busy machine does not count as a slow program. River itself on the
same rows beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import pytest

import planted
from models.fitting.knots import Knots
from models.fitting.river_logistic import RiverLogistic
from models.scoring.prior import prior
from models.scoring.scorer import Scorer

ROUNDS = 21


def cost(work: Callable[[], object]) -> float:
    """Median seconds of a call."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return median(spent)


@pytest.mark.benchmark
@pytest.mark.parametrize("rows", [1, 32, 4_000])
def test_score_cost(rows: int, record_property: Callable[[str, float], None]) -> None:
    snapshot = prior()
    scorer, x = Scorer(snapshot, 0.015), planted.vectors(5, rows).T.copy()
    again = max(1, 200 // rows)
    scored = cost(lambda: [scorer.score(x) for _ in range(again)]) / (again * rows)
    reasons = cost(lambda: [scorer.contributions(x, "high") for _ in range(again)]) / (again * rows)
    ground = Knots.of(snapshot.features, planted.vectors(6, 1_000).T)
    model, few = RiverLogistic(ground, 0.015), ground.logs(x[:, :50]).T.tolist()
    river = cost(lambda: [model.log_odds(values, 1) for values in few]) / len(few)
    for name, seconds in (("score", scored), ("contributions", reasons), ("river", river)):
        record_property(f"{name}_us_per_row_{rows}", round(seconds * 1e6, 2))
    line = f"score {scored * 1e6:7.2f}  contributions {reasons * 1e6:7.2f}  River's own prediction {river * 1e6:7.1f}"
    print(f"\n{rows:6} rows at once, us/row: {line}")  # noqa: T201 - its table is what a benchmark is for
    assert np.isfinite(scorer.score(x).risk).all()
