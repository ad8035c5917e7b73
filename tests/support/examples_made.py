"""Labelled examples by a line each, with the reasons planted that a description must find."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from support.detecting import DAY, START, snapshot

from models.contract.training_example import Example
from models.features.catalogue import INDEX, NAMES, catalogue_hash
from models.scoring.snapshot import Snapshot

USUAL: dict[str, float] = {"calls_7d": 20.0, "arpu": 60.0, "tenure_months": 40.0, "data_mb_7d": 900.0}
"""What everybody has, give or take; the other features are missing."""


def model() -> Snapshot:
    """Four things speak against a customer: competitor sites, open complaints, fading data, silence."""
    return snapshot(
        -5.0,
        competitor_dwell_7d=([0.0, 1500.0], [0.0, 4.0]),
        complaints_open=([0.0, 2.0], [0.0, 4.0]),
        data_mb_7d_vs_30d=([0.0, 1.0], [4.0, 0.0]),
        silent_days=([0.0, 20.0], [0.0, 4.0]),
    )


def example(who: str, /, x: Mapping[str, float] | None = None, **fields: Any) -> Example:
    """An example; features that `x` does not name are the usual ones."""
    values: list[float | None] = [None] * len(NAMES)
    for name, value in {**USUAL, **(x or {})}.items():
        values[INDEX[name]] = value
    given = {
        "example_id": f"e-{who}-{fields.get('ts', START)}",
        "ts": START,
        "labelled_ts": START + 90 * DAY,
        "origin": "weekly",
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
        "tier": "high_risk",
        "segment": "mid",
        "risk": 0.2,
        "base_rate": 0.015,
        "model_version": "m-test",
        "policy_version": "p-1",
        "catalogue": catalogue_hash(),
        "x": values,
    }
    return Example(subscriber_id=who, **{**given, **fields})


def planted(reasons: Mapping[str, Mapping[str, float]], sizes: Mapping[str, int], seed: int = 5) -> list[Example]:
    """Customers at risk, each for one of the reasons, all of them with noise about everything."""
    draw = random.Random(seed)
    quiet = {"competitor_dwell_7d": 0.0, "complaints_open": 0.0, "data_mb_7d_vs_30d": 1.0, "silent_days": 1.0}
    found = []
    for reason, size in sizes.items():
        for number in range(size):
            x = {**quiet, **USUAL, **reasons[reason]}
            noisy = {name: value * draw.uniform(0.85, 1.15) + draw.uniform(0.0, 0.05) for name, value in x.items()}
            left = number % 3 == 0
            found.append(
                example(
                    f"{reason}-{number}",
                    noisy,
                    label="positive" if left else "negative",
                    outcome="ported_out" if left else None,
                    segment="high" if reason == "browsing" else "low",
                    risk=0.3 if reason == "browsing" else 0.1,
                )
            )
    return found
