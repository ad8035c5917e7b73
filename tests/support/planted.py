"""Labelled examples with a planted truth: who leaves follows a known formula, over the product's own features."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from models.contract.time_units import DAY_MS
from models.contract.training_example import WEEKLY, Example, WeeklyLabel, week_ends
from models.features.catalogue import NAMES, catalogue_hash
from models.scoring.scorer import Scorer, logit
from models.scoring.snapshot import Snapshot, decode

START_MS: Final = 1_767_225_600_000
EVERY_MS: Final = 3 * 3_600_000
"""Between two examples: some hundred come before the label of the first, thousands in a year."""
BASE_RATE: Final = 0.05
SPEAKING: Final = 6
"""So many features make the truth: the first of the catalogue; the others are noise, some of them often missing."""


@cache
def starting() -> Snapshot:
    """A snapshot that knows nothing of the planted truth."""
    return decode((Path(__file__).parents[1] / "golden" / "model.json").read_bytes())


def vectors(seed: int, rows: int) -> np.ndarray:
    """(rows, F), of the shapes that features have: skewed amounts, counts that are mostly 0, flags, missing values."""
    dice = np.random.default_rng(seed)
    x = np.empty((rows, len(NAMES)))
    for f in range(len(NAMES)):
        shape = f % 4
        if shape == 0:
            x[:, f] = dice.gamma(2.0, 3.0, rows)
        elif shape == 1:
            x[:, f] = dice.exponential(20.0, rows) * (dice.random(rows) < 0.5)
        elif shape == 2:
            x[:, f] = dice.integers(0, 2, rows)
        else:
            x[:, f] = dice.normal(0.0, 1.0, rows)
        if f >= SPEAKING and f % 5 == 0:
            x[dice.random(rows) < 0.6, f] = np.nan
    return x


def truth(x: np.ndarray, strength: float = 1.0, level: float = 0.0) -> np.ndarray:
    """Chance of leaving: high for few calls, higher for a flag, with a hump that no straight line has."""
    z = -0.35 * np.minimum(x[:, 0], 10.0) + 0.04 * np.minimum(x[:, 1], 50.0) + 1.2 * x[:, 2]
    z = z + 1.5 * np.exp(-((x[:, 3] - 0.5) ** 2)) - 0.2 * np.minimum(x[:, 4], 8.0) + 0.03 * np.minimum(x[:, 5], 40.0)
    z = strength * (z - z.mean())
    return 1.0 / (1.0 + np.exp(-(z + logit(BASE_RATE) - 0.5 + level)))


def turned(rows: int, *, seed: int, first: int) -> Iterator[Example]:
    """Examples of a life in which other features speak: what was learned of the first six is worth nothing."""
    x = vectors(seed, rows)
    speaking = x[:, [8, 9, 6, 7, 16, 13]]
    chance = truth(np.concatenate([speaking, x[:, SPEAKING:]], axis=1), 2.5, -1.0)
    left = np.random.default_rng(seed + 2_000_000).random(rows) < chance
    for example, gone in zip(examples(rows, seed=seed, x=x, first=first), left.tolist(), strict=True):
        yield relabelled(example, "positive" if gone else "negative")


def examples(
    rows: int,
    *,
    seed: int = 1,
    strength: float = 1.0,
    level: float = 0.0,
    base_rate: float = BASE_RATE,
    first: int = 0,
    snapshot: Snapshot | None = None,
    x: np.ndarray | None = None,
    known_days: float = 44.0,
    prompt: bool = False,
) -> Iterator[Example]:
    """Weekly examples in the order in which their labels became known; labels follow :func:`truth`.

    Labels are known after `known_days`; with `prompt` those of leavers as soon as they have left, a quarter of that.
    """
    known = round(known_days * DAY_MS)
    x = vectors(seed, rows) if x is None else x
    left = np.random.default_rng(seed + 1_000_000).random(rows) < truth(x, strength, level)
    risk = Scorer(snapshot or starting(), base_rate).score(x.T.copy()).risk
    made = []
    for i in range(rows):
        number = first + i
        ts = START_MS + number * EVERY_MS
        delay = known // 4 if left[i] else known
        made.append(
            Example(
                example_id=f"e-{seed}-{number}",
                subscriber_id=f"s-{seed}-{number}",
                ts=ts,
                labelled_ts=ts + (delay if prompt else known),
                origin=WEEKLY,
                label="positive" if left[i] else "negative",
                outcome="ported_out" if left[i] else None,
                outcome_ts=ts + delay if left[i] else None,
                leave_reason=None,
                downgraded=False,
                first_alert_ts=ts + delay * 3 // 10 if left[i] and number % 2 else None,
                contacted=number % 3 == 0,
                hold_out=number % 20 < 2,
                cause=None,
                offer_code=None,
                tier="high_risk" if risk[i] > 0.2 else "healthy",
                segment=("high", "mid", "low")[number % 3],
                risk=float(risk[i]),
                base_rate=base_rate,
                model_version=(snapshot or starting()).version,
                policy_version="p-1",
                catalogue=catalogue_hash(),
                x=[None if np.isnan(v) else v for v in x[i].tolist()],
            )
        )
    yield from sorted(made, key=lambda e: e.labelled_ts)


def fates(example: Example, horizon_days: float = 30.0) -> Iterator[WeeklyLabel]:
    """What became of a verdict's vector week by week; its weeks are known as they end, a leaving as it happens."""
    ends = week_ends(horizon_days)
    for week, end in enumerate(ends, 1):
        until = example.ts + round(end * DAY_MS)
        left = example.outcome_ts is not None and example.label == "positive" and example.outcome_ts <= until
        yield WeeklyLabel(
            fate_id=f"{example.example_id}-{week}",
            subscriber_id=example.subscriber_id,
            ts=example.ts,
            known_ts=example.outcome_ts if left and example.outcome_ts is not None else until,
            first=week,
            last=week,
            left=left,
            outcome=example.outcome if left else None,
            segment=example.segment,
            risk=example.risk,
            base_rate=example.base_rate,
            model_version=example.model_version,
            catalogue=example.catalogue,
            x=example.x,
        )
        if left:
            return


def known_ts(told: Example | WeeklyLabel) -> int:
    """When it was known."""
    return told.known_ts if isinstance(told, WeeklyLabel) else told.labelled_ts


def told(examples: Iterable[Example]) -> list[Example | WeeklyLabel]:
    """Verdicts and the fates before them, in the order in which they became known."""
    every = [each for example in examples for each in (*fates(example), example)]
    return sorted(every, key=known_ts)


def relabelled(example: Example, label: str) -> Example:
    """The same with another label that fits itself."""
    left = label == "positive"
    return msgspec.structs.replace(
        example,
        label=label,
        outcome="ported_out" if left else None,
        outcome_ts=example.ts + DAY_MS if left else None,
        first_alert_ts=None,
    )
