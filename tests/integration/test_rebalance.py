"""Lanes that move between workers: balanced, exact, and not read again by who keeps them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import chain
from pathlib import Path

import pytest
from support.rig import CountWorker, Rig, clean, mix, now_ms, until


def lanes_of(worker: CountWorker) -> list[int]:
    """What it was assigned last."""
    said = worker.events("lanes_assigned")
    return said[-1]["partitions"] if said else []


async def balanced(rig: Rig, *workers: CountWorker) -> None:
    """Wait until these have all lanes between them, evenly, and have opened them."""

    async def even() -> bool:
        dealt = [lanes_of(worker) for worker in workers]
        sizes = [len(lanes) for lanes in dealt]
        opened = all(_opened(worker) >= set(lanes) for worker, lanes in zip(workers, dealt, strict=True))
        return sorted(chain(*dealt)) == list(range(rig.partitions)) and max(sizes) - min(sizes) <= 1 and opened

    try:
        await until(even, "lanes are balanced", 20)
    except AssertionError as error:
        raise AssertionError(f"{error}: {[lanes_of(w) for w in workers]}\n{rig.tails()}") from None


def _opened(worker: CountWorker) -> set[int]:
    """Lanes opened since the last assignment."""
    opened: set[int] = set()
    for line in worker.log.read_text().splitlines():
        if '"lanes_assigned"' in line:
            opened.clear()
        if '"lane_opened"' in line:
            opened.add(int(line.split('"partition": ')[1].split(",")[0]))
    return opened


@pytest.fixture
def rig(rig: Rig) -> Rig:
    rig.partitions = 4
    return rig


async def test_workers_join_and_leave_under_load(rig: Rig) -> None:
    await rig.create()
    begin = now_ms() - 60_000
    load = [mix(seed, 200, 4, begin + 2_000 * seed) for seed in range(6)]
    first = rig.worker()
    await rig.send_all(load[0])
    await balanced(rig, first)
    second = rig.worker()
    await rig.send_all(load[1])
    await second.said("lanes_assigned")
    await rig.send_all(load[2])
    await balanced(rig, first, second)
    stayed = set(lanes_of(first))
    await rig.send_all(load[3])
    assert await second.stop() == 0
    await rig.send_all(load[4])
    await balanced(rig, first)
    await rig.send_all(load[5])
    await rig.applied()
    # What it had all the time it did not read again; what it got back it had to.
    kept = {said["partition"] for said in first.events("state_kept")}
    assert kept == stayed
    restored = [said["partition"] for said in first.events("state_restored")]
    assert sorted(restored) == sorted([0, 1, 2, 3, *({0, 1, 2, 3} - stayed)])
    assert await first.stop() == 0
    await clean(rig, 1200)


async def test_more_workers_than_lanes(rig: Rig) -> None:
    """Who has no lane waits for one."""
    rig.partitions = 1
    await rig.create()
    await rig.send_all(mix(1, 100, 1, now_ms() - 20_000))
    first, second = rig.worker(), rig.worker()

    async def dealt() -> bool:
        return sorted([*lanes_of(first), *lanes_of(second)]) == [0] and all(
            worker.events("lanes_assigned") for worker in (first, second)
        )

    await until(dealt, "one has the lane, the other none")
    await rig.applied()
    owner, other = (first, second) if lanes_of(first) else (second, first)
    assert await owner.stop() == 0
    await rig.send_all(mix(2, 100, 1, now_ms() - 10_000))
    await rig.applied()
    assert await other.stop() == 0
    await clean(rig, 200)


@pytest.mark.parametrize("way", ["HOLD", "HOLD_SEND"])
async def test_lane_that_is_full_and_stuck_is_taken_away(rig: Rig, tmp_path: Path, way: str) -> None:
    """A revoke waits for the transaction under way, but not for ever: the next holder fences and reads it back."""
    rig.partitions = 2
    await rig.create()
    begin = now_ms() - 60_000
    stuck = rig.worker(**{way: f"1:{tmp_path / 'never'}"}, FULL_RECORDS=50, CLOSE_S=1)
    await rig.send_all(mix(1, 400, 2, begin))
    await rig.applied(partitions=[0])
    other = rig.worker()
    await balanced(rig, stuck, other)
    assert lanes_of(other) == [1]
    await rig.send_all(mix(2, 200, 2, begin + 10_000))
    await rig.applied()
    assert stuck.events("lane_given_up", partition=1)
    # Lane 0 stood beside it all the time.
    assert stuck.events("state_kept", partition=0)
    for worker in (stuck, other):
        assert await worker.stop() == 0
    await clean(rig, 600)


async def test_workers_of_two_prefixes_in_one_group(rigs: Callable[[str], Awaitable[Rig]]) -> None:
    """Each has the lanes of its own topics, whichever member leads. They ended with an assertion of aiokafka's."""
    one, other = await rigs("one"), await rigs("other")
    other.group = one.group
    for rig in (one, other):
        await rig.create()
        await rig.send_all(mix(1, 200, 2, now_ms() - 60_000))
    first, second = one.worker(), other.worker()
    await balanced(one, first)
    await balanced(other, second)
    third = other.worker()
    await balanced(other, second, third)
    for rig in (one, other):
        await rig.send_all(mix(2, 200, 2, now_ms() - 30_000))
        await rig.applied()
    for worker in (first, second, third):
        assert await worker.stop() == 0
    await clean(one, 400)
    await clean(other, 400)
