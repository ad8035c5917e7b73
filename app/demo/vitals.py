"""What the worker says of itself on ``/metrics``: tiers, event time, and what became of its tier alerts."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from typing import Final, NamedTuple

import aiohttp

_SAMPLE: Final = re.compile(
    r"^holdfast_(subscribers|watermark_timestamp_seconds|leavers_total|alerts_matured_total)"
    r'\{(?:kind="risk_tier",label=|\w+=)"(\w+)"\} (\S+)$',
    re.MULTILINE,
)
_ANSWER_S: Final = 2.0


class Known(NamedTuple):
    """What became of the tier alerts, as far as it is known: how many of them left, and how many leavers had one."""

    left: int = 0
    matured: int = 0
    foretold: int = 0
    leavers: int = 0


class Vitals(NamedTuple):
    """Tiers with their counts, and the event time (ms) of the lane that is furthest behind, if any has one."""

    tiers: dict[str, int]
    event_ms: int | None
    known: Known = Known()


def read_vitals(exposition: str) -> Vitals:
    """Find them in Prometheus' text format.

    Examples
    --------
    >>> read_vitals('''holdfast_subscribers{tier="warning"} 3.0
    ... holdfast_watermark_timestamp_seconds{partition="0"} 1.78e+09
    ... holdfast_watermark_timestamp_seconds{partition="1"} 1.79e+09
    ... holdfast_alerts_matured_total{kind="risk_tier",label="positive"} 2.0
    ... holdfast_alerts_matured_total{kind="risk_tier",label="negative"} 5.0
    ... holdfast_leavers_total{alert="none"} 4.0
    ... ''')
    Vitals(tiers={'warning': 3}, event_ms=1780000000000, known=Known(left=2, matured=7, foretold=0, leavers=4))
    """
    marks: list[int] = []
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for name, label, value in _SAMPLE.findall(exposition):
        if name == "watermark_timestamp_seconds":
            marks.append(int(float(value) * 1000))
        else:
            counts[name][label] = int(float(value))
    labels, leavers = counts["alerts_matured_total"], counts["leavers_total"]
    left = labels.get("positive", 0)
    known = Known(left, left + labels.get("negative", 0), leavers.get("risk_tier", 0), sum(leavers.values()))
    return Vitals(counts["subscribers"], min(marks, default=None), known)


async def scrape(session: aiohttp.ClientSession, url: str) -> Vitals | None:
    """Ask the worker; None while it does not answer, which between a kill and its successor is normal."""
    try:
        async with asyncio.timeout(_ANSWER_S), session.get(url) as answer:
            return read_vitals(await answer.text())
    except (aiohttp.ClientError, TimeoutError):
        return None
