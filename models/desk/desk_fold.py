"""The desk as a fold of ``churn.breaches.v1``: the records in, in the order of the topic, and the decisions out."""

from __future__ import annotations

from collections.abc import Iterable

from models.desk.desk import Desk, DeskChanges
from models.desk.lane_order import LaneOrder, Progress, Written

BEGIN = Progress(0, 0, {})


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
        self._order = LaneOrder(self.desk.context, BEGIN)

    @property
    def due(self) -> bool:
        """Whether there is something to apply, or what is due did not fit into the transaction."""
        return self.desk.owed or self._order.next() is not None

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

    def read(self, records: Iterable[Written], read_to: int) -> None:
        """Take records, and the offset after them, which may lie behind markers of transactions."""
        for each in records:
            self._order.read(each)
        self._order.has_read(read_to)

    def apply(self) -> None:
        """Apply what can be applied, until the transaction is full."""
        while self.desk.settle() and (heard := self._order.next()) is not None:
            self.desk.hear(heard)
            self._order.pop()

    def take(self) -> DeskChanges:
        """Changes and outputs since the last call; the caller writes all of them in one transaction."""
        return self.desk.take()
