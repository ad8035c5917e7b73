"""Workers that come and go faster than lanes can open: what is taken away half open must not be half done."""

from __future__ import annotations

import asyncio
import os
import random
import sys

import pytest
from support.rig import CountWorker, Rig, clean, mix, now_ms

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]
ROUNDS = 8


async def test_rebalances_faster_than_openings(rig: Rig) -> None:
    seed = int(os.environ.get("SMOKE_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 30)
    sys.stdout.write(f"SMOKE_SEED={seed}\n")
    draw = random.Random(seed)
    await rig.create()
    stays = rig.worker()
    guests: list[CountWorker] = []
    begin = now_ms() - 3_600_000
    for number in range(ROUNDS):
        guests.append(rig.worker())
        await guests[-1].said("lanes_assigned")
        await rig.send_all(mix(seed + number, 500, rig.partitions, begin + 10_000 * number, subscribers=50))
        await asyncio.sleep(draw.uniform(0, 0.4))
        if len(guests) > draw.randrange(3):
            guest = guests.pop(draw.randrange(len(guests)))
            if draw.random() < 0.5:
                await guest.kill()
            else:
                assert await guest.stop() == 0, guest.tail()
    await rig.applied(60)
    for worker in (stays, *guests):
        assert await worker.stop() == 0, worker.tail()
    await clean(rig, 500 * ROUNDS)
