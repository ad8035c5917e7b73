"""Who takes part: what each contender does, what it keeps, and how it is started."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import environments
from environments import CONTENDERS

COUNTS: Final = "counts events, no output"
SMALL: Final = "12 features, a score, alerts"
WHOLE: Final = "all: 90 features of ten topics, signals, tiers, labels"
BARE: Final = "bare-aiokafka"
"""Whose rate every other is divided by."""
SMALL_LOOP: Final = "small-aiokafka"
"""The same loop with the small job in it: what the engines, which do that job, are best held against."""
HOLDFAST: Final = "holdfast"
FAUST: Final = "plain-faust"


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to handle the log.

    Parameters
    ----------
    command
        Gives the command line, given the cache folder; may install what it needs, or raise ``Unavailable``.
    prefix_only
        Whether it gets only the first events of a log, for a whole one would take it minutes.
    any_order
        Whether the engine hands on the records of a subscriber in an order of its own. A few scores then cross a
        threshold at another event than they should, so only the number of alerts is checked, to one in a hundred.
    """

    name: str
    title: str
    job: str
    keeps: str
    command: Callable[[Path], list[str]]
    prefix_only: bool = False
    any_order: bool = False


def ours(file: str, *arguments: str) -> Callable[[Path], list[str]]:
    """A program that runs beside Holdfast, in the environment of this process."""
    return lambda _: [sys.executable, str(CONTENDERS / file), *arguments]


def apart(file: str, *requirements: str) -> Callable[[Path], list[str]]:
    """A program with an environment of its own."""
    return lambda cache: [str(environments.python_with(requirements, cache)), str(CONTENDERS / file)]


def java(guarantee: str) -> Callable[[Path], list[str]]:
    """Kafka Streams with a processing guarantee."""
    return lambda cache: ["java", "-Xmx1g", "-cp", environments.kafka_streams(cache), "Job", guarantee]


def nothing(_: Path) -> list[str]:
    """Holdfast is started by ``holdfast_drain``."""
    return []


ROSTER: Final = {
    each.name: each
    for each in (
        Contender(BARE, "bare aiokafka loop", COUNTS, "nothing", ours("bare_aiokafka.py")),
        Contender("bare-confluent", "bare confluent-kafka loop", COUNTS, "nothing", ours("bare_confluent.py")),
        Contender(SMALL_LOOP, "small job in an aiokafka loop", SMALL, "nothing", ours("small_aiokafka.py")),
        Contender(
            FAUST,
            "plain Faust, Record + Table",
            SMALL,
            "at least once, changelog",
            ours("plain_faust.py", "worker", "-l", "warn", "--without-web"),
            prefix_only=True,
        ),
        Contender(
            "quix",
            "Quix Streams, RocksDB",
            SMALL,
            "at least once, changelog",
            apart("quix_streams.py", "quixstreams==3.28.1", "orjson==3.13.0"),
        ),
        Contender(
            "bytewax", "Bytewax", SMALL, "nothing", apart("bytewax_flow.py", "bytewax[kafka]==0.21.1", "orjson==3.13.0")
        ),
        Contender(
            "pathway",
            "Pathway",
            SMALL,
            "nothing, no order",
            apart("pathway_flow.py", "pathway==0.33.0", "orjson==3.13.0"),
            any_order=True,
        ),
        Contender("kstreams", "Kafka Streams (Java)", SMALL, "at least once, changelog", java("at_least_once")),
        Contender(
            "kstreams-eos", "Kafka Streams (Java), exactly_once_v2", SMALL, "exactly once", java("exactly_once_v2")
        ),
        Contender(HOLDFAST, "Holdfast", WHOLE, "exactly once", nothing),
    )
}
