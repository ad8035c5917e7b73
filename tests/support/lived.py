"""A log lived through by one lane and nothing else: no Kafka, no process, the same verdicts and fates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, groupby
from typing import NamedTuple

from support import college, upgrad
from support.real_data import data
from support.real_run import bystanders

from app.simulator.rates import Rates
from app.simulator.record import RANK, Record
from app.simulator.stream import simulate
from models.decisions.detector import Detector
from models.events import DAY_MS, Arrival
from models.example import Example, Fate
from models.policy import LabelPolicy, Policy
from models.prior import prior
from models.risk import Scorer
from streams.wire import Rejected, decode

SIMULATED_SINCE = 1_767_225_600_000
UPGRAD = Policy(base_rate=0.015, labels=LabelPolicy(horizon_days=30, lapse_days=110))
COLLEGE = Policy(base_rate=0.5, labels=LabelPolicy(horizon_days=14, lapse_days=14))


class _Stored(NamedTuple):
    """A record in the shape of a consumed one."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[()] = ()


def lived(records: Iterable[Record], policy: Policy) -> list[Example | Fate]:
    """All verdicts and fates, in the order in which the lane wrote them."""
    return list(_lived(records, policy))


def _lived(records: Iterable[Record], policy: Policy) -> Iterator[Example | Fate]:
    detector, offsets = Detector(Scorer(prior(), policy.base_rate), policy, 0), count()
    for _, group in groupby(records, key=lambda record: record.ts // DAY_MS):
        rest = []
        for record, offset in zip(group, offsets, strict=False):
            event = decode(record.topic, _Stored(offset, record.ts, record.key, record.value), None)
            assert not isinstance(event, Rejected), event
            rest.append(Arrival(record.topic, offset, record.ts, event))
        while rest or detector.owed:
            rest = rest[detector.apply(rest) :]
            yield from (o.body for o in detector.take().outputs if isinstance(o.body, Example | Fate))


def simulated(seed: int, subscribers: int, days: int, churn_per_month: float) -> Iterator[Record]:
    """A simulated operator's log."""
    return simulate(seed, subscribers, SIMULATED_SINCE, days, rates=Rates(churn_per_month=churn_per_month))


def of_upgrad(clocks: tuple[str, ...]) -> list[Record]:
    """The upGrad sample, with bystanders whose clock goes on until every label is known."""
    records = upgrad.records(upgrad.rows(data("upgrad_sea_600.csv.gz")))
    return _with_bystanders(records, records[0].ts, upgrad.at(13, 29), clocks)


def of_college(sent: dict[str, list[int]], clocks: tuple[str, ...]) -> list[Record]:
    """CollegeMsg, the same."""
    begin, end = min(times[0] for times in sent.values()), max(times[-1] for times in sent.values())
    return _with_bystanders(college.records(sent, end), begin, end + 41 * DAY_MS, clocks)


def _with_bystanders(records: list[Record], begin: int, end: int, clocks: tuple[str, ...]) -> list[Record]:
    return sorted([*records, *bystanders(begin, end, *clocks)], key=lambda r: (r.ts, RANK[r.topic]))
