"""Counts what a contender has handled, and prints one line ``RESULT {...}`` when that is all.

The clock runs from the first record that the contender got to the last that it handled, its output flushed where the
engine lets one wait for that; processor time (user and system, all threads) is that of the same span. Joining a
group, opening stores and what else comes before the first record count for nobody.
"""

from __future__ import annotations

import json
import os
import resource
import time
from typing import Final

BROKER: Final = os.environ["BENCH_BROKER"]
PREFIX: Final = os.environ["BENCH_PREFIX"]
RUN: Final = os.environ["BENCH_RUN"]
EVENTS: Final = int(os.environ["BENCH_EVENTS"])
OUT: Final = os.environ["BENCH_OUT"]
"""Full name of the topic for alerts."""


def cpu_s() -> float:
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Meter:
    """Counts what a contender has done."""

    def __init__(self) -> None:
        self.handled = 0
        self.alerts = 0
        self._began = 0.0
        self._cpu_s = 0.0

    def begin(self) -> None:
        """Start the clock, once: to be called with the first records in hand."""
        if not self._began:
            self._began, self._cpu_s = time.perf_counter(), cpu_s()

    def tick(self, events: int = 1) -> bool:
        """Count handled events; true once, when these were the last."""
        self.begin()
        before, self.handled = self.handled, self.handled + events
        return before < EVENTS <= self.handled

    def report(self, **more: str) -> None:
        """Stop the clock and say how it went."""
        seconds, spent = time.perf_counter() - self._began, cpu_s() - self._cpu_s
        found = {"events": self.handled, "alerts": self.alerts, "seconds": seconds, "cpu_s": spent, **more}
        # Past Python's own stdout, which Faust replaces.
        os.write(1, f"RESULT {json.dumps(found)}\n".encode())
