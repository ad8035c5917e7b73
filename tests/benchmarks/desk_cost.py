"""What the desk costs: the whole job with it and with it left out, in alternating rounds; and its ceiling.

Left out (``contenders/without_desk.py``) lanes write their alerts themselves, so what is timed is the same from
outside: a log until all that follows from it is committed, and an event until its alert is in a reader's hand. The
share of the throughput that is kept, and the milliseconds that are added, are of two runs of one round.

The ceiling is that of a desk which has a process to itself (``contenders/desk_alone.py``), over breaches of so many
persons, each raised and answered by an order. Two hundred come between two ticks, so that of twenty thousand most are
reminded of and given to the head of the unit, too. Records are made as the tests' are, of the size of real ones.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

import latency
import msgspec
import results
from confluent_kafka import KafkaException, Producer
from contender_run import Failed, Run, Scene, end, last_words, wait_for_result
from environments import CONTENDERS
from holdfast_drain import BREACHES, drain
from latency import Latency
from logs import LOGS, PARTITIONS, create_topics, delete_topics, preload
from rounds import FAILURES, Plan, quoted, say, told
from support.black_box_worker import PROGRAM
from support.breaches_made import a_numbered_breach, marks
from support.warm_start import ROOT

from models.contract.breaches import Governed, Heard, Joined
from models.contract.policy import Policy

WITH, WITHOUT = "with the desk", "without"
PROGRAMS: Final = {WITH: PROGRAM, WITHOUT: (str(CONTENDERS / "without_desk.py"),)}
BREACHES_A_TICK: Final = 200
KINDS: Final = ("leave_intent", "risk_tier", "competitor_browsing", "silence")
"""Of the breaches by turns: two that are urgent, and two that wait for a mark."""


@dataclass(slots=True)
class Cost:
    """What came of all rounds; in place of a figure, why there is none.

    Parameters
    ----------
    drains
        Of each log, by whether the desk took part.
    latencies
        At one rate, by the same.
    alone
        Its ceiling; events are breaches.
    """

    drains: dict[str, dict[str, list[Run | str]]] = field(default_factory=dict)
    latencies: dict[str, list[Latency | str]] = field(default_factory=lambda: {WITH: [], WITHOUT: []})
    alone: list[Run | str] = field(default_factory=list)

    def kept(self, log: str) -> list[float]:
        """Of the throughput without it, what is left with it, in each round."""
        pairs = zip(self.drains[log][WITH], self.drains[log][WITHOUT], strict=True)
        return [ours.rate / other.rate for ours, other in pairs if isinstance(ours, Run) and isinstance(other, Run)]

    def added_ms(self, cut: str) -> list[float]:
        """By how much a quantile of the latency is above that without it, in each round."""
        pairs = zip(self.latencies[WITH], self.latencies[WITHOUT], strict=True)
        return [
            getattr(ours, cut) - getattr(other, cut)
            for ours, other in pairs
            if isinstance(ours, Latency) and isinstance(other, Latency)
        ]

    def as_dict(self) -> dict[str, Any]:
        """All of it, for the JSON file."""

        def plain(found: Run | Latency | str) -> dict[str, Any]:
            return {"failed": found} if isinstance(found, str) else found.as_dict()

        return {
            "drains": {
                log: {way: [plain(run) for run in runs] for way, runs in ways.items()}
                for log, ways in self.drains.items()
            },
            "latencies": {way: [plain(each) for each in found] for way, found in self.latencies.items()},
            "alone": [plain(run) for run in self.alone],
        }


def run(plan: Plan) -> Cost:
    """All rounds of a plan; of its rates only the first is measured."""
    cost = Cost({log: {WITH: [], WITHOUT: []} for log in plan.logs})
    for number in range(plan.rounds):
        say(f"round {number + 1} of {plan.rounds}")
        ways = (WITH, WITHOUT) if number % 2 else (WITHOUT, WITH)
        for log in plan.logs:
            for way in ways:
                found = quoted(lambda log=log, way=way: drained(plan, log, way))
                cost.drains[log][way].append(found)
                say(f"  {log}, {way}: {told(found)}")
        for way in ways if plan.rates else ():
            waited = waits(plan, way)
            cost.latencies[way].append(waited)
            say(f"  {way}: {waited}")
        cost.alone.append(quoted(lambda: alone(plan)))
        say(f"  the desk alone: {told(cost.alone[-1])}")
    return cost


def drained(plan: Plan, log: str, way: str) -> Run:
    """A log, drained on topics of its own: a desk's state belongs to a prefix of topics, and so does a lane's."""
    prefix, events = f"{plan.prefix}{log}.", min(plan.events, LOGS[log].events)
    try:
        preload(plan.bootstrap, prefix, LOGS[log], events)
        return drain(Scene(plan.bootstrap, prefix, log, events, plan.directory), PROGRAMS[way])
    finally:
        delete_topics(plan.bootstrap, prefix)


def waits(plan: Plan, way: str) -> Latency | str:
    """From event to alert at the first of the rates."""
    prefix, rate = f"{plan.prefix}live.", plan.rates[0]
    try:
        with latency.bench(plan.bootstrap, prefix, plan.directory, [rate], plan.seconds, PROGRAMS[way]) as bench:
            return bench.measure(rate, plan.seconds)
    except FAILURES as reason:
        return str(reason)
    finally:
        delete_topics(plan.bootstrap, prefix)


# Alone


def alone(plan: Plan) -> Run:
    """The desk in a process of its own."""
    prefix, breaches = f"{plan.prefix}alone.", plan.breaches
    said = plan.directory / f"{prefix}desk.log"
    environment = os.environ | {
        "BENCH_BROKER": plan.bootstrap,
        "BENCH_PREFIX": prefix,
        "BENCH_PARTITIONS": str(PARTITIONS),
        "BENCH_EVENTS": str(breaches),
        "BENCH_RUN": "",
        "BENCH_OUT": "",
    }
    try:
        create_topics(plan.bootstrap, prefix)
        size = write(plan.bootstrap, prefix, breaches)
        with said.open("w") as log:
            command = [sys.executable, str(CONTENDERS / "desk_alone.py")]
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
            try:
                found = wait_for_result(process, size)
                if found is None:
                    raise Failed(f"gave no result (exit {process.wait(15)}): {last_words(said)}")
            finally:
                end(process)
    finally:
        delete_topics(plan.bootstrap, prefix)
    if found["events"] != breaches:
        raise Failed(f"{found['events']} alerts of {breaches} breaches")
    return Run(breaches, found["seconds"], found["cpu_s"], breaches, "", {"bytes_a_breach": size})


def write(bootstrap: str, prefix: str, breaches: int) -> int:
    """Write what lanes would have told of so many breaches; returns the mean size of one."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50, "queue.buffering.max.messages": 1_000_000})
    size = 0
    for record in history(breaches):
        value = msgspec.json.encode(record)
        size += len(value)
        producer.produce(prefix + BREACHES, value, partition=0)
        producer.poll(0)
    if left := producer.flush(60):
        raise KafkaException(f"{left} breaches could not be written")
    return size // breaches


def history(breaches: int) -> Iterator[Heard]:
    """The desk's policy, the lanes, and then breaches tick by tick."""
    yield Governed(policy=Policy())
    yield from (Joined(lane=lane) for lane in range(PARTITIONS))
    for number in range(breaches):
        tick = number // BREACHES_A_TICK
        if number % BREACHES_A_TICK == 0:
            yield from marks(PARTITIONS, tick)
        at = marks(1, tick)[0].tick
        yield a_numbered_breach(number, PARTITIONS, at, kind=KINDS[number % len(KINDS)])
    yield from marks(PARTITIONS, breaches // BREACHES_A_TICK + 1)


# Shown


def markdown(cost: Cost, about: dict[str, str]) -> str:
    """Everything, as it can be pasted."""
    lines = [
        "The desk in the worker of lane 0, and left out: alternating in one run, each on topics of its own, the broker "
        "on the same cores; medians (least - most). Simulated input.",
        "",
        *(f"- {name.capitalize()}: {f'`{text}`' if name == 'command' else text}" for name, text in about.items()),
        "",
        "| log | desk | events/s | CPU us/event | alerts raised | steps of breaches/s | throughput kept |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for log in cost.drains:
        lines += [drain_row(cost, log, way) for way in (WITH, WITHOUT)]
    if cost.latencies[WITH]:
        lines += [
            "",
            "| event to visible alert | p50 ms | p99 ms | worker's share of a core |",
            "| --- | --- | --- | --- |",
        ]
        lines += [latency_row(cost, way) for way in (WITH, WITHOUT)]
        added = " | ".join(results.spread(cost.added_ms(cut), ".0f") for cut in ("p50_ms", "p99_ms"))
        lines += [f"| added, of the same round | {added} | |"]
    quoted_alone = [each for each in cost.alone if isinstance(each, Run)]
    lines += ["", f"The desk alone, in {len(quoted_alone)} of {len(cost.alone)} rounds, all breaches raised: "]
    lines += [
        f"{results.spread([each.rate for each in quoted_alone], ',.0f')} breaches/s, "
        f"{results.spread([each.cpu_us for each in quoted_alone], ',.0f')} us of its processor each."
    ]
    return "\n".join([*lines, ""])


def drain_row(cost: Cost, log: str, way: str) -> str:
    """A log with the desk, or without."""
    tried = cost.drains[log][way]
    runs = [each for each in tried if isinstance(each, Run)]
    if not runs:
        return f"| {log} | {way} | not quoted: {str(tried[0])[:160]} | | | | |"
    heard = results.spread([run.more["breaches"] / run.seconds for run in runs], ",.0f")
    kept = results.spread(cost.kept(log), ".2f") if way == WITH else ""
    return (
        f"| {log}, {runs[0].events:,} events | {way} | {results.spread([run.rate for run in runs], ',.0f')} "
        f"| {results.spread([run.cpu_us for run in runs], '.1f')} | {median(run.alerts for run in runs):,.0f} "
        f"| {heard} | {kept} |"
    )


def latency_row(cost: Cost, way: str) -> str:
    """The latency with the desk, or without."""
    tried = cost.latencies[way]
    found = [each for each in tried if isinstance(each, Latency)]
    if not found:
        return f"| {way} | not quoted: {str(tried[0])[:160]} | | |"
    figures = " | ".join(results.spread([getattr(each, cut) for each in found], ".0f") for cut in ("p50_ms", "p99_ms"))
    return f"| {way}, {found[0].rate:,} events/s | {figures} | {results.spread([each.core for each in found], '.0%')} |"


def written(cost: Cost, about: dict[str, str], target: Path) -> str:
    """Write ``desk.json`` and ``desk.md`` into a folder; returns the Markdown."""
    target.mkdir(parents=True, exist_ok=True)
    (target / "desk.json").write_text(json.dumps({"about": about, **cost.as_dict()}, indent=1) + "\n", encoding="utf-8")
    text = markdown(cost, about)
    (target / "desk.md").write_text(text, encoding="utf-8")
    return text
