"""Figures of the worker from ``/metrics``: tiers, event time, and the outcomes of its tier alerts."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Final, NamedTuple

import aiohttp

_SAMPLE: Final = re.compile(r"^holdfast_(\w+?)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'\w+="([^"]*)"')
_ANSWER_S: Final = 2.0
_DAY_S: Final = 86_400.0


class Known(NamedTuple):
    """Known outcomes of the tier alerts.

    Attributes
    ----------
    raised
        Tier alerts.
    left, matured
        Alerts whose subscriber left within the horizon, and all alerts with a known outcome.
    foretold, leavers
        Leavers with a tier alert before, and all leavers.
    lead_days
        Mean days from the alert to leaving; 0 while nobody has left.
    short, recovered
        Alerts that closed by themselves within two days, and all that closed by themselves.
    """

    raised: int = 0
    left: int = 0
    matured: int = 0
    foretold: int = 0
    leavers: int = 0
    lead_days: float = 0.0
    short: int = 0
    recovered: int = 0


class WorkerVitals(NamedTuple):
    """Tiers with their counts, and the event time (ms) of the lane that is furthest behind, if any has one."""

    tiers: dict[str, int]
    event_ms: int | None
    known: Known = Known()
    waiting: Mapping[str, int] = {}
    """Breaches that wait for capacity, by unit."""


def read_vitals(exposition: str) -> WorkerVitals:
    """Read the figures from Prometheus' text format.

    Examples
    --------
    >>> found = read_vitals('''holdfast_subscribers{tier="warning"} 3.0
    ... holdfast_watermark_timestamp_seconds{partition="0"} 1.78e+09
    ... holdfast_watermark_timestamp_seconds{partition="1"} 1.79e+09
    ... holdfast_alerts_total{event="raised",kind="risk_tier",tier="high_risk"} 9.0
    ... holdfast_alerts_total{event="closed",kind="risk_tier",tier="healthy"} 2.0
    ... holdfast_alerts_matured_total{kind="risk_tier",label="positive"} 2.0
    ... holdfast_alerts_matured_total{kind="risk_tier",label="negative"} 5.0
    ... holdfast_leavers_total{alert="none"} 4.0
    ... holdfast_alert_lead_seconds_sum 864000.0
    ... holdfast_alert_lead_seconds_count 2.0
    ... holdfast_tier_episodes_recovered_total{length="short"} 1.0
    ... holdfast_waiting{unit="tianhe-03"} 1.0
    ... ''')
    >>> found.tiers, found.event_ms
    ({'warning': 3}, 1780000000000)
    >>> found.waiting
    {'tianhe-03': 1}
    >>> found.known
    Known(raised=9, left=2, matured=7, foretold=0, leavers=4, lead_days=5.0, short=1, recovered=1)
    """
    found: defaultdict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for name, labels, value in _SAMPLE.findall(exposition):
        found[name][tuple(sorted(_LABEL.findall(labels)))] = float(value)

    def of(name: str, *labels: str) -> int:
        return int(sum(value for given, value in found[name].items() if {*labels} <= {*given}))

    left, leads = of("alerts_matured_total", "risk_tier", "positive"), of("alert_lead_seconds_count")
    known = Known(
        raised=of("alerts_total", "risk_tier", "raised"),
        left=left,
        matured=left + of("alerts_matured_total", "risk_tier", "negative"),
        foretold=of("leavers_total", "risk_tier"),
        leavers=of("leavers_total"),
        lead_days=of("alert_lead_seconds_sum") / _DAY_S / leads if leads else 0.0,
        short=of("tier_episodes_recovered_total", "short"),
        recovered=of("tier_episodes_recovered_total"),
    )
    marks = [int(value * 1000) for value in found["watermark_timestamp_seconds"].values()]
    tiers = {tier: int(value) for (tier,), value in found["subscribers"].items()}
    waiting = {unit: int(value) for (unit,), value in found["waiting"].items()}
    return WorkerVitals(tiers, min(marks, default=None), known, waiting)


async def scrape(session: aiohttp.ClientSession, url: str) -> WorkerVitals | None:
    """Read the worker's metrics; None while it does not answer, which is normal between a kill and the next start."""
    try:
        async with asyncio.timeout(_ANSWER_S), session.get(url) as answer:
            return read_vitals(await answer.text())
    except (aiohttp.ClientError, TimeoutError):
        return None
