"""``holdfast evaluate events``: what a lane would have served of a log, and how good it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from msgspec import structs

from app.errors import Refused
from app.evaluate.boosted import Boosted
from app.evaluate.off_line import lived
from app.evaluate.silence import with_lapses
from app.evaluate.verdict import JudgedRow, auc_of, figures, gain
from app.publishing.record import TimedRecord
from models.analysis.paired_test import Whos, auc_bounded
from models.analysis.score_metrics import OneClassError
from models.arrays import Bools, Floats
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.contract.training_example import WEEKLY, Example, Fate
from models.features.catalogue import INDEX
from models.learning.learner import Learner, LearnerSettings
from models.scoring.prior import prior
from models.scoring.scorer import Scorer

LATE: Final = 0.4
"""The last share of the looks: by then the learner has seen labels."""
EVERY_MS: Final = 28 * DAY_MS
"""Between two fits of the batch rival."""


class Looks:
    """Weekly looks whose label is known, by time, with the risks that different models said of them.

    Parameters
    ----------
    told
        All that a lane told.
    """

    def __init__(self, told: Iterable[Example | Fate]) -> None:
        found = [e for e in told if isinstance(e, Example) and e.origin == WEEKLY and e.label != "void"]
        self.examples = sorted(found, key=lambda e: (e.ts, e.subscriber_id))
        self.x = np.array([e.numbers() for e in self.examples]).T
        self.ts = np.array([e.ts for e in self.examples], dtype=np.int64)
        self.left = np.array([e.label == "positive" for e in self.examples], dtype=bool)
        names = np.unique([e.subscriber_id for e in self.examples], return_inverse=True)[1]
        self.who: Whos = names.astype(np.uint32)

    @property
    def served(self) -> Floats:
        """As the lane said it at the moment."""
        return np.array([e.risk for e in self.examples])

    @property
    def silence(self) -> Floats:
        """Days of silence, the best single rule; who never used anything is the most silent."""
        return np.asarray(np.nan_to_num(self.x[INDEX["silent_days"]], nan=np.inf))

    @property
    def prior(self) -> Floats:
        """What would have been served without learning."""
        return Scorer(prior(), self.examples[0].base_rate).score(self.x).risk

    def refitted(self) -> Floats:
        """What a LightGBM would have said that was grown anew every four weeks on all labels known by then."""
        known = np.array([e.labelled_ts for e in self.examples], dtype=np.int64)
        rounds, said = (self.ts - self.ts[0]) // EVERY_MS, np.full(len(self.ts), 0.5)
        for number in np.unique(rounds).tolist():
            rows, taught = rounds == number, known <= self.ts[0] + number * EVERY_MS
            if taught.any():
                said[rows] = Boosted(self.x.T[taught], self.left[taught]).risk(self.x.T[rows])
        return said


def evaluate_events(
    records: Iterable[TimedRecord], policy: Policy, settings: LearnerSettings, silent_days: float | None
) -> tuple[list[Example | Fate], Learner]:
    """Live through a log; returns all that the lane told, and the learner at its end.

    Parameters
    ----------
    records
        In the order of time.
    silent_days
        So long a silence is an outcome, and the horizon too; None where the log has outcomes of its own.
    """
    if silent_days is not None:
        records = with_lapses(records, silent_days)
        labels = structs.replace(policy.labels, horizon_days=silent_days, lapse_days=silent_days)
        policy = structs.replace(policy, labels=labels)
    settings = structs.replace(settings, horizon_days=policy.labels.horizon_days)
    learner = Learner(settings, prior())
    return [body for body in lived(records, policy, learner) if isinstance(body, Example | Fate)], learner


def facts_of(told: Sequence[Example | Fate], learner: Learner, span_days: float, library: str | None) -> dict[str, Any]:
    """Figures of the whole, of its last part and of spans of time; a batch rival's too, where there is a library.

    Raises
    ------
    Refused
        If no label was known within the log, or all were alike.
    """
    looks = Looks(told)
    if not len(looks.ts):
        raise Refused("within the log it is known of nobody whether they left", "a longer log, or shorter horizons")
    risks = {"served": looks.served, "prior": looks.prior}
    if library is not None:
        risks["batch"] = looks.refitted()
    try:
        whole = _part(looks, risks, np.ones(len(looks.ts), dtype=bool))
    except OneClassError as error:
        raise Refused(f"the log: {error}") from error
    span = ((looks.ts - looks.ts[0]) // round(span_days * DAY_MS)).astype(np.int64)
    spans = [(number, _known(looks, risks, span == number)) for number in np.unique(span).tolist()]
    report = learner.report()
    return {
        "whole": whole,
        "late": _known(looks, risks, np.arange(len(looks.ts)) >= round((1.0 - LATE) * len(looks.ts))),
        "spans": [{"from_day": n * span_days, "to_day": (n + 1) * span_days} | part for n, part in spans],
        "alerts": _alerts(told),
        "models": len({e.model_version for e in looks.examples}),
        "share_learned": report.share,
        "leavers_learned": report.leavers,
        **({} if library is None else {"library": library}),
    }


def _part(looks: Looks, risks: dict[str, Floats], rows: Bools) -> dict[str, Any]:
    left, who = looks.left[rows], looks.who[rows]
    found = {name: figures(risk[rows], left, who) for name, risk in risks.items()}
    silence = auc_bounded(looks.silence[rows], left, who)
    over = {"silence": looks.silence} | {name: risk for name, risk in risks.items() if name != "served"}
    gains = {name: structs.asdict(gain(risks["served"][rows], risk[rows], left, who)) for name, risk in over.items()}
    alone = {"roc_auc": silence.value, "roc_auc_95": [silence.low, silence.high]}
    counts = {"rows": int(rows.sum()), "left": int(left.sum()), "people": len(np.unique(who))}
    return counts | found | {"silence": alone, "served_over": gains}


def _known(looks: Looks, risks: dict[str, Floats], rows: Bools) -> dict[str, Any]:
    """The figures, or how many rows there were without any."""
    try:
        return _part(looks, risks, rows)
    except OneClassError:
        return {"rows": int(rows.sum()), "left": int(looks.left[rows].sum())}


def _alerts(told: Sequence[Example | Fate]) -> dict[str, dict[str, float]]:
    """Precision of each kind of alert, as far as it is known."""
    found: dict[str, dict[str, float]] = {}
    for each in told:
        if isinstance(each, Example) and each.origin != WEEKLY and each.label != "void":
            counts = found.setdefault(each.origin, {"known": 0, "left": 0})
            counts["known"] += 1
            counts["left"] += each.label == "positive"
    return {kind: counts | {"precision": counts["left"] / counts["known"]} for kind, counts in sorted(found.items())}


def scored(looks: Looks) -> list[JudgedRow]:
    """Each look, with what was served."""
    return [JudgedRow(e.subscriber_id, e.label == "positive", e.risk, e.ts / DAY_MS) for e in looks.examples]


def lines(facts: dict[str, Any]) -> list[str]:
    """The figures, for people."""
    names = ["silence", "prior", "served", *(["batch"] if "library" in facts else [])]
    spans = [(f"days {part['from_day']:g}-{part['to_day']:g}", part) for part in facts["spans"]]
    parts = [("whole", facts["whole"]), (f"last {LATE:.0%}", facts["late"]), *spans]
    found = [f"{'AUC [95 %]':14}{'looks':>8}{'left':>7}" + "".join(f"{name:>22}" for name in names)]
    for title, part in parts:
        cells = [auc_of(part[name]) if name in part else "-" for name in names]
        found.append(f"{title:14}{part['rows']:8}{part['left']:7}" + "".join(f"{cell:>22}" for cell in cells))
    served = facts["whole"]["served"]
    found.append(f"served, whole: lift in the top tenth {served['lift_top_decile']:.2f}, ECE {served['ece']:.3f}")
    found += [
        f"alerts, {kind}: {counts['left']} of {counts['known']} left ({counts['precision']:.2f})"
        for kind, counts in facts["alerts"].items()
    ]
    return found
