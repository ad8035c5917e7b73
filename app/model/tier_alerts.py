"""Tier alerts as counted from the topics: how many are raised, and how many ended before anybody could act.

The workers count the same on ``/metrics``, but from zero at each start; the topics hold the last month.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from app.config.options import talking_to
from app.config.settings import Settings
from models.contract.time_units import DAY_MS
from models.detection.breach_lifecycle import SHORT_MS
from streams.kafka.topic_tail import TopicMissingError, tail
from streams.records.topics import ALERTS, SCORES


class TierAlerts(NamedTuple):
    """Volume of tier alerts, and how many ended before anybody could act.

    Attributes
    ----------
    raised, days
        Number of tier alerts, and the days of event time in which they were raised: from the topic's oldest record of
        any alert to the newest risk.
    subscribers
        Number of subscribers with a published risk.
    a_day_per_1000
        Raised a day for each 1,000 of them; None for less than a day, or nobody.
    recovered, short
        Those that closed by themselves, and of these the ones that did so within two days.
    """

    raised: int = 0
    days: float = 0.0
    subscribers: int = 0
    a_day_per_1000: float | None = None
    recovered: int = 0
    short: int = 0


class AlertStep(Struct, frozen=True):
    """The fields that are read of an alert's record."""

    alert_id: str
    event: str
    kind: str
    ts: int
    close_reason: str | None = None


class _Scored(Struct, frozen=True):
    ts: int


_step: Final = msgspec.json.Decoder(AlertStep).decode
_scored: Final = msgspec.json.Decoder(_Scored).decode


def tallied(steps: Iterable[AlertStep], subscribers: int, until: int) -> TierAlerts:
    """Count the tier alerts; `until` is the time of the newest risk.

    Examples
    --------
    >>> life = [AlertStep("a", "raised", "risk_tier", 0), AlertStep("a", "closed", "risk_tier", DAY_MS, "recovered")]
    >>> tallied(life, 500, 10 * DAY_MS)
    TierAlerts(raised=1, days=10.0, subscribers=500, a_day_per_1000=0.2, recovered=1, short=1)
    """
    began: dict[str, int] = {}
    since, raised, recovered, short = until, 0, 0, 0
    for step in steps:
        since, until = min(since, step.ts), max(until, step.ts)
        if step.kind != "risk_tier":
            continue
        if step.event == "raised":
            raised += 1
            began[step.alert_id] = step.ts
        elif step.close_reason == "recovered":
            recovered += 1
            # An alert whose first record is deleted from the topic is a month old.
            short += step.alert_id in began and step.ts - began[step.alert_id] <= SHORT_MS
    days = (until - since) / DAY_MS
    rate = 1000.0 * raised / subscribers / days if subscribers and days >= 1.0 else None
    return TierAlerts(raised, days, subscribers, rate, recovered, short)


def read_alerts(settings: Settings) -> TierAlerts:
    """The counts from the topics as they are now, read without a group; zero where there are no topics.

    Raises
    ------
    app.errors.Refused
        If no broker answers.
    """
    with talking_to(settings):
        return asyncio.run(_read(settings))


async def _read(settings: Settings) -> TierAlerts:
    steps, until = [], 0
    async for _, value in _values(settings, ALERTS):
        try:
            steps.append(_step(value or b""))
        except msgspec.MsgspecError:
            continue  # an alert of another release: `alerts tail` names it
    scored = set()
    async for key, value in _values(settings, SCORES):
        if value is None:
            scored.discard(key)
            continue
        scored.add(key)
        until = max(until, _scored(value).ts)
    return tallied(steps, len(scored), until)


async def _values(settings: Settings, topic: str) -> AsyncIterator[tuple[bytes | None, bytes | None]]:
    """Keys and values of a topic, in the order of each of its partitions."""
    records = tail(settings.kafka_client_kwargs(), settings.topic_prefix + topic, from_beginning=True, follow=False)
    try:
        async with aclosing(records) as found:
            async for record in found:
                yield record.key, record.value
    except TopicMissingError:
        return
