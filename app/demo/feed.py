"""The simulated population as a process: it writes the past at once, then the present at high speed.

Started by the demonstration only, as ``python -m app.demo.feed JSON``; reports progress as JSON lines on stderr.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, Final

import msgspec

from app.publishing.publisher import PublishCount, PublishPace, publish
from app.simulator.stream import simulate
from models.contract.time_units import DAY_MS

LIVED_DAYS: Final = 45
"""Features look back 30 days, and a tier needs a week of history before: none of them may start empty."""
AHEAD_DAYS: Final = 20
"""Days left until the wall clock: more than half an hour of show at ten minutes a second."""
SPEED: Final = 600.0
_TELL_S: Final = 0.2


class FeedOrder(msgspec.Struct, frozen=True):
    """Order of the feed. ``start_ms`` lies ``LIVED_DAYS + AHEAD_DAYS`` before the wall clock."""

    brokers: str
    prefix: str
    subscribers: int
    seed: int
    start_ms: int
    speed: float = SPEED

    @property
    def live_ms(self) -> int:
        """Event time at which the past ends and the present begins."""
        return self.start_ms + LIVED_DAYS * DAY_MS


class LivedPace(PublishPace):
    """A pace that does not wait up to a point of event time, then runs at a given speed, never past the wall clock."""

    def __init__(self, live_ms: int, speed: float) -> None:
        super().__init__(speed=speed)
        self._live_ms = live_ms

    def wait(self, ts: int) -> float | None:
        """Seconds to wait before the record of `ts`, as ``Pace.wait``.

        >>> pace = LivedPace(2_000, 2.0)
        >>> pace.clock = lambda: 900_000
        >>> pace.wait(1_000), pace.wait(2_000), pace.wait(3_000)
        (0.0, 0.0, 0.5)
        """
        if ts < self._live_ms:
            return 0.0
        wait = super().wait(ts)
        return None if wait is None else max(0.0, wait)


class _Telling:
    """Reports progress on stderr, a few times a second and at the end."""

    def __init__(self) -> None:
        self._told = 0.0

    def __call__(self, done: PublishCount) -> None:
        now = time.monotonic()
        if now - self._told >= _TELL_S:
            self._told = now
            tell({"records": done.records, "simulated_ms": done.last_ts})


def tell(facts: dict[str, Any]) -> None:
    """Write one JSON line for the demonstration to read."""
    print(json.dumps(facts), file=sys.stderr, flush=True)  # noqa: T201 - stderr is this process's channel


async def feed(order: FeedOrder) -> None:
    """Write all records; returns when event time has reached the wall clock."""
    records = simulate(order.seed, order.subscribers, order.start_ms, LIVED_DAYS + AHEAD_DAYS)
    pace = LivedPace(order.live_ms, order.speed)
    client = {"bootstrap_servers": order.brokers.split(",")}
    done = await publish(records, client, order.prefix, pace=pace, progress=_Telling())
    tell({"records": done.records, "simulated_ms": done.last_ts, "ended": done.stopped})


if __name__ == "__main__":
    asyncio.run(feed(msgspec.json.decode(sys.argv[1], type=FeedOrder)))
