"""The online learner as one pure value: weekly labels and examples in; snapshots, a checkpoint and a report out.

A weekly label says whether a subscriber stayed or left in weeks after their vector; it is learned on arrival. An
example says so for the whole horizon; quality is measured on it. Once a week of stream time the learned model is
published. Nothing here reads a clock, draws a random number or knows of Kafka: the same records in the same order give
the same models to the last bit, however often the process is restarted between them.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from typing import Final, Self

import numpy as np

from models.analysis.labelled_window import Window
from models.contract.time_units import DAY_MS, WEEK_MS
from models.contract.training_example import WEEKLY, Example, WeeklyLabel
from models.contract.vocabulary import SEGMENTS
from models.learning import checkpoint, guards
from models.learning.admission import Admission, Lesson, id_hash
from models.learning.blend import blended_snapshot
from models.learning.checkpoint import CheckpointRefusedError, LearnerState, Publication, Step
from models.learning.ensemble import Ensemble, EnsembleState, Taught, packed, unpacked
from models.learning.guards import LabelGuardState, PersonWeekRow, PersonWeeks, PersonWeekWindow
from models.learning.recent_vectors import Recent, RecentVector
from models.learning.report import LearnerReport, reported
from models.learning.settings import LearnerSettings
from models.scoring.scorer import Scorer, check_examples
from models.scoring.snapshot import Snapshot, SnapshotRefusedError, check_features

__all__ = ["CheckpointRefusedError", "Learner", "LearnerReport", "LearnerSettings", "Lesson"]

COPIES: Final = 2
"""Copies of the ensemble, a week apart. When labels break the older one is restored: it predates the break."""
_NUMBER: Final = re.compile(r"m-(\d+)")


class Learner:
    """Learns from weekly labels, measures on examples, and publishes a snapshot once a week.

    Parameters
    ----------
    settings
        Window sizes and waiting times.
    prior
        The first model served; it fixes the features, and learning moves its curves.

    Raises
    ------
    SnapshotRefusedError
        If `prior` does not reproduce its own examples.
    """

    def __init__(self, settings: LearnerSettings, prior: Snapshot) -> None:
        check_examples(prior)
        self._settings = settings
        self._prior = prior
        self._scorer: Scorer | None = None  # at the operator's base rate, once that is known
        self._ensemble: Ensemble | None = None
        self._copies: deque[EnsembleState] = deque(maxlen=COPIES)
        self._waiting: list[Taught] = []
        self._recent = Recent(settings.recent_rows, len(prior.curves))
        self._person_weeks = PersonWeekWindow()
        self._window = Window(settings.window)
        self._alerts = Window(settings.alert_window)
        self._origins: deque[str] = deque(maxlen=settings.alert_window)
        self._admission = Admission(settings)
        self._guard = LabelGuardState()
        self._stakes = guards.first_stakes()
        self._publication = Publication(served=prior, number=number_of(prior.version))
        self._day = self._week = 0
        self._base_rate: float | None = None
        self.watermark: int | None = None  # time of the latest label, ms: stream time for the learner
        self._pending: Snapshot | None = None
        self._labels = 0
        self._lessons, self._outcomes = Counter[Lesson](), Counter[str]()

    @property
    def labels(self) -> int:
        """Number of weekly labels learned."""
        return self._labels

    @property
    def served(self) -> Snapshot:
        """The snapshot served as far as the learner knows: the last it published, or an operator's rollback."""
        return self._publication.served

    @property
    def lessons(self) -> dict[Lesson, int]:
        """Counts of all weekly labels and examples so far, by result."""
        return dict(self._lessons)

    def learn(self, record: Example | WeeklyLabel) -> Lesson:
        """Learn a weekly label or measure an example, and return the result. No content of a record raises an error."""
        lesson = self._admission.refusal(record, self._prior)
        if lesson is None:
            known = record.known_ts if isinstance(record, WeeklyLabel) else record.labelled_ts
            self.watermark = max(known, self.watermark or known)
            if self._base_rate != record.base_rate:
                self._base_rate, self._scorer = record.base_rate, Scorer(self._prior, record.base_rate)
            lesson = self._admission.label_refusal(record)
            if isinstance(record, Example):
                self._outcomes[record.label] += 1
                lesson = lesson or self._measured(record)
            else:
                lesson = lesson or self._heard(record)
            self._look()
        self._lessons[lesson] += 1
        return lesson

    def due(self) -> Snapshot | None:
        """A snapshot to publish, or None. One that is not fetched is replaced by the next."""
        snapshot, self._pending = self._pending, None
        return snapshot

    def rolled_back(self, snapshot: Snapshot) -> None:
        """Accept an operator's rollback to a snapshot: nothing is published for `quiet_days`.

        Raises
        ------
        SnapshotRefusedError
            If it has other features, or does not reproduce its own examples.
        """
        check_features(snapshot, self._prior.features, self._prior.catalogue_hash)
        check_examples(snapshot)
        quiet = (self.watermark or 0) + round(self._settings.quiet_days * DAY_MS)
        number = max(self._publication.number, number_of(snapshot.version))
        self._publication = Publication(served=snapshot, number=number, quiet_until=quiet)
        self._pending, self._stakes = None, guards.first_stakes()

    def _prior_risk(self, values: list[float]) -> float:
        assert self._scorer is not None  # noqa: S101 - the base rate is known after admission
        return float(self._scorer.score(np.array(values)[:, None]).risk[0])

    def _measured(self, example: Example) -> Lesson:
        window = self._window if example.origin == WEEKLY else self._alerts
        window.add(example, id_hash(example.subscriber_id), self._prior_risk(example.numbers()))
        if example.origin == WEEKLY:
            return Lesson.MEASURED
        self._origins.append(example.origin)
        return Lesson.BIASED

    def _heard(self, label: WeeklyLabel) -> Lesson:
        values = label.numbers()
        who, weeks = id_hash(label.subscriber_id) & 0xFFFFFFFF, label.last - label.first + 1
        self._person_weeks.add(
            PersonWeekRow(label.known_ts, self._prior_risk(values), label.risk, label.left, weeks, who)
        )
        if self._guard.on:
            return Lesson.STOPPED
        # Single precision, as in the checkpoint: a restart must not change a bit.
        taught = Taught(np.array(values, dtype="<f4"), label.first, label.last, label.left)
        if label.first == 1:
            self._recent.add(RecentVector(values, SEGMENTS.index(label.segment)))
        if self._ensemble is None:
            self._waiting.append(taught)
            if len(self._recent) < self._settings.warm_rows and len(self._waiting) < 4 * self._settings.warm_rows:
                return Lesson.COLLECTING
            self._begin()
            return Lesson.LEARNED
        self._ensemble.learn(taught)
        self._labels += 1
        return Lesson.LEARNED

    def _begin(self) -> None:
        """Freeze knots and level on the first rows, then learn the waiting weekly labels."""
        self._ensemble = self._new_ensemble()
        for taught in self._waiting:
            self._ensemble.learn(taught)
        self._labels += len(self._waiting)
        self._waiting = []

    def _new_ensemble(self) -> Ensemble:
        assert self._scorer is not None  # noqa: S101 - see above
        settings = self._settings
        return Ensemble.of_prior(
            self._scorer, self._recent.x, self._admission.weeks, self._weekly_rate, settings.memory
        )

    @property
    def _weekly_rate(self) -> float:
        return (self._base_rate or 0.0) * min(7.0 / self._settings.horizon_days, 1.0)

    @property
    def _now(self) -> int:
        return self.watermark or 0

    def _look(self) -> None:
        """Check the labels once a day of stream time; once a week decide on withdrawal, and publish."""
        day, week = self._now // DAY_MS, self._now // WEEK_MS
        if day == self._day or self._ensemble is None:
            return
        before, new_week = self._guard, week != self._week
        self._day, self._week = day, week
        latest = self._person_weeks.latest()
        self._guard = guards.check_labels(before, latest, self._now, self._weekly_rate, new_week=new_week)
        if self._guard.on:
            if not before.on and self._copies:
                # Later copies may already have learned from broken labels.
                self._copies = deque([self._copies[0]], COPIES)
                self._put_back(self._copies[0])
                self._publish(Step.RESTORED)
            return
        if not new_week:
            return
        self._ensemble.settle()
        if self._now >= self._publication.quiet_until:
            self._stakes = guards.bet(self._stakes, self._last_week())
        if guards.worse(self._stakes):
            # Start again from the prior: only new leavers move it.
            self._ensemble, self._stakes = self._new_ensemble(), guards.first_stakes()
            self._copies.clear()
            self._publish(Step.WITHDRAWN)
        else:
            self._copies.append(self._ensemble.state())
            self._publish(Step.WEEKLY)

    def _last_week(self) -> PersonWeeks:
        rows = self._person_weeks.latest()
        return rows.of(rows.ts > self._now - WEEK_MS)

    def _put_back(self, state: EnsembleState) -> None:
        assert self._scorer is not None  # noqa: S101 - see above
        self._ensemble = Ensemble.resume(state, self._scorer, self._settings.memory)

    def _publish(self, step: Step) -> None:
        publication = self._publication
        if self._now < publication.quiet_until or self._ensemble is None or self._base_rate is None:
            return
        number = publication.number + 1
        named = f"m-{number:05d}", self.watermark
        # The level moves in steps only between weekly snapshots: after a restore or withdrawal the curves are others.
        in_force = publication.served if step is publication.step is Step.WEEKLY else None
        snapshot = blended_snapshot(self._prior, self._ensemble, self._recent, self._base_rate, named, in_force)
        check_examples(snapshot)
        self._publication = Publication(
            served=snapshot,
            number=number,
            quiet_until=publication.quiet_until,
            step=step,
            labels=self._labels,
            at=self._now,
        )
        self._pending = snapshot

    def report(self) -> LearnerReport:
        """The report for metrics and ``model show``. It takes tens of milliseconds, apart from learning."""
        stake = float(self._stakes.mean())
        return reported(self._state(), self._window.latest(), self._alerts.latest(), self._ensemble, stake)

    def checkpoint(self) -> bytes:
        """The full state as one record."""
        return checkpoint.encode(self._state(), self._settings.shape())

    def _state(self) -> LearnerState:
        return LearnerState(
            labels=self._labels,
            base_rate=self._base_rate,
            watermark=self.watermark,
            day=self._day,
            week=self._week,
            lessons=dict(self._lessons),
            outcomes=dict(self._outcomes),
            known=self._admission.known.state(),
            leavings=self._admission.leavings.state(),
            prior=self._prior,
            waiting=packed(self._waiting),
            recent=self._recent.state(),
            fates=self._person_weeks.state(),
            window=self._window.state(),
            alerts=self._alerts.state(),
            origins=list(self._origins),
            guard=self._guard,
            stakes=self._stakes.tolist(),
            voices=None if self._ensemble is None else self._ensemble.state(),
            copies=list(self._copies),
            publication=self._publication,
            pending=self._pending,
        )

    @classmethod
    def resume(cls, raw: bytes, settings: LearnerSettings) -> Self:
        """Restore from a checkpoint; later results are the same to the last bit.

        Raises
        ------
        CheckpointRefusedError
            If it is damaged, or from another program or other settings.
        """
        state = checkpoint.decode(raw, settings.shape())
        try:
            learner = cls(settings, state.prior)
            learner._restore(state)
        except (ValueError, KeyError, SnapshotRefusedError) as error:
            raise CheckpointRefusedError(f"its parts do not fit each other: {error}") from error
        return learner

    def _restore(self, state: LearnerState) -> None:
        settings, width = self._settings, len(state.prior.curves)
        self._labels, self._base_rate, self.watermark = state.labels, state.base_rate, state.watermark
        self._day, self._week = state.day, state.week
        self._lessons, self._outcomes = Counter(state.lessons), Counter(state.outcomes)
        self._admission.resume(state.known, state.leavings)
        self._waiting = unpacked(state.waiting, width)
        self._recent = Recent.resume(state.recent, settings.recent_rows, width)
        self._person_weeks = PersonWeekWindow.resume(state.fates)
        self._window = Window.resume(state.window, settings.window)
        self._alerts = Window.resume(state.alerts, settings.alert_window)
        self._origins.extend(state.origins)
        self._guard, self._stakes = state.guard, np.array(state.stakes)
        self._copies.extend(state.copies)
        self._publication, self._pending = state.publication, state.pending
        if state.base_rate is not None:
            self._scorer = Scorer(state.prior, state.base_rate)
        if state.voices is not None:
            self._put_back(state.voices)


def number_of(version: str) -> int:
    """The number in a version, 0 if there is none; a rolled-back version keeps its number.

    Examples
    --------
    >>> number_of("m-00012"), number_of("m-00012-r1"), number_of("prior-1")
    (12, 12, 0)
    """
    found = _NUMBER.match(version)
    return int(found[1]) if found else 0
