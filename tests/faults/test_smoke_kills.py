"""Workers killed and started at random under load: the history must not show it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import time

import pytest
from support.rig import CountWorker, Rig, clean, mix, now_ms

pytestmark = [pytest.mark.long, pytest.mark.faults, pytest.mark.timeout(240)]

RATE = 2_000
LOAD_S = 30.0
WORKERS = 3
SESSION_S = 3


class Fleet:
    """Workers that somebody starts again when they have ended, as a supervisor does."""

    def __init__(self, rig: Rig, draw: random.Random) -> None:
        self.kills = 0
        self._rig = rig
        self._draw = draw
        self._alive = [self._start() for _ in range(WORKERS)]

    def _start(self) -> CountWorker:
        return self._rig.worker(SESSION_TIMEOUT_S=SESSION_S)

    async def strike(self) -> None:
        """SIGKILL one, or now and then all at once; others take their places."""
        struck = list(self._alive) if self._draw.random() < 0.15 else [self._draw.choice(self._alive)]
        for worker in struck:
            worker.signal(signal.SIGKILL)
        for worker in struck:
            assert await worker.ended(5) == -signal.SIGKILL, worker.tail()
            self._alive.remove(worker)
            self._alive.append(self._start())
            self.kills += 1

    async def stop(self) -> None:
        for worker in self._alive:
            await worker.said("lanes_assigned")  # before that it may not even hear of the signal
            assert await worker.stop() == 0, worker.tail()


async def _load(rig: Rig, seed: int) -> int:
    """A steady stream of events; returns how many."""
    begin, begun, sent = now_ms(), time.monotonic(), 0
    while (passed := time.monotonic() - begun) < LOAD_S:
        due = int(passed * RATE) - sent
        if due > 0:
            events = mix(seed + sent, due, rig.partitions, begin, subscribers=200)
            # As of now: a record's place in the lane's order is its timestamp.
            now = now_ms()
            await rig.send_all((topic, p, who, min(ts + now - begin, now)) for topic, p, who, ts in events)
            sent += due
        await asyncio.sleep(0.05)
    return sent


async def test_random_kills_under_load(rig: Rig) -> None:
    seed = int(os.environ.get("SMOKE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
    sys.stdout.write(f"SMOKE_SEED={seed}\n")
    draw = random.Random(seed)
    await rig.create()
    loading = asyncio.create_task(_load(rig, seed))
    fleet = Fleet(rig, draw)
    while not loading.done():
        await asyncio.wait([loading], timeout=draw.uniform(1, 6))
        if not loading.done():
            await fleet.strike()
    sent = await loading
    await rig.applied(60)
    await fleet.stop()
    verdict = await clean(rig, sent)
    assert fleet.kills >= 4
    sys.stdout.write(f"{fleet.kills} kills, {verdict}\n")
