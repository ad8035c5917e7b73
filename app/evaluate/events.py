"""``holdfast evaluate events``: the product without Kafka over a log, and how good the risks are that it would serve.

One lane and the learner process the log in order of time; at each point they know only what was known by then. A log
without outcomes gets them from silence, as an operator would write them: a lapse on the day on which the silence has
lasted long enough, dated by the last use, and a return with the next use.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, groupby
from typing import Any, Final

import numpy as np
from msgspec import structs

from app.errors import Refused
from app.evaluate.boosted import Boosted
from app.evaluate.verdict import JudgedRow, auc_of, figures, gain
from app.publishing.record import TimedRecord, encode
from app.replay.conversion import Stored
from models.analysis.paired_test import Whos, auc_bounded
from models.analysis.score_metrics import OneClassError
from models.arrays import Bools, Floats
from models.contract.events import CALLS, DATA_USAGE, OUTCOMES, Arrival
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.contract.training_example import WEEKLY, Example, WeeklyLabel
from models.detection.detector import Detector
from models.detection.outbox import Body
from models.features.catalogue import INDEX
from models.learning.learner import Learner, LearnerSettings
from models.scoring.prior import prior
from models.scoring.scorer import Scorer
from streams.records.wire import Rejected, decode

LATE: Final = 0.4
"""Last share of the looks, reported apart: by then the learner has seen labels."""
EVERY_MS: Final = 28 * DAY_MS
"""Interval between two fits of the batch model."""


def with_lapses(records: Iterable[TimedRecord], silent_days: float) -> Iterator[TimedRecord]:
    """The records in order of time, with lapses and returns inserted.

    Raises
    ------
    app.errors.Refused
        If no subscriber used anything for that long: a gap in the recording, which would make all leavers.

    Examples
    --------
    >>> days = ((b"a", 0), (b"b", 1), (b"b", 2), (b"a", 4))
    >>> calls = [TimedRecord(CALLS, who, b"", day * DAY_MS) for who, day in days]
    >>> [(r.subscriber_id, r.ts // DAY_MS, r.value[-12:]) for r in with_lapses(calls, 3.0) if r.topic == OUTCOMES]
    [('a', 3, b'ivity_ts":0}'), ('a', 4, b':"returned"}')]
    """
    silent = round(silent_days * DAY_MS)
    used: deque[tuple[int, bytes]] = deque()
    last: dict[bytes, int] = {}
    gone: set[bytes] = set()
    latest = 0

    def lapses(now: int) -> Iterator[TimedRecord]:
        while used and used[0][0] + silent <= now:
            ts, who = used.popleft()
            if last[who] == ts and who not in gone:
                gone.add(who)
                yield _outcome(who, ts + silent, outcome="lapsed", last_activity_ts=ts)

    for record in records:
        yield from lapses(record.ts - 1)
        if record.topic in (CALLS, DATA_USAGE):
            if last and record.ts - latest >= silent:
                raise Refused(
                    f"no use at all for {(record.ts - latest) / DAY_MS:.1f} days: the log has a gap",
                    f"use more days (--inactive-days, now {silent_days:g}), or evaluate before and after it separately",
                )
            latest = last[record.key] = record.ts
            used.append((record.ts, record.key))
        yield record
        if record.key in gone and last[record.key] == record.ts:
            gone.discard(record.key)
            yield _outcome(record.key, record.ts, outcome="returned")
    yield from lapses(latest)


def _outcome(who: bytes, ts: int, **fields: Any) -> TimedRecord:
    return TimedRecord(OUTCOMES, who, encode({"subscriber_id": who.decode(), "ts": ts, **fields}), ts)


def lived(records: Iterable[TimedRecord], policy: Policy, learner: Learner) -> Iterator[Body]:
    """The lane's output in order; its examples carry the risks that were served.

    The lane begins with the learner's model. The learner gets the examples as the lane writes them; a model that it
    publishes on one day is served from the next.

    Parameters
    ----------
    records
        In order of time.

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
                if isinstance(output.body, Example | WeeklyLabel):
                    learner.learn(output.body)
                if output.body is not None:
                    yield output.body
        snapshot = learner.due()
        if snapshot is not None:
            detector.switch(Scorer(snapshot, policy.base_rate))


def _arrival(record: TimedRecord, offset: int) -> Arrival:
    event = decode(record.topic, Stored(offset, record.ts, record.key, record.value), None)
    if isinstance(event, Rejected):
        raise ValueError(f"{record.topic} at {record.ts}: {event.reason}: {event.detail}")
    return Arrival(record.topic, offset, record.ts, event)


class Looks:
    """Weekly looks with a known label, by time, with the risks that different models give them.

    Parameters
    ----------
    told
        All examples and weekly labels that a lane wrote.
    """

    def __init__(self, told: Iterable[Example | WeeklyLabel]) -> None:
        found = [e for e in told if isinstance(e, Example) and e.origin == WEEKLY and e.label != "void"]
        self.examples = sorted(found, key=lambda e: (e.ts, e.subscriber_id))
        self.x = np.array([e.numbers() for e in self.examples]).T
        self.ts = np.array([e.ts for e in self.examples], dtype=np.int64)
        self.left = np.array([e.label == "positive" for e in self.examples], dtype=bool)
        names = np.unique([e.subscriber_id for e in self.examples], return_inverse=True)[1]
        self.who: Whos = names.astype(np.uint32)

    @property
    def served(self) -> Floats:
        """Risk served by the lane at the time."""
        return np.array([e.risk for e in self.examples])

    @property
    def silence(self) -> Floats:
        """Days of silence, the best single rule; infinite for a subscriber who never used anything."""
        return np.asarray(np.nan_to_num(self.x[INDEX["silent_days"]], nan=np.inf))

    @property
    def prior(self) -> Floats:
        """Risk of the prior alone, without learning."""
        return Scorer(prior(), self.examples[0].base_rate).score(self.x).risk

    def refitted(self) -> Floats:
        """Risk by a LightGBM model refitted every four weeks on all labels known by then."""
        known = np.array([e.labelled_ts for e in self.examples], dtype=np.int64)
        rounds, said = (self.ts - self.ts[0]) // EVERY_MS, np.full(len(self.ts), 0.5)
        for number in np.unique(rounds).tolist():
            rows, taught = rounds == number, known <= self.ts[0] + number * EVERY_MS
            if taught.any():
                said[rows] = Boosted(self.x.T[taught], self.left[taught]).risk(self.x.T[rows])
        return said


def evaluate_events(
    records: Iterable[TimedRecord], policy: Policy, settings: LearnerSettings, silent_days: float | None
) -> tuple[list[Example | WeeklyLabel], Learner]:
    """Run a lane and the learner over a log; returns the lane's examples and weekly labels, and the learner at the end.

    Parameters
    ----------
    records
        In order of time.
    silent_days
        Days of silence that count as leaving, and the horizon; None if the log has its own outcomes.
    """
    if silent_days is not None:
        records = with_lapses(records, silent_days)
        labels = structs.replace(policy.labels, horizon_days=silent_days, lapse_days=silent_days)
        policy = structs.replace(policy, labels=labels)
    settings = structs.replace(settings, horizon_days=policy.labels.horizon_days)
    learner = Learner(settings, prior())
    return [body for body in lived(records, policy, learner) if isinstance(body, Example | WeeklyLabel)], learner


def facts_of(
    told: Sequence[Example | WeeklyLabel], learner: Learner, span_days: float, library: str | None
) -> dict[str, Any]:
    """Figures for the whole log, its last part and spans of time; with a `library` also those of the batch model.

    Raises
    ------
    Refused
        If no label became known within the log, or all labels are equal.
    """
    looks = Looks(told)
    if not len(looks.ts):
        raise Refused("no outcome becomes known within the log", "use a longer log, or a shorter horizon")
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
    """The figures, or only the counts if all labels are equal."""
    try:
        return _part(looks, risks, rows)
    except OneClassError:
        return {"rows": int(rows.sum()), "left": int(looks.left[rows].sum())}


def _alerts(told: Sequence[Example | WeeklyLabel]) -> dict[str, dict[str, float]]:
    """Precision of each kind of alert, over alerts with a known outcome."""
    found: dict[str, dict[str, float]] = {}
    for each in told:
        if isinstance(each, Example) and each.origin != WEEKLY and each.label != "void":
            counts = found.setdefault(each.origin, {"known": 0, "left": 0})
            counts["known"] += 1
            counts["left"] += each.label == "positive"
    return {kind: counts | {"precision": counts["left"] / counts["known"]} for kind, counts in sorted(found.items())}


def scored(looks: Looks) -> list[JudgedRow]:
    """Each look with its label and the served risk."""
    return [JudgedRow(e.subscriber_id, e.label == "positive", e.risk, e.ts / DAY_MS) for e in looks.examples]


def lines(facts: dict[str, Any]) -> list[str]:
    """The figures as lines of text."""
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
