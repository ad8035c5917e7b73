"""kill -9 at each step of the protocol, and a worker that was paused past its session."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

import pytest
from support.rig import BOUND_S, Rig, clean, mix, now_ms, until

pytestmark = pytest.mark.faults
STEPS = {"fenced": 1, "restored": 2, "decoded": 3, "folded": 4, "before_commit": 5, "produced": 6, "committing": 4}
"""Where it is struck, and the how-manieth time: the first transactions of a lane only open it."""


async def _killed_at(rig: Rig, step: str, nth: int) -> None:
    await rig.create()
    begin = now_ms() - 60_000
    await rig.send_all(mix(0, 100, rig.partitions, begin))
    struck = rig.worker(KILL_AT=f"{step}:{nth}", SESSION_TIMEOUT_S=2)
    sent, began = 100, time.monotonic()
    while struck.code is None:
        assert time.monotonic() - began < BOUND_S, struck.tail()
        await rig.send_all(mix(sent, 20, rig.partitions, begin + 10 * sent))
        sent += 20
        await asyncio.sleep(0.1)
    assert struck.code == -signal.SIGKILL, struck.tail()
    assert struck.events("struck", step=step)
    heir = rig.worker(SESSION_TIMEOUT_S=2)
    # What was struck after its commit has left nothing to apply, and a process that is not up yet ends by the signal.
    await heir.said("lane_opened", rig.partitions)
    await rig.applied()
    assert await heir.stop() == 0
    await clean(rig, sent)


@pytest.mark.parametrize(
    "steps",
    [("fenced", "restored", "decoded", "folded"), ("before_commit", "produced", "committing", "after_commit")],
    ids="-".join,
)
async def test_killed_at_a_step(rigs: Callable[[str], Awaitable[Rig]], steps: tuple[str, ...]) -> None:
    """The next worker ends the open transaction, and no reader sees that it happened."""
    async with asyncio.TaskGroup() as group:
        for step in steps:
            group.create_task(_killed_at(await rigs(step), step, STEPS.get(step, 5)))


@pytest.mark.parametrize("step", ["before_commit", "produced"])
async def test_zombie_is_fenced(rig: Rig, step: str) -> None:
    """It wakes when others have gone on: with a batch to be written, or with records that the heir has aborted.

    Then it ends, since its lane is another's; unless it hears first that it is no member any more: then it gives up its
    lanes, joins anew and is a worker like any other. Which comes first is chance; what is written is the same.
    """
    await rig.create()
    begin = now_ms() - 60_000
    await rig.send_all(mix(1, 200, rig.partitions, begin))
    zombie = rig.worker(PAUSE_AT=f"{step}:4", SESSION_TIMEOUT_S=2)
    await zombie.said("struck")
    heir = rig.worker(SESSION_TIMEOUT_S=2)
    await rig.send_all(mix(2, 200, rig.partitions, begin + 5_000))
    await rig.applied()
    before = len(zombie.events("lanes_assigned"))
    zombie.signal(signal.SIGCONT)

    async def ended_or_joined() -> bool:
        return zombie.code is not None or len(zombie.events("lanes_assigned")) > before

    await until(ended_or_joined, "the zombie ends, or joins anew")
    await rig.send_all(mix(3, 200, rig.partitions, begin + 10_000))
    await rig.applied()
    assert await zombie.stop() in (0, 1), zombie.tail()
    assert await heir.stop() == 0
    await clean(rig, 600)
