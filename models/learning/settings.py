"""Settings of the learner."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1)]


class LearnerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Sizes and times of the learner. Rows are weekly vectors; labels are those of their weeks."""

    warm_rows: Annotated[int, Meta(ge=50, le=1_000)] = 500  # unlabelled rows on which knots and level are frozen
    horizon_days: Annotated[float, Meta(ge=1)] = 30.0  # of the label, as in the policy
    memory: Count = 200_000  # person-weeks after which one weighs a third in the posterior
    quiet_days: Annotated[float, Meta(ge=0)] = 28.0  # how long an operator's rollback stands
    window: Annotated[int, Meta(ge=1_000, le=8_000)] = 8_000  # examples behind the quality figures
    alert_window: Annotated[int, Meta(ge=1, le=2_000)] = 2_000  # vectors taken at alerts: precision only
    recent_rows: Annotated[int, Meta(ge=50, le=1_000)] = 1_000  # latest vectors: level, cut-offs, medians
    seen_ids: Annotated[int, Meta(ge=1, le=16_384)] = 16_384  # ids remembered against duplicates
    leavers: Annotated[int, Meta(ge=1, le=2_000)] = 2_000  # leavers remembered, for lead time and contradictions

    def shape(self) -> bytes:
        """The settings that shape a learner's state, encoded: a checkpoint fits only the same ones.

        Examples
        --------
        >>> LearnerSettings().shape() == LearnerSettings(quiet_days=7.0).shape()
        True
        >>> LearnerSettings().shape() == LearnerSettings(warm_rows=100).shape()
        False
        """
        return msgspec.json.encode({name: getattr(self, name) for name in _SHAPE})


_SHAPE: Final = ("warm_rows", "horizon_days", "window", "alert_window", "recent_rows", "seen_ids", "leavers")
