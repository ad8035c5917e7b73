"""The note on a recorded history at the beginning of a prefix's topics: one record in the models topic.

It is on the broker before the history's first record. So a new lane that reads the note after its own first record
knows whether that is history and when it ends, in any order of start. From then on the lane's ledger holds this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from streams.kafka.retries import patient
from streams.model_topic.versions import BACKFILL, keep, kept


class Backfill(Struct, frozen=True, kw_only=True):
    """The note on a recorded history.

    Attributes
    ----------
    history
        Hash of the files and of how they were read: a run with the same hash continues this history.
    now
        When it was begun, ms; later rows are no part of it.
    until
        Time of its last record, ms.
    starts
        By topic (without prefix), the offsets of its first records. As nothing else writes meanwhile, the end of a
        partition gives the number written.
    ends
        The offsets after its last records; None until all are written.
    settings
        By full topic name, the former settings of topics whose retention is extended. Empty once they are restored.
    """

    history: str
    now: int
    until: int
    starts: dict[str, list[int]]
    ends: dict[str, list[int]] | None = None
    settings: dict[str, dict[str, str]] = {}


async def read(client: Mapping[str, Any], prefix: str) -> Backfill | None:
    """The current note; None if there is no recorded history.

    Raises
    ------
    streams.kafka.topic_tail.TopicMissingError
        If there is no such topic.
    """
    found = await kept(client, prefix, BACKFILL)
    return None if found is None else msgspec.json.decode(found, type=Backfill)


async def write(client: Mapping[str, Any], prefix: str, backfill: Backfill) -> None:
    """Write the note; after this returns every lane that opens will read it."""
    await keep(client, prefix, BACKFILL, msgspec.json.encode(backfill))


async def recorded_until(client: Mapping[str, Any], prefix: str) -> int | None:
    """Time of the recorded history's last record; None if there is no history.

    Raises
    ------
    streams.kafka.retries.NoAnswerError
        If no try succeeds for a minute.
    """
    found = await patient(lambda: read(client, prefix), "the recorded history")
    return None if found is None else found.until
