"""What learning costs: run ``pytest -m benchmark -s tests/benchmarks/test_bench_learner.py``.

Processor time, not the clock on the wall, so that a busy machine does not count as a slow program.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import planted
from models.learning.learner import Learner, LearnerSettings

BEFORE = 8_000
"""PersonWeeks and verdicts until the first models are published."""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    answer = work()
    return time.process_time() - began, answer


@pytest.mark.benchmark
def test_learned_example_cost(record_property: Callable[[str, float], None]) -> None:
    learner = Learner(LearnerSettings(), planted.starting())
    told = planted.told(planted.examples(3_000, seed=1, strength=1.5, prompt=True))
    for each in told[:BEFORE]:
        learner.learn(each)
    measured = told[BEFORE:]
    cost, _ = timed(lambda: [learner.learn(each) for each in measured])
    record_property("learn_us_per_record", round(cost / len(measured) * 1e6, 1))
    saved, raw = timed(learner.checkpoint)
    read, _ = timed(lambda: Learner.resume(raw, LearnerSettings()))
    said, _ = timed(learner.report)
    print(  # noqa: T201 - its table is what a benchmark is for
        f"\nlearn {cost / len(measured) * 1e6:7.0f} us/record  checkpoint {saved * 1e3:5.0f} ms"
        f" ({len(raw):,} bytes)  resume {read * 1e3:5.0f} ms  report {said * 1e3:5.0f} ms"
    )
