"""A recorded history that a prefix begins with, as its writer tells of it: one record, beside the models.

It is on the broker before the history's first record. So a new lane that has its first record and then reads it knows
whether that is history and when it ends, whoever was started first. From then on the lane's own ledger says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from streams.cluster.retries import patient
from streams.model_topic.single_model import keep, kept
from streams.model_topic.versions import BACKFILL


class Backfill(Struct, frozen=True, kw_only=True):
    """A recorded history, as its writer tells of it.

    Attributes
    ----------
    history
        A hash of the files and of how they were read: who has the same goes on with it.
    now
        When it was begun, ms; rows from later than this are no part of it.
    until
        Its last moment, ms.
    starts
        By topic (without prefix) the offsets of its first records. As nobody else writes meanwhile, the end of a
        partition says how many are there.
    ends
        The offsets after its last; None until all of it is written.
    settings
        Of the topics whose retention is held open, by full name, what was set before. Empty once that is put back.
    """

    history: str
    now: int
    until: int
    starts: dict[str, list[int]]
    ends: dict[str, list[int]] | None = None
    settings: dict[str, dict[str, str]] = {}


async def read(client: Mapping[str, Any], prefix: str) -> Backfill | None:
    """What is told now; None if there is no recorded history.

    Raises
    ------
    streams.cluster.topic_tail.TopicMissingError
        If there is no such topic.
    """
    found = await kept(client, prefix, BACKFILL)
    return None if found is None else msgspec.json.decode(found, type=Backfill)


async def write(client: Mapping[str, Any], prefix: str, backfill: Backfill) -> None:
    """Tell it; after this returns every lane that opens will hear it."""
    await keep(client, prefix, BACKFILL, msgspec.json.encode(backfill))


async def recorded_until(client: Mapping[str, Any], prefix: str) -> int | None:
    """The last moment of the recorded history; None if there is none.

    Raises
    ------
    streams.cluster.retries.NoAnswerError
        If for a minute no try has succeeded.
    """
    found = await patient(lambda: read(client, prefix), "the recorded history")
    return None if found is None else found.until
