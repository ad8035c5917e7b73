"""What prior and learner are worth on whole logs: real people's, and simulated operators'.

One lane without Kafka lives through each log; the learner gets what the lane tells, in its order, and each weekly look
is scored by what was in force then. ``HOLDFAST_DATA`` is the folder of the real logs, which may not be shipped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import lru_cache
from zlib import crc32

import numpy as np
import pytest
from msgspec.structs import replace
from support import college, upgrad
from support.fed_learner import fed, told
from support.lived import COLLEGE, UPGRAD, lived, of_college, of_upgrad, simulated
from support.real_data import data, needed
from support.real_figures import Bools, Floats, Measured, measured, vectors
from support.real_run import BYSTANDER

from models.events import CALLS, DATA_USAGE, DAY_MS, SUBSCRIBERS
from models.example import WEEKLY, Example, Fate
from models.features.catalogue import INDEX
from models.learner import LearnerSettings
from models.policy import Policy
from models.prior import prior
from models.quality import calibration_error
from models.risk import Scorer
from models.snapshot import Snapshot

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
Record = Callable[[str, object], None]
Told = list[Example | Fate]
SPANS = ((14, 30), (30, 45), (45, 60), (60, 90), (90, 120), (120, 150), (150, 176))


def people(of: Told) -> Told:
    return [each for each in of if not each.subscriber_id.startswith(BYSTANDER)]


def weekly(of: Told, first: int, last: int) -> list[Example]:
    found = [e for e in of if isinstance(e, Example) and e.origin == WEEKLY and first <= e.ts < last]
    return sorted(found, key=lambda e: (e.ts, e.subscriber_id))


def figures(looks: list[Example], left: Bools, risks: dict[str, Floats], record: Record, name: str) -> list[Measured]:
    """Print and record them; silence alone beside them."""
    x, who = vectors(looks), [e.subscriber_id for e in looks]
    risks = {"silence alone": np.nan_to_num(x[INDEX["silent_days"]], nan=np.inf)} | risks
    found = {what: measured(risk, left, who) for what, risk in risks.items()}
    for what, figure in found.items():
        record(f"{name}, {what}", str(figure))
        sys.stdout.write(f"{name}, {what}: {figure}\n")
    return list(found.values())


def by_prior(looks: list[Example]) -> Floats:
    return Scorer(prior(), looks[0].base_rate).score(vectors(looks)).risk


@needed
def test_upgrad_gone_in_month_9(record_property: Record) -> None:
    rows = upgrad.rows(data("upgrad_sea_600.csv.gz"))
    gone = {row["mobile_number"] for row in rows if upgrad.left(row)}
    every = people(lived(of_upgrad((CALLS, DATA_USAGE)), UPGRAD))
    looks = list({e.subscriber_id: e for e in weekly(every, upgrad.at(8, 25), upgrad.at(9, 1))}.values())
    left = np.array([e.subscriber_id in gone for e in looks])
    silence, alone = figures(looks, left, {"prior": by_prior(looks)}, record_property, "upGrad")
    assert alone.auc >= max(0.855, silence.auc)


@needed
def test_college_no_message_within_14_days(record_property: Record) -> None:
    sent, silent = college.sent(data("collegemsg.csv.gz")), college.SILENT_DAYS * DAY_MS
    begin, end = min(times[0] for times in sent.values()), max(times[-1] for times in sent.values())
    every = people(lived(of_college(sent, (CALLS,)), COLLEGE))
    published = fed(every, LearnerSettings(horizon_days=14.0)).published
    looks = [e for e in weekly(every, begin, end - 2 * silent) if e.label != "void"]
    left = np.array([not any(e.ts < ts <= e.ts + silent for ts in sent[e.subscriber_id]) for e in looks])
    risks = {"prior": by_prior(looks), "served": told(looks, published)}
    late = np.arange(len(looks)) >= round(0.6 * len(looks))
    days = np.array([(e.ts - begin) // DAY_MS for e in looks])
    for name, rows in (("last 40 %", late), *((f"from day {d}", days // 40 == d // 40) for d in range(0, 160, 40))):
        some = [e for e, one in zip(looks, rows.tolist(), strict=True) if one]
        of = {what: risk[rows] for what, risk in risks.items()}
        silence, _, served = figures(some, left[rows], of, record_property, f"CollegeMsg, {name}")
        assert served.auc >= silence.auc
        assert name != "last 40 %" or served.auc >= 0.72


@lru_cache(maxsize=1)  # half a gigabyte each
def operator(seed: int) -> Told:
    return lived(simulated(seed, 1_200, 220, 0.05), Policy(base_rate=0.05))


def spans(every: Told, model: Snapshot, record: Record, name: str) -> Iterator[tuple[int, float]]:
    """Where each span ends, and the AUC of what was served in it."""
    since = min(e.ts for e in every if isinstance(e, Example) and e.origin == WEEKLY)
    # Judged by the truth, whatever the learner was told.
    looks = [e for e in weekly(operator(5), since, since + 176 * DAY_MS) if e.label != "void"]
    published = fed(every, LearnerSettings(), model).published
    left, risk = np.array([e.label == "positive" for e in looks]), told(looks, published, model)
    for first, last in SPANS:
        rows = np.array([first * DAY_MS <= e.ts - since < last * DAY_MS for e in looks])
        some = [e for e, one in zip(looks, rows.tolist(), strict=True) if one]
        yield last, figures(some, left[rows], {"served": risk[rows]}, record, f"{name}, days {first}-{last}")[-1].auc


@pytest.mark.parametrize(("seed", "floor"), [(23, 0.745), (11, 0.75), (5, 0.75)])
def test_simulated_operators(seed: int, floor: float, record_property: Record) -> None:
    every = operator(seed)
    since = min(e.ts for e in every if isinstance(e, Example) and e.origin == WEEKLY)
    looks = [e for e in weekly(every, since + 14 * DAY_MS, since + 176 * DAY_MS) if e.label != "void"]
    left = np.array([e.label == "positive" for e in looks])
    risk = told(looks, fed(every, LearnerSettings()).published)
    risks = {"prior": by_prior(looks), "served": risk}
    _, alone, served = figures(looks, left, risks, record_property, f"simulated, seed {seed}")
    assert served.auc >= max(floor, alone.auc)
    assert calibration_error(risk, left) <= 0.012


def test_a_wrong_prior_is_overcome(record_property: Record) -> None:
    """Every other curve upside down."""
    curves = [
        replace(c, values=[-v for v in c.values], missing=-c.missing) if n % 2 else c
        for n, c in enumerate(prior().curves)
    ]
    found = dict(spans(operator(5), replace(prior(), version="wrong", curves=curves), record_property, "wrong prior"))
    assert all(auc >= 0.68 for last, auc in found.items() if last >= 90)


@pytest.mark.parametrize("how", ["inverted", "shuffled"])
def test_labels_broken_from_day_75_do_no_harm(how: str, record_property: Record) -> None:
    since = min(e.ts for e in operator(5) if isinstance(e, Example) and e.origin == WEEKLY) + 75 * DAY_MS

    def broken(fate: Fate) -> Fate:
        left = not fate.left if how == "inverted" else crc32(fate.fate_id.encode()) % 80 == 0
        return replace(fate, left=left, outcome="ported_out" if left else None)

    every = [broken(e) if isinstance(e, Fate) and e.known_ts >= since else e for e in operator(5)]
    found = dict(spans(every, prior(), record_property, how))
    assert all(auc >= 0.70 for last, auc in found.items() if last > 75)


def first_week_live(seed: int) -> tuple[list[Example], Bools, dict[str, Floats]]:
    """Looks of the first week after 100 days, who left within their month, and what each way would say of them."""
    records = list(simulated(seed, 1_200, 140, 0.05))
    live = records[0].ts + 100 * DAY_MS
    profiles = {r.key: r for r in records if r.topic == SUBSCRIBERS and r.ts < live}
    policy, week = Policy(base_rate=0.05), (live, live + 7 * DAY_MS)
    history = lived(records, policy)
    nothing = lived([*profiles.values(), *(r for r in records if r.ts >= live)], policy)
    warm, cold = (
        {e.subscriber_id: e for e in weekly(every, *week) if e.label != "void"} for every in (history, nothing)
    )
    both = sorted(warm.keys() & cold.keys())
    looks = [warm[who] for who in both]
    known = [e for e in history if (e.known_ts if isinstance(e, Fate) else e.labelled_ts) < live]
    risks = {
        "without history": by_prior([cold[who] for who in both]),
        "prior": by_prior(looks),
        "served": told(looks, fed(known, LearnerSettings()).published),
    }
    named = [replace(e, subscriber_id=f"{seed}-{e.subscriber_id}") for e in looks]
    return named, np.array([e.label == "positive" for e in looks]), risks


def test_100_days_of_history_first(record_property: Record) -> None:
    """Three operators who begin with 100 days, beside the same who begin with nothing but profiles."""
    looks, left, risks = zip(*(first_week_live(seed) for seed in (47, 59, 61)), strict=True)
    every, who = [e for of_one in looks for e in of_one], np.concatenate(left)
    beside = {name: np.concatenate([of_one[name] for of_one in risks]) for name in risks[0]}
    _, without, _, served = figures(every, who, beside, record_property, "first week live")
    assert served.auc >= without.auc + 0.02
