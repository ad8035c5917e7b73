"""The desk's host: each decision once, whatever is killed, and the topic of the breaches alone is the history."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from msgspec.structs import replace
from support.breaches_made import BEGIN_MS, TICK_MS, a_numbered_breach, marks
from support.desk_host_rig import DeskRig, Hosted, KilledError
from support.rig import Rig, until

from models.contract.alerts import Trigger
from models.contract.breaches import Answer, Breach, Excluded, Governed, Heard, Idle, Mark
from models.contract.policy import ContactPolicy, Policy, UnitPolicy
from streams.desk import host as hosting
from streams.kafka.transaction import LaneLostError
from streams.lanes.ledger import LedgerMismatchError
from streams.records.topics import ALERTS, BREACHES, DESK_STATE, WORK_ORDERS

UNIT = "tianhe-03"
POLICY = Policy(version="p-7", units=(UnitPolicy(name=UNIT, capacity={"outbound_call": 100}),))
NO_LIMIT = Policy(version="p-8")


@pytest_asyncio.fixture
async def desk(rig: Rig) -> AsyncIterator[DeskRig]:
    rig.partitions = 3
    made = DeskRig(rig)
    await made.create()
    yield made
    await made.close()


async def alerts(desk: DeskRig, event: str = "raised") -> list[dict[str, Any]]:
    """The bodies published, over all lanes."""
    found = await desk.written()
    bodies = [
        msgspec.json.decode(value) for (topic, _), lines in found.items() if topic == ALERTS for _, value, _ in lines
    ]
    return [body for body in bodies if body["event"] == event]


def story(lanes: int, seed: int = 3) -> list[list[Heard]]:
    """Transactions of all lanes over some ticks: breaches, stronger ones, answers, and those that are over."""
    draw, told = random.Random(seed), list[list[Heard]]()
    open_: list[Breach] = []
    for tick in range(6):
        clock = BEGIN_MS + tick * TICK_MS
        for lane in range(lanes):
            numbers = [n for n in range(tick * 60, tick * 60 + 60) if n % lanes == lane]
            kinds = ["risk_tier", "silence", "leave_intent"]
            new = [a_numbered_breach(n, lanes, clock, kind=draw.choice(kinds)) for n in numbers]
            said: list[Heard] = [*new]
            for known in [each for each in open_ if each.lane == lane and draw.random() < 0.3]:
                open_.remove(known)
                said.append(_next(known, clock, draw))
            open_ += new
            told.append([*said, Mark(lane=lane, tick=clock)])
    return told


def _next(known: Breach, clock: int, draw: random.Random) -> Heard:
    if draw.random() < 0.5:
        body = replace(known.alert, event="closed", close_reason="recovered", ts=clock)
        return replace(known, clock=clock, alert=body)
    return Answer(
        lane=known.lane,
        clock=clock,
        subscriber_id=known.subscriber_id,
        customer_id=known.customer_id,
        ts=clock,
        status=draw.choice(["contacted", "refused", "unreachable", "retained"]),
        alert_id=known.alert.alert_id,
        trigger=Trigger(topic="churn.alert-feedback.v1", partition=known.lane, offset=1, tick=None),
    )


async def test_what_it_publishes_is_what_the_fold_makes_of_the_breaches_in_each_lanes_partition(desk: DeskRig) -> None:
    hosted = desk.host(POLICY)
    await desk.joined()
    for said in story(3):
        await desk.say(*said)
    await desk.settled(hosted)
    assert await desk.wrong() == []
    found = await desk.written()
    assert {place for place in found if place[0] == ALERTS} == {(ALERTS, lane) for lane in range(3)}
    assert {place for place in found if place[0] == WORK_ORDERS} == {(WORK_ORDERS, lane) for lane in range(3)}
    counted = [out for commit in hosted.report.commits for out in commit.outputs]
    assert len(counted) == sum(map(len, found.values()))
    latencies = [each for commit in hosted.report.commits for each in commit.latencies_s]
    assert latencies
    assert min(latencies) > time.time() - BEGIN_MS / 1000 - 6 * TICK_MS / 1000 - 60
    assert hosted.report.standing is not None
    assert hosted.report.standing.time_ms == BEGIN_MS + 5 * TICK_MS


async def test_nothing_to_write_is_no_transaction(desk: DeskRig) -> None:
    hosted = desk.host(POLICY)
    await desk.settled(hosted)
    before = await desk.end(DESK_STATE)
    await asyncio.sleep(2.5 * hosting.POLL_S)
    assert await desk.end(DESK_STATE) == before
    assert len(await desk.heard()) == 1, "the policy, once"


@pytest.mark.faults
async def test_of_two_that_believe_they_hold_it_the_first_writes_nothing_more(desk: DeskRig) -> None:
    first = desk.host(POLICY)
    await desk.joined()
    told = story(3)
    for said in told[:6]:
        await desk.say(*said)
    await desk.settled(first)
    second = desk.host(POLICY)
    await desk.settled(second)
    for said in told[6:]:
        await desk.say(*said)
    error = await first.ended()
    assert isinstance(error, LaneLostError)
    assert str(error) == "another worker holds the desk"
    await desk.settled(second)
    assert await desk.wrong() == []
    assert sum(isinstance(each, Governed) for each in await desk.heard()) == 1


async def test_a_restart_gives_the_bytes_of_a_run_without_one(desk: DeskRig) -> None:
    """It is killed after the first commit with breaches: its heir finds them decided, and the rest of the topic."""
    armed = asyncio.Event()

    def once_armed(step: str) -> None:
        if step == "desk_after_commit" and armed.is_set():
            raise KilledError(step)

    first = desk.host(NO_LIMIT, once_armed)
    await desk.joined()
    await desk.settled(first)
    armed.set()
    for begin in (0, 250):
        await desk.say(*(a_numbered_breach(number, 3) for number in range(begin, begin + 250)))
    await desk.say(*marks(3, 1))
    assert isinstance(await first.ended(), KilledError)
    assert len(await alerts(desk)) in (250, 500)
    heir = desk.host(NO_LIMIT)
    await desk.settled(heir)
    assert len(await alerts(desk)) == 500
    assert await desk.wrong() == []
    assert len(heir.report.commits) > 0


async def test_state_kept_over_a_rebalance_is_used_again_unless_somebody_has_written_since(desk: DeskRig) -> None:
    hosted = desk.host(POLICY)
    await desk.joined()
    told = story(3)
    for said in told[:9]:
        await desk.say(*said)
    await desk.settled(hosted)
    known = hosted.host._fold
    await hosted.host.close()
    assert hosted.report.closed == 1
    assert hosted.host.read_to is None
    hosted.start()
    for said in told[9:12]:
        await desk.say(*said)
    await desk.settled(hosted)
    assert hosted.host._fold is known
    await hosted.host.close()
    other = desk.host(POLICY)
    for said in told[12:]:
        await desk.say(*said)
    await desk.settled(other)
    await other.host.close()
    hosted.start()
    await desk.settled(hosted)
    assert hosted.host._fold is not known
    assert await desk.wrong() == []


async def test_of_500_for_a_capacity_of_100_the_best_are_raised_once_and_the_others_wait(desk: DeskRig) -> None:
    hosted = desk.host(POLICY)
    await desk.joined()
    await desk.settled(hosted)
    numbers = list(range(500))
    random.Random(1).shuffle(numbers)
    for lane in range(3):
        await desk.say(*(a_numbered_breach(number, 3) for number in numbers if number % 3 == lane))
    await desk.settled(hosted)
    assert not await alerts(desk), "before a mark nobody knows that there is none better"
    await desk.say(*marks(3, 1))
    await desk.say(*marks(3, 2))
    await desk.settled(hosted)
    raised = await alerts(desk)
    assert sorted(body["priority"] for body in raised) == [float(number) for number in range(400, 500)]
    assert hosted.report.standing is not None
    assert hosted.report.standing.waiting[UNIT] == 400
    assert await desk.wrong() == []


async def test_a_new_policy_is_said_once_and_decides_from_there_on(desk: DeskRig) -> None:
    in_force = [replace(NO_LIMIT, version="p-1")]
    hosted = desk.host(lambda: in_force[0])
    await desk.joined()
    await desk.settled(hosted)
    await desk.say(a_numbered_breach(1, 3, kind="leave_intent"))
    await desk.settled(hosted)
    in_force[0] = newer = replace(NO_LIMIT, version="p-2", contact=ContactPolicy(caps=((1, 3.0),)))
    await desk.settled(hosted, newer)
    await desk.say(a_numbered_breach(2, 3, kind="leave_intent"))
    await desk.settled(hosted)
    said = [each.policy.version for each in await desk.heard() if isinstance(each, Governed)]
    assert said == ["p-1", "p-2"]
    orders = [
        msgspec.json.decode(record.value) for lane in range(3) for record in await desk.records(WORK_ORDERS, lane)
    ]
    assert {(order["subscriber_id"], order["policy_version"]) for order in orders} == {
        ("s-0001", "p-1"),
        ("s-0002", "p-2"),
    }
    heir = desk.host(lambda: in_force[0])
    await desk.settled(heir, newer)
    assert len([each for each in await desk.heard() if isinstance(each, Governed)]) == 2


async def test_a_silent_lane_is_excluded_once_and_counts_again_from_its_next_mark(
    desk: DeskRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "MINUTE_S", 2 / POLICY.desk.absent_minutes)
    hosted = desk.host(POLICY)
    await desk.joined()
    await desk.say(*marks(2, 0), Idle(lane=2))
    await desk.settled(hosted)
    tick = 0

    async def excluded() -> list[Heard]:
        nonlocal tick
        tick += 1
        await desk.say(Mark(lane=0, tick=BEGIN_MS + tick * TICK_MS))
        return [each for each in await desk.heard() if isinstance(each, Excluded)]

    began = time.monotonic()
    assert await until(excluded, "lane 1 is excluded") == [Excluded(lane=1)]
    assert time.monotonic() - began > 1
    await desk.settled(hosted)
    assert hosted.report.standing is not None
    assert hosted.report.standing.held_up_by == 1
    assert hosted.report.standing.time_ms > BEGIN_MS
    await desk.say(Mark(lane=1, tick=BEGIN_MS + TICK_MS))
    await desk.settled(hosted)
    assert hosted.host._fold.held_up_by == {1}
    assert hosted.report.standing.held_up_by == 1
    assert await excluded() == [Excluded(lane=1)], "and lane 2, which has never marked, holds nobody up"


async def test_a_record_that_cannot_be_read_ends_the_worker(desk: DeskRig) -> None:
    hosted = desk.host(POLICY)
    await desk.joined()
    await desk.settled(hosted)
    place = hosted.host.read_to
    await desk.say(b'{"what":"breach"}')
    error = await hosted.ended()
    assert isinstance(error, LedgerMismatchError)
    assert str(error).startswith(f"{BREACHES} at offset {place} cannot be read: ")


async def _refused(desk: DeskRig, said: str, **spec: Any) -> None:
    hosted: Hosted = desk.host(POLICY, **spec)
    error = await hosted.ended()
    assert isinstance(error, LedgerMismatchError)
    assert said in str(error)


async def _heard_some(desk: DeskRig) -> int:
    hosted = desk.host(POLICY)
    await desk.joined()
    await desk.settled(hosted)
    await hosted.host.close()
    return await desk.end(BREACHES)


async def test_breaches_deleted_unread_are_refused_until_the_loss_is_accepted(desk: DeskRig) -> None:
    at = await _heard_some(desk)
    await desk.say(*marks(3, 1))
    await desk.say(*marks(3, 2))
    await desk.rig.trim(BREACHES, 0, at + 2)
    await _refused(desk, f"starts at offset {at + 2}, the state needs {at}: 2 records were deleted unread")
    accepting = desk.host(POLICY, accept_loss=True)
    await desk.settled(accepting)


async def test_breaches_made_anew_are_refused_until_the_loss_is_accepted(desk: DeskRig) -> None:
    await _heard_some(desk)
    await desk.close()
    await desk.rig.delete(BREACHES)
    await desk.create()
    await _refused(desk, "recreated")
    accepting = desk.host(POLICY, accept_loss=True)
    await desk.say(*marks(3, 1))
    await desk.settled(accepting)


async def test_a_desk_whose_state_is_lost_knows_the_lanes_without_their_joining_again(desk: DeskRig) -> None:
    at = await _heard_some(desk)
    await desk.rig.trim(BREACHES, 0, at)
    await desk.close()
    await desk.rig.delete(DESK_STATE)
    await desk.create()
    await _refused(desk, "it was lost")
    accepting = desk.host(POLICY, accept_loss=True)
    await desk.say(a_numbered_breach(1, 3, kind="leave_intent"))
    await desk.settled(accepting)
    assert [alert["kind"] for alert in await alerts(desk)] == ["leave_intent"]


async def test_another_groups_desk_is_refused_until_it_is_taken_over(desk: DeskRig) -> None:
    await _heard_some(desk)
    await _refused(desk, "--take-over", group="other")
    await desk.settled(desk.host(POLICY, group="other", take_over=True))
    await _refused(desk, "belongs to group 'other'")


async def test_retention_that_overtakes_a_running_desk_ends_it(desk: DeskRig, monkeypatch: pytest.MonkeyPatch) -> None:
    hosted = desk.host(POLICY)
    await desk.joined()
    await desk.settled(hosted)
    fetched, gate = hosted.host._fetched, asyncio.Event()

    async def held(longest_s: float) -> Any:
        await gate.wait()
        return await fetched(longest_s)

    monkeypatch.setattr(hosted.host, "_fetched", held)
    await asyncio.sleep(2 * hosting.POLL_S)
    await desk.say(*marks(3, 1))
    await desk.rig.trim(BREACHES, 0, await desk.end(BREACHES))
    hosted.host._opened().seek(hosted.host._breaches, 0)  # what it had asked for before still comes
    gate.set()
    error = await hosted.ended()
    assert isinstance(error, LedgerMismatchError)
    assert "were deleted" in str(error)
