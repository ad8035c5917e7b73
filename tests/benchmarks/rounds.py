"""Alternating rounds: in each every contender has its turn, in another order, so that no one has the quiet minutes.

The ratio of Holdfast to the bare aiokafka loop is what was promised, and on a machine that is shared a ratio of two
times that lie minutes apart is noise. So the bare loop runs right before Holdfast and again right after it; both runs
together are its run of the round.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import contender_run
import latency
from confluent_kafka import KafkaException
from contender_run import Failed, Run, Scene
from environments import Unavailable
from holdfast_drain import drain
from logs import LOGS, delete_topics, preload
from roster import BARE, HOLDFAST, ROSTER

FAILURES: Final = (Failed, AssertionError, OSError, KafkaException)
"""A verdict of ours, one of the worker's rig, a page that gives no answer, an output that cannot be read."""
PREFIX_EVENTS: Final = 20_000
"""Of a log, for contenders that would take minutes for the whole."""


@dataclass(slots=True)
class Race:
    """What came of all rounds.

    Parameters
    ----------
    runs
        Of each log and contender: a verified run, or why there is none, for each round.
    left_out
        Contenders that cannot run here, and why.
    latencies
        Of each rate, or why there is none.
    """

    events: dict[str, int]
    runs: dict[str, dict[str, list[Run | str]]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    latencies: dict[int, latency.Latency | str] = field(default_factory=dict)

    def verified(self, log: str, contender: str) -> list[Run]:
        """Its runs that may be quoted."""
        return [run for run in self.runs.get(log, {}).get(contender, []) if isinstance(run, Run)]

    def ratios(self, log: str, contender: str, yardstick: str = BARE) -> list[float]:
        """Its rate over another's of the same round; none if that one did not take part."""
        found = self.runs.get(log, {})
        if yardstick not in found:
            return []
        pairs = zip(found.get(contender, []), found[yardstick], strict=True)
        return [run.rate / other.rate for run, other in pairs if isinstance(run, Run) and isinstance(other, Run)]

    def as_dict(self) -> dict[str, Any]:
        """All of it, for the JSON file."""
        return {
            "events": self.events,
            "left_out": self.left_out,
            "runs": {
                log: {
                    name: [run.as_dict() if isinstance(run, Run) else {"failed": run} for run in runs]
                    for name, runs in found.items()
                }
                for log, found in self.runs.items()
            },
            "latencies": {
                str(rate): found.as_dict() if isinstance(found, latency.Latency) else {"failed": found}
                for rate, found in self.latencies.items()
            },
        }


def say(text: str) -> None:
    """Progress, beside the results."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run, on which broker.

    Parameters
    ----------
    events
        The most of each log.
    breaches
        For a desk alone.
    cache
        Where environments of contenders are kept.
    directory
        For what processes say.
    """

    bootstrap: str
    prefix: str
    contenders: Sequence[str]
    logs: Sequence[str]
    events: int
    prefix_events: int
    rounds: int
    rates: Sequence[int]
    seconds: float
    breaches: int
    cache: Path
    directory: Path


def run(plan: Plan) -> Race:
    """Everything of a plan, one after the other."""
    race = Race({log: min(plan.events, LOGS[log].events) for log in plan.logs})
    commands = prepared(plan, race)
    for log in plan.logs:
        race.runs[log] = {name: [] for name in commands}
        for number in range(plan.rounds):
            one_round(plan, race, commands, log, number)
        same_alerts(race, log)
    if plan.rates:
        race.latencies = latencies(plan)
    return race


def prepared(plan: Plan, race: Race) -> dict[str, list[str]]:
    """The command of each contender that can run here, its environment made."""
    commands: dict[str, list[str]] = {}
    for name in plan.contenders:
        try:
            say(f"preparing {name}")
            commands[name] = ROSTER[name].command(plan.cache)
        except Unavailable as reason:
            race.left_out[name] = str(reason)
            say(f"LEFT OUT: {name}: {reason}")
    return commands


def order(names: Sequence[str], number: int) -> list[str]:
    """Whose turn it is in a round, one after the other."""
    pair = [name for name in (BARE, HOLDFAST) if name in names]
    others = [name for name in names if name not in pair]
    turn = number * 2 % max(1, len(others))
    place = number * 3 % (len(others) + 1)
    others = others[turn:] + others[:turn]
    return others[:place] + pair + others[place:]


def one_round(plan: Plan, race: Race, commands: dict[str, list[str]], log: str, number: int) -> None:
    """Each contender once, on topics of this round: Holdfast's state belongs to a prefix of topics."""
    scenes: dict[int, Scene] = {}

    def scene(events: int) -> Scene:
        if events not in scenes:
            prefix = f"{plan.prefix}{log}.{number}.{events}."
            say(f"{log}, round {number + 1} of {plan.rounds}: writing {events:,} events")
            preload(plan.bootstrap, prefix, LOGS[log], events)
            scenes[events] = Scene(plan.bootstrap, prefix, log, events, plan.directory)
        return scenes[events]

    def turn(name: str) -> Run | str:
        contender, most = ROSTER[name], race.events[log]
        at = scene(min(plan.prefix_events, most) if contender.prefix_only else most)
        found = quoted(lambda: drain(at) if name == HOLDFAST else contender_run.run(contender, commands[name], at))
        say(f"  {name:16} {told(found)}")
        return found

    for name in order(list(commands), number):
        race.runs[log][name].append(turn(name))
        if name == HOLDFAST and BARE in commands:
            race.runs[log][BARE][-1] = together(race.runs[log][BARE][-1], turn(BARE))
    for each in scenes.values():
        delete_topics(plan.bootstrap, each.prefix)


def together(before: Run | str, after: Run | str) -> Run | str:
    """Two runs as one; a failure if either is one."""
    if isinstance(before, str) or isinstance(after, str):
        return before if isinstance(before, str) else after
    return Run(
        before.events + after.events,
        before.seconds + after.seconds,
        before.cpu_s + after.cpu_s,
        after.alerts,
        after.digest,
        {"rates": [before.rate, after.rate]},
    )


def quoted(work: Callable[[], Run]) -> Run | str:
    """A verified run, or the reason why there is none: a contender that fails does not end the race."""
    try:
        return work()
    except FAILURES as reason:
        return str(reason)


def told(found: Run | str) -> str:
    """A run in a line."""
    if isinstance(found, str):
        return f"NOT QUOTED: {found}"
    return f"{found.rate:10,.0f} events/s  {found.cpu_us:7.2f} us of CPU an event  {found.alerts:,} alerts"


def same_alerts(race: Race, log: str) -> None:
    """Quote none of Holdfast's times if one log gave more alerts in one round than in another."""
    counts = {run.alerts for run in race.verified(log, HOLDFAST)}
    if len(counts) > 1:
        reason = f"the rounds gave different numbers of alerts: {sorted(counts)}"
        race.runs[log][HOLDFAST] = [reason] * len(race.runs[log][HOLDFAST])
        say(f"  {HOLDFAST}: NOT QUOTED: {reason}")


def latencies(plan: Plan) -> dict[int, latency.Latency | str]:
    """From event to alert, rate by rate, with one worker."""
    found: dict[int, latency.Latency | str] = {}
    rates = list(plan.rates)
    prefix = f"{plan.prefix}live."
    try:
        with latency.bench(plan.bootstrap, prefix, plan.directory, rates, plan.seconds) as bench:
            for rate in rates:
                say(f"latency at {rate:,} events/s for {plan.seconds:.0f} s")
                found[rate] = bench.measure(rate, plan.seconds)
                say(f"  {found[rate]}")
    except FAILURES as reason:
        say(f"  NOT QUOTED: {reason}")
        found |= {rate: str(reason) for rate in rates if rate not in found}
    delete_topics(plan.bootstrap, prefix)
    return found
