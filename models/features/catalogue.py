"""The catalogue: everything that the model knows about a subscriber, and how it is said to a person.

The order is fixed: a feature's place is its place in a vector. A snapshot of a model names its features and the
:func:`catalogue_hash` that it was trained on. What is missing is NaN, never a silent zero.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from models.contract.vocabulary import Text
from models.features import account, calls, care, data, visits
from models.features.definitions import Feature
from models.features.reason_text import Saying

CATALOGUE_VERSION: Final = 1
"""Moves when a feature of the same name and unit comes to mean something else."""

CATALOGUE: Final[tuple[Feature, ...]] = (
    *calls.FEATURES,
    *data.FEATURES,
    *visits.FEATURES,
    *care.FEATURES,
    *account.FEATURES,
)
NAMES: Final = tuple(feature.name for feature in CATALOGUE)
INDEX: Final = {name: place for place, name in enumerate(NAMES)}
_SAYINGS: Final = {feature.name: Saying(feature) for feature in CATALOGUE}


def catalogue_hash() -> str:
    """Fingerprint of names, units and meaning: a model trained on another catalogue must not be served."""
    text = "\n".join([str(CATALOGUE_VERSION), *(f"{f.name} {f.unit}" for f in CATALOGUE)])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def reason_text(name: str, value: float, usual: float) -> Text:
    """A feature's value in business words; `usual` is that of similar customers, and NaN where it is not known.

    Examples
    --------
    >>> reason_text("competitor_dwell_7d", 1460.0, 12.0)
    Text(en='about 24 minutes on competitor sites within the last week', zh='近1周浏览竞争对手网站约24分钟')
    >>> reason_text("calls_7d_vs_30d", 0.4, 1.0).en
    'calls within the last week about 60 % below their usual'
    """
    return _SAYINGS[name].of(value, usual)
