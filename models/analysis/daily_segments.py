"""The nightly report of the stream: the customers at risk in groups, and the outcomes by cause and offer.

Days are counted by label time, never by the clock: a night falls at the first example labelled on a later day than all
before it. So it falls at the same example, with the same rows, however the log is split, restarted or replayed.
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
"""Days of labels in a nightly report: as long as examples are kept, and one full billing cycle."""
MOST: Final = 30_000
"""Examples in a nightly report at most: a thousand a day. All are in memory at once, 130 MB."""


class NightReason(StrEnum):
    """Whether a nightly report has groups, and if not, why."""

    MADE = "made"
    EARLY = "early"
    OTHER_FEATURES = "other_features"
    NOBODY = "nobody_at_risk"
    TOO_FEW = "too_few_at_risk"


class Night(Struct, frozen=True, kw_only=True):
    """A nightly report, as the learner publishes it.

    Attributes
    ----------
    day
        The day that ended: the last one with labels before the night, in the operator's time zone.
    since, until
        Label times covered, ms: after `since`, up to and including `until`, the latest label.
    model_version
        The model served when the night fell; its contributions explain the risks.
    reason, text
        Whether there are segments, and if not, why.
    groups, offers
        The groups (empty unless `reason` is ``made``) with the counts of examples; outcomes by cause and offer.
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
    """The date of a time in ms in the operator's time zone.

    Examples
    --------
    >>> from datetime import timedelta, timezone
    >>> day_of(1_780_000_000_000, timezone(timedelta(hours=8))).isoformat()
    '2026-05-29'
    """
    return datetime.fromtimestamp(ms / 1000, zone).date()


def falls(before: int | None, after: int | None, zone: tzinfo) -> bool:
    """Whether a night falls between two successive latest label times, ms. None means no label yet, so no night.

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
    """Make a nightly report.

    Parameters
    ----------
    examples
        The log before the night fell: the newest :data:`MOST` or fewer. Labels older than `days` are skipped.
    scorer
        The model served when the night fell.
    until
        The latest label before the night fell, ms.
    days
        Days of labels to cover.
    tier, least
        The lowest tier that counts as at risk; the least number of customers in a group.
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
            "no customer is known to have stayed yet, and leavers alone cannot be judged",
            "尚无任何客户的留存结果，仅凭离网客户无法判断",
        ),
        NightReason.OTHER_FEATURES: Text(
            "all examples come from a release with other features", "样本特征均来自其他版本，无法使用"
        ),
        NightReason.NOBODY: Text(f"no customer with a known outcome was {who}", f"结果已知的客户中没有{who_zh}客户"),
        NightReason.TOO_FEW: Text(
            f"fewer than {least} customers with a known outcome were {who}", f"结果已知的{who_zh}客户不足{least}位"
        ),
    }[reason]
