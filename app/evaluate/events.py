"""``holdfast evaluate events``: figures of a log without any label, since silence is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from app.errors import Refused
from app.evaluate import boosted
from app.evaluate.log import Log, events_of
from app.evaluate.progress import progress
from app.evaluate.refitted import EVERY, Refitted
from app.evaluate.rival import Rival, Told, against
from app.evaluate.sheet import read
from app.evaluate.stream import LATE, Snapshot, calendar, known_labels, replay
from app.evaluate.verdict import Scored, Verdict
from app.replay.moments import First
from models.quality import OneClassError, Quality, measure

LEAST_SNAPSHOTS: Final = 10


class EventQuestion(NamedTuple):
    """What to evaluate."""

    log: Path
    id_column: str
    ts_column: str
    value_column: str | None
    inactive_days: float
    every_days: float
    against_batch: bool = False
    first: First | None = None


def evaluate_events(question: EventQuestion) -> Verdict:
    """Replay a log once, with labels that come a horizon late.

    Raises
    ------
    Refused
        If the file, a column or the length of the log is not what it should be.
    """
    library = boosted.library() if question.against_batch else None
    batch = None if library is None else Refitted()
    columns = question.id_column, question.ts_column, question.value_column
    log = events_of(read(question.log), *columns, question.first)
    horizon, every = question.inactive_days, question.every_days
    days = calendar(log, horizon, every)
    known = int(known_labels(log, days, horizon).sum())
    if known < LEAST_SNAPSHOTS:
        raise Refused(
            f"the log lasts {log.at[-1] - log.at[0]:.1f} days: of {known} snapshots only the labels would be known",
            f"{LEAST_SNAPSHOTS} are needed: lower --inactive-days ({horizon:g}) or --every-days ({every:g})",
        )
    with progress("snapshots", known) as tick:
        done = list(replay(log, horizon, every, tick, batch))
    late = [snapshot for snapshot in done if snapshot.frozen is not None and snapshot.learned_before]
    if not late:
        raise Refused("nobody has three events within the horizon in the last part of the log", "lengthen the horizon")
    left = np.concatenate([snapshot.left for snapshot in late])
    told = np.concatenate([snapshot.told for snapshot in late])
    frozen = np.concatenate([s.frozen for s in late if s.frozen is not None])
    try:
        figures = measure(frozen, left), measure(told, left)
    except OneClassError as error:
        raise Refused(f"the last part of the log: {error}", "try another --inactive-days") from error
    about = _about(question, log, done, late) | {"labels_never_known": len(days) - known}
    rival = None if batch is None or library is None else _rival(library, batch, late)
    return Verdict(*figures, about, [row for snapshot in late for row in _rows(log, snapshot)], rival)


def _rival(library: str, batch: Refitted, late: list[Snapshot]) -> Rival:
    """Judge the refitted trees on the rows of `prequential`. Somebody's snapshots overlap: they are one testimony."""
    told = Told(
        np.concatenate([s.told for s in late]),
        np.concatenate([s.batch for s in late if s.batch is not None]),
        np.concatenate([s.left for s in late]),
        np.concatenate([s.who for s in late]).astype(np.uint32),
        batch.trees,
    )
    return against(
        told,
        compared_with="prequential",
        library=library,
        about=f"grown {batch.fits} times, every {EVERY} snapshots, on all labels known by then; rows of `prequential`",
    )


def _about(question: EventQuestion, log: Log, done: list[Snapshot], late: list[Snapshot]) -> dict[str, Any]:
    whole = [snapshot for snapshot in done if snapshot.learned_before]
    share = f"the last {LATE:.0%} of the snapshots"
    return {
        "learner": "straight",
        "label": f"no event of one's own for {question.inactive_days:g} days; learned when these have passed",
        "scored": {
            "frozen": f"{share}, by the model as it was at their beginning",
            "prequential": f"{share}, each by what was known on its day",
            "who": f"whoever has 3 events or more, the last within {question.inactive_days:g} days",
        },
        "whole": _figures(whole),
        "snapshots": {"all": len(done), "scored": len(late)},
        "rows": {
            "all": sum(len(s.who) for s in done),
            "scored": sum(len(s.who) for s in late),
            "left_among_scored": int(sum(s.left.sum() for s in late)),
        },
        "events": len(log.at),
        "people": len(log.people),
        "counterpart": log.counterpart,
        "unreadable": log.unreadable,
    }


def _figures(snapshots: list[Snapshot]) -> dict[str, float] | None:
    """Every snapshot that was scored by a model which had seen labels."""
    try:
        quality: Quality = measure(
            np.concatenate([s.told for s in snapshots]), np.concatenate([s.left for s in snapshots])
        )
    except OneClassError:
        return None
    return quality._asdict()


def _rows(log: Log, snapshot: Snapshot) -> list[Scored]:
    return [
        Scored(log.people[who], left, told, snapshot.at)
        for who, left, told in zip(snapshot.who.tolist(), snapshot.left.tolist(), snapshot.told.tolist(), strict=True)
    ]
