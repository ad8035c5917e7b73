"""Admission of examples and fates: they must match our features, be complete and new, and contradict nothing known."""

from __future__ import annotations

from models.contract.time_units import DAY_MS
from models.contract.training_example import Example, Fate, week_ends
from models.learning.example_status import Lesson, usable
from models.learning.known_ids import KnownIds
from models.learning.known_leavers import Leavings, LeavingsState, id_hash
from models.learning.settings import LearnerSettings
from models.scoring.snapshot import Snapshot


class Admission:
    """Checks examples and fates; remembers the ids seen, and who left when.

    Parameters
    ----------
    settings
        How many ids and leavers are remembered.
    """

    def __init__(self, settings: LearnerSettings) -> None:
        self._settings = settings
        self._ends = [0.0, *week_ends(settings.horizon_days)]
        self.known = KnownIds(settings.seen_ids)
        self.leavings = Leavings(settings.leavers)

    @property
    def weeks(self) -> int:
        """Number of weeks of a vector's horizon."""
        return len(self._ends) - 1

    def refusal(self, record: Example | Fate, served: Snapshot) -> Lesson | None:
        """Why a record cannot be used at all, or None; its time and outcome count only if it can."""
        values = record.numbers()
        if record.catalogue != served.catalogue_hash or len(values) != len(served.curves):
            return Lesson.FOREIGN
        if not self.known.is_new(record.fate_id if isinstance(record, Fate) else record.example_id):
            return Lesson.DUPLICATE
        return None if usable(record, values) else Lesson.NOT_FINITE

    def label_refusal(self, record: Example | Fate) -> Lesson | None:
        """Why a record's label teaches nothing, or None; remembers when a subscriber left."""
        who = id_hash(record.subscriber_id)
        if isinstance(record, Fate):
            return self._contradicted(record, who)
        if record.label == "void":
            return Lesson.VOID
        until = record.ts + self._settings.horizon_days * DAY_MS
        if record.label == "positive":
            if record.outcome is None:
                return Lesson.CONTRADICTORY
            self.leavings.note(record, who)
        elif self.leavings.left_within(who, record.ts, until):
            return Lesson.CONTRADICTORY
        return None

    def _contradicted(self, fate: Fate, who: int) -> Lesson | None:
        if not 1 <= fate.first <= fate.last <= self.weeks or fate.left is not (fate.outcome is not None):
            return Lesson.CONTRADICTORY
        since, until = (fate.ts + self._ends[week] * DAY_MS for week in (fate.first - 1, fate.last))
        stayed = not fate.left and self.leavings.left_within(who, round(since), until)
        return Lesson.CONTRADICTORY if stayed else None

    def resume(self, known: bytes, leavings: LeavingsState) -> None:
        """Restore the ids and leavers of a checkpoint."""
        self.known = KnownIds.resume(known, self._settings.seen_ids)
        self.leavings = Leavings.resume(leavings, self._settings.leavers)
