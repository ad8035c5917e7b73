"""How long a sweep holds up a batch: run ``pytest -m benchmark -s tests/benchmarks/test_bench_sweep.py``.

200,000 subscribers in one lane, everybody looked at once a day, a seventh of them frozen, some with news. What is
timed is each call that a lane makes: the lane commits between two of them, and other lanes have their turn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pytest
from support.detecting import DAY, START, event

from models.contract.events import CALLS, Arrival
from models.contract.policy import Policy
from models.detection.detector import Detector
from models.scoring.prior import prior
from models.scoring.scorer import Scorer
from models.state.lane_time import TICK_MS

SUBSCRIBERS = 200_000
BATCH = 4_000
BOUND_S = 0.05
PARTS = {"median": 0.5, "p99": 0.99, "most": 1.0}


@pytest.mark.benchmark
def test_sweep_holds_up_no_batch_for_long(record_property: Callable[[str, object], None]) -> None:
    policy = Policy()
    scorer = Scorer(prior(), policy.base_rate)
    detector = Detector(scorer, policy, 0)
    calls = (Arrival(CALLS, n, START, event("call", f"s-{n}", START + n)) for n in range(SUBSCRIBERS))
    for _ in range(0, SUBSCRIBERS, BATCH):
        detector.apply([next(calls) for _ in range(BATCH)])
        detector.take()
    spent = []
    # Two days: the second has the news of the first in its published risks, and other subscribers frozen.
    for tick in range(START + DAY, START + 3 * DAY, TICK_MS):
        rest = [Arrival(CALLS, tick, tick, event("call", "s-0", tick))]
        while rest or detector.owed:
            began = time.perf_counter()
            rest = rest[detector.apply(rest) :]
            spent.append(time.perf_counter() - began)
            detector.take()
    spent.sort()
    figures = {name: round(1e3 * spent[int(part * (len(spent) - 1))], 1) for name, part in PARTS.items()}
    for name, figure in figures.items():
        record_property(f"sweep_ms_{name}", figure)
    sys.stdout.write(f"\n{len(spent)} calls, ms: {figures}\n")
    assert spent[int(0.99 * len(spent))] <= BOUND_S
