"""The demonstration's count of what was lost and what came twice, tried on planted damage."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest
from support.breaches_made import HOUR, NINE, a_breach, an_answer
from support.desk_rig import DeskBench

from app.demo.desk_tally import DeskTally
from app.demo.exactness import Coverage, ExactnessTally
from models.contract.alerts import Alert, Suppression
from models.contract.breaches import Heard, Mark
from models.contract.policy import Policy, UnitPolicy
from models.contract.work_orders import WorkOrder
from models.desk.state_records import OfPerson, read
from models.detection.outbox import Output
from streams.records import lane_history
from streams.records.lane_history import history_record

CALLS, DATA = 0, 1


def _transaction(
    tally: ExactnessTally, partition: int, *segments: tuple[int, int, int], opened: str | None = None
) -> None:
    record = history_record(partition, segments, None, ("m-1", "p-1"), opened=opened)
    tally.transaction(lane_history.read(record.value))


def test_a_whole_history_is_lost_0_twice_0_over_openings_partitions_and_topics() -> None:
    tally = ExactnessTally()
    for partition in range(3):
        _transaction(tally, partition, opened="holdfast")
        _transaction(tally, partition, (CALLS, 0, 4), (DATA, 0, 0), (CALLS, 5, 9))
    _transaction(tally, 1, opened="holdfast")  # a successor after a kill
    _transaction(tally, 1, (DATA, 1, 30), (CALLS, 10, 10))
    assert (tally.events, tally.lost_events, tally.twice_events, tally.openings) == (3 * 11 + 31, 0, 0, 4)


@pytest.mark.parametrize(
    ("segments", "lost", "twice"),
    [
        ([(CALLS, 0, 9), (CALLS, 12, 19)], 2, 0),
        ([(CALLS, 3, 9)], 3, 0),  # the beginning of the log was skipped
        ([(CALLS, 0, 9), (CALLS, 8, 12)], 0, 2),
        ([(CALLS, 0, 9), (CALLS, 0, 9)], 0, 10),
        ([(CALLS, 0, 9), (CALLS, 20, 29), (CALLS, 5, 24)], 0, 10),
        ([(CALLS, 0, 9), (CALLS, 20, 29), (CALLS, 10, 14)], 5, 0),
        ([(CALLS, 0, 9), (DATA, 10, 19)], 10, 0),  # another topic's offsets fill no hole
    ],
)
def test_holes_are_lost_and_overlaps_are_twice(segments: list[tuple[int, int, int]], lost: int, twice: int) -> None:
    tally = ExactnessTally()
    for segment in segments:
        _transaction(tally, 0, segment)
    assert (tally.lost_events, tally.twice_events) == (lost, twice)


def test_another_partition_fills_no_hole() -> None:
    tally = ExactnessTally()
    _transaction(tally, 0, (CALLS, 0, 4))
    _transaction(tally, 1, (CALLS, 5, 9))
    assert tally.lost_events == 5


@pytest.mark.parametrize(
    ("steps", "lost", "twice"),
    [
        ([("a", 1), ("a", 2), ("b", 1)], 0, 0),
        ([("a", 1), ("a", 1)], 0, 1),
        ([("a", 1), ("a", 3)], 1, 0),
        ([("a", 2)], 1, 0),
        ([("a", 1), ("a", 3), ("a", 2)], 0, 0),
    ],
)
def test_alerts_and_orders_are_held_against_their_seq(steps: list[tuple[str, int]], lost: int, twice: int) -> None:
    tally = DeskTally()
    for life, seq in steps:
        tally.alert(life, seq, raised=seq == 1)
        tally.order(life, seq, [life])
    assert (tally.lost_alerts, tally.twice_alerts) == (lost, twice)
    assert (tally.lost_orders, tally.twice_orders) == (lost, twice)
    assert (tally.lost, tally.twice) == (2 * lost, 2 * twice)


def _desk_run() -> tuple[DeskBench, list[Heard]]:
    """Six customers of a unit with two calls a day: some breaches wait, one is withheld, one is answered."""
    unit = UnitPolicy(name="tianhe-03", capacity={"outbound_call": 2, "store": 0})
    bench = DeskBench(Policy(units=(unit,)))
    heard: list[Heard] = [a_breach(f"a{n}", subscriber=f"s-{n}", priority=float(n)) for n in range(6)]
    heard.append(Mark(lane=0, tick=NINE + HOUR))
    heard.append(a_breach("again", NINE + HOUR, subscriber="s-5"))  # within the cooldown
    heard.append(Mark(lane=0, tick=NINE + 2 * HOUR))
    heard.append(an_answer("retained", NINE + 2 * HOUR, "a5", subscriber="s-5"))
    bench.hear(*heard)
    return bench, heard


def _counted(bench: DeskBench, heard: list[Heard], outputs: Iterable[Output]) -> DeskTally:
    tally = DeskTally()
    for offset, each in enumerate(heard):
        tally.breach(offset, each)
    tally.position(len(heard))
    for key, value in bench.state.items():
        found = read(key, value)
        if isinstance(found, OfPerson):
            tally.person(found.person, found.file)
    for output in outputs:
        match output.body:
            case Alert() as body:
                tally.alert(body.alert_id, body.seq, raised=body.event == "raised")
            case Suppression() as body:
                tally.withheld(body.alert_id, body.decision_id)
            case WorkOrder() as body:
                tally.order(body.order_id, body.seq, body.alert_ids)
    for at in (0.0, 60.0):
        tally.look(at)
    return tally


def test_of_a_whole_run_through_the_desk_nothing_is_missing_though_some_breaches_wait() -> None:
    bench, heard = _desk_run()
    assert bench.desk.waiting()["tianhe-03"] == 4
    assert [output.kind for output in bench.outputs].count("suppression") == 1
    tally = _counted(bench, heard, bench.outputs)
    assert (tally.lost, tally.twice, tally.orders) == (0, 0, 2)


def _life(output: Output) -> str:
    body = output.body
    return body.order_id if isinstance(body, WorkOrder) else f"{output.kind} {body.alert_id}"  # type: ignore[union-attr]


def test_each_output_of_the_desk_that_is_gone_or_repeated_is_found() -> None:
    bench, heard = _desk_run()
    lives = [_life(output) for output in bench.outputs]
    for n, output in enumerate(bench.outputs):
        assert _counted(bench, heard, [*bench.outputs, output]).twice == 1, output
        gone = [each for number, each in enumerate(bench.outputs) if number != n]
        may_still_come = lives[n] in lives[:n] and lives[n] not in lives[n + 1 :]
        assert _counted(bench, heard, gone).lost == (0 if may_still_come else 1), output


def test_a_breach_that_the_desk_has_not_heard_yet_is_not_lost() -> None:
    tally = DeskTally()
    tally.breach(5, a_breach("a1"))
    tally.position(5)
    for at in (0.0, 60.0):
        tally.look(at)
    assert tally.lost == 0
    tally.position(6)
    tally.look(61.0)
    assert tally.lost == 0, "the alert may be read a moment later"
    tally.look(80.0)
    assert (tally.lost, tally.lost_breaches) == (1, 1)
    tally.alert("a1", 1, raised=True)
    tally.order("o1", 1, ["a1"])
    tally.look(81.0)
    assert tally.lost == 0


def test_lag_is_what_stands_beyond_the_last_applied() -> None:
    tally = ExactnessTally()
    _transaction(tally, 0, (CALLS, 0, 9))
    calls = lane_history.TOPICS[CALLS]
    assert tally.lag({(calls, 0): 15, (calls, 1): 7, (lane_history.TOPICS[DATA], 0): 0}) == 5 + 7
    assert tally.lag({(calls, 0): 10}) == 0
    assert tally.lag({(calls, 0): 4}) == 0  # ends that were looked up before the history was read


def test_coverage_agrees_with_a_set_whatever_the_order() -> None:
    dice = random.Random(5)
    for _ in range(300):
        coverage, seen, sightings = Coverage(start=2), set[int](), 0
        for _ in range(dice.randrange(1, 12)):
            first = dice.randrange(2, 40)
            last = first + dice.randrange(6)
            coverage.add(first, last)
            seen.update(range(first, last + 1))
            sightings += last - first + 1
        assert coverage.seen == len(seen)
        assert coverage.again == sightings - len(seen)
        assert coverage.missing == len(set(range(2, max(seen) + 1)) - seen)
        assert coverage.next == max(seen) + 1
