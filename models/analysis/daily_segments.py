"""The night of a stream's day: who was at risk, in groups, and what became of causes and offers.

A day is one of labels, never of the clock: a night falls at the first example that was labelled on a later day than all
before it. So it falls at the same example however the log is cut, killed or replayed, and is made of the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from models.analysis.offer_outcomes import Associations, associations
from models.analysis.risk_segments import LEAST, TIER_EN, TIER_ZH, Departures, departures
from models.contract.time_units import DAY_MS
from models.contract.training_example import Example
from models.contract.vocabulary import Text, Tier
from models.scoring.scorer import Scorer

DAYS: Final = 30
"""Days of labels that a night looks back on: as long as examples are kept, and a whole turn of bills and contracts."""
MOST: Final = 30_000
"""Examples that a night looks back on at most: a thousand a day. They are held at once, 130 MB of them."""


class NightReason(StrEnum):
    """What became of a night."""

    MADE = "made"
    EARLY = "early"
    OTHER_FEATURES = "other_features"
    NOBODY = "nobody_at_risk"
    TOO_FEW = "too_few_at_risk"


class Night(Struct, frozen=True, kw_only=True):
    """What the learner publishes of a night.

    Attributes
    ----------
    day
        That ended: the last one with labels before the night, in the operator's time zone.
    since, until
        Labels of this time are looked back on, ms: after the one, up to the other, which was the latest.
    model_version
        Of the model that was served when the night fell: it says why somebody was at risk.
    reason, text
        Whether there are groups, and if not, why.
    groups, offers
        The groups, none unless made, with the counts of what was looked at; and causes and offers with outcomes.
    """

    day: str
    since: int
    until: int
    model_version: str
    reason: NightReason
    text: Text
    groups: Departures
    offers: Associations


def day_of(ms: int, zone: tzinfo) -> date:
    """The day of a moment where the operator is.

    Examples
    --------
    >>> from datetime import timedelta, timezone
    >>> day_of(1_780_000_000_000, timezone(timedelta(hours=8))).isoformat()
    '2026-05-29'
    """
    return datetime.fromtimestamp(ms / 1000, zone).date()


def falls(before: int | None, after: int | None, zone: tzinfo) -> bool:
    """Whether a night lies between two latest labels, ms; None: there was none yet, and no day that could have ended.

    Examples
    --------
    >>> from datetime import timezone
    >>> noon = 1_780_056_000_000 // DAY_MS * DAY_MS + DAY_MS // 2
    >>> [falls(noon, after, timezone.utc) for after in (noon, noon + DAY_MS // 2 - 1, noon + DAY_MS // 2)]
    [False, False, True]
    >>> falls(None, noon, timezone.utc)
    False
    """
    return before is not None and after is not None and day_of(after, zone) > day_of(before, zone)


def night(
    examples: Sequence[Example],
    scorer: Scorer,
    until: int,
    zone: tzinfo,
    *,
    days: int = DAYS,
    tier: Tier = "high_risk",
    least: int = LEAST,
) -> Night:
    """Look back from a night.

    Parameters
    ----------
    examples
        Of the log before the night fell: the newest :data:`MOST`, or all there are. Older labels are passed over.
    scorer
        Of the model that was served when it fell.
    until
        The latest label before it fell, ms.
    days
        Of labels that are looked back on.
    tier, least
        Who counts as at risk, and how many of them a group has at least.
    """
    since = until - days * DAY_MS
    rows = [example for example in examples if since < example.labelled_ts <= until]
    groups = departures(rows, scorer, tier, least=least)
    reason = _reason(groups, least)
    return Night(
        day=day_of(until, zone).isoformat(),
        since=since,
        until=until,
        model_version=scorer.snapshot.version,
        reason=reason,
        text=_text(reason, tier, least),
        groups=groups if reason is NightReason.MADE else replace(groups, segments=[]),
        offers=associations(rows),
    )


def _reason(groups: Departures, least: int) -> NightReason:
    if groups.customers >= least:
        return NightReason.MADE
    if groups.customers:
        return NightReason.TOO_FEW
    if groups.examples and groups.examples == groups.foreign:
        return NightReason.OTHER_FEATURES
    return NightReason.EARLY if groups.examples == groups.foreign + groups.early else NightReason.NOBODY


def _text(reason: NightReason, tier: Tier, least: int) -> Text:
    who, who_zh = TIER_EN[tier], TIER_ZH[tier]
    return {
        NightReason.MADE: Text("made", "已生成"),
        NightReason.EARLY: Text(
            "of nobody is it known yet that he stayed, and by leavers alone everybody would leave",
            "尚无任何客户的留存结果,仅凭离网客户无法判断",
        ),
        NightReason.OTHER_FEATURES: Text(
            "all examples have the features of another release", "样本特征均来自其他版本,无法使用"
        ),
        NightReason.NOBODY: Text(f"nobody whose outcome is known was {who}", f"结果已知的客户中没有{who_zh}客户"),
        NightReason.TOO_FEW: Text(
            f"fewer than {least} customers whose outcome is known were {who}", f"结果已知的{who_zh}客户不足{least}位"
        ),
    }[reason]
