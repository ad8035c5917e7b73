"""Folds the recorded history again by one or more policies, with the code of worker and desk, without writing.

Lane after lane, each transaction by every policy; then the desk of each policy applies its lanes' records. Import it
only once the compiler's cache is settled: :mod:`app.process.compilation`.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

from app.config.operator_files import frozen_model
from app.config.settings import Settings
from models.contract.breaches import Governed, Inherited
from models.contract.events import LEAVING, SUBSCRIBERS, Outcome
from models.contract.policy import Policy
from models.desk.desk import DeskFold
from models.desk.lanes.lane_times import Written
from models.detection.detector import Detector
from models.kernel.arrivals import CLOCKED, EventReader, Table
from models.kernel.places import KIND, OUTCOME_, TS
from models.scoring.prior import prior
from models.scoring.scorer import Scorer
from streams.history.desk_order import LaneHeard, as_recorded, by_time
from streams.history.fold_again import FoldAgain
from streams.history.recorded_log import RecordedLog, Transaction
from streams.history.recorded_versions import RecordedVersions
from streams.lanes.detection_fold import DetectionFold
from streams.lanes.intake import decoded
from streams.lanes.ports import Commit
from streams.model_topic.recorded_history import recorded_until

Taken = Callable[[int, Any], None]
"""Called with the lane and the output of each decision that is published."""
Waits = Callable[[int, Counter[str]], None]
"""Called at each step of the desk's time with the waiting breaches by unit."""
COUNTED: Final = frozenset({"alert", "suppression", "work_order"})


@dataclass
class Recorded:
    """Facts of the history itself, independent of the policy.

    Attributes
    ----------
    begin, end
        Time of the first and of the last event that moves a lane's time, ms; `end` is 0 if there is none.
    left
        Times of leaving, by subscriber.
    gone
        By input: transactions with records that are gone.
    complete_from
        Lanes' time from which all records are there; None if none is gone.
    order
        Order in which the desk of the policy in force gets the lanes' records.
    differ
        Breaches of the policy in force that differ from the live run.
    versions_gone
        Models and policies that are no longer in the topics.
    """

    transactions: int = 0
    events: int = 0
    begin: int = 0
    end: int = 0
    subscribers: int = 0
    left: dict[str, list[int]] = field(default_factory=dict)
    gone: Counter[str] = field(default_factory=Counter)
    complete_from: int | None = None
    order: Literal["recorded", "by_time"] = "by_time"
    differ: int = 0
    versions_gone: list[str] = field(default_factory=list)


class PolicyRun:
    """The run of one policy.

    Parameters
    ----------
    serving
        Function from the versions of a transaction to scorer and policy.
    """

    def __init__(self, serving: Callable[[str, str], tuple[Scorer, Policy]], taken: Taken, waits: Waits) -> None:
        self.lanes: list[LaneHeard] = []
        self._serving, self._taken, self._waits = serving, taken, waits
        self._again: FoldAgain
        self._fold: DetectionFold

    def begin(self, lane: int, first: Transaction, group: str, recorded_until: int | None) -> None:
        """Begin with a lane."""
        detector = Detector(*self._serving(first.record.model, first.record.policy), lane)
        self._fold = DetectionFold(detector, group)
        if recorded_until is not None:
            self._fold.resume({"recorded_until": recorded_until})
        self._again = FoldAgain(self._fold)

    def apply(self, lane: int, each: Transaction, reader: EventReader) -> Table:
        """One transaction of that lane; its events."""
        both = self._serving(each.record.model, each.record.policy)
        self._fold.serving = lambda: both
        self._fold.renew()
        self.lanes[lane].governed(both[1])
        arrivals = decoded(each.records, each.record.broker_ms, reader).arrivals
        own = len(arrivals) - each.stopped
        _, found = self._again.apply(arrivals, own)
        self._take(lane, found)
        return arrivals[:own]

    def finish(self, lane: int) -> None:
        """The lane is at its end."""
        self._take(lane, self._again.finish())

    @property
    def standing(self) -> Commit:
        """Time and size of the present lane."""
        return self._fold.standing()

    def _take(self, lane: int, found: Iterable[Any]) -> None:
        for folded in found:
            for output in folded.counts.outputs:
                if output.kind == "heard":
                    self.lanes[lane].take(output.body)
                elif output.kind in COUNTED:
                    self._taken(lane, output)

    async def decide(self, order: Iterable[Written]) -> None:
        """Let the desk read the lanes' records in this order."""
        fold = DeskFold(len(self.lanes))
        for each in order:
            await asyncio.sleep(0)  # gives the loop its turn: else Ctrl-C would do nothing until the end
            before = fold.desk.now
            fold.read([each], each.offset + 1)
            while fold.due:
                fold.apply()
                for lane, output in fold.take().outputs:
                    self._taken(lane, output)
            if fold.desk.now > before:
                self._waits(fold.desk.now, fold.desk.waiting())


async def rerun(
    settings: Settings,
    policies: Sequence[Policy],
    sinks: Sequence[tuple[Taken, Waits]],
    update: Callable[[float, float, int], None],
) -> Recorded:
    """Fold what the topics still hold.

    Parameters
    ----------
    policies
        First the one in force now, which stands for the ones that the history names; then others.
    sinks
        Where each policy's decisions go.
    update
        Called with the work done, the whole work, and the events so far.

    Raises
    ------
    streams.kafka.topic_tail.TopicMissingError
        If there is no history.
    """
    client, prefix = settings.kafka_client_kwargs(), settings.topic_prefix
    snapshot = prior() if settings.model is None else frozen_model(settings.model)
    versions = RecordedVersions(snapshot, policies[0], settings.policy_key, settings.base_rate)
    await versions.read(client, prefix)
    servings = [versions.serving, *(versions.under(each) for each in policies[1:])]
    runs = [PolicyRun(serving, *sink) for serving, sink in zip(servings, sinks, strict=True)]
    until = await recorded_until(client, prefix)
    async with RecordedLog(client, prefix) as log:
        breaches = await log.breaches()
        versions.decided_by(each.heard.policy for each in breaches or () if isinstance(each.heard, Governed))
        said = await _fold(log, runs, breaches, settings.group, until, update)
    said.versions_gone = sorted(versions.gone)
    return said


async def _fold(
    log: RecordedLog,
    runs: Sequence[PolicyRun],
    breaches: Sequence[Written] | None,
    group: str,
    recorded_until: int | None,
    update: Callable[[float, float, int], None],
) -> Recorded:
    said, total, done = Recorded(), sum(map(log.size, range(log.lanes))), 0
    for lane in range(log.lanes):
        reader, first = EventReader(), True
        for run in runs:
            run.lanes.append(LaneHeard(lane))
        began: int | None = None
        async with aclosing(log.transactions(lane)) as transactions:
            async for each in transactions:
                await asyncio.sleep(0)  # as in `decide`: what is fetched already does not give the loop its turn
                for run in runs if first else ():
                    run.begin(lane, each, group, recorded_until)
                first = False
                events, *_ = [run.apply(lane, each, reader) for run in runs]
                began = _first_time(events) if began is None else began
                _note(said, each, events, runs[0].standing.watermark_ms)
                update(done + each.at, total, said.events)
        done += log.size(lane)
        if log.begins_late(lane):
            said.complete_from = max(said.complete_from or 0, began or 0)
        if first:
            continue
        for run in runs:
            run.finish(lane)
        standing = runs[0].standing
        if began is not None:
            said.begin = min(said.begin or began, began)
        said.end = max(said.end, standing.watermark_ms or 0)
        said.subscribers += standing.state_rows
    for run in runs:
        await run.decide(_order(said, run, _live(run, runs[0], breaches)))
    return said


def _live(run: PolicyRun, in_force: PolicyRun, breaches: Sequence[Written] | None) -> Sequence[Written] | None:
    """The live run's records, if the lanes say by this policy just what they say by the one in force.

    Such a policy is heard in the same order: by another one a policy would seem to differ from itself.
    """
    same = all(one.heard == other.heard for one, other in zip(run.lanes, in_force.lanes, strict=True))
    return breaches if same else None


def _first_time(events: Table) -> int | None:
    moving = events.numbers[events.numbers[:, KIND] < len(CLOCKED), TS]
    return int(moving[0]) if len(moving) else None


def _order(said: Recorded, run: PolicyRun, recorded: Sequence[Written] | None) -> Iterator[Written]:
    inherited = recorded is not None and any(isinstance(each.heard, Inherited) for each in recorded)
    if recorded is None or said.complete_from is not None or inherited:
        return by_time(run.lanes)  # the topic lacks the beginning of inherited alerts
    order, said.differ = as_recorded(run.lanes, recorded)
    said.order = "recorded"
    return iter(order)


def _note(said: Recorded, each: Transaction, events: Table, watermark: int | None) -> None:
    said.transactions, said.events = said.transactions + 1, said.events + len(events)
    said.gone.update(each.gone)
    if each.gone - {SUBSCRIBERS}:  # a profile's newest record is always kept
        said.complete_from = max(said.complete_from or 0, watermark or 0)
    for at in np.flatnonzero(events.numbers[:, KIND] == OUTCOME_).tolist():
        event = events[at].event
        if isinstance(event, Outcome) and event.outcome in LEAVING:
            insort(said.left.setdefault(event.subscriber_id, []), event.ts)
