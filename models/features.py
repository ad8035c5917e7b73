"""The catalogue: everything that the model knows about a subscriber, and how it is said to a person.

The order is fixed: a feature's place is its row in the array that :func:`compute` makes. A snapshot of a model names
its features and the :func:`catalogue_hash` that it was trained on. What is missing is NaN, never a silent zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

import numpy as np

from models import features_account, features_calls, features_care, features_data, features_visits
from models.decay import Floats
from models.feature import Feature
from models.reason_text import say
from models.view import View, state_of

__all__ = [
    "CATALOGUE",
    "CATALOGUE_VERSION",
    "INDEX",
    "NAMES",
    "Feature",
    "catalogue_hash",
    "compute",
    "reason_text",
    "state_of",
]

CATALOGUE_VERSION: Final = 1
"""Moves when a feature of the same name and unit comes to mean something else."""

CATALOGUE: Final[tuple[Feature, ...]] = (
    *features_calls.FEATURES,
    *features_data.FEATURES,
    *features_visits.FEATURES,
    *features_care.FEATURES,
    *features_account.FEATURES,
)
NAMES: Final = tuple(feature.name for feature in CATALOGUE)
INDEX: Final = {name: place for place, name in enumerate(NAMES)}


def catalogue_hash() -> str:
    """Fingerprint of names, units and meaning: a model trained on another catalogue must not be served."""
    text = "\n".join([str(CATALOGUE_VERSION), *(f"{f.name} {f.unit}" for f in CATALOGUE)])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def compute(state: Mapping[str, Floats], now: Floats) -> Floats:
    """All features of n subscribers, (F, n).

    `state` has the columns of each block, (n, k), as in ``Trace.state`` or :func:`state_of`; `now` is the time (ms)
    from which each subscriber is looked at.
    """
    view = View(state, now)
    found = np.empty((len(CATALOGUE), len(now)))
    # A division by nothing is a missing value here, and the definitions say where.
    with np.errstate(divide="ignore", invalid="ignore"):
        for place, feature in enumerate(CATALOGUE):
            found[place] = feature.compute(view)
    return found


def reason_text(name: str, value: float, usual: float) -> dict[str, str]:
    """A feature's value in business words, English and Chinese; `usual` is that of the other subscribers.

    Examples
    --------
    >>> reason_text("competitor_dwell_7d", 1460.0, 12.0)
    {'en': '24 minutes on competitor sites in 7 days', 'zh': '近7天浏览竞争对手网站24分钟'}
    >>> reason_text("calls_7d_vs_30d", 0.4, 1.0)
    {'en': 'calls down 60 % on the usual', 'zh': '通话量较平时下降60%'}
    """
    return say(CATALOGUE[INDEX[name]], value, usual)
