"""The order in which the desk applies records of lanes: late ones by their time, others as they come."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence

import pytest
from support.breaches_made import DAY, HOUR, NINE, TICK_MS, a_breach
from support.desk_rig import DeskBench

from models.contract.breaches import LATE_MS, Excluded, Heard, Idle, Mark
from models.contract.policy import ContactPolicy, Policy, UnitPolicy
from models.desk.lane_order import LONGEST_WAIT_MS

MONTH_LATER = NINE + 30 * DAY
POLICY = Policy(
    version="p-1",
    contact=ContactPolicy(caps=(), sms_caps=()),
    units=(UnitPolicy(name="tianhe-03", capacity={"outbound_call": 2}, team={"caller": ("li", "wang")}),),
)


def late_desk(lanes: int = 2, policy: Policy = POLICY) -> DeskBench:
    """A desk whose lanes have opened, and read what is a month old."""
    desk = DeskBench(policy, lanes)
    desk.written_ms = MONTH_LATER
    desk.hear(*(Mark(lane=lane, tick=0, generation=1) for lane in range(lanes)))
    return desk


def raised(desk: DeskBench) -> list[str]:
    return [o.body.alert_id for o in desk.outputs if o.kind == "alert"]  # type: ignore[union-attr]


def at(lane: int, clock: int) -> Mark:
    return Mark(lane=lane, tick=clock // TICK_MS * TICK_MS, clock=clock)


def waiting(name: str, clock: int, lane: int, priority: float) -> Heard:
    return a_breach(name, clock, subscriber=f"s-{name}", lane=lane, priority=priority, channels=("outbound_call",))


def urgent(name: str, clock: int, lane: int) -> Heard:
    return a_breach(name, clock, kind="leave_intent", subscriber=f"s-{name}", lane=lane)


def test_a_late_record_waits_for_lanes_that_may_write_an_earlier_one() -> None:
    desk = late_desk()
    desk.hear(urgent("b", NINE + HOUR, 0), at(0, NINE + 2 * HOUR))
    assert (raised(desk), desk.fold.held_up_by) == ([], {1})
    desk.hear(urgent("a", NINE, 1), at(1, NINE + HOUR - 1))
    assert raised(desk) == ["a"]
    desk.hear(at(1, NINE + HOUR + 1))
    assert raised(desk) == ["a", "b"]


@pytest.mark.parametrize("rest", [Idle(lane=1), Excluded(lane=1)], ids=["idle", "excluded"])
def test_a_lane_at_rest_is_not_waited_for(rest: Heard) -> None:
    desk = late_desk()
    desk.hear(urgent("a", NINE, 0))
    assert raised(desk) == []
    desk.hear(rest)
    assert raised(desk) == ["a"]


def test_a_lane_that_is_not_late_is_neither_waited_for_nor_waits() -> None:
    desk = late_desk()
    desk.hear(urgent("a", NINE, 0))
    assert raised(desk) == []
    now = MONTH_LATER - LATE_MS
    desk.hear(urgent("b", now, 1))
    assert raised(desk) == ["b", "a"]
    desk.hear(urgent("c", now, 0), urgent("d", NINE + HOUR, 1))
    assert raised(desk) == ["b", "a", "c", "d"]


def test_what_a_lane_writes_once_it_has_caught_up_follows_what_it_wrote_before() -> None:
    desk = late_desk()
    desk.hear(urgent("a", NINE, 0), urgent("b", MONTH_LATER, 0))
    assert raised(desk) == []
    desk.hear(at(1, NINE + 1))
    assert raised(desk) == ["a", "b"]


def test_no_record_waits_for_ever_for_a_lane_that_stays_behind() -> None:
    desk = late_desk()
    desk.hear(urgent("a", NINE, 0))
    desk.written_ms = MONTH_LATER + LONGEST_WAIT_MS
    desk.hear(at(1, NINE - HOUR))
    assert raised(desk) == []
    desk.written_ms += 1
    desk.hear(at(1, NINE - HOUR))
    assert raised(desk) == ["a"]


def test_a_new_generation_may_bring_a_backlog_to_each_lane() -> None:
    desk = late_desk()
    desk.hear(Idle(lane=0), Idle(lane=1), Mark(lane=0, tick=NINE, generation=2), urgent("b", NINE + HOUR, 0))
    assert raised(desk) == []
    desk.hear(Mark(lane=1, tick=NINE, generation=2), urgent("a", NINE, 1), Idle(lane=1))
    assert raised(desk) == ["a", "b"]


def test_a_burst_that_reaches_lanes_at_rest_one_after_the_other_is_ranked_as_one() -> None:
    desk = late_desk(policy=POLICY)
    desk.hear(at(0, NINE), at(1, NINE), Idle(lane=0), Idle(lane=1))
    for lane in (0, 1):
        desk.hear(*(waiting(f"{lane}-{n}", NINE + HOUR, lane, 10.0 * lane + n) for n in range(3)))
        desk.hear(at(lane, NINE + 2 * HOUR))
    assert raised(desk) == []
    desk.hear(Idle(lane=0), Idle(lane=1))
    assert raised(desk) == ["1-2", "1-1"]


# One log, read in any way


def a_log(chance: random.Random, lanes: int) -> list[list[Heard]]:
    """Breaches of persons and accounts over all lanes, by lane, in the order of time; ties between lanes are common."""
    log: list[list[Heard]] = [[] for _ in range(lanes)]
    for lane in range(lanes):
        times = sorted(chance.randrange(4 * DAY // HOUR) * HOUR for _ in range(20))
        for number, after in enumerate(times):
            name, kind = f"{lane}-{number}", chance.choice(("leave_intent", "silence", "value_decline", "risk_tier"))
            customer = f"c-{chance.randrange(8)}"
            log[lane].append(
                a_breach(
                    name,
                    NINE + after,
                    kind=kind,
                    subscriber=f"s-{lane}-{customer}",
                    customer=customer,
                    lane=lane,
                    priority=float(chance.randrange(9)),
                    channels=("outbound_call",),
                )
            )
    return log


def read_in_some_way(chance: random.Random, log: Sequence[Sequence[Heard]]) -> Iterator[Heard]:
    """The lanes' transactions of any size, each with a mark, in any order between lanes, and new generations."""
    left, generation = [deque(lane) for lane in log], 1
    clocks = [NINE] * len(log)
    idle: set[int] = set()
    while len(idle) < len(log):
        lane = chance.choice([each for each in range(len(log)) if each not in idle])
        if chance.random() < 0.05:
            generation += 1
            yield from (Mark(lane=each, tick=0, clock=clocks[each], generation=generation) for each in range(len(log)))
            idle.clear()
        if not left[lane]:
            idle.add(lane)
            yield Idle(lane=lane)
            continue
        for _ in range(min(len(left[lane]), chance.randrange(1, 9))):
            heard = left[lane].popleft()
            clocks[lane] = heard.clock  # type: ignore[union-attr]
            yield heard
        yield at(lane, clocks[lane])


@pytest.mark.parametrize("seed", range(12))
def test_one_log_one_result_however_lanes_interleave_and_wherever_the_desk_restarts(seed: int) -> None:
    log, results = a_log(random.Random(seed), 3), []
    for way in range(4):
        chance, desk = random.Random(100 * seed + way), late_desk(3)
        for heard in read_in_some_way(chance, log):
            desk.hear(heard)
            if chance.random() < 0.1:
                desk.restart()
        # Lanes end at times of their own, so what still waits then is not the log's.
        results.append([(o.kind, o.body) for o in desk.outputs])
    assert len({len(each) for each in results}) == 1
    assert len(results[0]) > 60
    assert results[1:] == results[:-1]
