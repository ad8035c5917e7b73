"""A worker as an operator sees it: a process with settings, a line on stdout, three pages and an exit code."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self

from prometheus_client.parser import text_string_to_metric_families
from support.warm_start import start

BOUND_S: Final = 30.0
PROGRAM: Final = ("-m", "app.cli")
"""What Python is asked to run."""


def until(condition: Callable[[], Any], what: str, bound_s: float = BOUND_S, pause_s: float = 0.05) -> Any:
    """Wait until `condition` gives something true, and return that."""
    deadline = time.monotonic() + bound_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"did not happen within {bound_s:.0f} s: {what}")
        time.sleep(pause_s)
    return found


class Metrics(dict[tuple[str, frozenset[tuple[str, str]]], float]):
    """The series of ``/metrics``: name and labels to value."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read Prometheus' text format; a malformed line is an error."""
        return cls(
            ((sample.name, frozenset(sample.labels.items())), sample.value)
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        )

    def value(self, name: str, **labels: str) -> float | None:
        """One series, None if it does not exist."""
        return self.get((f"holdfast_{name}", frozenset(labels.items())))

    def labels(self, name: str) -> list[dict[str, str]]:
        """Labels of the series of this full name."""
        return [dict(labels) for found, labels in self if found == name]

    def total(self, name: str, **labels: str) -> float:
        """Sum over the series that have these labels."""
        wanted = set(labels.items())
        return sum(v for (found, has), v in self.items() if found == f"holdfast_{name}" and wanted <= has)


def clean_environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment of this process with `given`, and with no other HOLDFAST_* setting than those."""
    kept = {k: v for k, v in os.environ.items() if not re.match(r"HOLDFAST_(?!KAFKA|MAVEN|JAVA|CACHE)", k)}
    return {**kept, **given}


class Worker:
    """A process of ``holdfast worker``, or of another `program` with that verb."""

    def __init__(
        self, environment: Mapping[str, str], log: Path, *flags: str, program: Sequence[str] = PROGRAM
    ) -> None:
        self.log = log
        self._out = log.with_suffix(".out")
        command = [sys.executable, *program, "worker", *flags]
        self._process = start(command, clean_environment(environment), self._out, log)
        self._url = ""

    @property
    def pid(self) -> int:
        """Its process, for who measures it."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    @property
    def stdout(self) -> list[str]:
        """Lines on stdout so far."""
        return self._out.read_text().splitlines()

    def url(self) -> str:
        """Where it said on stdout that its metrics are."""

        def said() -> str:
            assert self.code is None, f"ended with {self.code}:\n{self.tail()}"
            lines = self.stdout
            return str(json.loads(lines[0])["metrics"]) if lines else ""

        self._url = self._url or until(said, "the worker says where its metrics are")
        return self._url

    def get(self, path: str = "/metrics") -> tuple[int, str]:
        """Status and text of one of its pages."""
        address = self.url().removesuffix("/metrics") + path
        try:
            with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - http on loopback
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()

    def metrics(self) -> Metrics:
        """All series now."""
        return Metrics.parse(self.get()[1])

    def wait_open(self, lanes: int) -> Self:
        """Wait until it is ready and has all the lanes: each lane's lag is a series from its opening on."""

        def opened() -> bool:
            assert self.code is None, f"ended with {self.code}:\n{self.tail()}"
            status, _ = self.get("/readyz")
            seen = {labels.get("partition") for labels in self.metrics().labels("holdfast_lag_records")}
            return status == 200 and len(seen) == lanes

        until(opened, f"{lanes} lanes open")
        return self

    def ended(self, bound_s: float = BOUND_S) -> int:
        """Wait for its end; returns the exit code."""
        try:
            return self._process.wait(bound_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {bound_s:.0f} s:\n{self.tail()}") from None

    def stop(self) -> int:
        """Ask it to stop, and wait."""
        self._process.send_signal(signal.SIGTERM)
        return self.ended()

    def discard(self) -> None:
        """Make sure that it runs no longer."""
        if self.code is None:
            self._process.kill()
            self._process.wait()

    def tail(self) -> str:
        """End of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-60:])
