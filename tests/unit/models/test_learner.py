"""The learner from the first example to a published snapshot, on a planted truth."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest

import planted
from models.champion import Champion
from models.example import Example
from models.features.catalogue import NAMES, catalogue_hash
from models.hat_basis import HatBasis
from models.learner import Learner, LearnerSettings, Lesson
from models.learner_report import Report
from models.lineage import Kind
from models.publication import Step
from models.quality import roc_auc
from models.risk import Scorer, check_examples
from models.snapshot import Snapshot, SnapshotRefusedError, check_features, decode, encode

SETTINGS = LearnerSettings(
    warm_rows=300,
    knots=5,
    window=4_000,
    recent_rows=400,
    min_labels=600,
    min_positives=30,
    refresh_positives=10,
    cool_down=500,
    publish_every=500,
    look_every=100,
    cutoff_rows=800,
    blank_life=3_000,
    shadow=("log1p",),
)
ROWS = 4_000
INFINITE = float("inf")
tell = msgspec.structs.replace


class Life:
    """A learner, what became of its examples, and what it published."""

    def __init__(self, settings: LearnerSettings = SETTINGS, served: Snapshot | None = None) -> None:
        self.learner = Learner(settings, served or planted.starting())
        self.lessons: Counter[Lesson] = Counter()
        self.published: list[tuple[int, Snapshot]] = []

    def live(self, examples: list[Example]) -> Life:
        for example in examples:
            self.lessons[self.learner.learn(example)] += 1
            snapshot = self.learner.due()
            if snapshot is not None:
                self.published.append((self.learner.labels, snapshot))
        return self


@pytest.fixture(scope="module")
def lived() -> Life:
    return Life().live(list(planted.examples(ROWS, seed=2, strength=1.5)))


@pytest.fixture(scope="module")
def report(lived: Life) -> Report:
    return lived.learner.report()


def test_learner_publishes_a_model_that_knows_the_truth(lived: Life) -> None:
    _, last = lived.published[-1]
    x = planted.vectors(99, 6_000)
    left = np.random.default_rng(98).random(6_000) < planted.truth(x, 1.5)
    before = roc_auc(Scorer(planted.starting()).score(x.T.copy()).risk, left)
    after = roc_auc(Scorer(last).score(x.T.copy()).risk, left)
    assert before < 0.56
    assert after > 0.75


def test_published_snapshots_are_whole_and_prove_themselves(lived: Life) -> None:
    assert [snapshot.version for _, snapshot in lived.published] == [
        f"m-{number:05d}" for number in range(1, len(lived.published) + 1)
    ]
    for _, snapshot in lived.published:
        again = decode(encode(snapshot))
        check_features(again, NAMES, catalogue_hash())
        assert len(again.examples) == SETTINGS.examples
        assert check_examples(again).version == snapshot.version
        assert again.provenance.rows > 0


def test_a_snapshot_whose_examples_do_not_come_out_is_refused(lived: Life) -> None:
    _, last = lived.published[-1]
    bent = tell(last, intercept=last.intercept + 1e-6)
    with pytest.raises(SnapshotRefusedError, match="example 1"):
        check_examples(decode(encode(bent)))
    with pytest.raises(SnapshotRefusedError, match="example 1"):
        Learner(SETTINGS, bent)


def test_cutoffs_base_rate_and_medians_are_of_the_fair_rows(lived: Life) -> None:
    _, last = lived.published[-1]
    x = planted.vectors(97, 6_000)
    chance, risk = planted.truth(x, 1.5), Scorer(last).score(x.T.copy()).risk
    assert last.base_rate == pytest.approx(chance.mean(), rel=0.12)
    assert risk.mean() == pytest.approx(chance.mean(), rel=0.25)
    assert (risk >= last.cutoff(0.10)).mean() == pytest.approx(0.10, abs=0.03)
    assert [cut.risk for cut in last.cutoffs] == sorted((cut.risk for cut in last.cutoffs), reverse=True)
    usual = [curve.usual for curve in last.curves]
    assert usual[0] == pytest.approx(np.median(x[:, 0]), rel=0.2)
    assert usual[10] is None  # missing in 60 % of the rows
    assert set(last.curves[0].usual_of) == {"high", "mid", "low"}
    assert last.curves[0].usual_of["high"] == pytest.approx(np.median(x[:, 0]), rel=0.4)


def test_watermark_is_the_latest_label(lived: Life) -> None:
    label, last = lived.published[-1]
    examples = list(planted.examples(ROWS, seed=2, strength=1.5))
    assert last.watermark == examples[label - 1].labelled_ts


def test_nothing_is_published_before_there_is_evidence(lived: Life) -> None:
    first, _ = lived.published[0]
    assert first >= SETTINGS.min_labels
    gaps = np.diff([label for label, _ in lived.published])
    assert (gaps >= SETTINGS.publish_every).all()


def test_compiled_curves_and_both_models_agree_after_a_restart(lived: Life) -> None:
    learner = Learner.resume(lived.learner.checkpoint(), SETTINGS)
    lineages = learner._lineages
    assert lineages is not None
    assert {lineages.champion.kind, lineages.rival.kind} == set(Kind)
    x = planted.vectors(5, 300)
    for model in (lineages.champion.model, lineages.rival.model):
        scorer = Scorer(model.snapshot("now", 0.05, catalogue_hash()))
        told = [model.predict(row) for row in x.tolist()]
        np.testing.assert_allclose(scorer.score(x.T.copy()).risk, told, rtol=0, atol=1e-9)
    assert learner.report() == lived.learner.report()


def test_without_a_truth_nothing_is_published() -> None:
    blind = [
        planted.relabelled(example, "positive" if i % 11 == 0 else "negative")
        for i, example in enumerate(planted.examples(2_500, seed=3))
    ]
    life = Life().live(blind)
    assert life.published == []
    assert life.lessons[Lesson.LEARNED] > 2_000
    latest = life.learner.report().latest
    assert latest is not None
    assert latest.step in (Step.NOT_YET, Step.GUARDED)


def test_every_example_has_its_lesson(lived: Life) -> None:
    learner = Learner.resume(lived.learner.checkpoint(), SETTINGS)
    example = next(planted.examples(1, seed=77))
    nothing: list[float | None] = [None] * len(NAMES)
    cases = {
        Lesson.FOREIGN: tell(example, catalogue="0000"),
        Lesson.NOT_FINITE: tell(example, example_id="a", x=[INFINITE, *example.x[1:]]),
        Lesson.VOID: tell(example, example_id="b", label="void"),
        Lesson.BIASED: tell(example, example_id="c", origin="risk_tier"),
        Lesson.CONTRADICTORY: tell(example, example_id="d", label="positive", outcome=None),
        Lesson.LEARNED: planted.relabelled(tell(example, example_id="e"), "negative"),
        Lesson.DUPLICATE: planted.relabelled(tell(example, example_id="e"), "negative"),
    }
    assert {lesson: learner.learn(given) for lesson, given in cases.items()} == {lesson: lesson for lesson in cases}
    assert learner.learn(tell(example, example_id="f", x=example.x[1:])) is Lesson.FOREIGN
    assert learner.learn(tell(example, example_id="g", x=nothing)) is Lesson.NOT_FINITE
    assert learner.learn(tell(example, example_id="h", risk=float("nan"))) is Lesson.NOT_FINITE
    assert learner.learn(tell(example, example_id="i", base_rate=0.0)) is Lesson.NOT_FINITE


def test_a_stayer_who_is_known_to_have_left_is_a_contradiction() -> None:
    learner = Learner(SETTINGS, planted.starting())
    left, other = planted.examples(2, seed=4)
    left = planted.relabelled(left, "positive")
    assert learner.learn(planted.relabelled(other, "negative")) is Lesson.COLLECTING
    stayed = tell(planted.relabelled(left, "negative"), example_id="other")
    assert learner.learn(left) is Lesson.COLLECTING
    assert learner.learn(stayed) is Lesson.CONTRADICTORY
    long_ago = tell(stayed, example_id="third", ts=left.ts - 40 * planted.DAY_MS)
    assert learner.learn(long_ago) is Lesson.COLLECTING


def test_report_measures_what_was_served_and_the_champion(lived: Life, report: Report) -> None:
    examples = list(planted.examples(ROWS, seed=2, strength=1.5))
    risk = np.array([example.risk for example in examples])
    left = np.array([example.label == "positive" for example in examples])
    assert report.quality.served.rows == ROWS
    assert report.quality.served.roc_auc is not None
    assert report.quality.served.roc_auc.value == pytest.approx(roc_auc(risk, left), abs=1e-12)
    assert report.quality.champion.roc_auc is not None
    assert report.quality.champion.roc_auc.low > 0.6
    assert report.examples_total[Lesson.LEARNED] + report.examples_total[Lesson.COLLECTING] == ROWS
    assert report.outcomes_total["positive"] == left.sum()
    assert report.base_rate == pytest.approx(left.mean(), rel=0.01)
    assert report.quality.lead_time.median_days == pytest.approx(7.7)
    assert report.quality.delay.median_days == 44.0
    assert report.served_version == lived.published[-1][1].version
    assert report.published is not None
    assert report.published.version == report.served_version
    assert {c.name: c.why_not_served for c in report.challengers if c.name != "fresh"} == {
        "rival": None,
        "log1p": "its curves bend between knots",
    }
    assert set(report.drift.psi) == set(NAMES)
    assert msgspec.json.decode(msgspec.json.encode(report), type=Report) == report


def test_asking_for_a_report_changes_nothing(lived: Life) -> None:
    before = lived.learner.checkpoint()
    lived.learner.report()
    lived.learner.heard(planted.START_MS + 900 * planted.DAY_MS)
    lived.learner.report()
    assert lived.learner.checkpoint() == before


def test_an_operators_rollback_stands_until_there_is_evidence_against_it(lived: Life) -> None:
    learner = Learner.resume(lived.learner.checkpoint(), SETTINGS)
    put_back = tell(planted.starting(), version="m-00040-r1")
    learner.rolled_back(put_back)
    at = learner.labels
    assert (learner.due(), learner.served) == (None, put_back)
    again = None
    for example in planted.examples(2_000, seed=12, strength=1.5, first=50_000):
        learner.learn(example)
        again = again or learner.due()
        if again is not None:
            break
    assert again is not None
    assert learner.labels - at >= max(SETTINGS.cool_down, SETTINGS.min_labels)
    assert again.version == "m-00041"
    assert learner.report().published.step is Step.PROMOTED  # type: ignore[union-attr]


def test_a_rollback_to_other_features_is_refused(lived: Life) -> None:
    learner = Learner.resume(lived.learner.checkpoint(), SETTINGS)
    with pytest.raises(SnapshotRefusedError, match="catalogue"):
        learner.rolled_back(tell(planted.starting(), catalogue_hash="0000"))
    assert learner.served == lived.learner.served


def test_a_good_prior_is_kept_from_the_first_label(lived: Life) -> None:
    """The champion begins from what is served: it must not first forget it, as AdaGrad's first steps would."""
    _, good = lived.published[-1]
    life = Life(served=good).live(list(planted.examples(1_200, seed=31, strength=1.5, snapshot=good)))
    latest = life.learner.report().latest
    assert latest is not None
    assert latest.comparison is not None
    assert latest.comparison.auc_gain is not None
    assert latest.comparison.rows > 500
    assert latest.comparison.auc_gain.value > -0.03
    assert latest.comparison.log_loss_gain.value > -0.01


def test_a_model_without_the_prior_takes_over_where_the_prior_is_wrong() -> None:
    settings = tell(SETTINGS, blank_life=6_000)
    life = Life(settings).live(list(planted.examples(6_000, seed=8)))
    crowned = life.learner.report().crowned
    assert crowned is not None
    assert crowned.why == "no_prior"
    assert crowned.comparison.auc_gain is not None or crowned.comparison.log_loss_gain.low > 0.0
    assert life.published


def test_the_order_of_labels_alone_proves_nothing() -> None:
    """Leavers come one by one, stayers in a heap: whoever is asked between labels seems to foresee them."""
    dice = np.random.default_rng(6)
    blind = list(planted.examples(4_000, seed=9))
    left = np.concatenate([np.sort(dice.random(400) < 0.15)[::-1] for _ in range(10)])
    x = np.array([[np.nan if v is None else v for v in example.x] for example in blind])
    asked = Champion.of_prior(HatBasis.of(NAMES, x[:300].T, 5), planted.starting(), 0.05, x[:300].T)
    told = []
    for row, gone in zip(x.tolist(), left.tolist(), strict=True):
        told.append(asked.predict(row))
        asked.learn(row, left=gone)
    assert roc_auc(np.array(told), left) > 0.7
    labels = ["positive" if gone else "negative" for gone in left.tolist()]
    stayed = planted.relabelled(tell(blind[0], example_id="first"), "negative")
    life = Life().live([stayed, *(planted.relabelled(e, label) for e, label in zip(blind, labels, strict=True))])
    champion = life.learner.report().quality.champion.roc_auc
    assert life.published == []
    assert champion is not None
    assert champion.value < 0.55
