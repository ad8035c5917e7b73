"""Labelled examples with a rule behind them, the same for the same seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

from models.contract.time_units import DAY_MS
from models.contract.training_example import WEEKLY, Example
from models.features.catalogue import NAMES, catalogue_hash

BEGIN = 1_780_000_000_000 // DAY_MS * DAY_MS
EVERY_MS = 12 * 3_600_000
"""Between two examples: after some dozens the labels of the first are known."""
BASE_RATE = 0.2


def examples(seed: int, count: int, start: int = 0) -> Iterator[Example]:
    """Who has the first feature high and the second low leaves sooner; the served risk knows nothing of it."""
    for number in range(start, start + count):
        draw = random.Random(seed * 1_000_003 + number)
        high, low = draw.random() < 0.3, draw.random() < 0.3
        x: list[float | None] = [float(high), float(low), draw.gauss(0.0, 1.0), None if draw.random() < 0.3 else 1.0]
        x += [float(draw.random() < 0.5) for _ in range(len(NAMES) - len(x))]
        pull = 3.0 * high - 2.0 * low - 2.0
        left = draw.random() < 1.0 / (1.0 + math.exp(-pull))
        labelled = BEGIN + number * EVERY_MS
        yield example(
            example_id=f"e-{number}",
            subscriber_id=f"s-{number}",
            ts=labelled - 30 * DAY_MS,
            labelled_ts=labelled,
            label="positive" if left else "negative",
            outcome="ported_out" if left else None,
            outcome_ts=labelled - DAY_MS if left else None,
            risk=min(max(0.2 + 0.02 * draw.gauss(0.0, 1.0), 0.01), 0.9),
            x=x,
        )


def example(**fields: Any) -> Example:
    """An example of a stayer, unless `fields` say otherwise."""
    given: dict[str, Any] = {
        "example_id": "e",
        "subscriber_id": "s",
        "ts": BEGIN - 30 * DAY_MS,
        "labelled_ts": BEGIN,
        "origin": WEEKLY,
        "label": "negative",
        "outcome": None,
        "outcome_ts": None,
        "leave_reason": None,
        "downgraded": False,
        "first_alert_ts": None,
        "contacted": False,
        "hold_out": False,
        "cause": None,
        "offer_code": None,
        "tier": "healthy",
        "segment": "high",
        "risk": 0.1,
        "base_rate": BASE_RATE,
        "model_version": "m-00000",
        "policy_version": "p-1",
        "catalogue": catalogue_hash(),
        "x": [0.0] * len(NAMES),
    }
    return Example(**(given | fields))
