"""The figures of a race as people read them: a table in Markdown, with the machine that they hold for."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final

from contender_run import Run
from latency import WARM_S, Latency
from logs import LOGS
from roster import ROSTER, SMALL_LOOP
from rounds import Race

VERSIONS: Final = ("faust-streaming", "aiokafka", "confluent-kafka", "numpy", "msgspec", "orjson", "uvloop")


def machine(command: str) -> dict[str, str]:
    """What the figures hold for, and how to get them again."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if "model name" in line), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "command": command,
        "commit": said_by("git", "describe", "--always", "--dirty", "--abbrev=12"),
        "machine": f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()} {platform.release()}",
        "versions": ", ".join([f"Python {platform.python_version()}", *(f"{n} {version(n)}" for n in VERSIONS)]),
        "java": said_by("java", "-version").partition("\n")[0],
    }


def said_by(*command: str) -> str:
    """What a program says of itself."""
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def load() -> str:
    """How busy the machine is, in processes that want to run: figures of a busy one are noise."""
    return " ".join(f"{each:.1f}" for each in os.getloadavg())


def spread(values: Sequence[float], form: str) -> str:
    """Median, and the least and the most where there are several; nothing of nothing."""
    if not values:
        return ""
    middle = format(median(values), form)
    if len(values) == 1:
        return middle
    return f"{middle} ({format(min(values), form)} - {format(max(values), form)})"


def throughput_table(race: Race, log: str) -> list[str]:
    """All contenders on one log, the fastest first."""
    lines = [
        f"**{LOGS[log].title}** (`{log}`), {race.events[log]:,} events",
        "",
        "| contender | does | keeps | events/s | of the bare loop | of the loop with the small job | CPU us/event "
        "| alerts | rounds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    quoted = {name: race.verified(log, name) for name in race.runs[log]}
    by_rate = sorted(quoted, key=lambda name: -median([run.rate for run in quoted[name]] or [0.0]))
    lines += [row(race, log, name, quoted[name]) for name in by_rate]
    return [*lines, ""]


def row(race: Race, log: str, name: str, runs: Sequence[Run]) -> str:
    """One contender on one log; why there is no figure where there is none."""
    contender, tried = ROSTER[name], race.runs[log][name]
    head = f"| {contender.title} | {contender.job} | {contender.keeps} "
    if not runs:
        reason = str(tried[0]).replace("|", "/").replace("\n", " ")[:160]
        return f"{head}| not quoted: {reason} | | | | | 0 of {len(tried)} |"
    bare, small = race.ratios(log, name), race.ratios(log, name, SMALL_LOOP)
    rate = spread([run.rate for run in runs], ",.0f")
    if runs[0].events < race.events[log]:
        rate += f", first {runs[0].events:,}"
    return (
        f"{head}| {rate} | {spread(bare, '.3f')} | {spread(small, '.2f')} "
        f"| {spread([run.cpu_us for run in runs], '.1f')} | {runs[0].alerts:,} | {len(runs)} of {len(tried)} |"
    )


def latency_table(race: Race) -> list[str]:
    """Event to visible alert, by rate."""
    lines = [
        "**Event to visible alert**, Holdfast, live events, one in twenty raises an alert",
        "",
        "| events/s | p50 ms | p99 ms | most ms | worker's share of a core | alerts | producer late by at most ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for rate, found in race.latencies.items():
        if isinstance(found, Latency):
            lines.append(
                f"| {rate:,} | {found.p50_ms:.0f} | {found.p99_ms:.0f} | {found.max_ms:.0f} | {found.core:.0%} "
                f"| {found.alerts:,} | {found.producer_late_ms:.0f} |"
            )
        else:
            lines.append(f"| {rate:,} | not quoted: {found} | | | | | |")
    return [*lines, ""]


def markdown(race: Race, about: dict[str, str]) -> str:
    """Everything, as it can be pasted."""
    lines = [
        "One process each, alternating in one run, the broker on the same cores; medians (least - most). Each time is "
        "of a run whose output was verified; a ratio is to the loop of the same round. Simulated input.",
        "",
        *(f"- {name.capitalize()}: {f'`{text}`' if name == 'command' else text}" for name, text in about.items()),
        "",
    ]
    for log in race.runs:
        lines += throughput_table(race, log)
    if race.latencies:
        lines += latency_table(race)
        lines += [f"Each rate after {WARM_S:.0f} s of warm-up.", ""]
    if race.left_out:
        lines += ["Left out:", ""]
        lines += [f"- {ROSTER[name].title}: {reason}" for name, reason in race.left_out.items()]
        lines += [""]
    return "\n".join(lines)


def write(race: Race, about: dict[str, str], target: Path) -> str:
    """Write ``benchmark.json`` and ``benchmark.md`` into a folder, and the picture; returns the Markdown."""
    target.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"about": about, **race.as_dict()}
    (target / "benchmark.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    text = markdown(race, about)
    (target / "benchmark.md").write_text(text, encoding="utf-8")
    try:
        import picture
    except ImportError as missing:
        sys.stderr.write(f"no picture: {missing}; pip install 'holdfast[plots]'\n")
    else:
        picture.draw(race, target / "benchmark.png")
    return text
