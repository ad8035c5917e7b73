"""What the worker says of itself on ``/metrics``: subscribers by tier, and how far its event time has come."""

from __future__ import annotations

import asyncio
import re
from typing import Final, NamedTuple

import aiohttp

_SAMPLE: Final = re.compile(r'^holdfast_(subscribers|watermark_timestamp_seconds)\{\w+="(\w+)"\} (\S+)$', re.MULTILINE)
_ANSWER_S: Final = 2.0


class Vitals(NamedTuple):
    """Tiers with their counts, and the event time (ms) of the lane that is furthest behind, if any has one."""

    tiers: dict[str, int]
    event_ms: int | None


def read_vitals(exposition: str) -> Vitals:
    """Find the two in Prometheus' text format.

    Examples
    --------
    >>> read_vitals('''holdfast_subscribers{tier="warning"} 3.0
    ... holdfast_watermark_timestamp_seconds{partition="0"} 1.78e+09
    ... holdfast_watermark_timestamp_seconds{partition="1"} 1.79e+09
    ... ''')
    Vitals(tiers={'warning': 3}, event_ms=1780000000000)
    """
    tiers, marks = {}, []
    for name, label, value in _SAMPLE.findall(exposition):
        if name == "subscribers":
            tiers[label] = int(float(value))
        else:
            marks.append(int(float(value) * 1000))
    return Vitals(tiers, min(marks, default=None))


async def scrape(session: aiohttp.ClientSession, url: str) -> Vitals | None:
    """Ask the worker; None while it does not answer, which between a kill and its successor is normal."""
    try:
        async with asyncio.timeout(_ANSWER_S), session.get(url) as answer:
            return read_vitals(await answer.text())
    except (aiohttp.ClientError, TimeoutError):
        return None
