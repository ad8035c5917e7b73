"""Real data through Kafka, workers and lanes, labels arriving late: exactness, and how good the risk is.

The data have no licence to be shipped with: ``HOLDFAST_DATA`` is the folder where they are, and without it these are
skipped. Figures are printed with what of them is synthesised, and stand in the report of ``.ci/long``.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from support import college, upgrad
from support.real_data import data, needed
from support.real_run import LANES, Bools, Floats, Learned, Measured, RealRun, measured, run, vectors
from support.rig import Rig

from models.events import CALLS, DATA_USAGE, DAY_MS
from models.example import WEEKLY, Example
from models.features import INDEX
from streams.broker import EmbeddedBroker

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600), needed]
Record = Callable[[str, object], None]
Times = npt.NDArray[np.int64]
FOLDS = 5


@pytest_asyncio.fixture
async def rig(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(broker.bootstrap, prefix, tmp_path, LANES) as made:
        yield made


def exact(over: RealRun, record_property: Record, synthesised: str) -> None:
    """Every byte that was served is the fold of the history; then no score can be 1e-9 off."""
    assert not over.verdict.findings, over.verdict
    assert over.verdict.applied == over.records
    assert min(over.verdict.outputs["alert"], over.verdict.outputs["score"], over.verdict.outputs["example"]) > 0
    told(
        record_property,
        records=over.records,
        seconds=over.seconds,
        transactions=over.verdict.transactions,
        scores=over.verdict.outputs["score"],
        alerts=over.verdict.outputs["alert"],
        examples=dict(Counter(f"{e.origin} {e.label}" for e in over.examples)),
        synthesised=synthesised,
    )


def told(record_property: Record, **figures: object) -> None:
    for name, figure in figures.items():
        record_property(name, str(figure))
        sys.stdout.write(f"{name} = {figure}\n")


def weekly(over: RealRun, first: int, last: int) -> list[Example]:
    """The fair sample of a span, by time."""
    found = [e for e in over.examples if e.origin == WEEKLY and first <= e.ts < last]
    return sorted(found, key=lambda e: (e.ts, e.subscriber_id))


def of(examples: list[Example], risk: Floats, left: Bools) -> Measured:
    return measured(risk, left, [e.subscriber_id for e in examples])


def served(examples: list[Example]) -> Floats:
    return np.array([e.risk for e in examples])


def labels(examples: list[Example]) -> Bools:
    return np.array([e.label == "positive" for e in examples])


async def test_upgrad(rig: Rig, tmp_path: Path, record_property: Record) -> None:
    """589 subscribers, four months: risk at the end of the third against who is gone in the fourth."""
    rows = upgrad.rows(data("upgrad_sea_600.csv.gz"))
    gone = {row["mobile_number"] for row in rows if upgrad.left(row)}
    policy = "[labels]\nhorizon_days = 30\nlapse_days = 110\n"
    clocks = (CALLS, DATA_USAGE)
    over = await run(rig, upgrad.records(rows), policy, tmp_path, end=upgrad.at(13, 28), clocks=clocks)
    exact(over, record_property, upgrad.SYNTHESISED)

    labelled = [e for e in weekly(over, upgrad.at(6, 8), upgrad.at(9, 1)) if e.label != "void"]
    assert {e.subscriber_id for e in labelled if e.label == "positive"} <= gone
    # As the data set has it: the last look before the fourth month, at everybody, also at who is silent already.
    last = {e.subscriber_id: e for e in weekly(over, upgrad.at(8, 25), upgrad.at(9, 1))}
    looks = list(last.values())
    assert len(looks) > 0.9 * len(rows)
    left = np.array([e.subscriber_id in gone for e in looks])
    told(
        record_property,
        served_on_the_lanes_labels=of(labelled, served(labelled), labels(labelled)),
        served_on_gone_in_month_9=of(looks, served(looks), left),
        learned_from_the_other_subscribers_on_gone_in_month_9=of(looks, cross_fitted(looks, left), left),
    )


def cross_fitted(looks: list[Example], left: Bools) -> Floats:
    """Each subscriber's risk by a learner that was fed with the looks at the others."""
    fold = np.array([int(hashlib.sha256(e.subscriber_id.encode()).hexdigest(), 16) % FOLDS for e in looks])
    risk = np.zeros(len(looks))
    for n in range(FOLDS):
        learner = Learned(vectors(looks))
        learner.learn([e for e, its in zip(looks, fold.tolist(), strict=True) if its != n], left[fold != n])
        risk[fold == n] = learner.risk([e for e, its in zip(looks, fold.tolist(), strict=True) if its == n])
    return risk


async def test_college_messages(rig: Rig, tmp_path: Path, record_property: Record) -> None:
    """Weekly looks at who wrote of late: does he stop within 14 days? Learned only when that is known."""
    sent = college.sent(data("collegemsg.csv.gz"))
    begin, end = min(times[0] for times in sent.values()), max(times[-1] for times in sent.values())
    policy = f"[labels]\nhorizon_days = {college.SILENT_DAYS}\nlapse_days = {college.SILENT_DAYS}\n"
    over = await run(rig, college.records(sent, end), policy, tmp_path, end=end + 40 * DAY_MS, clocks=(CALLS,))
    exact(over, record_property, college.SYNTHESISED)

    # Later ones cannot have been told: the data end.
    silent = college.SILENT_DAYS * DAY_MS
    looks = weekly(over, begin, end - 2 * silent)
    labelled = [e for e in looks if e.label != "void"]
    figures(
        "the_lanes_labels", record_property, labelled, labels(labelled), np.array([e.labelled_ts for e in labelled])
    )
    # As the anchors have it. The lanes' label is void for who has written his last message and is not told lapsed yet.
    no_more = np.array([not any(e.ts < ts <= e.ts + silent for ts in sent[e.subscriber_id]) for e in looks])
    figures("no_message_within_14_days", record_property, looks, no_more, np.array([e.ts + silent for e in looks]))


def figures(name: str, record_property: Record, looks: list[Example], left: Bools, known: Times) -> None:
    """Of the last 40 % of the looks."""
    risk = as_labels_came(looks, left, known)
    late = slice(round(0.6 * len(looks)), None)
    silence = np.array([e.x[INDEX["silent_days"]] or 0.0 for e in looks])
    for who, what in (("recency_alone", silence), ("served", served(looks)), ("learned", risk)):
        told(record_property, **{f"{who}_on_{name}": of(looks[late], what[late], left[late])})


def as_labels_came(looks: list[Example], left: Bools, known: Times) -> Floats:
    """The risk of each by a learner that has only the labels from before he was looked at."""
    learner, risk = Learned(vectors(looks[:1_000])), np.zeros(len(looks))
    order, upto = np.argsort(known, kind="stable"), 0
    for _, day in groupby(range(len(looks)), key=lambda place: looks[place].ts // DAY_MS):
        places = list(day)
        come = int(np.searchsorted(known[order], looks[places[0]].ts))
        fresh = order[upto:come]
        learner.learn([looks[place] for place in fresh.tolist()], left[fresh])
        upto = come
        risk[places] = learner.risk([looks[place] for place in places])
    return risk
