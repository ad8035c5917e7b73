"""The model that learns, as one pure value: examples in; snapshots, a checkpoint and a report out.

Nothing here reads a clock, draws a number or knows of Kafka. Every decision falls at a count of examples, so the same
examples in the same order give the same models to the last bit, however often the process was killed between them.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from typing import Self

import numpy as np

from models import checkpoint, evidence
from models.checkpoint import CheckpointRefusedError, LearnerState
from models.compiled import base_rate, compiled
from models.drift_watch import DriftWatch
from models.evidence import Comparison
from models.example import WEEKLY, Example
from models.guard_sight import CHAMPION
from models.guards import Guards
from models.known_ids import KnownIds
from models.learner_report import Report, reported
from models.learner_settings import LearnerSettings
from models.leavings import Leavings, hash_of
from models.lesson import Lesson, usable
from models.lineages import FRESH, INCUMBENT, TOLD, TOLD_DURABLE, Lineages
from models.publication import Publication, Step, promotion_demands
from models.recent import Recent, Row
from models.risk import check_examples
from models.snapshot import Snapshot, SnapshotRefusedError, check_features
from models.trial import trial
from models.window import Window
from models.words import SEGMENTS

__all__ = ["CheckpointRefusedError", "Learner", "LearnerSettings", "Lesson", "Report"]


class Learner:
    """See the module.

    Parameters
    ----------
    settings
        The numbers.
    served
        The snapshot that is served now. It says which features there are, and it is the prior: when the knots are
        frozen, the champion begins with its curves.

    Raises
    ------
    SnapshotRefusedError
        If `served` does not reproduce its own examples.
    """

    def __init__(self, settings: LearnerSettings, served: Snapshot) -> None:
        self._settings = settings
        self._incumbent = check_examples(served)
        self._publication = Publication(settings, served)
        self._guards = Guards(settings.guards)
        self._window = Window(settings.window, TOLD)
        self._alerts = Window(settings.alert_window, ())
        self._origins: deque[str] = deque(maxlen=settings.alert_window)
        self._recent = Recent(settings.warm_rows, len(served.curves))
        self._warm: list[int] = []
        self._leavings = Leavings(settings.leavers, settings.horizon_days)
        self._drift = DriftWatch()
        self._known = KnownIds(settings.seen_ids)
        self._lineages: Lineages | None = None
        self._lot = Lot(len(served.curves))
        self._held = Held(settings.held, settings.horizon_days)
        self._labels = 0
        self._base_rate: float | None = None
        self.watermark: int | None = None  # the latest label, ms: the time of the stream as it learns
        self._lessons, self._outcomes = Counter[Lesson](), Counter[str]()

    @property
    def labels(self) -> int:
        """How many examples were learned."""
        return self._labels

    @property
    def served(self) -> Snapshot:
        """What is served as far as the learner knows: the last it gave out, or was told of."""
        return self._publication.served

    @property
    def lessons(self) -> dict[Lesson, int]:
        """What became of all examples so far; one that was held is counted again when it is taken."""
        return dict(self._lessons)

    def learn(self, example: Example) -> Lesson:
        """Measure an example and, if it is fair, learn it; says what became of it. No content of one raises.

        Leavers who were held, and whose companions are known by now, are taken first.
        """
        lesson = self._checked(example)
        if lesson is None:
            assert self.watermark is not None  # noqa: S101 - it was moved by this example
            for each in self._held.due(self.watermark):
                self._count(self._take(each))
            lesson = self._held_or_taken(example, self.watermark)
        self._guards.arrived(lesson, example.labelled_ts)
        return self._count(lesson)

    def _count(self, lesson: Lesson) -> Lesson:
        self._lessons[lesson] += 1
        return lesson

    def due(self) -> Snapshot | None:
        """A snapshot to publish, or None. One that is not asked for gives way to the next."""
        snapshot, self._publication.pending = self._publication.pending, None
        return snapshot

    def rolled_back(self, snapshot: Snapshot) -> None:
        """An operator has put this one back: nothing is published until a cool-down and evidence against it.

        Raises
        ------
        SnapshotRefusedError
            If it is of other features, or does not reproduce its own examples.
        """
        check_features(snapshot, self.served.features, self.served.catalogue_hash)
        self._incumbent = check_examples(snapshot)
        self._publication.rolled_back(snapshot, self._labels, self.watermark or 0)
        self._window.clear(INCUMBENT)

    def heard(self, now_ms: int) -> None:
        """Take note of the stream's time, for the guard against a stop of labels. It decides nothing."""
        self._guards.heard(now_ms)

    def _checked(self, example: Example) -> Lesson | None:
        """Why an example is not to be measured, or None."""
        served = self.served
        if example.catalogue != served.catalogue_hash or len(example.x) != len(served.curves):
            return Lesson.FOREIGN
        if not self._known.is_new(example.example_id):
            return Lesson.DUPLICATE
        if not usable(example, numbers(example)):
            return Lesson.NOT_FINITE
        self.watermark = max(example.labelled_ts, self.watermark or example.labelled_ts)
        self._base_rate = example.base_rate
        self._outcomes[example.label] += 1
        if example.label == "void":
            return Lesson.VOID
        who = hash_of(example.subscriber_id)
        if self._leavings.contradicts(example, who):
            return Lesson.CONTRADICTORY
        if example.label == "positive":
            self._leavings.note(example, who)
        return None

    def _held_or_taken(self, example: Example, now: int) -> Lesson:
        if not self._held.waits(example, now):
            return self._take(example)
        self._held.hold(example)
        for each in self._held.due(now):
            self._count(self._take(each))
        return Lesson.HELD

    def _take(self, example: Example) -> Lesson:
        who = hash_of(example.subscriber_id)
        if example.origin != WEEKLY:
            self._alerts.add(example, who)
            self._origins.append(example.origin)
            return Lesson.BIASED
        row = Row(numbers(example), example.label == "positive", SEGMENTS.index(example.segment))
        self._guards.labelled(example)
        number = self._window.add(example, who)
        lesson = self._learn(number, example.ts, row)
        self._lot.add(number, example.ts, row, learned=lesson is not Lesson.STOPPED)
        if self._window.rows % self._settings.look_every == 0:
            self._look()
        return lesson

    def _learn(self, number: int, ts: int, row: Row) -> Lesson:
        if self._guards.stop:
            return Lesson.STOPPED
        self._recent.add(row)
        if self._lineages is None:
            self._warm.append(number)
            return Lesson.COLLECTING
        self._lineages.learn(self._window, number, row.values, left=row.left)
        self._labels += 1
        return Lesson.LEARNED

    def _look(self) -> None:
        """At every so many rows: what was said of them, guards, drift, who leads, and the case for publishing."""
        rows = self._lot.rows()
        self._tell(rows)
        self._guards.judge(self._window)
        self._lot.clear()
        if self._lineages is None:
            if len(self._warm) >= self._settings.warm_rows:
                self._freeze()
            return
        self._look_at(self._lineages, rows)

    def _tell(self, rows: LotRows) -> None:
        told = Scorer(self._incumbent.snapshot, self._base_rate).score(rows.x).risk
        for number, risk in zip(rows.numbers, told.tolist(), strict=True):
            self._window.tell(number, INCUMBENT, risk)
        if self._lineages is not None:
            self._watch(self._lineages.tell(self._window, rows), rows)

    def _watch(self, told: Floats, rows: LotRows) -> None:
        """Drift of what was told, row by row."""
        labels = self._labels - int(rows.learned.sum())
        for risk, left, learned in zip(told.tolist(), rows.left.tolist(), rows.learned.tolist(), strict=True):
            labels += learned
            if learned and self._drift.told(risk, left=left, labels=labels):
                self._drifted = True
    def report(self) -> Report:
        """Everything that metrics and ``model show`` tell. Tens of milliseconds, of which no example pays any."""
        windows = self._window, self._alerts
        return reported(self._settings, self._state(), windows, self._lineages, self._recent, self._guards)

    def checkpoint(self) -> bytes:
        """Everything but the challengers that live in memory, as one record."""
        return checkpoint.encode(self._state(), self._settings.shape())

    def _state(self) -> LearnerState:
        return LearnerState(
            labels=self._labels,
            mature=self._mature,
            base_rate=self._base_rate,
            watermark=self.watermark,
            lessons=dict(self._lessons),
            outcomes=dict(self._outcomes),
            known=self._known.state(),
            warm=list(self._warm),
            recent=self._recent.state(),
            window=self._window.state(TOLD_DURABLE),
            alerts=self._alerts.state(()),
            origins=list(self._origins),
            leavings=self._leavings.state(),
            guards=self._guards.memory(),
            drift=self._drift.state(),
            lineages=None if self._lineages is None else self._lineages.state(),
            publication=self._publication.state(),
        )

    @classmethod
    def resume(cls, raw: bytes, settings: LearnerSettings) -> Self:
        """Go on from a checkpoint, to the same bits as without a break.

        Raises
        ------
        CheckpointRefusedError
            If it is torn, or of another program or other settings.
        """
        state = checkpoint.decode(raw, settings.shape())
        try:
            learner = cls(settings, state.publication.served)
            learner._restore(state)
        except (ValueError, KeyError, SnapshotRefusedError) as error:
            raise CheckpointRefusedError(f"its parts do not fit each other: {error}") from error
        return learner

    def _restore(self, state: LearnerState) -> None:
        settings, served = self._settings, state.publication.served
        self._publication = Publication.resume(state.publication, settings)
        self._guards = Guards.resume(state.guards, settings.guards)
        self._window = Window.resume(state.window, settings.window, TOLD)
        self._alerts = Window.resume(state.alerts, settings.alert_window, ())
        self._origins.extend(state.origins)
        rows = settings.warm_rows if state.lineages is None else settings.recent_rows
        self._recent = Recent.resume(state.recent, rows, len(served.curves))
        self._warm = list(state.warm)
        self._leavings = Leavings.resume(state.leavings, settings.leavers, settings.horizon_days)
        self._known = KnownIds.resume(state.known, settings.seen_ids)
        self._drift = DriftWatch.resume(state.drift)
        if state.lineages is not None:
            self._lineages = Lineages.resume(state.lineages, settings, served.features, self._recent.x)
        self._labels, self._base_rate, self.watermark = state.labels, state.base_rate, state.watermark
        self._mature = state.mature
        self._lessons, self._outcomes = Counter(state.lessons), Counter(state.outcomes)
