"""What the prior by hand is worth before anybody has told a label: real people's logs, and simulated operators.

One lane without Kafka lives through each log; the weekly vectors are scored afterwards by the prior. ``HOLDFAST_DATA``
is the folder of the real ones, which may not be shipped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from support import college, upgrad
from support.lived import COLLEGE, UPGRAD, lived, of_college, of_upgrad, simulated
from support.real_data import data, needed
from support.real_figures import Bools, Floats, Measured, measured, vectors
from support.real_run import BYSTANDER

from models.events import CALLS, DATA_USAGE, DAY_MS
from models.example import WEEKLY, Example
from models.features.catalogue import INDEX
from models.policy import Policy
from models.prior import prior
from models.risk import Scorer

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
Record = Callable[[str, object], None]


def weekly(examples: list[Example], first: int, last: int) -> list[Example]:
    found = [
        e for e in examples if e.origin == WEEKLY and first <= e.ts < last and not e.subscriber_id.startswith(BYSTANDER)
    ]
    return sorted(found, key=lambda e: (e.ts, e.subscriber_id))


def told(looks: list[Example], left: Bools, record: Record, name: str) -> Measured:
    x, who = vectors(looks), [e.subscriber_id for e in looks]
    silent: Floats = np.nan_to_num(x[INDEX["silent_days"]], nan=np.inf)
    found = measured(Scorer(prior()).score(x).risk, left, who)
    for what, figure in (("prior", found), ("silence alone", measured(silent, left, who))):
        record(f"{name}, {what}", str(figure))
        sys.stdout.write(f"{name}, {what}: {figure}\n")
    return found


@needed
def test_upgrad_gone_in_month_9(record_property: Record) -> None:
    rows = upgrad.rows(data("upgrad_sea_600.csv.gz"))
    gone = {row["mobile_number"] for row in rows if upgrad.left(row)}
    seen = weekly(lived(of_upgrad((CALLS, DATA_USAGE)), UPGRAD), upgrad.at(8, 25), upgrad.at(9, 1))
    looks = list({e.subscriber_id: e for e in seen}.values())
    left = np.array([e.subscriber_id in gone for e in looks])
    assert told(looks, left, record_property, "upGrad").auc >= 0.855


@needed
def test_college_no_message_within_14_days(record_property: Record) -> None:
    sent, silent = college.sent(data("collegemsg.csv.gz")), college.SILENT_DAYS * DAY_MS
    begin, end = min(times[0] for times in sent.values()), max(times[-1] for times in sent.values())
    looks = [
        e for e in weekly(lived(of_college(sent, (CALLS,)), COLLEGE), begin, end - 2 * silent) if e.label != "void"
    ]
    late = looks[round(0.6 * len(looks)) :]
    left = np.array([not any(e.ts < ts <= e.ts + silent for ts in sent[e.subscriber_id]) for e in late])
    assert told(late, left, record_property, "CollegeMsg, last 40 %").auc >= 0.69


@pytest.mark.parametrize("seed", [5, 11, 23])
def test_simulated_operators(seed: int, record_property: Record) -> None:
    examples = lived(simulated(seed, 1_200, 220, 0.05), Policy(base_rate=0.05))
    since = min(e.ts for e in examples if e.origin == WEEKLY)
    looks = [e for e in weekly(examples, since + 14 * DAY_MS, since + 176 * DAY_MS) if e.label != "void"]
    left = np.array([e.label == "positive" for e in looks])
    assert told(looks, left, record_property, f"simulated, seed {seed}").auc >= 0.71
