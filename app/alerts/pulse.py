"""The heartbeat shown while no alert comes: quiet must look different from broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from app.config.settings import Language
from streams.kafka.broker_view import BrokerView, group_progress
from streams.records.topics import ALERTS, INPUT_TOPICS


class Beat(NamedTuple):
    """One observation of inputs and group.

    Attributes
    ----------
    events_s
        Input records a second since the beat before; None for the first.
    lag
        Records that the group has not applied yet; None if the broker did not say.
    members
        Members of the group; None if no coordinator answered.
    watched_ends
        End offsets of the watched topic by partition; by default the alerts' topic.
    """

    events_s: float | None
    lag: int | None
    members: int | None
    watched_ends: Mapping[int, int]


_WORDS: Final = {
    "en": {
        "quiet": "no alerts for {} min", "quiet_withheld": "nothing withheld for {} min",
        "rate": "{:,.0f} events/s", "lag": "lag {:,}", "join": ", ",
        "no_broker": "the broker does not answer", "no_worker": "no worker runs in group {}",
        "behind": "the workers are behind", "no_events": "no events come in",
    },
    "zh": {
        "quiet": "{}分钟无告警", "quiet_withheld": "{}分钟无抑制",
        "rate": "每秒{:,.0f}个事件", "lag": "积压{:,}", "join": "，",
        "no_broker": "Kafka无应答", "no_worker": "消费组{}中没有工作进程", "behind": "工作进程处理不及",
        "no_events": "没有事件流入",
    },
}  # fmt: skip
_BEHIND_S: Final = 10.0
"""Seconds of events: a smaller lag is a batch on its way, and commits may be five seconds old."""


class Pulse:
    """Observes inputs and group without joining it.

    Parameters
    ----------
    client
        aiokafka's arguments.
    watched
        The topic whose end offsets are read.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        prefix: str,
        group: str,
        clock: Callable[[], float] = time.monotonic,
        watched: str = ALERTS,
    ) -> None:
        self._client, self._prefix, self._group = client, prefix, group
        self._clock, self._watched = clock, watched
        self._view = BrokerView(client, prefix)
        self._before: tuple[float, int] | None = None

    async def beat(self) -> Beat:
        """Observe once."""
        topics = [*(topic.name for topic in INPUT_TOPICS), self._watched]
        found = await group_progress(self._client, self._view, self._prefix, self._group, topics)
        if found is None:
            return Beat(None, None, None, {})
        inputs = found._replace(ends={place: end for place, end in found.ends.items() if place[0] != self._watched})
        watched_ends = {at: end for (name, at), end in found.ends.items() if name == self._watched}
        return Beat(self._rate(sum(inputs.ends.values())), inputs.lag(), inputs.members, watched_ends)

    async def close(self) -> None:
        """Close the clients."""
        await self._view.close()

    def _rate(self, total: int) -> float | None:
        now, before = self._clock(), self._before
        self._before = now, total
        return None if before is None or now <= before[0] else (total - before[1]) / (now - before[0])


def quiet_line(beat: Beat, quiet_s: float, group: str, lang: Language, *, suppressed: bool = False) -> str:
    """The heartbeat line: how long it has been quiet, and what is wrong, if anything.

    Parameters
    ----------
    suppressed
        Whether withheld breaches are followed instead of alerts.

    Examples
    --------
    >>> quiet_line(Beat(3120.0, 0, 1, {}), 240.0, "holdfast", "en")
    'no alerts for 4 min, 3,120 events/s, lag 0'
    >>> quiet_line(Beat(0.0, 90_000, 0, {}), 240.0, "holdfast", "en")
    'no alerts for 4 min, 0 events/s, lag 90,000: no worker runs in group holdfast'
    >>> quiet_line(Beat(None, None, None, {}), 60.0, "holdfast", "zh")
    '1分钟无告警: Kafka无应答'
    """
    words = _WORDS[lang]
    quiet = words["quiet_withheld" if suppressed else "quiet"]
    parts = [quiet.format(int(quiet_s // 60))] if quiet_s >= 60 else []
    if beat.lag is not None:
        if beat.events_s is not None:
            parts.append(words["rate"].format(beat.events_s))
        parts.append(words["lag"].format(beat.lag))
    wrong = _wrong(beat, words)
    return ": ".join(filter(None, (words["join"].join(parts), wrong.format(group))))


def _wrong(beat: Beat, words: Mapping[str, str]) -> str:
    if beat.lag is None:
        return words["no_broker"]
    if beat.members == 0:
        return words["no_worker"]
    if beat.lag > _BEHIND_S * max(1.0, beat.events_s or 0.0):
        return words["behind"]
    return words["no_events"] if beat.events_s == 0.0 else ""
