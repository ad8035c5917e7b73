"""The feature catalogue: all inputs of the model, and their wording as reasons.

The order is fixed: a feature's index is its index in a vector. A model snapshot names its features and the
:func:`catalogue_hash` it was trained on. Missing values are NaN, never a silent zero.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from models.contract.vocabulary import Text
from models.features import account, calls, care, data, visits
from models.features.feature_formula import Feature
from models.features.reason_text import Saying

CATALOGUE_VERSION: Final = 1
"""Increased when the meaning of a feature changes while its name and unit stay."""

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
    """Hash of names, units and version: a model trained on another catalogue must not be served."""
    text = "\n".join([str(CATALOGUE_VERSION), *(f"{f.name} {f.unit}" for f in CATALOGUE)])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def reason_text(name: str, value: float, usual: float) -> Text:
    """A feature's value in business words; `usual` is that of similar customers, NaN if unknown.

    Examples
    --------
    >>> reason_text("competitor_dwell_7d", 1460.0, 12.0)
    Text(en='about 24 minutes on competitor sites within the last week', zh='近1周浏览竞争对手网站约24分钟')
    >>> reason_text("calls_7d_vs_30d", 0.4, 1.0).en
    'calls within the last week about 60 % below their usual'
    """
    return _SAYINGS[name].of(value, usual)
