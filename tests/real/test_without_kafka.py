"""What prior and learner are worth on whole logs: real people's, and simulated operators'.

Lane and learner live through each log as ``holdfast evaluate events`` has them: each weekly look has the risk that was
served of it. ``HOLDFAST_DATA`` is the folder of the real logs, which may not be shipped.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from zlib import crc32

import numpy as np
import pytest
from msgspec.structs import replace
from support import college, upgrad
from support.lived import COLLEGE, UPGRAD, of_college, of_upgrad, simulated
from support.real_data import data, needed
from support.real_figures import Bools, Floats, Measured, measured
from support.real_run import BYSTANDER

from app.evaluate.events import Looks, lived
from models.analysis.score_metrics import calibration_error
from models.contract.events import CALLS, DATA_USAGE, SUBSCRIBERS
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.contract.training_example import WEEKLY, Example, WeeklyLabel
from models.detection.outbox import Body
from models.learning.admission import Lesson
from models.learning.learner import Learner, LearnerSettings
from models.scoring.prior import prior

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
Record = Callable[[str, object], None]
Told = list[Example | WeeklyLabel]
SPANS = ((14, 30), (30, 45), (45, 60), (60, 90), (90, 120), (120, 150), (150, 176))


def people(of: Iterable[Body]) -> Told:
    told = (each for each in of if isinstance(each, Example | WeeklyLabel))
    return [each for each in told if not each.subscriber_id.startswith(BYSTANDER)]


def weekly(of: Told, first: int, last: int) -> Looks:
    return Looks(e for e in of if first <= e.ts < last)


def figures(looks: Looks, left: Bools, rows: Bools, record: Record, name: str) -> list[Measured]:
    """Silence alone, prior and served: printed and recorded."""
    who = [e.subscriber_id for e, one in zip(looks.examples, rows.tolist(), strict=True) if one]
    risks = {"silence alone": looks.silence, "prior": looks.prior, "served": looks.served}
    found = {what: measured(risk[rows], left[rows], who) for what, risk in risks.items()}
    for what, figure in found.items():
        record(f"{name}, {what}", str(figure))
        sys.stdout.write(f"{name}, {what}: {figure}\n")
    return list(found.values())


@needed
def test_upgrad_gone_in_month_9(record_property: Record) -> None:
    rows = upgrad.rows(data("upgrad_sea_600.csv.gz"))
    gone = {row["mobile_number"] for row in rows if upgrad.left(row)}
    told = people(lived(of_upgrad((CALLS, DATA_USAGE)), UPGRAD, Learner(LearnerSettings(), prior())))
    # Everybody's last look before the fourth month, whatever became known of it.
    last = {e.subscriber_id: replace(e, label="negative") for e in told if isinstance(e, Example) and e.origin == WEEKLY
            if upgrad.at(8, 25) <= e.ts < upgrad.at(9, 1)}  # fmt: skip
    looks = Looks(last.values())
    left = np.array([e.subscriber_id in gone for e in looks.examples])
    silence, alone, _ = figures(looks, left, left | ~left, record_property, "upGrad")
    assert len(left) > 0.9 * len(rows)
    assert alone.auc >= max(0.855, silence.auc)


@needed
def test_college_no_message_within_14_days(record_property: Record) -> None:
    sent, silent = college.sent(data("collegemsg.csv.gz")), college.SILENT_DAYS * DAY_MS
    begin, end = min(times[0] for times in sent.values()), max(times[-1] for times in sent.values())
    learner = Learner(LearnerSettings(horizon_days=14.0), prior())
    looks = weekly(people(lived(of_college(sent, (CALLS,)), COLLEGE, learner)), begin, end - 2 * silent)
    left = np.array([not any(e.ts < ts <= e.ts + silent for ts in sent[e.subscriber_id]) for e in looks.examples])
    late, days = np.arange(len(left)) >= round(0.6 * len(left)), (looks.ts - begin) // DAY_MS
    for name, rows in (("last 40 %", late), *((f"from day {d}", days // 40 == d // 40) for d in range(0, 160, 40))):
        silence, _, served = figures(looks, left, rows, record_property, f"CollegeMsg, {name}")
        assert served.auc >= silence.auc
        assert name != "last 40 %" or served.auc >= 0.73


def operator(seed: int, learner: Learner) -> Looks:
    """Looks at a simulated operator's subscribers from the third week on, 5 % leaving a month."""
    told = people(lived(simulated(seed, 1_200, 220, 0.05), Policy(base_rate=0.05), learner))
    since = min(e.ts for e in told if isinstance(e, Example) and e.origin == WEEKLY)
    return weekly(told, since + 14 * DAY_MS, since + 176 * DAY_MS)


def spans(looks: Looks, record: Record, name: str) -> Iterator[tuple[int, float]]:
    """Where each span ends, and the AUC of what was served in it."""
    day = (looks.ts - looks.ts[0]) // DAY_MS + 14
    for first, last in SPANS:
        rows = (first <= day) & (day < last)
        yield last, figures(looks, looks.left, rows, record, f"{name}, days {first}-{last}")[-1].auc


@pytest.mark.parametrize(("seed", "floor"), [(23, 0.745), (11, 0.75), (5, 0.75)])
def test_simulated_operators(seed: int, floor: float, record_property: Record) -> None:
    looks = operator(seed, Learner(LearnerSettings(), prior()))
    all_of_them = looks.left | ~looks.left
    _, alone, served = figures(looks, looks.left, all_of_them, record_property, f"simulated, seed {seed}")
    assert served.auc >= max(floor, alone.auc)
    assert calibration_error(looks.served, looks.left) <= 0.012


def test_a_wrong_prior_is_overcome(record_property: Record) -> None:
    """Every other curve upside down."""
    curves = [
        replace(c, values=[-v for v in c.values], missing=-c.missing) if n % 2 else c
        for n, c in enumerate(prior().curves)
    ]
    learner = Learner(LearnerSettings(), replace(prior(), version="wrong", curves=curves))
    found = dict(spans(operator(5, learner), record_property, "wrong prior"))
    assert all(auc >= 0.68 for last, auc in found.items() if last >= 90)


class Misled(Learner):
    """Is told wrong fates from a day on."""

    how = ""
    since: int | None = None

    def learn(self, told: Example | WeeklyLabel) -> Lesson:
        self.since = told.ts + 75 * DAY_MS if self.since is None else self.since
        if isinstance(told, WeeklyLabel) and told.known_ts >= self.since:
            left = not told.left if self.how == "inverted" else crc32(told.fate_id.encode()) % 80 == 0
            told = replace(told, left=left, outcome="ported_out" if left else None)
        return super().learn(told)


@pytest.mark.parametrize("how", ["inverted", "shuffled"])
def test_labels_broken_from_day_75_do_no_harm(how: str, record_property: Record) -> None:
    learner = Misled(LearnerSettings(), prior())
    learner.how = how
    found = dict(spans(operator(5, learner), record_property, how))
    assert all(auc >= 0.70 for last, auc in found.items() if last > 75)


def first_week_live(seed: int) -> tuple[list[str], Bools, dict[str, Floats]]:
    """Looks of the first week after 100 days, who left within their month, and what each way says of them."""
    records = list(simulated(seed, 1_200, 140, 0.05))
    live = records[0].ts + 100 * DAY_MS
    profiles = {r.key: r for r in records if r.topic == SUBSCRIBERS and r.ts < live}
    without = [*profiles.values(), *(r for r in records if r.ts >= live)]
    warm, cold = (
        weekly(people(lived(log, Policy(base_rate=0.05), Learner(LearnerSettings(), prior()))), live, live + 7 * DAY_MS)
        for log in (records, without)
    )
    rows = {e.subscriber_id: row for row, e in enumerate(cold.examples)}
    both = [row for row, e in enumerate(warm.examples) if e.subscriber_id in rows]
    names = [warm.examples[row].subscriber_id for row in both]
    beside = [rows[name] for name in names]
    risks = {"without history": cold.served[beside], "prior": warm.prior[both], "served": warm.served[both]}
    return [f"{seed}-{name}" for name in names], warm.left[both], risks


def test_100_days_of_history_first(record_property: Record) -> None:
    """Three operators who begin with 100 days, beside the same who begin with nothing but profiles."""
    names, left, risks = zip(*(first_week_live(seed) for seed in (47, 59, 61)), strict=True)
    who, gone = [name for of_one in names for name in of_one], np.concatenate(left)
    found = {name: measured(np.concatenate([of_one[name] for of_one in risks]), gone, who) for name in risks[0]}
    for name, figure in found.items():
        record_property(f"first week live, {name}", str(figure))
        sys.stdout.write(f"first week live, {name}: {figure}\n")
    assert found["served"].auc >= found["without history"].auc + 0.02
