"""A bounded memory of ids, so that a repeated record counts once."""

from __future__ import annotations

from typing import Self

import numpy as np

from models.learning.known_leavers import id_hash


class KnownIds:
    """The latest ids seen, by hash.

    Parameters
    ----------
    most
        Ids at most; the oldest are forgotten.

    Examples
    --------
    >>> known = KnownIds(2)
    >>> [known.is_new(name) for name in ("a", "b", "a", "c", "a")]
    [True, True, False, True, True]
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._codes: dict[int, None] = {}

    def is_new(self, name: str) -> bool:
        """Whether an id is new; it is remembered."""
        code = id_hash(name)
        if code in self._codes:
            return False
        self._codes[code] = None
        if len(self._codes) > self._most:
            del self._codes[next(iter(self._codes))]
        return True

    def state(self) -> bytes:
        """Eight bytes an id, the oldest first."""
        return np.array(list(self._codes), dtype="<u8").tobytes()

    @classmethod
    def resume(cls, raw: bytes, most: int) -> Self:
        """Restore from :meth:`state`."""
        known = cls(most)
        known._codes = dict.fromkeys(np.frombuffer(raw, dtype="<u8").tolist())
        return known
