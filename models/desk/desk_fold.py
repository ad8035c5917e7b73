"""The desk as a fold of ``churn.breaches.v1``: the records in, in the order of the topic, and the decisions out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from models.desk.desk import Desk, DeskChanges
from models.desk.lane_order import LaneOrder, Progress, Written


class DeskFold:
    """The desk, and the records that it has read and not applied yet.

    Parameters
    ----------
    lanes
        Number of lanes.

    Attributes
    ----------
    desk
        What decides.
    """

    def __init__(self, lanes: int) -> None:
        self.desk = Desk(lanes)
        self.seek(Progress())

    @property
    def due(self) -> bool:
        """Whether there is something to apply, or what is due did not fit into the transaction."""
        return bool(self._unread) or self.desk.owed or self._order.next() is not None

    @property
    def late(self) -> bool:
        """Whether a lane reads a backlog."""
        return self._order.late

    @property
    def progress(self) -> Progress:
        """How far the topic has been applied; to be written with what :meth:`take` returns."""
        return self._order.progress()

    @property
    def held_up_by(self) -> set[int]:
        """Lanes that it waits for: those that have not joined; then those that are late, then the slowest."""
        late = self._order.held_up_by() if self.desk.context.open else set()
        return late or self.desk.held_up_by

    def seek(self, progress: Progress) -> None:
        """Forget what was read and not applied; read from the next offset on."""
        self._order = LaneOrder(self.desk.context, progress)
        self._unread: deque[Written] = deque()
        self._read_to = progress.next_offset

    def read(self, records: Iterable[Written], read_to: int) -> None:
        """Take records, and the offset after them, which may lie behind markers of transactions."""
        self._unread.extend(records)
        self._read_to = read_to
        self._note_place()

    def apply(self) -> None:
        """Apply what can be applied, until the transaction is full.

        After each record all that is next is applied, so the result does not depend on how many are read at once.
        """
        while self.desk.settle():
            if (heard := self._order.next()) is not None:
                self.desk.hear(heard)
                self._order.pop()
            elif self._unread:
                self._order.read(self._unread.popleft())
                self._note_place()
            else:
                return

    def _note_place(self) -> None:
        self._order.has_read(self._unread[0].offset if self._unread else self._read_to)

    def take(self) -> DeskChanges:
        """Changes and outputs since the last call; the caller writes all of them in one transaction."""
        return self.desk.take()
