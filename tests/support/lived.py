"""Logs for a lane without Kafka: real people's, whose clock goes on until labels are known, and simulated ones."""

from __future__ import annotations

from collections.abc import Iterator

from support import college, upgrad
from support.real_data import data
from support.real_run import bystanders

from app.publishing.record import TimedRecord
from app.simulator.rates import Rates
from app.simulator.stream import simulate
from models.contract.policy import LabelPolicy, Policy
from models.contract.time_units import DAY_MS
from streams.records.topics import RANK

SIMULATED_SINCE = 1_767_225_600_000
UPGRAD = Policy(base_rate=0.015, labels=LabelPolicy(horizon_days=30, lapse_days=110))
COLLEGE = Policy(base_rate=0.5, labels=LabelPolicy(horizon_days=14, lapse_days=14))


def simulated(seed: int, subscribers: int, days: int, churn_per_month: float) -> Iterator[TimedRecord]:
    """A simulated operator's log."""
    return simulate(seed, subscribers, SIMULATED_SINCE, days, rates=Rates(churn_per_month=churn_per_month))


def of_upgrad(clocks: tuple[str, ...]) -> list[TimedRecord]:
    """The upGrad sample, with bystanders whose clock goes on until every label is known."""
    records = upgrad.records(upgrad.rows(data("upgrad_sea_600.csv.gz")))
    return _with_bystanders(records, records[0].ts, upgrad.at(13, 29), clocks)


def of_college(sent: dict[str, list[int]], clocks: tuple[str, ...]) -> list[TimedRecord]:
    """CollegeMsg, the same."""
    begin, end = min(times[0] for times in sent.values()), max(times[-1] for times in sent.values())
    return _with_bystanders(college.records(sent, end), begin, end + 41 * DAY_MS, clocks)


def _with_bystanders(records: list[TimedRecord], begin: int, end: int, clocks: tuple[str, ...]) -> list[TimedRecord]:
    return sorted([*records, *bystanders(begin, end, *clocks)], key=lambda r: (r.ts, RANK[r.topic]))
