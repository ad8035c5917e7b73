"""Metric series of one process: its own registry, one prefix, all series created at the start.

A rate or an alert rule works from the first scrape only if its series exists before anything has happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

NAMESPACE: Final = "holdfast"


class Series:
    """Metric series of one process, with helpers to declare them.

    Attributes
    ----------
    registry
        What ``/metrics`` shows.
    label_names
        Names of the labels of each family: an open label has no series before something has happened.
    """

    def __init__(self) -> None:
        # A second series for every counter, which nothing here reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.label_names: dict[str, tuple[str, ...]] = {}
        # Under our own prefix, like every other series.
        ProcessCollector(namespace=NAMESPACE, registry=self.registry)
        self.ready = self._gauge("ready", "Whether /readyz says that the process is ready: 1, or 0.")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        self.label_names[f"{NAMESPACE}_{name}"] = labels
        return Counter(name, text, labels, namespace=NAMESPACE, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        self.label_names[f"{NAMESPACE}_{name}"] = labels
        return Gauge(name, text, labels, namespace=NAMESPACE, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, namespace=NAMESPACE, registry=self.registry, buckets=buckets)


def at_zero(closed: Mapping[Counter | Gauge, Iterable[tuple[str, ...]]]) -> None:
    """Create the series of every combination of labels."""
    for family, combinations in closed.items():
        for combination in combinations:
            family.labels(*combination)


def unknown(*gauges: Gauge) -> None:
    """Set gauges to NaN for "not known": 0 would be a figure."""
    for gauge in gauges:
        gauge.set(float("nan"))


def count(counter: Counter, numbers: Mapping[str, int]) -> None:
    """Add numbers by their label."""
    for label, number in numbers.items():
        counter.labels(label).inc(number)
