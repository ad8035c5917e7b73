"""The worker that has the desk is killed with -9 at each step of the desk's work, and comes back.

Nobody may see it: what is committed is, byte for byte, what lanes and desk make of the same records in one life, each
alert, suppression and step of an order once and in its sequence. Hands are few, so that what is not urgent waits.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.history_check import Log, read_log
from support.long_run import RECOVERY_S, Fleet, Progress, create_topics, fold_again, not_in_sequence, told, uncommitted
from support.preloaded import MODEL, QUIET_MS, few_hands
from support.rig import Rig
from support.struck_worker import OPENING, STEPS

from app.config.operator_files import policy_of_file
from app.publishing.publisher import publish
from app.simulator.rates import Rates
from app.simulator.stream import simulate
from models.contract.time_units import DAY_MS
from streams.records.topics import ALERTS, WORK_ORDERS

pytestmark = [pytest.mark.faults]
SEED = 31
STRUCK = Path(__file__).parents[1] / "support/struck_worker.py"
Record = Callable[[str, object], None]


def _bodies(log: Log, topic: str) -> Iterator[dict[str, Any]]:
    return (msgspec.json.decode(record.value or b"") for records in log[topic].values() for record in records)


def _orders_not_in_sequence(log: Log) -> list[str]:
    seqs: dict[str, list[int]] = defaultdict(list)
    for body in _bodies(log, WORK_ORDERS):
        seqs[body["order_id"]].append(body["seq"])
    return [f"{name}: {said}" for name, said in seqs.items() if said != list(range(1, len(said) + 1))]


async def _struck(rig: Rig, steps: Sequence[str], directory: Path, record_property: Record) -> None:
    """Two workers; at each step one dies, and another takes its place, while more of the log comes."""
    policy, strike_at = few_hands(directory), directory / "strike"
    end_ms = int(time.time() * 1000) - QUIET_MS
    days = 8 + 4 * len(steps)
    begin_ms = end_ms - days * DAY_MS
    records = list(simulate(SEED, 150, begin_ms, days, rates=Rates(churn_per_month=0.3)))
    bounds = [begin_ms, *(begin_ms + (8 + 4 * n) * DAY_MS for n in range(len(steps))), end_ms]
    pieces = [[each for each in records if first <= each.ts < last] for first, last in pairwise(bounds)]
    await create_topics(rig)
    fleet = Fleet(rig, MODEL, directory, SEED, program=(str(STRUCK),), policy=policy)
    given = {"STRIKE_AT": str(strike_at)}
    sent, began = 0, time.monotonic()
    async with Progress(rig) as progress:
        fleet.start(**given)
        fleet.start(**given)
        for step, piece in zip(["", *steps], pieces, strict=True):
            if step:
                strike_at.write_text(step)
            if step in OPENING:
                fleet.start(**given)  # for it the desk opens anew, in whichever worker
            sent += (await publish(piece, rig.client, rig.prefix)).records
            if step:
                await fleet.one_dies()
            if step and step not in OPENING:
                fleet.start(**given)
        await fleet.finished(sent, progress, RECOVERY_S)
    await rig.desk_is_done(RECOVERY_S)
    seconds = time.monotonic() - began
    await fleet.stop()
    log = await read_log(rig.client, rig.prefix, rig.partitions, bound_s=RECOVERY_S)
    in_force = policy_of_file(policy, None)
    verdict, _ = fold_again(log, rig, MODEL, in_force)
    urgent = Counter(body["kind"] in in_force.desk.urgent for body in _bodies(log, ALERTS) if body["event"] == "raised")
    aborted = await uncommitted(rig, WORK_ORDERS) - verdict.outputs["work_order"]
    figures = {"records": sent, "steps": len(steps), "seconds": round(seconds, 1)}
    raised = {"raised_at_once": urgent[True], "raised_after_waiting": urgent[False], "work_orders_aborted": aborted}
    told({**figures, **verdict.outputs, **raised}, SEED, record_property)
    assert not verdict.findings, f"{verdict}\n{rig.tails()}"
    assert verdict.applied == sent == len(records)
    assert not (found := not_in_sequence(log)), found[:5]
    assert not (found := _orders_not_in_sequence(log)), found[:5]
    assert fleet.kills == len(steps)
    assert min(urgent[True], urgent[False], verdict.outputs["suppression"]) > 0
    assert (aborted > 0) == any(step in ("desk_produced", "desk_committing") for step in steps)


@pytest.mark.timeout(180)
async def test_desk_is_killed_before_and_after_a_commit_and_while_it_opens(
    rig: Rig, tmp_path: Path, record_property: Record
) -> None:
    await _struck(rig, ("desk_produced", "desk_after_commit", "desk_restored"), tmp_path, record_property)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_desk_is_killed_at_each_step(rig: Rig, tmp_path: Path, record_property: Record) -> None:
    await _struck(rig, STEPS, tmp_path, record_property)
