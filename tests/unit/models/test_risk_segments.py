"""Groups that were planted are found and told in words; where there are none, none are made up."""

from __future__ import annotations

import random

import numpy as np
import pytest
from support.detecting import DAY, START, snapshot
from support.examples_made import example, model, planted

from models.analysis.clustering import grouped
from models.analysis.offer_outcomes import associations
from models.analysis.risk_segments import departures, settled
from models.analysis.score_metrics import proportion
from models.contract.training_example import Example
from models.scoring.scorer import Scorer

SCORER = Scorer(model())
REASONS = {
    "browsing": {"competitor_dwell_7d": 1400.0},
    "complaint": {"complaints_open": 2.0},
    "fading": {"data_mb_7d_vs_30d": 0.1},
    "silent": {"silent_days": 18.0},
}
SIZES = {"browsing": 90, "complaint": 60, "fading": 45, "silent": 30}
FEATURE = {
    "browsing": "competitor_dwell_7d",
    "complaint": "complaints_open",
    "fading": "data_mb_7d_vs_30d",
    "silent": "silent_days",
}


def test_planted_groups_are_found_with_their_reasons() -> None:
    told = departures(planted(REASONS, SIZES), SCORER)
    assert [segment.size for segment in told.segments] == list(SIZES.values())
    assert [segment.traits[0].feature for segment in told.segments] == [FEATURE[reason] for reason in SIZES]
    assert told.silhouette > 0.6
    browsing = told.segments[0]
    assert (browsing.known, browsing.left) == (90, 30)
    assert browsing.left_share == pytest.approx(1 / 3)
    assert browsing.left_low < 1 / 3 < browsing.left_high
    assert browsing.mean_risk == pytest.approx(0.3)
    assert browsing.value == {"high": 90, "mid": 0, "low": 0}
    assert browsing.revenue == pytest.approx(90 * 60, rel=0.05)
    assert browsing.share == pytest.approx(90 / 225)


def test_one_subject_is_told_once_and_never_by_the_day() -> None:
    """Minutes and pages on competitor sites are one thing; and the snapshot's last day is nobody's today."""
    names = ("competitor_dwell_1d", "competitor_pages_7d", "competitor_dwell_7d")
    each = ([0.0, 1500.0], [0.0, 4.0])
    by = snapshot(-5.0, silent_days=([0.0, 20.0], [0.0, 4.0]), **dict.fromkeys(names, each))
    quiet = dict.fromkeys(names, 0.0)
    given = planted(
        {"browsing": dict(zip(names, (1490.0, 1200.0, 1000.0), strict=True)), "silent": {**quiet, "silent_days": 18.0}},
        {"browsing": 60, "silent": 40},
    )
    told = departures(given, Scorer(by)).segments[0].traits
    assert [trait.feature for trait in told if trait.feature.startswith("competitor")] == ["competitor_pages_7d"]


def test_a_difference_that_comes_to_nothing_is_not_told() -> None:
    """All are gone: by 99 % or by 100 % is no difference, however surely it is one."""
    fading = [example(f"f-{n}", {"data_mb_7d_vs_30d": 0.01, "competitor_dwell_7d": 1400.0}) for n in range(40)]
    faded = [example(f"g-{n}", {"data_mb_7d_vs_30d": 0.0, "complaints_open": 2.0}) for n in range(40)]
    told = departures(fading + faded, SCORER)
    assert len(told.segments) == 2
    assert not [t for segment in told.segments for t in segment.traits if t.feature.startswith("data")]


def test_what_hardly_moves_the_risk_is_no_reason() -> None:
    """Who browses also calls less often off-net, and the model makes next to nothing of that."""
    browsing = {"competitor_dwell_7d": 1400.0, "off_net_calls_7d_vs_30d": 1.0}
    given = planted(
        {"browsing": browsing, "silent": {"silent_days": 18.0, "off_net_calls_7d_vs_30d": 0.6}},
        {"browsing": 60, "silent": 40},
    )
    slight = snapshot(
        -5.0,
        competitor_dwell_7d=([0.0, 1500.0], [0.0, 4.0]),
        silent_days=([0.0, 20.0], [0.0, 4.0]),
        off_net_calls_7d_vs_30d=([0.0, 1.0], [0.0, 0.05]),
    )
    told = departures(given, Scorer(slight)).segments[0]
    assert [trait.feature for trait in told.traits] == ["competitor_dwell_7d", "silent_days"]


def test_what_all_at_risk_share_is_told_beside_those_who_are_not() -> None:
    """That a group lacks what marks the other says nothing of why it is at risk itself."""
    both = {"data_mb_7d_vs_30d": 0.1}
    given = planted({"browsing": {**both, "competitor_dwell_7d": 1400.0}, "other": both}, {"browsing": 60, "other": 50})
    calm = [
        example(f"h-{n}", {"data_mb_7d_vs_30d": 1.0, "competitor_dwell_7d": 0.0}, tier="healthy") for n in range(60)
    ]
    other = departures(given + calm, SCORER).segments[1]
    assert [(t.feature, t.beside) for t in other.traits] == [
        ("data_mb_7d_vs_30d", "calm"),
        ("competitor_dwell_7d", "others"),
    ]
    assert (
        "Signs of risk: data use within the last week about 88 % below their usual (those not at risk: "
        in other.text.en
    )
    assert (
        ". Unlike the others: hardly any time on competitor sites within the last week (others at risk: "
        in other.text.en
    )
    assert "。与其他客户不同：近1周几乎未浏览竞争对手网站（其他同级客户：" in other.text.zh


def test_what_speaks_against_a_group_is_told_before_what_it_lacks() -> None:
    """The silent ones differ most in that they do not browse; that is not why they may leave."""
    strong = {"browsing": {"competitor_dwell_7d": 1500.0}, "silent": {"silent_days": 8.0}}
    silent = departures(planted(strong, {"browsing": 60, "silent": 40}), SCORER).segments[1]
    assert [trait.feature for trait in silent.traits[:2]] == ["silent_days", "competitor_dwell_7d"]


def test_a_group_is_told_in_both_languages() -> None:
    text = departures(planted(REASONS, SIZES), SCORER).segments[0].text
    assert text.en.startswith("90 customers, 40 % of all at high risk; all high value, 5,")
    assert "minutes on competitor sites within the last week (others at risk: " in text.en
    assert " 33 % left (95 % interval 24 % to 44 %)." in text.en
    assert text.zh.startswith("90位客户，占高危客户的40%；均为高价值，月收入合计5")
    assert "近1周浏览竞争对手网站" in text.zh
    assert "（其他同级客户：" in text.zh
    assert "其中33%已离网（95%区间24%至44%）" in text.zh


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_examples_changes_nothing(seed: int) -> None:
    given = planted(REASONS, SIZES)
    shuffled = random.Random(seed).sample(given, len(given))
    assert departures(shuffled, SCORER) == departures(given, SCORER)


def test_a_cloud_is_one_group_told_against_those_not_at_risk() -> None:
    draw = random.Random(1)
    crowd = [
        example(f"r-{n}", {name: draw.gauss(1.0, 0.2) * 500.0 for name in ("competitor_dwell_7d",)}) for n in range(80)
    ]
    calm = [example(f"h-{n}", {"competitor_dwell_7d": 0.0}, tier="healthy") for n in range(80)]
    told = departures(crowd + calm, SCORER)
    assert [segment.size for segment in told.segments] == [80]
    assert told.silhouette == 0.0
    assert told.segments[0].traits[0].feature == "competitor_dwell_7d"
    assert "(those not at risk: " in told.segments[0].text.en


def test_a_group_below_the_least_is_not_set_apart() -> None:
    given = planted(REASONS, {"browsing": 60, "silent": 4})
    assert [segment.size for segment in departures(given, SCORER, least=10).segments] == [64]
    assert [segment.size for segment in departures(given, SCORER, least=3).segments] == [60, 4]


def test_each_customer_counts_once_by_his_newest_snapshot_at_risk() -> None:
    older = example("s-1", {"complaints_open": 2.0}, label="positive", outcome="lapsed")
    newer = example("s-1", {"complaints_open": 2.0}, ts=START + DAY)
    calm = example("s-1", ts=START + 2 * DAY, tier="healthy")
    (segment,) = departures([older, newer, calm], SCORER).segments
    assert (segment.size, segment.known, segment.left) == (1, 1, 0)


def test_labels_of_before_any_stayer_was_known_are_left_out() -> None:
    """A leaver is labelled at once, and who stays after a month: by the first month's labels all would have left."""
    early = [example(f"e-{n}", label="positive", outcome="ported_out", labelled_ts=START + DAY) for n in range(8)]
    stayed = [example(f"o-{n}", labelled_ts=START + 30 * DAY) for n in range(8)]
    left = [example(f"y-{n}", label="positive", outcome="ported_out", labelled_ts=START + 31 * DAY) for n in range(4)]
    told = departures(early + stayed + left, SCORER)
    (segment,) = told.segments
    assert (told.early, segment.size, segment.known, segment.left) == (8, 12, 12, 4)
    assert settled(early) == []


def test_who_left_just_now_counts_though_the_month_before_is_no_longer_kept() -> None:
    """Examples are kept for a month, and a leaver's snapshots are weeks younger than a stayer's of the same label."""
    stayed = [example(f"o-{n}", ts=START, labelled_ts=START + 30 * DAY) for n in range(30)]
    left = [
        example(f"y-{n}", label="positive", outcome="lapsed", ts=START + 25 * DAY, labelled_ts=START + 30 * DAY)
        for n in range(10)
    ]
    (segment,) = departures(stayed + left, SCORER).segments
    assert (segment.known, segment.left) == (40, 10)
    void = departures([*stayed, *left, example("v", label="void", labelled_ts=START + 31 * DAY)], SCORER).segments[0]
    assert "Of the 40 with a final outcome, 25 % left" in void.text.en
    assert "40位有最终结果，其中25%已离网" in void.text.zh


def test_what_is_of_another_catalogue_is_left_out_and_counted() -> None:
    told = departures([example("s-1"), example("s-2", catalogue="other", x={})], SCORER)
    assert (told.examples, told.foreign, told.customers) == (2, 1, 1)


def test_nobody_at_risk_is_no_group() -> None:
    assert departures([example("s-1", tier="healthy")], SCORER).segments == []
    assert departures([], SCORER).segments == []


@pytest.mark.parametrize("width", [1, 2, 5, 20])
@pytest.mark.parametrize("shape", ["gauss", "even", "skewed"])
def test_a_cloud_of_any_shape_is_not_cut(width: int, shape: str) -> None:
    draw = random.Random(width)
    one = {"gauss": lambda: draw.gauss(0, 1), "even": draw.random, "skewed": lambda: draw.betavariate(1.2, 3)}[shape]
    # Along one axis, as contributions that move together are.
    rows = [[one() * (9.0 if column == 0 else 1.0) for column in range(width)] for _ in range(300)]
    assert grouped(np.array(rows)).size == 1


def test_rows_all_alike_are_one_group() -> None:
    assert grouped(np.ones((50, 3))).groups.tolist() == [0] * 50


def offered(cause: str, offer: str | None, customers: int, left: int) -> list[Example]:
    return [
        example(
            f"{cause}-{offer}-{n}",
            cause=cause,
            offer_code=offer,
            origin="risk_tier",
            label="positive" if n < left else "negative",
            outcome="ported_out" if n < left else None,
        )
        for n in range(customers)
    ]


def test_causes_and_offers_are_held_against_all() -> None:
    given = offered("complaint", "R-A", 100, 60) + offered("price", None, 100, 10) + offered("price", "R-B", 12, 12)
    found = associations(given + offered("complaint", "R-A", 100, 60))  # the same again changes nothing
    assert (found.n, found.left, found.too_few) == (212, 82, 1)
    assert found.caveat.en == "association, not cause"
    first, second = found.pairs
    assert (first.cause, first.offer_code, first.n, first.left) == ("complaint", "R-A", 100, 60)
    assert first.lift == pytest.approx(0.6 / (82 / 212))
    assert (first.low, first.high) == (proportion(60, 100).low, proportion(60, 100).high)
    assert first.apart
    assert (second.offer_code, second.left, second.apart) == (None, 10, True)


def test_who_had_two_causes_is_one_of_all() -> None:
    both = [
        example(f"s-{n}", cause=cause, ts=START + k) for n in range(40) for k, cause in enumerate(("price", "silence"))
    ]
    found = associations(both)
    assert (found.n, [pair.n for pair in found.pairs]) == (40, [40, 40])


def test_void_and_causeless_examples_are_associated_with_nothing() -> None:
    void = [example(f"v-{n}", cause="price", label="void") for n in range(40)]
    assert associations([*void, *(example(f"w-{n}") for n in range(40))]).n == 0


def test_wilsons_interval_is_that_of_the_paper() -> None:
    """Newcombe 1998, table I, method 3: 81 of 263, 15 of 148, 0 of 20."""
    for hits, of, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        found = proportion(hits, of)
        assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))
