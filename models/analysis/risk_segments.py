"""Customers at risk in groups: size, distinguishing traits, revenue and outcomes of each.

Customers are grouped by *why* they are at risk (the model's contributions), not by what they are: two who call little
are grouped together only if that raises their risk. Each group is then described by the few features in which its
customers differ most from the others at risk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from math import isnan
from typing import Final

import numpy as np
from msgspec import Struct

from models.analysis.clustering import MOST, grouped
from models.analysis.score_metrics import Proportion, proportion
from models.analysis.segment_traits import Crowd, Trait, traits
from models.arrays import Bools, Floats
from models.contract.training_example import Example
from models.contract.vocabulary import SEGMENTS, TIERS, Segment, Text, Tier
from models.features.catalogue import INDEX, NAMES, catalogue_hash
from models.features.feature_formula import family
from models.scoring.scorer import Scorer

LEAST: Final = 10
"""Customers of a segment at least: a smaller one would describe individuals."""
_FAMILIES: Final = tuple(dict.fromkeys(family(name) for name in NAMES))
_FAMILY: Final = np.array([_FAMILIES.index(family(name)) for name in NAMES])
TIER_ZH: Final[dict[Tier, str]] = {"high_risk": "高危", "warning": "预警及以上", "healthy": "全部"}
TIER_EN: Final[dict[Tier, str]] = {
    "high_risk": "at high risk",
    "warning": "at warning level or above",
    "healthy": "in any tier",
}
_VALUE: Final[dict[Segment, tuple[str, str]]] = {
    "high": ("high", "高"),
    "mid": ("medium", "中"),
    "low": ("low", "低"),
}


class RiskSegment(Struct, frozen=True, kw_only=True):
    """A group of customers at risk.

    Attributes
    ----------
    known, left, left_share, left_low, left_high
        Customers whose outcome is not void, and how many of them left, with Wilson's 95 % interval.
    revenue
        Per month, of the customers whose ARPU is known.
    value
        Customers by value segment of the policy.
    """

    number: int
    size: int
    share: float
    known: int
    left: int
    left_share: float
    left_low: float
    left_high: float
    mean_risk: float
    revenue: float
    value: dict[str, int]
    traits: list[Trait]
    text: Text


class Departures(Struct, frozen=True, kw_only=True):
    """The groups, largest first, and the counts of examples they were made from.

    Attributes
    ----------
    examples, foreign, early
        All examples; those with another feature catalogue than this version; those labelled before the first stayer
        was known. The last two are left out.
    customers
        Customers at risk, who form the groups.
    silhouette
        How well the groups stand apart, 0 to 1; 0 if all customers are one group.
    """

    examples: int
    foreign: int
    early: int
    customers: int
    tier: Tier
    silhouette: float
    segments: list[RiskSegment]


def departures(
    examples: Iterable[Example], scorer: Scorer, tier: Tier = "high_risk", most: int = MOST, least: int = LEAST
) -> Departures:
    """Group the customers at risk by the reasons for their risk, and describe each group.

    Parameters
    ----------
    examples
        In any order. For each subscriber the newest example with at least `tier` counts.
    scorer
        Its contributions are the reasons.
    most, least
        Groups at most; customers in each group at least.
    """
    every = list(examples)
    ours = [example for example in every if example.catalogue == catalogue_hash()]
    fair = settled(ours)
    level = TIERS.index(tier)
    rows = _newest(example for example in fair if TIERS.index(example.tier) >= level)
    crowd = _crowd(rows, scorer)
    calm = _crowd(_newest(example for example in fair if TIERS.index(example.tier) < level), scorer)
    found = grouped(_why(crowd.contributions), most, least)
    segments = []
    for number in range(found.size):
        inside = found.groups == number
        distinct = traits(_part(crowd, inside), _part(crowd, ~inside), calm)
        chosen = [row for row, is_in in zip(rows, inside.tolist(), strict=True) if is_in]
        segments.append(_segment(number + 1, chosen, len(rows), distinct, tier))
    return Departures(
        examples=len(every),
        foreign=len(every) - len(ours),
        early=len(ours) - len(fair),
        customers=len(rows),
        tier=tier,
        silhouette=found.silhouette,
        segments=segments,
    )


def settled(examples: Iterable[Example]) -> list[Example]:
    """The examples labelled since the first stayer was known.

    Leavers are labelled at once, stayers only after a month or more. Before the first stayer is known everybody seems
    to leave; from then on labels arrive in the true proportion of leavers and stayers.
    """
    every = list(examples)
    first = min((e.labelled_ts for e in every if e.label == "negative" and e.outcome is None), default=None)
    return [] if first is None else [e for e in every if e.labelled_ts >= first]


def _newest(examples: Iterable[Example]) -> list[Example]:
    """The newest example of each subscriber, ordered by a hash of the subscriber's id."""
    newest: dict[str, Example] = {}
    for each in examples:
        held = newest.get(each.subscriber_id)
        if held is None or (each.ts, each.example_id) > (held.ts, held.example_id):
            newest[each.subscriber_id] = each
    return sorted(newest.values(), key=lambda e: (blake2b(e.subscriber_id.encode(), digest_size=8).digest(), e.ts))


def _crowd(rows: Sequence[Example], scorer: Scorer) -> Crowd:
    x = np.empty((len(rows), len(NAMES)))
    for number, row in enumerate(rows):  # one at a time: a single call for all would hold up other threads
        x[number] = row.numbers()
    return Crowd(x, scorer.contributions(np.ascontiguousarray(x.T)).T)


def _part(crowd: Crowd, chosen: Bools) -> Crowd:
    return Crowd(crowd.x[chosen], crowd.contributions[chosen])


def _why(contributions: Floats) -> Floats:
    """Contributions by feature family: calls over a day, a week and a month are one reason, not three."""
    summed = np.zeros((len(contributions), len(_FAMILIES)))
    for f, place in enumerate(_FAMILY.tolist()):
        summed[:, place] += contributions[:, f]
    return summed


def _segment(number: int, rows: Sequence[Example], of: int, distinct: list[Trait], tier: Tier) -> RiskSegment:
    known = [row for row in rows if row.label != "void"]
    left = proportion(sum(row.label == "positive" for row in known), len(known))
    value = Counter[Segment](row.segment for row in rows)
    arpu = [a for row in rows if not isnan(a := row.numbers()[INDEX["arpu"]])]
    revenue = float(sum(sorted(arpu)))
    return RiskSegment(
        number=number,
        size=len(rows),
        share=len(rows) / of,
        known=left.of,
        left=left.hits,
        left_share=left.rate,
        left_low=left.low,
        left_high=left.high,
        mean_risk=sum(sorted(row.risk for row in rows)) / len(rows),
        revenue=round(revenue, 2),
        value={segment: value[segment] for segment in SEGMENTS},
        traits=distinct,
        text=_text(len(rows), of, value, revenue, distinct, left, tier),
    )


def _text(
    size: int, of: int, value: Counter[Segment], revenue: float, distinct: list[Trait], left: Proportion, tier: Tier
) -> Text:
    mostly = max(SEGMENTS, key=lambda s: (value[s], -SEGMENTS.index(s)))
    worth_en, worth_zh = _VALUE[mostly]
    most_en, most_zh = ("all", "均为") if value[mostly] == size else ("mostly", "多为")
    many = f"{size:,} customer{'' if size == 1 else 's'}"
    who_en = f"{many}, {_percent(size / of)} of all {TIER_EN[tier]}"
    who_zh = f"{size}位客户，占{TIER_ZH[tier]}客户的{size / of:.0%}"
    if size == of:
        who_en, who_zh = f"All {many} {TIER_EN[tier]}", f"全部{size}位{TIER_ZH[tier]}客户"
    why_en, why_zh = _reasons(distinct)
    en = f"{who_en}; {most_en} {worth_en} value, {revenue:,.0f} revenue a month. {why_en}"
    zh = f"{who_zh}；{most_zh}{worth_zh}价值，月收入合计{revenue:.0f}元。{why_zh}"
    if left.of:
        of_en, of_zh = "", "其中"
        if left.of != size:
            of_en, of_zh = f"Of the {left.of:,} with a final outcome, ", f"{left.of}位有最终结果，其中"
        en += f" {of_en}{_percent(left.rate)} left (95 % interval {_percent(left.low)} to {_percent(left.high)})."
        zh += f"{of_zh}{left.rate:.0%}已离网（95%区间{left.low:.0%}至{left.high:.0%}）。"
    return Text(en, zh)


def _reasons(distinct: list[Trait]) -> tuple[str, str]:
    """The traits that raise their risk, then those in which they are less at risk than the others."""
    if not distinct:
        return "No clear difference from the others.", "与其他客户无明显差别。"
    en, zh = "", ""
    for against, head_en, head_zh in (
        (True, "Signs of risk", "风险特征"),
        (False, "Unlike the others", "与其他客户不同"),
    ):
        texts = [t.text for t in distinct if t.against is against]
        if texts:
            en += f"{' ' if en else ''}{head_en}: {'; '.join(t.en for t in texts)}."
            zh += f"{head_zh}：{'；'.join(t.zh for t in texts)}。"
    return en, zh


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
