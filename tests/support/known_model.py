"""A model whose word is known beforehand: one answer to one question makes the risk."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from models.features.catalogue import NAMES, catalogue_hash
from models.scoring.snapshot import Curve, Cutoff, Snapshot, encode

HEALTHY, WARNED, AT_RISK = 10, 5, 1
"""Answers to "how satisfied are you?" that put a subscriber into each tier, under :func:`known_model`."""
RISKS: Final = {HEALTHY: 0.005, WARNED: 0.05, AT_RISK: 0.30}
BASE_RATE: Final = 0.015


def known_model(version: str = "m-00007", risks: Mapping[int, float] = RISKS) -> bytes:
    """A snapshot in which the last satisfaction alone makes the risk: the tests decide the tier.

    Of the product it takes only the names of the features and the form of the file.
    """
    return encode(known_snapshot(version, risks))


def known_snapshot(version: str = "m-00007", risks: Mapping[int, float] = RISKS) -> Snapshot:
    """The same before it is written down."""

    def logit(risk: float) -> float:
        return math.log(risk / (1 - risk))

    knots = sorted(risks)
    values = [logit(risks[knot]) - logit(risks[HEALTHY]) for knot in knots]
    curves = [
        Curve(feature=name, knots=[float(k) for k in knots], values=values, usual=9.0)
        if name == "last_satisfaction"
        else Curve(feature=name, knots=[0.0, 1.0], values=[0.0, 0.0])
        for name in NAMES
    ]
    return Snapshot(
        version=version,
        curves=curves,
        intercept=logit(risks[HEALTHY]),
        base_rate=BASE_RATE,
        catalogue_hash=catalogue_hash(),
        cutoffs=[Cutoff(0.02, 0.075), Cutoff(0.10, 0.03)],
    )
