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


class SubscriberIndex:
    """See the module. Half of its slots at most are taken; what was removed is left behind when it grows.

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
        self._count = 0
        self._bytes = 0
        self._end = 0

    def __len__(self) -> int:
        return self._count

    def find_all(self, buffer: Bytes, key_at: Ints, key_length: Ints) -> Ints:
        """Row of each key that stands in `buffer`, or -1; a negative length is no key."""
        rows: Ints = np.empty(len(key_at), dtype=np.int64)
        view = buffer.view()
        view.flags.writeable = False  # always: compiled code is made for the one or the other
        at, length = np.ascontiguousarray(key_at), np.ascontiguousarray(key_length)
        compiled.find_words(self._slots, self._keys, view, at, length, rows)
        return rows

    def put(self, key: bytes, row: int) -> None:
        """Give a row to a subscriber who has none."""
        if 2 * (self._count + 1) > len(self._slots) or self._end + len(key) > len(self._keys):
            self._rebuild(len(key))
        end = self._end + len(key)
        self._keys[self._end : end] = np.frombuffer(key, dtype=np.uint8)
        compiled.put_word(self._slots, self._keys, self._end, len(key), 0, row)
        self._end = end
        self._bytes += len(key)
        self._count += 1

    def remove(self, key: bytes) -> None:
        """Take the row of a subscriber away; somebody unknown is a mistake of ours."""
        if not compiled.remove_word(self._slots, self._keys, np.frombuffer(key, dtype=np.uint8)):
            raise KeyError(key)
        self._bytes -= len(key)
        self._count -= 1

    def _rebuild(self, more: int) -> None:
        """Make room for twice of what is in use."""
        slots: Ints = np.zeros((_power_of_two(4 * (self._count + 1)), places.SLOT_WIDTH), dtype=np.int64)
        keys: Bytes = np.zeros(max(2 * (self._bytes + more), len(self._keys) // 2), dtype=np.uint8)
        self._end = compiled.rebuild_words(self._slots, self._keys, slots, keys)
        self._slots, self._keys = slots, keys

    def nbytes(self) -> int:
        """What it holds of the memory."""
        return self._slots.nbytes + self._keys.nbytes


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()
