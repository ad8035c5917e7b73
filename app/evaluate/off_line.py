"""The product without Kafka: one lane and the learner live through a log, with what they would have known by then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, groupby
from typing import NamedTuple

from app.publishing.record import TimedRecord
from models.contract.events import Arrival
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.contract.training_example import Example, Fate
from models.decisions.detector import Detector
from models.decisions.outbox import Body
from models.learning.learner import Learner
from models.scoring.scorer import Scorer
from streams.records.wire import Rejected, decode


class _Stored(NamedTuple):
    """A record in the shape of a consumed one."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[()] = ()


def lived(records: Iterable[TimedRecord], policy: Policy, learner: Learner) -> Iterator[Body]:
    """What the lane writes, in its order: what it tells of its subscribers has the risks that were served.

    The lane begins with what the learner serves. The learner is told as the lane writes; what it publishes in a day is
    in force from the next on.

    Parameters
    ----------
    records
        In the order of time.

    Raises
    ------
    ValueError
        If a record is no event.
    """
    detector = Detector(Scorer(learner.served, policy.base_rate), policy, 0)
    offsets = count()
    for _, day in groupby(records, key=lambda record: record.ts // DAY_MS):
        rest = [_arrival(record, next(offsets)) for record in day]
        while rest or detector.owed:
            rest = rest[detector.apply(rest) :]
            for output in detector.take().outputs:
                if isinstance(output.body, Example | Fate):
                    learner.learn(output.body)
                if output.body is not None:
                    yield output.body
        snapshot = learner.due()
        if snapshot is not None:
            detector.switch(Scorer(snapshot, policy.base_rate))


def _arrival(record: TimedRecord, offset: int) -> Arrival:
    event = decode(record.topic, _Stored(offset, record.ts, record.key, record.value), None)
    if isinstance(event, Rejected):
        raise ValueError(f"{record.topic} at {record.ts}: {event.reason}: {event.detail}")
    return Arrival(record.topic, offset, record.ts, event)
