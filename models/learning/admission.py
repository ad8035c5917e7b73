"""Checks before an example or weekly label is used: the right features, complete, not seen before, no contradiction."""

from __future__ import annotations

from models.contract.time_units import DAY_MS
from models.contract.training_example import Example, WeeklyLabel, week_ends
from models.learning.example_status import Lesson, usable
from models.learning.known_ids import KnownIds
from models.learning.known_leavers import Leavings, LeavingsState, id_hash
from models.learning.settings import LearnerSettings
from models.scoring.snapshot import Snapshot


class Admission:
    """Checks examples and weekly labels; remembers the ids seen, and when each leaver left.

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

    def refusal(self, record: Example | WeeklyLabel, served: Snapshot) -> Lesson | None:
        """Why a record cannot be used at all, or None. Of a refused one, time and outcome are not used either."""
        values = record.numbers()
        if record.catalogue != served.catalogue_hash or len(values) != len(served.curves):
            return Lesson.FOREIGN
        if not self.known.is_new(record.fate_id if isinstance(record, WeeklyLabel) else record.example_id):
            return Lesson.DUPLICATE
        return None if usable(record, values) else Lesson.NOT_FINITE

    def label_refusal(self, record: Example | WeeklyLabel) -> Lesson | None:
        """Why a record's label must not be learned, or None; also remembers when a subscriber left."""
        who = id_hash(record.subscriber_id)
        if isinstance(record, WeeklyLabel):
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

    def _contradicted(self, label: WeeklyLabel, who: int) -> Lesson | None:
        if not 1 <= label.first <= label.last <= self.weeks or label.left is not (label.outcome is not None):
            return Lesson.CONTRADICTORY
        since, until = (label.ts + self._ends[week] * DAY_MS for week in (label.first - 1, label.last))
        stayed = not label.left and self.leavings.left_within(who, round(since), until)
        return Lesson.CONTRADICTORY if stayed else None

    def resume(self, known: bytes, leavings: LeavingsState) -> None:
        """Restore the ids and leavers of a checkpoint."""
        self.known = KnownIds.resume(known, self._settings.seen_ids)
        self.leavings = Leavings.resume(leavings, self._settings.leavers)
