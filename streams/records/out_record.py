"""A record to write in a lane's transaction."""

from __future__ import annotations

from typing import Final, NamedTuple

Headers = list[tuple[str, bytes]]


NO_HEADERS: Final[Headers] = []
"""aiokafka accepts only a list, and never writes to it."""


class OutRecord(NamedTuple):
    """A record to write into the lane's partition of `topic` (without prefix)."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers = NO_HEADERS


AnyRecord = tuple[str, bytes | None, bytes | None, Headers]
"""An :class:`OutRecord`, or a lighter equivalent where thousands are made."""
