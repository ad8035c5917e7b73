"""Nights in the learner process: noticed as examples are learned, built at the next checkpoint.

A night is written in the transaction of the first checkpoint after it. So after a kill it falls again at the same
example and is built again from the same rows. If several nights fall between two checkpoints, as in a replay, only
the last one is built: the others would be overwritten unseen.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import tzinfo
from typing import Any, NamedTuple

import structlog

from models.analysis.daily_segments import MOST, Night, falls, night
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Snapshot
from streams.kafka.retries import patient
from streams.model_topic.learner_topics import example_rows

log = structlog.get_logger(__name__)


class _Fallen(NamedTuple):
    """A night not built yet: the example it fell at, the latest label before it, and the served model."""

    offset: int
    until: int
    served: Snapshot


class BuiltNight(NamedTuple):
    """A built night, and how long it took."""

    night: Night
    seconds: float


class NightlySegments:
    """Notices nights and builds their segments.

    Parameters
    ----------
    client
        aiokafka's arguments: bootstrap servers and security.
    zone
        Time zone of the operator's days.
    """

    def __init__(self, client: Mapping[str, Any], prefix: str, zone: tzinfo) -> None:
        self._client = client
        self._prefix = prefix
        self._zone = zone
        self._fallen: _Fallen | None = None

    def learned(self, offset: int, before: int | None, after: int | None, served: Snapshot) -> None:
        """Call after each example, with its offset, the latest label before and after, and the model served before."""
        if before is not None and falls(before, after, self._zone):
            self._fallen = _Fallen(offset, before, served)

    async def made(self) -> BuiltNight | None:
        """The last night since the last call, if any. Takes seconds, during which probes are answered."""
        fallen, self._fallen = self._fallen, None
        if fallen is None:
            return None
        began = time.perf_counter()
        rows = await patient(
            lambda: example_rows(self._client, self._prefix, fallen.offset - MOST, fallen.offset),
            "the examples of a night",
            takes_long=True,
        )
        scorer = Scorer(fallen.served, fallen.served.base_rate)
        found = await asyncio.to_thread(night, rows, scorer, fallen.until, self._zone)
        seconds = time.perf_counter() - began
        log.info("night_made", reason=found.reason, version=found.model_version, count=found.groups.customers)
        return BuiltNight(found, seconds)
