"""Metric series of the learner: quality of the served risks, state of the guards, and progress.

Figures cover the window of labelled rows, as in the learner's report; NaN until known. Counts are recorded after the
commit, so that one process does not count examples twice that were learned again.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Final

from app.process.series import Series, at_zero, count, unknown
from models.analysis.daily_segments import Night, NightReason
from models.analysis.paired_test import Bounded
from models.analysis.prequential import Uplift
from models.learning.admission import Lesson
from models.learning.checkpoint import Step
from models.learning.report import LearnerReport

OF: Final = ("served", "prior")
"""The served risks, and the risks of the prior alone for the same rows."""
GUARDS: Final = ("ranking", "leaver_rate")
BOUNDS: Final = ("low", "value", "high")
_NAN: Final = float("nan")
_WORK_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60)


class LearnerMetrics(Series):
    """Metric series of the learner, in a registry of its own."""

    def __init__(self) -> None:
        super().__init__()
        self._declare_quality()
        self._declare_health()
        self._declare_progress()
        self._declare_nights()
        at_zero(
            {
                self.lessons: product(Lesson),
                self.published: product(Step),
                self.guard: product(GUARDS),
                self.nights: product(NightReason),
            }
        )
        gauges = [self.roc_auc, self.lift, self.calibration, self.pr_auc, self.log_loss, self.base_rate, self.share]
        unknown(*gauges, self.lead_days, self.watermark, self.night_watermark)
        unknown(*(self.roc_auc_of.labels(name) for name in OF))
        unknown(*(self.uplift.labels(bound) for bound in BOUNDS))

    def _declare_quality(self) -> None:
        text = "{} of the risks that were served; NaN until known."
        self.roc_auc = self._gauge("model_roc_auc", text.format("Area under the ROC curve"))
        self.pr_auc = self._gauge("model_pr_auc", text.format("Area under the curve of precision and recall"))
        self.lift = self._gauge(
            "model_lift_top_decile", text.format("Share of leavers in the top tenth, in times the average,")
        )
        self.calibration = self._gauge("model_calibration_error", text.format("Expected calibration error"))
        self.log_loss = self._gauge("model_log_loss", text.format("Log loss"))
        self.roc_auc_of = self._gauge("model_roc_auc_of", "What was served, and the prior alone.", "of")
        self.lead_days = self._gauge(
            "model_lead_days_median", "Days from the first alert of a leaver to their leaving."
        )
        self.uplift = self._gauge(
            "model_uplift", "Churn of the hold-out less that of the others, with its 95 % interval.", "bound"
        )
        self.base_rate = self._gauge("model_base_rate", "Share of leavers in the window.")
        self.share = self._gauge("model_share_learned", "How far what is learned has moved the prior, 0 to 1.")

    def _declare_health(self) -> None:
        self.guard = self._gauge("model_guard", "Whether nothing is learned, and why: 1, or 0.", "guard")
        self.stake = self._gauge("model_bet_against", "Stake of a bet that the prior alone is better.")

    def _declare_progress(self) -> None:
        self.lessons = self._counter("learner_examples", "Examples by how they were used.", "lesson")
        self.unreadable = self._counter("learner_unreadable_examples", "Records that are no examples; skipped.")
        self.published = self._counter("models_published", "Models that were published.", "step")
        self.rolled_back = self._counter(
            "models_rolled_back", "Models put into force by someone else, such as an operator."
        )
        self.labels = self._gauge("learner_labels", "Labels learned since the learner began.")
        self.lag = self._gauge("learner_lag_records", "Offsets between the next example and the end of the topic.")
        self.commit = self._histogram("learner_commit_seconds", "From begin to confirmed commit.", _WORK_S)
        self.last_progress = self._gauge("last_progress_timestamp_seconds", "Wall clock of the last commit.")
        self.watermark = self._gauge("learner_watermark_timestamp_seconds", "Event time of the last label.")

    def _declare_nights(self) -> None:
        self.nights = self._counter("segments_nights", "Nights by result.", "reason")
        self.segments = self._gauge("segments", "Groups of customers at high risk, as of the last night.")
        self.segments_customers = self._gauge("segments_customers", "Customers in those groups.")
        self.night_watermark = self._gauge("segments_watermark_timestamp_seconds", "Event time of the last night.")
        self.night_work = self._histogram(
            "segments_seconds", "Time to build a night's segments, during which learning waits.", _WORK_S
        )

    def committed(self, lessons: Mapping[str, int], unreadable: int, seconds: float, now_s: float) -> None:
        """Record the counts of a checkpoint, after its commit."""
        count(self.lessons, lessons)
        self.unreadable.inc(unreadable)
        self.commit.observe(seconds)
        self.last_progress.set(now_s)

    def told(self, report: LearnerReport) -> None:
        """Record the figures of a report."""
        quality = report.quality
        served = quality.served
        self.roc_auc.set(_value(served.roc_auc))
        self.pr_auc.set(_known(served.pr_auc))
        self.lift.set(_known(served.lift_top_decile))
        self.calibration.set(_known(served.ece))
        self.log_loss.set(_known(served.log_loss))
        for name, figures in zip(OF, (served, quality.prior), strict=True):
            self.roc_auc_of.labels(name).set(_value(figures.roc_auc))
        self.lead_days.set(_known(quality.lead_time.median_days))
        self._told_uplift(quality.uplift)
        self.base_rate.set(_known(report.base_rate))
        for name in GUARDS:
            self.guard.labels(name).set(report.guard.why == name)
        self.share.set(report.share)
        self.stake.set(report.stake)
        self.labels.set(report.labels)
        self.watermark.set(_NAN if report.watermark is None else report.watermark / 1000)

    def night(self, night: Night, seconds: float) -> None:
        """Record a night's segments, after their commit."""
        self.nights.labels(night.reason).inc()
        self.night_work.observe(seconds)
        self.standing_at(night)

    def standing_at(self, night: Night) -> None:
        """Record the last night, which an earlier process may have made."""
        groups = night.groups.segments
        self.segments.set(len(groups))
        self.segments_customers.set(sum(group.size for group in groups))
        self.night_watermark.set(night.until / 1000)

    def _told_uplift(self, uplift: Uplift) -> None:
        for bound in BOUNDS:
            self.uplift.labels(bound).set(_NAN if uplift.saved is None else getattr(uplift.saved, bound))


def _known(figure: float | None) -> float:
    return _NAN if figure is None else figure


def _value(figure: Bounded | None) -> float:
    return _NAN if figure is None else figure.value
