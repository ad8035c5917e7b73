"""Real data through Kafka, workers, lanes and learner, labels arriving late: exactness, and how good the risk is.

The data have no licence to be shipped with: ``HOLDFAST_DATA`` is the folder where they are, and without it these are
skipped. Figures are printed with what of them is synthesised, and stand in the report of ``.ci/long``.
"""

from __future__ import annotations

import hashlib
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest
import pytest_asyncio
from support import college, upgrad
from support.fed_learner import fed, in_order, told
from support.real_data import data, needed
from support.real_figures import Bools, Floats, gained, measured
from support.real_run import BYSTANDER, LANES, Operator, RealRun, run
from support.rig import Rig

from models.contract.events import CALLS, DATA_USAGE
from models.contract.time_units import DAY_MS
from models.contract.training_example import WEEKLY, Example, WeeklyLabel
from models.features.catalogue import INDEX
from models.scoring.snapshot import encode
from streams.embedded_kafka.broker import EmbeddedBroker

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600), needed]
Record = Callable[[str, object], None]
FOLDS: Final = 5
UPGRAD: Final = Operator(policy="[labels]\nhorizon_days = 30\nlapse_days = 110\n", numbers="", base_rate=0.015)
COLLEGE: Final = Operator(
    policy=f"[labels]\nhorizon_days = {college.SILENT_DAYS}\nlapse_days = {college.SILENT_DAYS}\n",
    numbers=f"horizon_days = {college.SILENT_DAYS}\n",
    base_rate=0.5,
)
"""About half of them stop; the learner's horizon is that of the labels. Nothing that evidence must bring is lowered."""


@pytest_asyncio.fixture
async def rig(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> AsyncIterator[Rig]:
    async with Rig(broker.bootstrap, prefix, tmp_path, LANES) as made:
        yield made


def tell(record_property: Record, **figures: object) -> None:
    for name, figure in figures.items():
        record_property(name, str(figure))
        sys.stdout.write(f"{name} = {figure}\n")


def exact(over: RealRun, operator: Operator, record_property: Record, synthesised: str) -> None:
    """Every byte that was served is the fold of the history; then no score can be 1e-9 off."""
    assert not over.verdict.findings, over.verdict
    assert over.verdict.applied == over.records
    assert min(over.verdict.outputs["alert"], over.verdict.outputs["score"], over.verdict.outputs["example"]) > 0
    tell(
        record_property,
        records=over.records,
        seconds=over.seconds,
        transactions=over.verdict.transactions,
        scores=over.verdict.outputs["score"],
        alerts=over.verdict.outputs["alert"],
        examples=dict(Counter(f"{e.origin} {e.label}" for e in over.examples)),
        vectors_scored_by=dict(Counter(e.model_version for e in over.examples)),
        set_for_these_data=operator,
        synthesised=synthesised,
    )


def learned(over: RealRun, record_property: Record) -> None:
    """The process published what the pure learner gives of the same topic, to the byte, and measured the same."""
    pure = fed(over.told, over.numbers)
    assert over.published == [(stand.model.version, encode(stand.model)) for stand in pure.published]
    report = pure.learner.report()
    assert over.report["quality"] == msgspec.json.decode(msgspec.json.encode(report.quality))
    said = {of: getattr(report.quality, of).roc_auc for of in ("served", "prior")}
    auc = {of: f"{a.value:.3f} [{a.low:.3f}, {a.high:.3f}]" for of, a in said.items() if a is not None}
    tell(record_property, learner_process=pure, auc_in_its_own_report=auc)


def weekly(over: RealRun, first: int, last: int) -> list[Example]:
    """The fair sample of a span, by time."""
    found = [e for e in people(over) if e.origin == WEEKLY and first <= e.ts < last]
    return sorted(found, key=lambda e: (e.ts, e.subscriber_id))


def people(over: RealRun) -> list[Example]:
    """Examples of all subscribers in the data."""
    return [e for e in over.examples if not e.subscriber_id.startswith(BYSTANDER)]


def served(examples: list[Example]) -> Floats:
    return np.array([e.risk for e in examples])


def recency(examples: list[Example]) -> Floats:
    """Days of silence; who never used anything is the most silent."""
    silent = [e.numbers()[INDEX["silent_days"]] for e in examples]
    return np.array([np.inf if np.isnan(days) else days for days in silent])


def labels(examples: list[Example]) -> Bools:
    return np.array([e.label == "positive" for e in examples])


def figures(
    question: str, record_property: Record, looks: list[Example], left: Bools, risks: dict[str, Floats], *best: str
) -> None:
    """Each risk, and what those of `best` gain on silence alone and on the prior."""
    who = [e.subscriber_id for e in looks]
    found: dict[str, Any] = {f"{name}_on_{question}": measured(risk, left, who) for name, risk in risks.items()}
    for name in best:
        for other in ("recency_alone", "prior"):
            found[f"{name}_over_{other}_on_{question}"] = gained(risks[name], risks[other], left, who)
    tell(record_property, **found)


async def test_upgrad(rig: Rig, tmp_path: Path, record_property: Record) -> None:
    """589 subscribers, four months: risk at the end of the third against who is gone in the fourth.

    All who left are told on one day, when the data end. So what is served cannot have been learned from them, and the
    learner is judged across subscribers: each risk is told by the last model of one that was fed with the others.
    """
    rows = upgrad.rows(data("upgrad_sea_600.csv.gz"))
    gone = {row["mobile_number"] for row in rows if upgrad.left(row)}
    clocks = (CALLS, DATA_USAGE)
    over = await run(rig, upgrad.records(rows), UPGRAD, tmp_path, end=upgrad.at(13, 28), clocks=clocks)
    exact(over, UPGRAD, record_property, upgrad.SYNTHESISED)
    learned(over, record_property)

    labelled = [e for e in weekly(over, upgrad.at(6, 8), upgrad.at(9, 1)) if e.label != "void"]
    assert {e.subscriber_id for e in labelled if e.label == "positive"} <= gone
    risks = {"recency_alone": recency(labelled), "served": served(labelled)}
    figures("the_lanes_labels", record_property, labelled, labels(labelled), risks)
    # As the data set has it: the last look before the fourth month, at everybody, also at who is silent already.
    looks = list({e.subscriber_id: e for e in weekly(over, upgrad.at(8, 25), upgrad.at(9, 1))}.values())
    assert len(looks) > 0.9 * len(rows)
    risks = {
        "recency_alone": recency(looks),
        "prior": told(looks, []),
        "served": served(looks),
        "learners_of_the_others": cross_fitted(over, looks),
    }
    left = np.array([e.subscriber_id in gone for e in looks])
    figures("gone_in_month_9", record_property, looks, left, risks, "served", "learners_of_the_others")


def cross_fitted(over: RealRun, looks: list[Example]) -> Floats:
    """Each subscriber's risk by the last model of a learner that was fed with what was told of the others."""
    risk = np.zeros(len(looks))
    for n in range(FOLDS):
        others = (e for e in over.told if not e.subscriber_id.startswith(BYSTANDER) and _fold(e) != n)
        last = fed(in_order(others), over.numbers).published[-1]
        its = np.array([_fold(look) == n for look in looks])
        risk[its] = told([look for look in looks if _fold(look) == n], [last._replace(since=0)])
    return risk


def _fold(example: Example | WeeklyLabel) -> int:
    return int(hashlib.sha256(example.subscriber_id.encode()).hexdigest(), 16) % FOLDS


async def test_college_messages(rig: Rig, tmp_path: Path, record_property: Record) -> None:
    """Weekly looks at who wrote of late: does he stop within 14 days? Learned only when that is known."""
    sent = college.sent(data("collegemsg.csv.gz"))
    begin, end = min(times[0] for times in sent.values()), max(times[-1] for times in sent.values())
    over = await run(rig, college.records(sent, end), COLLEGE, tmp_path, end=end + 40 * DAY_MS, clocks=(CALLS,))
    exact(over, COLLEGE, record_property, college.SYNTHESISED)
    learned(over, record_property)

    # Later ones cannot have been told: the data end.
    silent = college.SILENT_DAYS * DAY_MS
    looks = [e for e in weekly(over, begin, end - 2 * silent) if e.label != "void"]
    late = looks[round(0.6 * len(looks)) :]
    product = fed(in_order(over.told), over.numbers)
    risks = {
        "recency_alone": recency(late),
        "prior": told(late, []),
        "served": served(late),
        "product": told(late, product.published),
    }
    tell(record_property, learner_in_order_of_labels=product)
    # As the anchors have it; the lanes ask whether his last message before a lapse falls into the 14 days.
    no_more = np.array([not any(e.ts < ts <= e.ts + silent for ts in sent[e.subscriber_id]) for e in late])
    figures("the_lanes_labels", record_property, late, labels(late), risks, "served", "product")
    figures("no_message_within_14_days", record_property, late, no_more, risks, "served", "product")
