"""The series of one process: a registry of its own, everything under one prefix, all of it there from the start.

A rate and an alert rule work from the first scrape on only if a series is there before anything has happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, disable_created_metrics

NAMESPACE: Final = "holdfast"


class Series:
    """See the module."""

    def __init__(self) -> None:
        # A second series beside every counter, which nothing here reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        # Under our own prefix, like everything else that is scraped here.
        ProcessCollector(namespace=NAMESPACE, registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace=NAMESPACE, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace=NAMESPACE, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, text, namespace=NAMESPACE, registry=self.registry, buckets=buckets)


def at_zero(closed: Mapping[Counter | Gauge, Iterable[tuple[str, ...]]]) -> None:
    """Create the series of every combination of labels."""
    for family, combinations in closed.items():
        for combination in combinations:
            family.labels(*combination)


def unknown(*gauges: Gauge) -> None:
    """Say that a figure is not known: NaN, for 0 would be a figure."""
    for gauge in gauges:
        gauge.set(float("nan"))


def count(counter: Counter, numbers: Mapping[str, int]) -> None:
    """Add numbers by their label."""
    for label, number in numbers.items():
        counter.labels(label).inc(number)
