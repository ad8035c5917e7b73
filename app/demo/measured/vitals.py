"""What the worker says of itself on ``/metrics``: tiers, event time, and what became of its tier alerts."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from typing import Final, NamedTuple

import aiohttp

_SAMPLE: Final = re.compile(r"^holdfast_(\w+?)(?:\{([^}]*)\})? (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'\w+="([^"]*)"')
_ANSWER_S: Final = 2.0
_DAY_S: Final = 86_400.0


class Known(NamedTuple):
    """What became of the tier alerts, as far as it is known.

    Attributes
    ----------
    raised
        Tier alerts.
    left, matured
        Those whose subscriber left within the horizon, of those of which that is known.
    foretold, leavers
        Leavers with a tier alert before, of all leavers.
    lead_days
        From the alert to the leaving, in the mean; 0 while nobody has left.
    short, recovered
        Those that closed by themselves within two days, of all that closed by themselves.
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


def read_vitals(exposition: str) -> WorkerVitals:
    """Find them in Prometheus' text format.

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
    ... ''')
    >>> found.tiers, found.event_ms
    ({'warning': 3}, 1780000000000)
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
    return WorkerVitals(tiers, min(marks, default=None), known)


async def scrape(session: aiohttp.ClientSession, url: str) -> WorkerVitals | None:
    """Ask the worker; None while it does not answer, which between a kill and its successor is normal."""
    try:
        async with asyncio.timeout(_ANSWER_S), session.get(url) as answer:
            return read_vitals(await answer.text())
    except (aiohttp.ClientError, TimeoutError):
        return None
