"""Re-run of a lane's recorded transactions."""

from __future__ import annotations

from collections.abc import Sequence

from models.contract.events import Arrival
from streams.lanes.ports import Fold, Folded


class FoldAgain:
    """A fold that applies the transactions of a history one by one.

    With the same model, policy and records, each transaction ends where it did live. With another policy, or where
    records are gone, the fold may need more transactions, or go on where it stopped live; its results are those of the
    same arrivals in the same order.

    Parameters
    ----------
    fold
        Empty, or resumed at the beginning of the history.
    """

    def __init__(self, fold: Fold) -> None:
        self.fold = fold
        self._ahead = 0
        """Arrivals of the next transaction that are applied already."""

    def apply(self, given: Sequence[Arrival], own: int) -> tuple[int, list[Folded]]:
        """Apply the first `own` arrivals; the fold also sees the others, before which it stopped in the live run.

        Returns how many it applied in its first transaction (live it was `own`), and the results.
        """
        first = done = self._ahead + self.fold.apply(given[self._ahead :])
        found = [self.fold.take()]
        while done < own:
            done += self.fold.apply(given[done:own])
            found.append(self.fold.take())
        self._ahead = done - own
        return first, found

    def finish(self) -> list[Folded]:
        """Results that are still due after the last transaction."""
        found = []
        while self.fold.owed:
            self.fold.apply([])
            found.append(self.fold.take())
        return found
