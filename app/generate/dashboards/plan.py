"""Plan of a dashboard: panels, each with its queries and a description of the healthy state."""

from __future__ import annotations

from typing import Final, NamedTuple

WORKER: Final = '{job="holdfast-worker"}'
LEARNER: Final = '{job="holdfast-learner"}'
"""For series that both processes have."""


class PanelPlan(NamedTuple):
    """One panel.

    Parameters
    ----------
    good
        What the reader sees when all is well.
    queries
        PromQL by legend.
    unit
        Grafana's name of the unit.
    alerts
        Alerts whose runbooks the panel links to, without the prefix of their names.
    """

    title: str
    good: str
    queries: dict[str, str]
    unit: str = "short"
    alerts: tuple[str, ...] = ()


class DashboardPlan(NamedTuple):
    """A dashboard: a line of figures, then rows of graphs."""

    title: str
    stats: tuple[PanelPlan, ...]
    rows: dict[str, tuple[PanelPlan, ...]]


def total(metric: str, *labels: str, window: str = "$__rate_interval", function: str = "rate") -> str:
    """The sum over all processes of a counter's rate, by labels.

    Examples
    --------
    >>> total("holdfast_alerts_total", "kind", window="1h", function="increase")
    'sum by (kind) (increase(holdfast_alerts_total[1h]))'
    """
    by = f" by ({', '.join(labels)})" if labels else ""
    return f"sum{by} ({function}({metric}[{window}]))"


def hourly(metric: str, *labels: str) -> str:
    """Number within the last hour: alerts are too rare for a rate a second."""
    return total(metric, *labels, window="1h", function="increase")


def quantiles(histogram: str, *wanted: float, window: str = "$__rate_interval") -> dict[str, str]:
    """Quantiles of a histogram over all processes, by their names.

    Examples
    --------
    >>> quantiles("holdfast_batch_seconds", 0.99, window="5m")
    {'p99': 'histogram_quantile(0.99, sum by (le) (rate(holdfast_batch_seconds_bucket[5m])))'}
    """
    buckets = total(f"{histogram}_bucket", "le", window=window)
    return {f"p{100 * each:g}": f"histogram_quantile({each:g}, {buckets})" for each in wanted}


def since(timestamp: str, *labels: str) -> str:
    """Seconds since the oldest of these timestamps."""
    by = f" by ({', '.join(labels)})" if labels else ""
    return f"time() - min{by} ({timestamp})"
