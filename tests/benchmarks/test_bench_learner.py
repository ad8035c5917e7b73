"""What learning costs: run ``pytest -m benchmark -s tests/benchmarks/test_bench_learner.py``.

Processor time, not the clock on the wall, so that a busy machine does not count as a slow program.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import planted
from models.learner import Learner, LearnerSettings

BEFORE = 3_500
"""Examples until the knots are frozen and the first models are published."""
MEASURED = 3_000


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    answer = work()
    return time.process_time() - began, answer


@pytest.mark.benchmark
@pytest.mark.parametrize(
    ("name", "shadow"),
    [
        ("no shadow", ()),
        ("with log1p", ("log1p",)),
        ("with pairs", ("pairs",)),
        ("with forest", ("forest",)),
        ("with all", ("log1p", "pairs", "forest")),
    ],
)
def test_learned_example_cost(
    name: str, shadow: tuple[str, ...], record_property: Callable[[str, float], None]
) -> None:
    learner = Learner(LearnerSettings(shadow=shadow, blank_life=2_500), planted.starting())
    examples = list(planted.examples(BEFORE + MEASURED, seed=1, strength=1.5))
    for example in examples[:BEFORE]:
        learner.learn(example)
    cost, _ = timed(lambda: [learner.learn(example) for example in examples[BEFORE:]])
    record_property(f"learn_us_per_example_{name}".replace(" ", "_"), round(cost / MEASURED * 1e6, 1))
    saved, raw = timed(learner.checkpoint)
    read, _ = timed(lambda: Learner.resume(raw, LearnerSettings(shadow=shadow, blank_life=2_500)))
    told, report = timed(learner.report)
    assert report.labels > 0.99 * (BEFORE + MEASURED)
    print(  # noqa: T201 - its table is what a benchmark is for
        f"\n{name:15} learn {cost / MEASURED * 1e6:7.0f} us/example  checkpoint {saved * 1e3:5.0f} ms"
        f" ({len(raw):,} bytes)  resume {read * 1e3:5.0f} ms  report {told * 1e3:5.0f} ms"
    )
