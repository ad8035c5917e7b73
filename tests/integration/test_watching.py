"""Prometheus, its rules, the dashboards' queries and the runbooks' commands over running worker, learner, relay."""

from __future__ import annotations

import doctest
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest
from support.black_box_worker import until
from support.watched import Watched

from streams.embedded_kafka.broker import EmbeddedBroker

RUNBOOKS: Final = Path(__file__).parents[2] / "deploy" / "runbooks"
NO_HOLD_OUT: Final = "Uplift of contact, with its interval"
"""Of the panels the one whose figures stay NaN: the shipped policy has no hold-out."""
NO_CONTACT: Final = frozenset(
    {"Contacted and still in service, by unit", "Contacted and still in service, by play, 30 d"}
)
"""It is known a month after a contact."""
NO_LEAVER: Final = "From the first tier alert to the leaving, 7 d"
"""A tier needs seven days of history, and this a leaver after it."""


@pytest.fixture(scope="module")
def watched(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with ExitStack() as stack:
        made = Watched(stack, broker.bootstrap, "watched.", tmp_path_factory.mktemp("watched"))
        processes = made.start_all()
        made.send_poison()
        made.send_examples(400)
        made.holdfast("simulate", "--subscribers", "150", "--days", "9", "--churn", "0.2")
        load = made.start("load", "simulate", "--subscribers", "150", "--days", "1", "--seed", "8", "--speed", "2000")
        made.send_leave_intents()
        made.until('holdfast_suppressions_total{reason="no_profile"} > 0', 30)
        made.until('sum(holdfast_alerts_total{kind="leave_intent", event="raised"}) > 0', 30)
        made.until("sum(holdfast_relay_delivered_total) > 0", 30)
        yield made
        for process in processes:
            assert process.code is None, process.tail()
        assert load.code in {None, 0}, load.tail()


def test_every_panel_has_data(watched: Watched) -> None:
    watched.until("sum(holdfast_lag_records) == 0", 30)
    findings = watched.panels()
    assert not findings.empty
    assert findings.unknown <= {NO_HOLD_OUT, NO_LEAVER, *NO_CONTACT}


def test_every_rule_has_data(watched: Watched) -> None:
    assert not watched.rules_without_data()
    assert watched.firing() == {"HoldfastWatchdog"}


def steps() -> dict[str, str]:
    """What runbooks of alerts tell a reader to run, and what that prints where all is well."""
    found: dict[str, str] = {}
    for path in RUNBOOKS.glob("Holdfast*.md"):
        for block in re.findall(r"```console\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
                command, _, expected = step.partition("\n")
                assert found.setdefault(command, expected) == expected, (path.name, command)
    return found


def test_runbooks_commands_print_what_they_say(watched: Watched) -> None:
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    wrong = []
    for command, expected in steps().items():
        done = subprocess.run(
            ["bash", "-c", watched.here(command)],
            cwd=RUNBOOKS,
            env=watched.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode or not doctest.OutputChecker().check_output(expected, done.stdout, flags):
            wrong.append(f"$ {command}\n{done.stdout}{done.stderr}({done.returncode}), expected:\n{expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.long
def test_alerts_fire_and_end_under_a_load_of_minutes(
    broker: EmbeddedBroker, tmp_path: Path, record_property: Callable[[str, float], None]
) -> None:
    """A worker is killed, and a flood of poison comes: Prometheus says so, and later that it is over."""
    with ExitStack() as stack:
        made = Watched(stack, broker.bootstrap, "watched-long.", tmp_path)
        _, worker, learner, relay = made.start_all()
        made.send_examples(1_000)
        made.holdfast("simulate", "--subscribers", "1000", "--days", "60", "--churn", "0.1")
        made.until("sum(holdfast_lag_records) == 0 and sum(holdfast_events_total) > 500000", 300)
        live = made.start("live", "simulate", "--subscribers", "500", "--days", "1", "--seed", "8", "--speed", "60")
        made.send_poison()
        made.until("sum(increase(holdfast_dead_letters_total[1h])) > 0", 30)
        findings = made.panels()
        assert not findings.empty
        assert findings.unknown == {NO_HOLD_OUT, *NO_CONTACT}
        assert not made.rules_without_data()
        worker.kill()
        until(lambda: "HoldfastNoWorker" in made.firing(), "no worker: an alert", 150, 1)
        worker = made.start("heir", "worker")
        until(lambda: "HoldfastNoWorker" not in made.firing(), "its end", 60, 1)
        made.until("holdfast_lanes_open == 2", 60)
        made.send_poison(150_000)  # beside a million events within the same five minutes
        until(lambda: "HoldfastPoisonFlood" in made.firing(), "a flood: an alert", 200, 1)
        record_property("events", made.query("sum(increase(holdfast_events_total[1h]))")[0])
        for process in (worker, learner, relay, live):
            assert process.code in {None, 0}, process.tail()
