"""The figures of a race as a picture: events per second of each log, and latency by rate."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any, Final

import matplotlib as mpl
from latency import Latency
from logs import LOGS
from roster import BARE, HOLDFAST, ROSTER
from rounds import Race

mpl.use("Agg")

from matplotlib import pyplot

OURS: Final = "#0b6e4f"
YARDSTICK: Final = "#555555"
OTHERS: Final = "#b8c4cc"


def draw(race: Race, target: Path) -> None:
    """One panel a log, one for the latencies."""
    panels = len(race.runs) + bool(race.latencies)
    if not panels:
        return
    figure, axes = pyplot.subplots(panels, 1, figsize=(9, 3.4 * panels), squeeze=False, layout="constrained")
    for log, axis in zip(race.runs, axes[:, 0], strict=False):
        draw_log(race, log, axis)
    if race.latencies:
        draw_latencies(race, axes[-1, 0])
    figure.savefig(target, dpi=120)
    pyplot.close(figure)


def draw_log(race: Race, log: str, axis: Any) -> None:
    """A bar a contender: the median, with the least and the most as a line."""
    rates = {name: [run.rate for run in race.verified(log, name)] for name in race.runs[log]}
    names = sorted((name for name in rates if rates[name]), key=lambda name: median(rates[name]))
    middles = [median(rates[name]) for name in names]
    reach = [
        [m - min(rates[n]) for n, m in zip(names, middles, strict=True)],
        [max(rates[n]) - m for n, m in zip(names, middles, strict=True)],
    ]
    colors = [OURS if name == HOLDFAST else YARDSTICK if name == BARE else OTHERS for name in names]
    axis.barh([ROSTER[name].title for name in names], middles, xerr=reach, color=colors, ecolor="black", capsize=2)
    for place, middle in enumerate(middles):
        axis.annotate(f" {middle:,.0f}", (middle, place), xytext=(3, 5), textcoords="offset points", fontsize=7)
    axis.set_xscale("log")
    axis.set_title(f"{LOGS[log].title}: events a second (Holdfast does its whole job)", fontsize=10)
    axis.tick_params(labelsize=8)
    axis.margins(x=0.12)


def draw_latencies(race: Race, axis: Any) -> None:
    """Median and 99th percentile of each rate, the worker's share of a core below."""
    found = [each for each in race.latencies.values() if isinstance(each, Latency)]
    places = range(len(found))
    axis.bar([p - 0.2 for p in places], [each.p50_ms for each in found], 0.4, color=OURS, label="p50")
    axis.bar([p + 0.2 for p in places], [each.p99_ms for each in found], 0.4, color=OTHERS, label="p99")
    axis.set_xticks(list(places), [f"{each.rate:,} events/s\n{each.core:.0%} of a core" for each in found], fontsize=8)
    axis.set_ylabel("ms", fontsize=8)
    axis.set_title("Holdfast: from event to visible alert", fontsize=10)
    axis.legend(fontsize=8)
