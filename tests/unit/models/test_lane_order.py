"""The order in which the desk applies records of lanes: late ones by their time, others as they come."""

from __future__ import annotations

import random
from collections import Counter, deque
from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace
from support.breaches_made import DAY, HOUR, NINE, TICK_MS, a_breach
from support.desk_rig import DeskBench

from models.contract.breaches import LANE_LATE_MS, Excluded, Heard, Idle, Mark
from models.contract.policy import ContactPolicy, Policy, UnitPolicy
from models.desk.decisions import Decisions
from models.desk.lanes.lane_times import LONGEST_WAIT_MS
from models.desk.persons import PersonFile, Standing

MINUTE = 60_000
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
    now = MONTH_LATER - LANE_LATE_MS
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


@pytest.mark.parametrize("rests", [False, True])
def test_a_term_that_passes_while_a_lane_rests_is_decided_on_after_earlier_records(rests: bool) -> None:
    """Of 32,003 steps of a long run one was dated a tick away: its lane had rested between a term and the tick."""
    desk = late_desk(1, Policy(version="p-1", contact=POLICY.contact))
    opened = NINE + MINUTE
    half = opened + 7 * HOUR + HOUR // 4  # the reminder: three quarters of the seven hours without the lunch break
    assert half % TICK_MS
    desk.hear(a_breach("a", opened), a_breach("b", half + MINUTE, kind="leave_intent", subscriber="s-2"))
    if rests:
        desk.hear(Idle(lane=0), at(0, half + MINUTE))
    desk.hear(a_breach("a", half + 2 * MINUTE, "escalated"), at(0, half + HOUR // 2), at(0, half + HOUR))
    steps = [(o.body.step, o.body.ts) for o in desk.outputs if o.kind == "work_order" and o.key == "s-1"]  # type: ignore[union-attr]
    assert steps == [("dispatched", opened), ("dispatched", half + 2 * MINUTE)]


@pytest.mark.parametrize("transactions", [1, 2])
def test_what_is_due_at_a_tick_is_decided_before_the_desk_passes_it(transactions: int) -> None:
    """An event that takes its lane past two ticks is decided on before what was due at the first."""
    tick, late = NINE + TICK_MS, NINE + 2 * TICK_MS + MINUTE
    event = a_breach("a", late, kind="leave_intent", subscriber="s-1", crossed=tick)
    due = a_breach("b", tick, kind="complaint_overdue", subscriber="s-2")
    desk = late_desk(1, Policy(version="p-1", contact=POLICY.contact))
    desk.hear(at(0, NINE), at(0, NINE), event)
    if transactions > 1:
        desk.hear(at(0, NINE))  # amid a sweep
    desk.hear(due, at(0, late), at(0, late + HOUR))
    assert [o.ts for o in desk.outputs if o.kind == "work_order" and o.key == "s-2"] == [tick]


def test_the_best_of_one_moment_is_first_though_each_lane_rests_at_once() -> None:
    """Lanes in the order of their numbers: the first had rested, and was decided on, before the others were heard."""
    desk = late_desk(2)
    desk.hear(at(0, NINE), at(1, NINE), Idle(lane=0), Idle(lane=1))
    for lane, priorities in ((0, (1.0, 2.0)), (1, (9.0,))):
        desk.hear(*(waiting(f"{lane}-{p:.0f}", NINE + MINUTE, lane, p) for p in priorities), at(lane, NINE + MINUTE))
    desk.hear(Idle(lane=0))
    assert (raised(desk), desk.fold.held_up_by) == ([], {1})
    desk.hear(Idle(lane=1))
    assert raised(desk) == ["1-9", "0-2"]


def test_a_lane_that_rests_while_others_wake_has_reached_its_own_time() -> None:
    """Of lanes that jumped six days and fell silent, most handled no deadline: their ticks waited for the last."""
    desk = late_desk(3, Policy(version="p-1", contact=POLICY.contact))
    for lane in range(3):
        desk.hear(at(lane, NINE), urgent(str(lane), NINE, lane), at(lane, NINE + HOUR))
    desk.hear(*(Idle(lane=lane) for lane in range(3)))
    desk.hear(*(at(lane, NINE + 6 * DAY) for lane in range(3)), *(Idle(lane=lane) for lane in range(3)))
    steps = Counter(o.body.step for o in desk.outputs if o.kind == "work_order")  # type: ignore[union-attr]
    assert steps == {"dispatched": 3, "reminded": 3, "escalated": 3, "returned": 3}


@pytest.mark.parametrize("lead", [0, 5, 20])
def test_a_lane_that_reaches_the_present_first_does_not_stop_the_days_of_the_others(lead: int) -> None:
    desk, days = late_desk(), 20
    clocks = [NINE + day * DAY for day in range(days)]
    first = [waiting(f"0-{n}", clock, 0, 1.0) for n, clock in enumerate(clocks)]
    other = [waiting(f"1-{n}", clock, 1, 2.0) for n, clock in enumerate(clocks)]
    desk.hear(*first[:lead])
    for n in range(days):
        desk.hear(*first[lead + n : lead + n + 1], at(0, clocks[min(days - 1, lead + n)]))
        if lead + n == days - 1:
            desk.hear(at(0, MONTH_LATER))  # from here on it is live
        desk.hear(other[n], at(1, clocks[n]))
    desk.hear(at(0, MONTH_LATER), at(1, MONTH_LATER))
    assert len(raised(desk)) == 2 * days


@pytest.mark.parametrize("said", [Idle(lane=0), Mark(lane=0, tick=0, generation=2)], ids=["idle", "opened"])
def test_a_restart_does_not_let_a_record_pass_what_its_lane_wrote_before(said: Heard) -> None:
    desk = late_desk()
    desk.hear(at(1, NINE + HOUR), urgent("a", NINE, 0), at(0, NINE + 10 * HOUR))
    assert raised(desk) == ["a"]
    desk.hear(said)
    desk.restart()
    desk.hear(urgent("c", MONTH_LATER, 0), urgent("b", NINE + 2 * HOUR, 1), Idle(lane=1))
    assert raised(desk) == ["a", "b", "c"]


def test_a_quiet_lane_that_was_never_late_answers_what_is_urgent_at_once() -> None:
    desk = late_desk()
    desk.hear(Idle(lane=0), urgent("a", MONTH_LATER, 0))
    assert raised(desk) == ["a"]


def test_a_lane_that_opens_on_a_tick_has_not_passed_it() -> None:
    desk = late_desk()
    desk.hear(Idle(lane=1), *(waiting(f"low-{n}", NINE, 0, 1.0) for n in range(2)))
    desk.hear(Mark(lane=0, tick=NINE, clock=NINE, generation=2), Mark(lane=1, tick=0, generation=2), Idle(lane=1))
    desk.hear(*(waiting(f"high-{n}", NINE, 0, 9.0) for n in range(2)), Idle(lane=0))
    assert raised(desk) == ["high-0", "high-1"]


@pytest.mark.parametrize("first", [0, 1])
def test_lanes_that_begin_at_different_places_are_ticked_from_there(first: int) -> None:
    desk = DeskBench(POLICY, 2)
    desk.written_ms = MONTH_LATER
    places = (NINE, NINE + 2 * DAY)
    desk.hear(*(Mark(lane=lane, tick=places[lane], clock=places[lane], generation=1) for lane in (0, 1)))
    told = [
        [waiting(f"0-{n}", NINE + n * HOUR, 0, 1.0) for n in range(3)] + [waiting("0-9", NINE + DAY, 0, 1.0)],
        [waiting("1-0", NINE + 2 * DAY, 1, 1.0)],
    ]
    for lane in (first, 1 - first):
        desk.hear(*told[lane], Idle(lane=lane))
    assert raised(desk) == ["0-0", "0-1", "0-2", "0-9", "1-0"]


def test_a_month_of_ticks_tries_a_breach_that_waits_once_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    units = (replace(POLICY.units[0], capacity={"outbound_call": 0}),)
    desk = late_desk(1, replace(POLICY, desk=replace(POLICY.desk, wait_days=60), units=units))
    tries, release = Counter[str](), Decisions.release

    def counted(self: Decisions, file: PersonFile, standing: Standing, at: int) -> bool:
        tries[standing.alert.alert_id] += 1
        return release(self, file, standing, at)

    monkeypatch.setattr(Decisions, "release", counted)
    desk.hear(*(waiting(f"{n}", NINE, 0, 1.0) for n in range(20)), at(0, NINE + 29 * DAY))
    assert len(tries) == 20
    assert max(tries.values()) < 2 * 31  # of 2,784 ticks


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
        results.append([(o.kind, o.body) for o in desk.outputs])
    assert len({len(each) for each in results}) == 1
    assert len(results[0]) > 60
    assert results[1:] == results[:-1]
