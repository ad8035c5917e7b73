"""The protocol of a lane, through a real worker and a real broker."""

from __future__ import annotations

from pathlib import Path

from support.history_check import Log
from support.rig import Rig, clean, event, mix, now_ms, until

from models.contract.events import INPUTS
from streams.records import lane_history
from streams.records.topics import BOOTSTRAP, HISTORY


async def test_every_input_is_applied_once_and_told_once(rig: Rig) -> None:
    await rig.create()
    await rig.send_all(mix(1, 400, rig.partitions, now_ms() - 10_000))
    worker = rig.worker()
    await rig.applied()
    assert await worker.stop() == 0
    verdict = await clean(rig, 400)
    log = await rig.log()
    assert {topic for topic in INPUTS if any(log[topic].values())} == set(INPUTS)
    assert verdict.outputs["alert"] == sum(-(-count // 10) for count in _by_subscriber(log).values())


def _by_subscriber(log: Log) -> dict[bytes | None, int]:
    counts: dict[bytes | None, int] = {}
    for topic in INPUTS:
        for records in log[topic].values():
            for record in records:
                counts[record.key] = counts.get(record.key, 0) + 1
    return counts


async def test_restart_goes_on_where_the_ledger_ends_and_the_group_sees_it(rig: Rig) -> None:
    await rig.create()
    begin = now_ms() - 20_000
    await rig.send_all(mix(2, 200, rig.partitions, begin))
    first = rig.worker()
    await rig.applied()

    async def reported() -> bool:
        committed = await rig.committed()
        return all(committed.get(place) == offset + 1 for place, offset in rig.sent.items())

    await until(reported, "the group's offsets are the ledger's", 5)
    await rig.send_all(mix(3, 200, rig.partitions, begin + 5_000))
    await rig.applied()
    assert await first.stop() == 0
    assert await reported(), "at the stop too"
    await rig.send_all(mix(4, 200, rig.partitions, begin + 10_000))
    second = rig.worker()
    await rig.applied()
    assert await second.stop() == 0
    assert all(said["records"] > 0 for said in second.events("state_restored"))
    await clean(rig, 600)


async def test_new_ledger_takes_profiles_first(rig: Rig) -> None:
    """Events stamped long before the profiles still come after them."""
    await rig.create()
    begin = now_ms() - 3_600_000
    events = mix(4, 300, rig.partitions, begin)
    # Written first, stamped first, and yet to be applied second.
    await rig.send_all(one for one in events if one[0] not in BOOTSTRAP)
    await rig.send_all((topic, p, who, ts + 1_800_000) for topic, p, who, ts in events if topic in BOOTSTRAP)
    worker = rig.worker()
    await rig.applied()
    assert await worker.stop() == 0
    await clean(rig, 300)
    for partition, records in (await rig.log())[HISTORY].items():
        runs = [
            (r.topics[rank], last)
            for r in map(lane_history.read, [x.value for x in records])
            for rank, _, last in r.segments
        ]
        profiles = [at for at, (topic, _) in enumerate(runs) if topic in BOOTSTRAP]
        assert profiles == list(range(len(profiles))), partition
        assert profiles
        assert len(runs) > len(profiles)


async def test_profile_that_comes_after_the_bootstrap_waits_its_turn(rig: Rig) -> None:
    """Only what was there when the lane opened goes first."""
    await rig.create()
    begin = now_ms() - 60_000
    worker = rig.worker()
    await worker.said("lane_opened", rig.partitions)
    for number in range(20):
        await rig.send("telecom.calls.v1", 0, event("telecom.calls.v1", "s", begin + number), b"s", begin + number)
    await rig.send("telecom.subscribers.v1", 0, event("telecom.subscribers.v1", "s", begin), b"s", begin)
    await rig.applied(partitions=[0])
    assert await worker.stop() == 0
    await clean(rig, 21)


async def test_fold_that_stops_early_is_asked_again_for_the_rest(rig: Rig) -> None:
    rig.budget = 7
    await rig.create()
    await rig.send_all(mix(5, 150, rig.partitions, now_ms() - 10_000))
    worker = rig.worker()
    await rig.applied()
    assert await worker.stop() == 0
    verdict = await clean(rig, 150)
    assert verdict.transactions >= 150 // 7


async def test_slow_lane_stops_no_other(rig: Rig, tmp_path: Path) -> None:
    """Lane 0 cannot commit at all, and takes no more than its bound; lane 1 goes on to the end."""
    gate = tmp_path / "gate"
    await rig.create()
    begin = now_ms() - 60_000
    worker = rig.worker(HOLD=f"0:{gate}", FULL_RECORDS=50)
    await worker.said("lane_opened", partition=1)
    for round_ in range(4):
        await rig.send_all(mix(6 + round_, 300, rig.partitions, begin + 5_000 * round_))
        await rig.applied(partitions=[1])
    assert not (await rig.ledgers())[0].clock, "it has said no more than that it is there"
    gate.touch()
    await rig.applied()
    assert await worker.stop() == 0
    await clean(rig, 1200)


async def test_lane_with_a_slow_fold_is_as_exact_as_any(rig: Rig) -> None:
    await rig.create()
    worker = rig.worker(SLOW="0:0.15")
    begin = now_ms() - 60_000
    for round_ in range(5):
        await rig.send_all(mix(10 + round_, 100, rig.partitions, begin + 2_000 * round_))
    await rig.applied()
    assert await worker.stop() == 0
    await clean(rig, 500)
