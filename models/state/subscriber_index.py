"""Where the rows of subscribers are found from the bytes of records' keys, many at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from models.kernel import compiled, places

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_FIRST_KEYS: Final = 1_024
_USUAL_KEY: Final = 16
_MOST_WAITING: Final = 16_384
"""A restore brings everybody before the first search."""


class SubscriberIndex:
    """See the module.

    Half of its slots at most are taken; the bytes of what was removed are left behind when it grows. Who is new waits
    for the next search: a call of compiled code costs as much as a hundred of them.

    Examples
    --------
    >>> index = SubscriberIndex()
    >>> index.put(b"s-10086", 3)
    >>> index.find_all(np.frombuffer(b"s-10086s-1", dtype=np.uint8), np.array([0, 7]), np.array([7, 3])).tolist()
    [3, -1]
    """

    def __init__(self) -> None:
        self._slots: Ints = np.zeros((2 * _FIRST_KEYS, places.SLOT_WIDTH), dtype=np.int64)
        self._keys: Bytes = np.zeros(_USUAL_KEY * _FIRST_KEYS, dtype=np.uint8)
        self._waiting: dict[bytes, int] = {}
        self._count = 0  # without those who wait, as the following two
        self._bytes = 0
        self._end = 0

    def __len__(self) -> int:
        return self._count + len(self._waiting)

    def find_all(self, buffer: Bytes, key_at: Ints, key_length: Ints) -> Ints:
        """Row of each key that stands in `buffer`, or -1; a negative length is no key."""
        self._seat_waiting()
        rows: Ints = np.empty(len(key_at), dtype=np.int64)
        view = buffer.view()
        view.flags.writeable = False  # always: compiled code is made for the one or the other
        at, length = np.ascontiguousarray(key_at), np.ascontiguousarray(key_length)
        compiled.find_words(self._slots, self._keys, view, at, length, rows)
        return rows

    def put(self, key: bytes, row: int) -> None:
        """Give a row to a subscriber who has none."""
        self._waiting[key] = row
        if len(self._waiting) == _MOST_WAITING:
            self._seat_waiting()

    def remove(self, key: bytes) -> None:
        """Take the row of a subscriber away; somebody unknown is a mistake of ours."""
        if self._waiting.pop(key, None) is not None:
            return
        if not compiled.remove_word(self._slots, self._keys, np.frombuffer(key, dtype=np.uint8)):
            raise KeyError(key)
        self._bytes -= len(key)
        self._count -= 1

    def _seat_waiting(self) -> None:
        if not self._waiting:
            return
        keys = np.frombuffer(b"".join(self._waiting), dtype=np.uint8)
        lengths: Ints = np.fromiter(map(len, self._waiting), dtype=np.int64)
        rows: Ints = np.fromiter(self._waiting.values(), dtype=np.int64)
        if 2 * (self._count + len(rows)) > len(self._slots) or self._end + len(keys) > len(self._keys):
            self._rebuild(len(rows), len(keys))
        end = self._end + len(keys)
        self._keys[self._end : end] = keys
        compiled.put_words(self._slots, self._keys, self._end, lengths, rows)
        self._end = end
        self._bytes += len(keys)
        self._count += len(rows)
        self._waiting.clear()

    def _rebuild(self, more: int, more_bytes: int) -> None:
        """Make room for twice of what is in use."""
        slots: Ints = np.zeros((_power_of_two(4 * (self._count + more)), places.SLOT_WIDTH), dtype=np.int64)
        keys: Bytes = np.zeros(2 * (self._bytes + more_bytes), dtype=np.uint8)
        self._end = compiled.rebuild_words(self._slots, self._keys, slots, keys)
        self._slots, self._keys = slots, keys

    def nbytes(self) -> int:
        """What it holds of the memory."""
        return self._slots.nbytes + self._keys.nbytes


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
