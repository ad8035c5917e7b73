"""Who is at risk, in groups that a person can talk about: how many, what tells them apart, what they are worth.

Customers are grouped by *why* they are at risk, the model's contributions, and not by what they are: two who call
little belong together only where that is what speaks against them. Each group is then told by the few features in
which its customers differ most from the other ones at risk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from models.example import Example
from models.feature import family
from models.features import INDEX, NAMES, catalogue_hash, reason_text
from models.grouping import grouped
from models.proportion import proportion
from models.risk import Scorer
from models.tiers import TIERS, Tier
from models.words import SEGMENTS, Segment, Text

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

TRAITS: Final = 3
LEAST_DELTA: Final = 0.33
"""Of Cliff's delta: below it a difference is called small [1]_ and tells no group apart."""
_FAMILIES: Final = tuple(dict.fromkeys(family(name) for name in NAMES))
_FAMILY: Final = np.array([_FAMILIES.index(family(name)) for name in NAMES])
_TIER_ZH: Final[dict[Tier, str]] = {"high_risk": "高危", "warning": "预警及以上", "healthy": "全部"}
_TIER_EN: Final[dict[Tier, str]] = {"high_risk": "at high risk", "warning": "at risk or warned", "healthy": "known"}
_VALUE: Final[dict[Segment, tuple[str, str]]] = {
    "high": ("high", "高"),
    "mid": ("middle", "中"),
    "low": ("low", "低"),
}


class Trait(Struct, frozen=True, kw_only=True):
    """A feature in which a group differs: its median there and among the others, and how surely (Cliff's delta)."""

    feature: str
    value: float
    others: float
    delta: float
    text: Text


class RiskSegment(Struct, frozen=True, kw_only=True):
    """A group of customers at risk.

    Attributes
    ----------
    known, left, left_share, left_low, left_high
        Of those whose snapshot is old enough that it would be known whether they left: how many did, with Wilson's
        95 % interval.
    revenue
        A month, of those whose ARPU is known.
    value
        How many of each worth, as the policy has it.
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
    """The groups, largest first, and what they were made of.

    Attributes
    ----------
    examples, foreign
        How many there were, and how many of those have another catalogue of features than this version.
    silhouette
        How well the groups stand apart, 0 to 1; 0 when no groups were found and all are one.
    """

    examples: int
    foreign: int
    customers: int
    tier: Tier
    silhouette: float
    segments: list[RiskSegment]


class _Crowd(NamedTuple):
    """Customers as arrays: features (n, F), contributions (n, F), and the example of each."""

    rows: Sequence[Example]
    x: Floats
    contributions: Floats


def departures(
    examples: Iterable[Example], scorer: Scorer, tier: Tier = "high_risk", most: int = 6, least: int = 10
) -> Departures:
    """Group those at risk by why, and describe each group.

    Parameters
    ----------
    examples
        In any order. Of each subscriber the newest snapshot counts in which he had at least `tier`.
    scorer
        Whose contributions say why.
    most, least
        So many groups at most, so many customers in each at least.

    References
    ----------
    .. [1] Romano, J. et al. (2006). Appropriate statistics for ordinal level data. Florida Association of Institutional
       Research: 0.147 small, 0.33 medium, 0.474 large.
    """
    every = list(examples)
    ours = [example for example in every if example.catalogue == catalogue_hash()]
    ripe = matured_until(ours)
    level = TIERS.index(tier)
    rows = _newest(example for example in ours if TIERS.index(example.tier) >= level)
    rest = _newest(example for example in ours if TIERS.index(example.tier) < level)
    crowd = _crowd(rows, scorer)
    found = grouped(_why(crowd.contributions), most, least)
    # One group has no others to be told from but those who are not at risk.
    beside = _crowd(rest, scorer) if found.size == 1 else crowd
    segments = []
    for number in range(found.size):
        inside = found.groups == number
        outside = ~inside if found.size > 1 else np.ones(len(rest), dtype=bool)
        traits = _traits(crowd, inside, beside, outside, tier if found.size > 1 else None)
        chosen = [row for row, is_in in zip(rows, inside.tolist(), strict=True) if is_in]
        segments.append(_segment(number + 1, chosen, len(rows), ripe, traits, tier))
    return Departures(
        examples=len(every),
        foreign=len(every) - len(ours),
        customers=len(rows),
        tier=tier,
        silhouette=found.silhouette,
        segments=segments,
    )


def matured_until(examples: Iterable[Example]) -> int:
    """Up to when a snapshot must be for its label to be known either way.

    Whoever leaves is labelled at once, whoever stays after months: counted by all labels, everybody who was looked at
    of late would have left.
    """
    return max((e.ts for e in examples if e.label == "negative" and e.outcome is None), default=-1)


def _newest(examples: Iterable[Example]) -> list[Example]:
    """Of each subscriber the newest, in an order that is hashed from his id."""
    newest: dict[str, Example] = {}
    for each in examples:
        held = newest.get(each.subscriber_id)
        if held is None or (each.ts, each.example_id) > (held.ts, held.example_id):
            newest[each.subscriber_id] = each
    return sorted(newest.values(), key=lambda e: (blake2b(e.subscriber_id.encode(), digest_size=8).digest(), e.ts))


def _crowd(rows: Sequence[Example], scorer: Scorer) -> _Crowd:
    x = np.array([[np.nan if v is None else v for v in row.x] for row in rows]).reshape(len(rows), len(NAMES))
    return _Crowd(rows, x, scorer.contributions(np.ascontiguousarray(x.T)).T)


def _why(contributions: Floats) -> Floats:
    """Contributions by family: calls over a day, a week and a month say one thing three times."""
    summed = np.zeros((len(contributions), len(_FAMILIES)))
    for f, place in enumerate(_FAMILY.tolist()):
        summed[:, place] += contributions[:, f]
    return summed


def _traits(crowd: _Crowd, inside: Bools, beside: _Crowd, outside: Bools, tier: Tier | None) -> list[Trait]:
    """The features that tell those inside from those outside; of each family the one that does so best.

    First those that speak against the ones inside: what they do not have is no reason why they may leave.
    """
    if not inside.any() or not outside.any():
        return []
    moved = crowd.contributions[inside].mean(axis=0) - beside.contributions[outside].mean(axis=0)
    found: list[tuple[bool, float, int, float]] = []
    for f in range(len(NAMES)):
        mine, theirs = crowd.x[inside, f], beside.x[outside, f]
        known, known_there = mine[~np.isnan(mine)], theirs[~np.isnan(theirs)]
        if 2 * len(known) < len(mine) or not len(known_there):
            continue
        delta = cliffs_delta(known, known_there)
        if abs(delta) >= LEAST_DELTA and moved[f] != 0.0:
            found.append((bool(moved[f] < 0.0), -abs(delta * float(moved[f])), f, delta))
    told: dict[int, Trait] = {}
    for _, _, f, delta in sorted(found):
        if _FAMILY[f] not in told:
            value, others = float(np.nanmedian(crowd.x[inside, f])), float(np.nanmedian(beside.x[outside, f]))
            told[int(_FAMILY[f])] = _trait(NAMES[f], value, others, delta, tier)
        if len(told) == TRAITS:
            break
    return list(told.values())


def cliffs_delta(mine: Floats, theirs: Floats) -> float:
    """How much more often a value of `mine` is above one of `theirs` than below, -1 to 1; ties count for neither.

    Examples
    --------
    >>> cliffs_delta(np.array([3.0, 4.0]), np.array([1.0, 2.0])), cliffs_delta(np.array([1.0]), np.array([1.0]))
    (1.0, 0.0)
    """
    ordered = np.sort(theirs)
    below = np.searchsorted(ordered, mine, side="left")
    above = len(ordered) - np.searchsorted(ordered, mine, side="right")
    return float((below - above).sum() / (len(mine) * len(theirs)))


def _trait(name: str, value: float, others: float, delta: float, tier: Tier | None) -> Trait:
    mine, theirs = reason_text(name, value, float("nan")), reason_text(name, others, float("nan"))
    en, zh = mine["en"], mine["zh"]
    if theirs["en"] != en:
        who_en, who_zh = ("others at risk", "其他同级客户") if tier else ("those not at risk", "其余客户")
        en, zh = f"{en} ({who_en}: {theirs['en']})", f"{zh}({who_zh}:{theirs['zh']})"
    return Trait(feature=name, value=value, others=others, delta=round(delta, 4), text=Text(en, zh))


def _segment(number: int, rows: Sequence[Example], of: int, ripe: int, traits: list[Trait], tier: Tier) -> RiskSegment:
    known = [row for row in rows if row.ts <= ripe and row.label != "void"]
    left = proportion(sum(row.label == "positive" for row in known), len(known))
    value = Counter(row.segment for row in rows)
    arpu = [a for row in rows if (a := row.x[INDEX["arpu"]]) is not None]
    revenue, share = float(sum(sorted(arpu))), len(rows) / of
    mostly = max(SEGMENTS, key=lambda s: (value[s], -SEGMENTS.index(s)))
    value_en, value_zh = _VALUE[mostly]
    most = "all" if value[mostly] == len(rows) else "mostly"
    who = f"{len(rows):,} customer{'' if len(rows) == 1 else 's'}, {_percent(share)} of those {_TIER_EN[tier]}"
    why = _sentence([t.text.en for t in traits], "nothing tells them apart")
    en = f"{who}, {most} of {value_en} value, {revenue:,.0f} a month. {why}"
    zh = (
        f"{len(rows)}位客户,占{_TIER_ZH[tier]}客户的{share:.0%},{'均为' if most == 'all' else '多为'}{value_zh}价值,"
        f"月收入{revenue:.0f}元。{';'.join(t.text.zh for t in traits) or '与其他客户无明显差别'}。"
    )
    if known:
        low, high = _percent(left.low), _percent(left.high)
        en += f" Of the {left.of:,} whose outcome is known {_percent(left.rate)} left ({low} to {high})."
        zh += f"已知结果的{left.of}位中{left.rate:.0%}离网(95%区间{left.low:.0%}至{left.high:.0%})。"
    return RiskSegment(
        number=number,
        size=len(rows),
        share=share,
        known=left.of,
        left=left.hits,
        left_share=left.rate,
        left_low=left.low,
        left_high=left.high,
        mean_risk=sum(sorted(row.risk for row in rows)) / len(rows),
        revenue=round(revenue, 2),
        value={segment: value[segment] for segment in SEGMENTS},
        traits=traits,
        text=Text(en, zh),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _sentence(parts: Sequence[str], otherwise: str) -> str:
    joined = "; ".join(parts) or otherwise
    return f"{joined[0].upper()}{joined[1:]}."
