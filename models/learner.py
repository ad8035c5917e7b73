"""The model that learns, as one pure value: examples in; snapshots, a checkpoint and a report out.

Nothing here reads a clock, draws a number or knows of Kafka. Every decision falls at a count of examples, so the same
examples in the same order give the same models to the last bit, however often the process was killed between them.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Self

from models import checkpoint
from models.admission import Admission
from models.checkpoint import CheckpointRefusedError, LearnerState
from models.compiled import base_rate, compiled
from models.drift_watch import DriftWatch
from models.example import WEEKLY, Example
from models.guards import Guards
from models.held import Held
from models.learner_report import Report, reported
from models.learner_settings import LearnerSettings
from models.leavings import hash_of
from models.lesson import Lesson
from models.lineages import CHAMPION_THEN, INCUMBENT, TOLD, TOLD_DURABLE, Lineages
from models.lot import Lot, LotRows
from models.publication import Publication, Step
from models.recent import Recent, Row
from models.risk import Floats, Scorer, check_examples
from models.snapshot import Snapshot, SnapshotRefusedError, check_features
from models.succession import succeeded
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
        self._admission = Admission(settings)
        self._drift = DriftWatch()
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
            waits = self._held.waits(example, self._now)
            if waits:
                self._held.hold(example)
            for each in self._held.due(self._now):
                self._lessons[self._take(each)] += 1
            lesson = Lesson.HELD if waits else self._take(example)
        self._guards.arrived(lesson, example.labelled_ts)
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
        strange = self._admission.strange(example, self.served)
        if strange is not None:
            return strange
        self.watermark = max(example.labelled_ts, self.watermark or example.labelled_ts)
        self._base_rate = example.base_rate
        self._outcomes[example.label] += 1
        return self._admission.untold(example)

    def _take(self, example: Example) -> Lesson:
        who = hash_of(example.subscriber_id)
        if example.origin != WEEKLY:
            self._alerts.add(example, who)
            self._origins.append(example.origin)
            return Lesson.BIASED
        row = Row(example.numbers(), example.label == "positive", SEGMENTS.index(example.segment))
        self._guards.labelled(example)
        number = self._window.add(example, who)
        lesson = self._learn(number, row)
        self._lot.add(number, example.ts, row, learned=lesson is not Lesson.STOPPED)
        full = self._lineages is None and len(self._recent) == self._settings.warm_rows
        if full or self._window.rows % self._settings.look_every == 0:
            self._look()
        return lesson

    def _learn(self, number: int, row: Row) -> Lesson:
        if self._guards.stop:
            return Lesson.STOPPED
        self._recent.add(row)
        if self._lineages is None:
            return Lesson.COLLECTING
        self._lineages.learn(self._window, number, row.values, left=row.left)
        self._labels += 1
        return Lesson.LEARNED

    def _look(self) -> None:
        """At every so many rows: what was said of them, guards, drift, who leads, and the case for publishing."""
        rows, lineages = self._lot.rows(), self._lineages
        self._lot.clear()
        told = Scorer(self._incumbent.snapshot, self._base_rate).score(rows.x).risk
        self._window.tell_all(rows.numbers, INCUMBENT, told)
        now = None if lineages is None else lineages.tell(self._window, rows)
        self._guards.judge(self._window)
        if lineages is None or now is None:
            if len(self._recent) == self._settings.warm_rows:
                self._freeze()
            return
        drifted = self._drifted(now, rows)
        leads = lineages.champion
        drifted |= self._drift.look(leads.basis, leads.reference, rows.x[:, rows.learned], self._now, self._labels)
        if drifted and lineages.fresh is None and len(self._recent) == self._recent.capacity:
            # A fresh model begins beside the champion, unless one is at it.
            lineages.begin_fresh(self.served, self._operators, self._recent)
        if succeeded(lineages, self._window, self._settings, self._labels, held=self._guards.hold):
            self._publication.another_champion()
            self._drift.begin_again()
        self._look_at_publishing(lineages)
        self._settle(lineages, rows)

    def _drifted(self, told: Floats, rows: LotRows) -> bool:
        """Whether the losses of what the champion told have risen, row by row."""
        labels, risen = self._labels - int(rows.learned.sum()), False
        for risk, left, learned in zip(told.tolist(), rows.left.tolist(), rows.learned.tolist(), strict=True):
            labels += learned
            risen |= learned and self._drift.told(risk, left=left, labels=labels)
        return risen

    def _freeze(self) -> None:
        """Freeze the knots on the first rows; then learn those."""
        first, self._recent = self._recent, Recent(self._settings.recent_rows, len(self.served.curves))
        self._lineages = lineages = Lineages(self._settings, self.served, self._operators, first.x, self._now)
        lot = Lot(len(self.served.curves))
        for number, row in enumerate(first.rows(), self._window.rows - len(first)):
            self._recent.add(row)
            lot.add(number, 0, row, learned=True)
            lineages.learn(None, number, row.values, left=row.left)
        self._labels += len(first)
        self._settle(lineages, lot.rows())

    def _settle(self, lineages: Lineages, rows: LotRows) -> None:
        if len(self._recent):
            rate = base_rate(self._window.latest().left)
            lineages.settle(rows, self._recent.x, rate, self._operators, self._now)

    def _look_at_publishing(self, lineages: Lineages) -> None:
        publication = self._publication
        found = trial(self._window, CHAMPION_THEN, INCUMBENT, publication.evidence_from)
        look = publication.look(self._labels, found, held=self._guards.hold)
        if look.step not in (Step.PROMOTED, Step.REFRESHED):
            return
        named = publication.next_version(), self.served.catalogue_hash, self.watermark
        snapshot = compiled(self._settings, lineages.champion.model, self._window, self._recent, named)
        self._incumbent = check_examples(snapshot)
        publication.published(snapshot, look, self._labels, self._now)
        self._window.clear(INCUMBENT)

    @property
    def _now(self) -> int:
        return self.watermark or 0

    @property
    def _operators(self) -> float:
        """The operator's base rate, as the latest example has it."""
        assert self._base_rate is not None  # noqa: S101 - asked for behind the first example only
        return self._base_rate

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
            base_rate=self._base_rate,
            watermark=self.watermark,
            lessons=dict(self._lessons),
            outcomes=dict(self._outcomes),
            known=self._admission.known.state(),
            lot=self._lot.state(),
            held=self._held.state(),
            recent=self._recent.state(),
            window=self._window.state(TOLD_DURABLE),
            alerts=self._alerts.state(()),
            origins=list(self._origins),
            leavings=self._admission.leavings.state(),
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
        self._lot = Lot.resume(state.lot, len(served.curves))
        self._held = Held.resume(state.held, settings.held, settings.horizon_days)
        self._admission.resume(state.known, state.leavings)
        self._drift = DriftWatch.resume(state.drift)
        if state.lineages is not None:
            self._lineages = Lineages.resume(state.lineages, settings, served.features, self._recent.x)
        self._labels, self._base_rate, self.watermark = state.labels, state.base_rate, state.watermark
        self._lessons, self._outcomes = Counter(state.lessons), Counter(state.outcomes)
