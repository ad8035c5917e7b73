"""The latest visits to competitors' sites, kept one by one, so that the policy's windows over them are exact.

Few subscribers ever visit one, so only those who do have a slot.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np
import numpy.typing as npt

from models.arrays import Rows
from models.state.columns import KEPT_VISITS, VISIT_COLUMNS

_NO_SLOT: Final = -1
_FIRST_SLOTS: Final = 64
_SIZE: Final = 8 * len(VISIT_COLUMNS)
_VERSION: Final = b"\x01\x00"
"""First bytes of a record of visits."""
_HEAD: Final = len(_VERSION)

Visit = tuple[float, float, float]
"""A visit, in the order of `VISIT_COLUMNS`."""


class KeptVisits:
    """Slots of kept visits, by row of the population.

    Attributes
    ----------
    slot
        Slot of each row, or -1.
    count
        Number of visits in each slot.
    visits
        Visits of each slot, the oldest first.

    Examples
    --------
    >>> kept = KeptVisits()
    >>> kept.grow(4)
    >>> kept.put(2, [(5.0, 12.5, 0.0), (9.0, 31.0, 2.0)])
    >>> kept.of(2), kept.of(3)
    ([(5.0, 12.5, 0.0), (9.0, 31.0, 2.0)], [])
    """

    def __init__(self) -> None:
        self.slot: npt.NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.count: npt.NDArray[np.int64] = np.zeros(_FIRST_SLOTS, dtype=np.int64)
        self.visits: npt.NDArray[np.float64] = np.zeros((_FIRST_SLOTS, KEPT_VISITS, len(VISIT_COLUMNS)))
        self._free = list(range(_FIRST_SLOTS))

    def grow(self, rows: int) -> None:
        """Make room for `rows` rows."""
        slot = np.full(rows, _NO_SLOT, dtype=np.int64)
        slot[: len(self.slot)] = self.slot
        self.slot = slot

    def room_for(self, rows: Rows) -> None:
        """Give a slot to each of the rows that has none, so that their visits can be kept from now on."""
        for row in dict.fromkeys(rows[self.slot[rows] == _NO_SLOT].tolist()):
            if not self._free:
                slots = len(self.count)
                self.count = np.concatenate([self.count, np.zeros(slots, dtype=np.int64)])
                self.visits = np.concatenate([self.visits, np.zeros_like(self.visits)])
                self._free = list(range(slots, 2 * slots))
            self.slot[row] = self._free.pop()

    def of(self, row: int) -> list[Visit]:
        """The kept visits of a row, the oldest first."""
        slot = self.slot[row]
        if slot == _NO_SLOT:
            return []
        return [(ts, dwell_s, page) for ts, dwell_s, page in self.visits[slot, : self.count[slot]].tolist()]

    def put(self, row: int, visits: Iterable[Visit]) -> None:
        """Replace the kept visits of a row."""
        self.clear(row)
        found = list(visits)
        if found:
            self.room_for(np.array([row]))
            slot = self.slot[row]
            self.visits[slot, : len(found)] = found
            self.count[slot] = len(found)

    def clear(self, row: int) -> None:
        """Drop the visits of a row but not its slot, which a later visit in the batch may need."""
        slot = self.slot[row]
        if slot != _NO_SLOT:
            self.count[slot] = 0

    def free(self, row: int) -> None:
        """Free the slot of a row; between batches only."""
        slot = int(self.slot[row])
        if slot != _NO_SLOT:
            self.count[slot] = 0
            self.slot[row] = _NO_SLOT
            self._free.append(slot)

    def read(self, row: int, value: bytes) -> None:
        """Read a state record.

        Raises
        ------
        ValueError
            If its version or size is unknown.
        """
        if not value.startswith(_VERSION) or (len(value) - _HEAD) % _SIZE:
            raise ValueError(f"{len(value)} bytes of row version {value[:_HEAD]!r}")
        found = np.frombuffer(value, dtype="<f8", offset=_HEAD).reshape(-1, len(VISIT_COLUMNS))
        self.put(row, ((ts, dwell_s, page) for ts, dwell_s, page in found.tolist()))

    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.slot.nbytes + self.count.nbytes + self.visits.nbytes
