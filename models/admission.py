"""Which examples are measured and learned at all: those of our features, whole, new, and true as far as is known."""

from __future__ import annotations

from models.example import Example
from models.known_ids import KnownIds
from models.learner_settings import LearnerSettings
from models.leavings import Leavings, LeavingsState, hash_of
from models.lesson import Lesson, usable
from models.snapshot import Snapshot


class Admission:
    """See the module; it remembers which examples came, and who left when.

    Parameters
    ----------
    settings
        How much is remembered.
    """

    def __init__(self, settings: LearnerSettings) -> None:
        self._settings = settings
        self.known = KnownIds(settings.seen_ids)
        self.leavings = Leavings(settings.leavers, settings.horizon_days)

    def strange(self, example: Example, served: Snapshot) -> Lesson | None:
        """Why an example says nothing, or None; only one that is not strange tells the time, or what came of whom."""
        if example.catalogue != served.catalogue_hash or len(example.x) != len(served.curves):
            return Lesson.FOREIGN
        if not self.known.is_new(example.example_id):
            return Lesson.DUPLICATE
        return None if usable(example, example.numbers()) else Lesson.NOT_FINITE

    def untold(self, example: Example) -> Lesson | None:
        """Why nothing can be learned from its label, or None: then a leaving is remembered."""
        if example.label == "void":
            return Lesson.VOID
        who = hash_of(example.subscriber_id)
        if self.leavings.contradicts(example, who):
            return Lesson.CONTRADICTORY
        if example.label == "positive":
            self.leavings.note(example, who)
        return None

    def resume(self, known: bytes, leavings: LeavingsState) -> None:
        """Go on from what was remembered."""
        self.known = KnownIds.resume(known, self._settings.seen_ids)
        self.leavings = Leavings.resume(leavings, self._settings.leavers, self._settings.horizon_days)
