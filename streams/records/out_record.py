"""A record to be written in a lane's transaction."""

from __future__ import annotations

from typing import Final, NamedTuple

Headers = list[tuple[str, bytes]]


NO_HEADERS: Final[Headers] = []
"""aiokafka takes a list only, and never writes to it."""


class OutRecord(NamedTuple):
    """A record to write into the lane's partition of `topic` (without prefix)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = NO_HEADERS


AnyRecord = tuple[str, bytes | None, bytes | None, Headers]
"""An :class:`OutRecord`, or the like of it where thousands are made."""
