"""The learner's series: all there from the start, figures as the report has them, counts after the commit."""

from __future__ import annotations

import math
import tomllib
from datetime import UTC
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace
from support.detecting import DAY, START
from support.examples_made import model, planted
from support.learner_rig import SMALL
from support.ruled_examples import examples

import planted as planted_rows
from app.config.operator_files import learner_settings
from app.errors import ExitCode, Refused
from app.learner.metrics import BOUNDS, GUARDS, OF, LearnerMetrics
from models.analysis.daily_segments import NightReason, night
from models.analysis.paired_test import Bounded
from models.learning.admission import Lesson
from models.learning.checkpoint import Step
from models.learning.learner import Learner, LearnerReport, LearnerSettings
from models.scoring.prior import prior
from models.scoring.scorer import Scorer

QUALITY = ("model_roc_auc", "model_pr_auc", "model_lift_top_decile", "model_calibration_error", "model_log_loss")


def value(metrics: LearnerMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"holdfast_{name}", labels)


@pytest.fixture(scope="module")
def report() -> LearnerReport:
    learner = Learner(msgspec.convert(tomllib.loads(SMALL), LearnerSettings), prior())
    for told in planted_rows.told(examples(4, 400)):
        learner.learn(told)
    return learner.report()


def test_everything_is_there_before_anything_has_happened() -> None:
    metrics = LearnerMetrics()
    for name in (
        *QUALITY,
        "model_share_learned",
        "model_lead_days_median",
        "learner_watermark_timestamp_seconds",
        "segments_watermark_timestamp_seconds",
    ):
        unknown = value(metrics, name)
        assert unknown is not None, name
        assert math.isnan(unknown), name
    for family, label, closed in (
        ("model_roc_auc_of", "of", OF),
        ("model_uplift", "bound", BOUNDS),
    ):
        for each in closed:
            assert math.isnan(value(metrics, family, **{label: each}) or 0.0), (family, each)
    assert all(value(metrics, "model_guard", guard=guard) == 0 for guard in GUARDS)
    assert all(value(metrics, "learner_examples_total", lesson=lesson) == 0 for lesson in Lesson)
    assert all(value(metrics, "models_published_total", step=step) == 0 for step in Step)
    assert all(value(metrics, "segments_nights_total", reason=reason) == 0 for reason in NightReason)
    assert [value(metrics, name) for name in ("segments", "segments_customers", "segments_seconds_count")] == [0, 0, 0]
    assert value(metrics, "learner_unreadable_examples_total") == 0
    assert value(metrics, "learner_lag_records") == 0


def test_figures_are_those_of_the_report(report: LearnerReport) -> None:
    metrics = LearnerMetrics()
    metrics.told(report)
    served = report.quality.served
    assert served.roc_auc is not None
    known = (served.roc_auc.value, served.pr_auc, served.lift_top_decile, served.ece, served.log_loss)
    assert tuple(value(metrics, name) for name in QUALITY) == known
    prior_alone = report.quality.prior.roc_auc
    assert prior_alone is not None
    assert value(metrics, "model_roc_auc_of", of="prior") == prior_alone.value
    assert value(metrics, "learner_labels") == report.labels
    assert value(metrics, "model_share_learned") == report.share > 0
    assert value(metrics, "model_bet_against") == report.stake


def test_guards_and_uplift_are_told_and_taken_back(report: LearnerReport) -> None:
    metrics = LearnerMetrics()
    on = replace(report.guard, on=True, why="ranking")
    saved = replace(report.quality.uplift, saved=Bounded(0.01, -0.02, 0.04))
    metrics.told(replace(report, guard=on, quality=replace(report.quality, uplift=saved)))
    assert value(metrics, "model_guard", guard="ranking") == 1
    assert value(metrics, "model_guard", guard="leaver_rate") == 0
    assert [value(metrics, "model_uplift", bound=bound) for bound in BOUNDS] == [-0.02, 0.01, 0.04]
    metrics.told(report)
    assert value(metrics, "model_guard", guard="ranking") == 0
    assert math.isnan(value(metrics, "model_uplift", bound="value") or 0.0)


def test_counts_are_added_commit_by_commit() -> None:
    metrics = LearnerMetrics()
    metrics.committed({Lesson.LEARNED: 3, Lesson.VOID: 1}, 2, 0.01, 100.0)
    metrics.committed({Lesson.LEARNED: 2}, 0, 0.01, 200.0)
    assert value(metrics, "learner_examples_total", lesson="learned") == 5
    assert value(metrics, "learner_examples_total", lesson="void") == 1
    assert value(metrics, "learner_unreadable_examples_total") == 2
    assert value(metrics, "last_progress_timestamp_seconds") == 200


def test_a_night_is_counted_by_its_reason_and_the_last_one_stands() -> None:
    metrics, until = LearnerMetrics(), START + 90 * DAY
    rows = planted({"complaint": {"complaints_open": 2.0}}, {"complaint": 20})
    metrics.night(night(rows, Scorer(model()), until, UTC), 0.3)
    assert value(metrics, "segments_customers") == 20
    metrics.night(night(rows[:4], Scorer(model()), until + DAY, UTC), 0.1)
    counted = {reason: value(metrics, "segments_nights_total", reason=reason) for reason in NightReason}
    assert counted == dict.fromkeys(NightReason, 0) | {NightReason.MADE: 1, NightReason.TOO_FEW: 1}
    assert [value(metrics, name) for name in ("segments", "segments_customers")] == [0, 0]
    assert value(metrics, "segments_watermark_timestamp_seconds") == (until + DAY) / 1000
    assert value(metrics, "segments_seconds_sum") == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("text", "named"),
    [("memory = 0", "memory"), ("cooldown = 5", "cooldown"), ("warm_rows =", "value"), ("window = 99", "window")],
)
def test_numbers_that_a_learner_cannot_have_are_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "learner.toml"
    file.write_text(text)
    with pytest.raises(Refused, match=named) as refused:
        learner_settings(file)
    assert refused.value.exit_code == ExitCode.USAGE


def test_what_a_file_does_not_name_keeps_its_shipped_value(tmp_path: Path) -> None:
    file = tmp_path / "learner.toml"
    file.write_text("quiet_days = 7.0\n")
    assert learner_settings(file) == LearnerSettings(quiet_days=7.0)
