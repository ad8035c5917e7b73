"""The learner from the first fate to a published snapshot, on a planted truth."""

from __future__ import annotations

from itertools import pairwise
from math import nan
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from support.learner_life import ROWS, SETTINGS, Life, stream, whole_life, worth

import planted
from models.contract.time_units import WEEK_MS
from models.contract.training_example import Example, WeeklyLabel
from models.features.catalogue import NAMES, catalogue_hash
from models.learning.blend import blended_snapshot, medians, share_learned
from models.learning.learner import Learner, Lesson
from models.learning.recent_vectors import Recent, RecentVector
from models.scoring.scorer import Scorer, check_examples
from models.scoring.snapshot import Curve, Snapshot, SnapshotRefusedError, check_features, decode, encode
from streams.model_topic.versions import servable

pytestmark = pytest.mark.timeout(180)
INFINITE = float("inf")
change = msgspec.structs.replace


@pytest.fixture(scope="module")
def lived() -> Life:
    return whole_life()


def test_what_is_published_comes_to_know_the_truth(lived: Life) -> None:
    assert worth(planted.starting()) < 0.56
    assert worth(lived.published[-1][1]) > 0.72


def test_a_model_is_published_each_week_of_the_stream(lived: Life) -> None:
    weeks = [ts // WEEK_MS for ts, _ in lived.published]
    assert all(later - earlier == 1 for earlier, later in pairwise(weeks))
    versions = [snapshot.version for _, snapshot in lived.published]
    assert versions == [f"m-{number:05d}" for number in range(1, len(versions) + 1)]
    assert lived.published[0][1].watermark == lived.published[0][0]


def test_snapshots_are_whole_and_prove_themselves(lived: Life) -> None:
    for _, snapshot in lived.published:
        again = decode(encode(snapshot))
        check_features(again, NAMES, catalogue_hash())
        assert again.examples
        assert check_examples(again).version == snapshot.version


def test_a_snapshot_whose_examples_do_not_come_out_is_refused(lived: Life) -> None:
    _, last = lived.published[-1]
    bent = change(last, intercept=last.intercept + 1e-6)
    with pytest.raises(SnapshotRefusedError, match="example 1"):
        check_examples(decode(encode(bent)))
    with pytest.raises(SnapshotRefusedError, match="example 1"):
        Learner(SETTINGS, bent)


def test_what_was_learned_moves_the_prior_as_far_as_leavers_allow(lived: Life) -> None:
    report = lived.learner.report()
    assert report.leavers > 50
    assert report.share == share_learned(report.leavers)
    first, last = lived.published[0][1], lived.published[-1][1]
    prior = Scorer(planted.starting(), planted.BASE_RATE)
    x = planted.vectors(5, 500).T.copy()
    apart = [np.std(Scorer(each).score(x).logit - prior.score(x).logit) for each in (first, last)]
    assert apart[0] < apart[1] / 3.0


def test_level_cutoffs_and_medians_are_of_the_latest_rows(lived: Life) -> None:
    _, last = lived.published[-1]
    x = planted.vectors(97, 6_000)
    risk = Scorer(last).score(x.T.copy()).risk
    assert last.base_rate == planted.BASE_RATE
    # An eighth of them leave, where the operator says a twentieth: labels say so.
    assert 2.0 * planted.BASE_RATE < risk.mean() < 1.1 * planted.truth(x, 1.5).mean()
    assert (risk >= last.cutoff(0.10)).mean() == pytest.approx(0.10, abs=0.03)
    assert [cut.risk for cut in last.cutoffs] == sorted((cut.risk for cut in last.cutoffs), reverse=True)
    usual = [curve.usual for curve in last.curves]
    assert usual[0] == pytest.approx(np.median(x[:, 0]), rel=0.2)
    assert usual[10] is None  # missing in 60 % of the rows
    assert set(last.curves[0].usual_of) == {"high", "mid", "low"}


def test_the_level_goes_a_quarter_of_the_way_a_week() -> None:
    recent = Recent(1_000, len(planted.starting().curves))
    for row in planted.vectors(5, 500):
        recent.add(RecentVector(row.tolist(), 0))
    first = blended_snapshot(planted.starting(), None, recent, planted.BASE_RATE, ("m-1", None))
    higher = replace(first, intercept=first.intercept + 1.0)
    then = blended_snapshot(planted.starting(), None, recent, planted.BASE_RATE, ("m-2", None), higher)
    assert then.intercept - first.intercept == pytest.approx(0.75)


def test_what_is_usual_is_the_median_of_live_customers_of_the_same_worth() -> None:
    curves = [Curve(feature=name, knots=[0.0], values=[0.0], usual=99.0) for name in ("calls_7d", "points")]
    recent = Recent(1_000, 2)
    for n in range(360):
        worth = n % 3
        recent.add(RecentVector([float(10 * worth + n % 5), nan if worth or n % 5 else 7.0], worth))
    of_calls, of_points = medians(curves, recent)
    assert (of_calls.usual, of_calls.usual_of) == (12.0, {"high": 2.0, "mid": 12.0, "low": 22.0})
    assert (of_points.usual, set(of_points.usual_of.values())) == (None, {None}), "most have none"
    few = Recent(1_000, 2)
    for n in range(60):
        few.add(RecentVector([float(n), 0.0], 0 if n < 55 else 1))
    assert set(medians(curves, few)[0].usual_of) == {"high"}, "five customers are no peers"


def test_curves_of_river_are_what_river_predicts(lived: Life) -> None:
    ensemble = lived.learner._ensemble
    assert ensemble is not None
    ground, river = ensemble.ground, ensemble.river
    x = planted.vectors(5, 300).T.copy()
    pairs = zip(x, ground.knots, river.curves(), strict=True)
    added = np.array([np.where(np.isnan(row), 0.0, np.interp(row, knots, curve)) for row, knots, curve in pairs])
    told = [river.log_odds(logs, 1) for logs in ground.logs(x).T.tolist()]
    np.testing.assert_allclose(added.sum(axis=0) + river.level(1), told, rtol=0, atol=1e-9)


def test_every_record_has_its_lesson(lived: Life) -> None:
    learner = Learner.resume(lived.learner.checkpoint(), SETTINGS)
    example = planted.relabelled(next(planted.examples(1, seed=77)), "negative")
    fate = next(planted.fates(example))
    nothing: list[float | None] = [None] * len(NAMES)
    cases: list[tuple[Lesson, Example | WeeklyLabel]] = [
        (Lesson.FOREIGN, change(fate, catalogue="0000")),
        (Lesson.FOREIGN, change(fate, x=fate.x[1:])),
        (Lesson.FOREIGN, change(fate, x=np.zeros(len(NAMES), dtype="<f4").tobytes() + b"?")),
        (Lesson.NOT_FINITE, change(fate, fate_id="a", x=[INFINITE, *fate.x[1:]])),
        (Lesson.NOT_FINITE, change(fate, fate_id="b", x=nothing)),
        (Lesson.NOT_FINITE, change(fate, fate_id="c", risk=float("nan"))),
        (Lesson.CONTRADICTORY, change(fate, fate_id="d", left=True)),
        (Lesson.CONTRADICTORY, change(fate, fate_id="e", first=3, last=2)),
        (Lesson.CONTRADICTORY, change(fate, fate_id="f", last=9)),
        (Lesson.LEARNED, fate),
        (Lesson.DUPLICATE, fate),
        (Lesson.VOID, change(example, example_id="g", label="void")),
        (Lesson.BIASED, change(example, example_id="h", origin="risk_tier")),
        (Lesson.CONTRADICTORY, change(example, example_id="i", label="positive", outcome=None)),
        (Lesson.MEASURED, example),
        (Lesson.DUPLICATE, example),
    ]
    for lesson, given in cases:
        assert learner.learn(given) is lesson, given


def test_who_is_known_to_have_left_cannot_have_stayed() -> None:
    learner = Learner(SETTINGS, planted.starting())
    example = planted.relabelled(next(planted.examples(1, seed=77)), "positive")
    assert learner.learn(example) is Lesson.MEASURED
    stayed = next(planted.fates(planted.relabelled(example, "negative")))
    assert learner.learn(stayed) is Lesson.CONTRADICTORY


def test_report_and_figures_are_of_what_was_served(lived: Life) -> None:
    report = lived.learner.report()
    assert report.quality.served.rows == lived.lessons[Lesson.MEASURED]
    assert report.quality.served.positives > 50
    assert report.quality.prior.roc_auc is not None
    assert report.quality.lead_time.leavers > 50
    assert report.published is not None
    assert report.published.version == lived.published[-1][1].version
    assert report.published.step == "weekly"


def test_recall_is_of_tier_alerts_that_somebody_saw() -> None:
    """Four leavers: one without an alert, one held out, one of a signal, and one who had two tier alerts."""
    learner = Learner(SETTINGS, planted.starting())
    nobody, held, told, asked = (planted.relabelled(each, "positive") for each in planted.examples(4, seed=78))
    day = planted.DAY_MS
    at_alert = change(
        told, example_id="first", origin="risk_tier", ts=told.ts - 2 * day, first_alert_ts=told.ts - 2 * day
    )
    second = change(at_alert, example_id="second", ts=told.ts)
    held = change(held, origin="risk_tier", hold_out=True)
    for each in (nobody, held, at_alert, second, told, change(asked, origin="silence", first_alert_ts=asked.ts)):
        learner.learn(each)
    quality = Learner.resume(learner.checkpoint(), SETTINGS).report().quality
    found = quality.tier_lead_time
    assert found is not None
    assert (found.leavers, found.told, found.median_days) == (4, 1, 3.0)
    assert (quality.lead_time.told, quality.lead_time.median_days) == (2, 2.0)


def test_a_learner_that_begins_anew_goes_on_from_the_model_of_a_former_release() -> None:
    former = decode((Path(__file__).parents[2] / "golden" / "model.json").read_bytes())
    life = Life(prior=former)
    told = iter(stream())
    while not life.published:
        life.live([next(told)])
    (_, first), report = life.published[0], life.learner.report()
    assert (first.version, report.prior_version) == ("m-00001", "m-00000")
    assert first.provenance.source.startswith("m-00000, moved")
    assert isinstance(servable(encode(first)), Snapshot)
    x = planted.vectors(5, 500).T.copy()
    apart = np.std(Scorer(first).score(x).logit - Scorer(former, planted.BASE_RATE).score(x).logit)
    assert 0.0 < apart < 0.5 * np.std(Scorer(first).score(x).logit)


def test_asking_changes_nothing(lived: Life) -> None:
    before = lived.learner.checkpoint()
    lived.learner.report()
    assert lived.learner.checkpoint() == before


def test_an_operators_rollback_stands_for_some_weeks(lived: Life) -> None:
    learner = Learner.resume(lived.learner.checkpoint(), SETTINGS)
    put_back = change(planted.starting(), version="m-00090-r1")
    learner.rolled_back(put_back)
    at = learner.watermark
    assert at is not None
    assert (learner.due(), learner.served) == (None, put_back)
    again = None
    for each in planted.told(planted.examples(1_000, seed=12, strength=1.5, first=ROWS, prompt=True)):
        learner.learn(each)
        again = learner.due()
        if again is not None:
            break
    assert again is not None
    assert again.version == "m-00091"
    assert (learner.watermark or 0) - at >= SETTINGS.quiet_days * planted.DAY_MS


def test_a_rollback_to_other_features_is_refused(lived: Life) -> None:
    learner = Learner.resume(lived.learner.checkpoint(), SETTINGS)
    with pytest.raises(SnapshotRefusedError, match="catalogue"):
        learner.rolled_back(change(planted.starting(), catalogue_hash="0000"))
    assert learner.served == lived.learner.served


def test_a_wrong_prior_is_left_behind(lived: Life) -> None:
    """Every curve upside down: as leavers are learned from, it counts for less and less."""
    good = lived.published[-1][1]
    curves = [change(c, values=[-v for v in c.values], missing=-c.missing) for c in good.curves]
    wrong = change(good, version="wrong", curves=curves, examples=[])
    assert worth(wrong) < 0.35
    published = Life(prior=wrong).live(stream()).published
    assert worth(published[-1][1]) > 0.6


def test_a_good_prior_is_kept_while_few_have_left(lived: Life) -> None:
    good = lived.published[-1][1]
    later = planted.told(planted.examples(600, seed=31, strength=1.5, snapshot=good, prompt=True))
    for _, snapshot in Life(prior=good).live(later).published:
        assert worth(snapshot) > worth(good) - 0.02
