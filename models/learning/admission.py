"""What is measured and learned at all: what is of our features, whole, new, and true as far as is known."""

from __future__ import annotations

from models.contract.time_units import DAY_MS
from models.contract.training_example import Example, Fate, week_ends
from models.learning.example_status import Lesson, usable
from models.learning.known_ids import KnownIds
from models.learning.known_leavers import Leavings, LeavingsState, id_hash
from models.learning.settings import LearnerSettings
from models.scoring.snapshot import Snapshot


class Admission:
    """See the module; it remembers what came, and who left when.

    Parameters
    ----------
    settings
        How much is remembered.
    """

    def __init__(self, settings: LearnerSettings) -> None:
        self._settings = settings
        self._ends = [0.0, *week_ends(settings.horizon_days)]
        self.known = KnownIds(settings.seen_ids)
        self.leavings = Leavings(settings.leavers)

    @property
    def weeks(self) -> int:
        """How many weeks a vector has."""
        return len(self._ends) - 1

    def strange(self, told: Example | Fate, served: Snapshot) -> Lesson | None:
        """Why something says nothing, or None; only what is not strange tells the time, or what came of whom."""
        values = told.numbers()
        if told.catalogue != served.catalogue_hash or len(values) != len(served.curves):
            return Lesson.FOREIGN
        if not self.known.is_new(told.fate_id if isinstance(told, Fate) else told.example_id):
            return Lesson.DUPLICATE
        return None if usable(told, values) else Lesson.NOT_FINITE

    def untold(self, told: Example | Fate) -> Lesson | None:
        """Why its label says nothing, or None: then a leaving is remembered."""
        who = id_hash(told.subscriber_id)
        if isinstance(told, Fate):
            return self._contradicted(told, who)
        if told.label == "void":
            return Lesson.VOID
        until = told.ts + self._settings.horizon_days * DAY_MS
        if told.label == "positive":
            if told.outcome is None:
                return Lesson.CONTRADICTORY
            self.leavings.note(told, who)
        elif self.leavings.left_within(who, told.ts, until):
            return Lesson.CONTRADICTORY
        return None

    def _contradicted(self, fate: Fate, who: int) -> Lesson | None:
        if not 1 <= fate.first <= fate.last <= self.weeks or fate.left is not (fate.outcome is not None):
            return Lesson.CONTRADICTORY
        since, until = (fate.ts + self._ends[week] * DAY_MS for week in (fate.first - 1, fate.last))
        stayed = not fate.left and self.leavings.left_within(who, round(since), until)
        return Lesson.CONTRADICTORY if stayed else None

    def resume(self, known: bytes, leavings: LeavingsState) -> None:
        """Go on from what was remembered."""
        self.known = KnownIds.resume(known, self._settings.seen_ids)
        self.leavings = Leavings.resume(leavings, self._settings.leavers)
