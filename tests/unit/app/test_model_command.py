"""``holdfast model`` over a topic in memory: what is told, drawn and rolled back."""

from __future__ import annotations

import io
import json
import sys
import tomllib
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from msgspec.structs import replace
from rich.console import Console
from support.detecting import DAY, START
from support.examples_made import model, planted
from support.known_model import known_model, known_snapshot
from support.learner_rig import SMALL
from support.ruled_examples import examples

import planted as planted_rows
from app.config.settings import Settings
from app.errors import ExitCode, Refused
from app.model import command, plots, sheet
from app.model.model_status import ModelStatus, as_json, status_of
from app.model.tier_alerts import AlertStep, TierAlerts, tallied
from models.analysis.daily_segments import night
from models.analysis.prequential import lead_time
from models.learning.learner import Learner, LearnerSettings
from models.learning.report import Alerted
from models.scoring.prior import prior
from models.scoring.scorer import Scorer
from models.scoring.snapshot import decode, encode
from streams.model_topic.versions import REPORT, ModelVersions

UTC = ZoneInfo("UTC")


@pytest.fixture(scope="module")
def topic() -> ModelVersions:
    """What a learner writes in the course of some hundred examples."""
    settings = msgspec.convert(tomllib.loads(SMALL), LearnerSettings)
    learner, versions = Learner(settings, prior()), ModelVersions()
    for offset, each in enumerate(planted_rows.told(examples(4, 300))):
        learner.learn(each)
        snapshot = learner.due()
        if snapshot is not None:
            versions.take(snapshot.version.encode(), encode(snapshot), offset, 1_780_000_000_000 + offset)
    versions.take(REPORT.encode(), msgspec.json.encode(learner.report()), 500, 1_780_000_000_500)
    assert len(versions) >= 2
    return versions


@pytest.fixture
def told(topic: ModelVersions) -> ModelStatus:
    return status_of(Settings(), topic)


def sheet_of(found: ModelStatus) -> str:
    out = io.StringIO()
    sheet.show(found, Console(file=out, width=200), UTC)
    return out.getvalue()


def test_the_newest_of_the_topic_is_what_is_served(told: ModelStatus, topic: ModelVersions) -> None:
    assert told.origin == "topic"
    newest = topic.newest
    assert newest is not None
    assert told.served is newest.snapshot
    assert told.since_ms == newest.ts
    assert told.report is not None
    assert told.report.served_version == told.served.version


def test_without_a_model_in_the_topic_the_shipped_one_is_told() -> None:
    found = status_of(Settings(), ModelVersions())
    assert (found.origin, found.served.version, found.report) == ("shipped", prior().version, None)
    assert "it has not run yet" in sheet_of(found)


def test_the_last_night_is_told_in_a_line(told: ModelStatus) -> None:
    assert "Segments: none built yet." in sheet_of(told)
    rows = planted({"complaint": {"complaints_open": 2.0}}, {"complaint": 20})
    made = night(rows, Scorer(model()), START + 90 * DAY, UTC)
    found = told._replace(night=made)
    assert f"Segments: last built for the night of {made.day}, with model m-test; 1 group of 20 customers." in sheet_of(
        found
    )
    assert as_json(found)["night"]["groups"]["customers"] == 20
    few = told._replace(night=night(rows[:3], Scorer(model()), START + 90 * DAY, UTC))
    assert "; none: fewer than 10 customers with a known outcome were at high risk." in sheet_of(few)


def test_a_file_goes_over_the_topic(tmp_path: Path, topic: ModelVersions) -> None:
    file = tmp_path / "model.json"
    file.write_bytes(known_model("m-frozen"))
    found = status_of(Settings(model=file), topic)
    assert (found.origin, found.served.version) == ("file", "m-frozen")


def test_the_sheet_tells_quality_guards_and_every_version(told: ModelStatus) -> None:
    page = sheet_of(told)
    assert told.report is not None
    served = told.report.quality.served
    assert served.roc_auc is not None
    assert f"{served.roc_auc.value:.4f}" in page
    assert f"model {told.served.version} from the topic, since 2026-05-28" in page
    assert "<- served" in page
    for each in list(told.versions)[-8:]:
        assert each.snapshot.version in page
    assert "and 14 older" in page


def test_the_sheet_has_one_base_rate(told: ModelStatus) -> None:
    assert told.report is not None
    rate = told.served.base_rate
    assert f"base rate {100 * rate:.2f} %;" in sheet_of(told)
    assert sheet_of(told).count("base rate") == 1
    moved = told._replace(report=replace(told.report, operator_base_rate=0.015))
    assert f"base rate 1.50 %, to which its weights for {100 * rate:.2f} % are shifted" in sheet_of(moved)
    assert "weights for a base rate of 5.00 %" in sheet_of(status_of(Settings(), ModelVersions()))


def test_the_sheet_says_how_precise_the_tier_alerts_were(told: ModelStatus) -> None:
    assert told.report is not None
    assert "Tier alerts: no outcome is known yet" in sheet_of(told)
    some = msgspec.structs.replace(
        told.report.quality, alerts={"risk_tier": Alerted(rows=1_200, positives=480, precision=0.4)}
    )
    matured = told._replace(report=msgspec.structs.replace(told.report, quality=some))
    assert "Tier alerts: 480 of 1,200 left within the horizon: precision 0.40." in sheet_of(matured)


def test_the_sheet_says_how_many_tier_alerts_there_were_and_how_many_leavers_had_one(told: ModelStatus) -> None:
    assert told.report is not None
    quality = replace(
        told.report.quality, tier_lead_time=lead_time([None, 2.0, 4.0]), lead_time=lead_time([9.0, 2.0, 4.0])
    )
    found = told._replace(
        report=replace(told.report, quality=quality), alerts=TierAlerts(21, 30.0, 700, 1.0, recovered=7, short=2)
    )
    page = sheet_of(found)
    assert "21 raised in 30 days, 1.00 a day per 1,000 of 700 subscribers; 2 of 7 that closed by themselves" in page
    assert "Recall: 2 of 3 leavers had a tier alert, by median 3.0 days before." in page
    assert "Lead time: 3 of 3 leavers had an alert of any kind, by median 4.0 days before." in page
    assert as_json(found)["tier_alerts"]["a_day_per_1000"] == 1.0


def test_a_report_of_before_tier_recall_is_told_without_it(told: ModelStatus) -> None:
    assert told.report is not None
    raw = msgspec.to_builtins(told.report)
    del raw["quality"]["tier_lead_time"]
    former = ModelVersions()
    former.take(REPORT.encode(), msgspec.json.encode(raw), 0, 0)
    assert "Recall" not in sheet_of(status_of(Settings(), former))


def test_an_alert_whose_beginning_is_deleted_was_no_short_one() -> None:
    ends = [AlertStep("old", "closed", "risk_tier", 0, "recovered"), AlertStep("b", "raised", "risk_tier", DAY)]
    ends += [AlertStep("b", "closed", "risk_tier", 4 * DAY, "recovered"), AlertStep("c", "raised", "silence", 4 * DAY)]
    assert tallied(ends, 0, 0) == TierAlerts(1, 4.0, 0, None, recovered=2, short=0)
    assert tallied(ends[1:2], 10, DAY).a_day_per_1000 is None, "less than a day"


def test_the_sheet_says_whether_the_guard_is_on(told: ModelStatus) -> None:
    assert told.report is not None
    assert "Guard: quiet." in sheet_of(told)
    on = replace(told.report.guard, on=True, why="ranking", auc=0.2, bound=0.55)
    page = sheet_of(told._replace(report=replace(told.report, guard=on)))
    assert "Guard: on (ranking): nothing is learned or published." in page
    assert "0.200 against 0.55" in page
    flood = replace(told.report.guard, on=True, why="leaver_rate", rate=0.2, ceiling=0.06)
    page = sheet_of(told._replace(report=replace(told.report, guard=flood)))
    assert "Share of leavers in a week: 20.00 % against 6.00 %" in page
    assert "give the workers HOLDFAST_BASE_RATE" in page


def test_json_is_the_whole_of_it(told: ModelStatus) -> None:
    found = json.loads(json.dumps(as_json(told)))
    assert found["served"]["version"] == told.served.version
    assert [each["version"] for each in found["versions"]] == [each.snapshot.version for each in told.versions]
    assert found["report"]["quality"]["served"]["rows"] == 300


def test_a_report_of_another_release_is_left_out(topic: ModelVersions) -> None:
    other = ModelVersions()
    other.take(REPORT.encode(), b'{"labels": "many"}', 0, 0)
    assert status_of(Settings(), other).report is None


def short(found: ModelStatus) -> ModelStatus:
    """With so many curves as take a second page."""
    return found._replace(served=replace(found.served, curves=found.served.curves[:13]))


def test_plots_are_drawn_of_all_that_is_known(told: ModelStatus, tmp_path: Path) -> None:
    told = short(told)
    drawn = list(plots.draw(told, tmp_path / "out", "svg"))
    names = [path.name for path in drawn]
    assert names[:3] == ["roc.svg", "lift.svg", "calibration.svg"]
    assert names[3:] == ["curves-01.svg", "curves-02.svg"]
    pages = "".join(path.read_text() for path in drawn[3:])
    assert all(f"<!-- {curve.feature} -->" in pages for curve in told.served.curves)


def test_plots_of_a_model_nobody_has_measured_are_its_curves(tmp_path: Path) -> None:
    found = short(status_of(Settings(), ModelVersions()))
    assert [path.name for path in plots.draw(found, tmp_path, "png")] == ["curves-01.png", "curves-02.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())


def test_without_matplotlib_the_line_to_install_it_is_told(
    told: ModelStatus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(Refused, match="matplotlib") as refused:
        list(plots.draw(told, tmp_path, "png"))
    assert refused.value.advice == (plots.INSTALL,)


def test_a_rollback_has_the_old_weights_a_new_version_and_says_so(topic: ModelVersions) -> None:
    first = next(iter(topic)).snapshot
    again = command.rolled_back(first, topic)
    assert again.version == "m-00001-r1"
    assert again.provenance.source == f"rollback to m-00001: {first.provenance.source}"
    assert again.provenance.command == "holdfast model rollback m-00001"
    written = decode(encode(again))
    assert (written.curves, written.intercept, written.cutoffs) == (first.curves, first.intercept, first.cutoffs)
    versions = ModelVersions()
    versions.take(b"m-00001-r1", encode(again), 0, 0)
    versions.take(b"m-00001-r2", b"torn", 1, 0)
    twice = command.rolled_back(again, versions)
    assert twice.version == "m-00001-r3", "a name that was used is not used again, whatever became of it"
    assert twice.provenance.source == again.provenance.source


def test_what_is_not_there_or_cannot_be_served_is_refused() -> None:
    versions = ModelVersions()
    versions.take(b"m-00002", encode(replace(known_snapshot("m-00002"), catalogue_hash="0")), 0, 0)
    with pytest.raises(Refused, match="other_features") as refused:
        command._wanted(versions, "m-00002")
    assert refused.value.exit_code == ExitCode.FAILED
    with pytest.raises(Refused, match="there is no model") as refused:
        command._wanted(versions, "m-00009")
    assert refused.value.exit_code == ExitCode.NOT_FOUND
    assert command._wanted(versions, prior().version).version == prior().version
