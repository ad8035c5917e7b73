"""When a snapshot is published: what is served now, how long it has been, and what the evidence says.

All is counted in labels. Evidence begins anew with every change of what is served: the risks of the one before say
nothing about it.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, Self

import msgspec
from msgspec import Struct

from models.evidence import WINS, Comparison, Demands, Verdict, better, not_worse
from models.learner_settings import LearnerSettings
from models.snapshot import Snapshot

_NUMBER: Final = re.compile(r"m-(\d+)")


class Step(StrEnum):
    """What a look came to."""

    TOO_SOON = "too_soon"
    GUARDED = "guarded"
    NOT_YET = "not_yet"
    PROMOTED = "promoted"
    REFRESHED = "refreshed"


class Look(Struct, frozen=True, kw_only=True):
    """One look at the evidence: what was compared, what it said, and what came of it."""

    step: Step
    verdict: Verdict | None
    labels: int
    comparison: Comparison | None
    version: str | None = None
    against: str | None = None


class PublicationState(Struct, frozen=True, kw_only=True):
    """Everything that is needed to go on."""

    served: Snapshot
    pending: Snapshot | None
    follows: bool
    number: int
    quiet_until: int
    published_at: int
    evidence_from: int
    last: Look | None
    latest: Look | None


class Publication:
    """See the module.

    Parameters
    ----------
    settings
        The numbers.
    served
        The snapshot served now.
    """

    def __init__(self, settings: LearnerSettings, served: Snapshot) -> None:
        self._settings = settings
        self.served = served
        self.pending: Snapshot | None = None
        self.evidence_from = 0
        """Vectors frozen from this time on, ms, are evidence about what is served: their outcome was not learned."""
        self.last: Look | None = None
        """The look at which something was published."""
        self.latest: Look | None = None
        self._follows = False  # what is served is an earlier self of the champion
        self._number = number_of(served.version)
        self._quiet_until = 0
        self._published_at = 0

    @property
    def follows(self) -> bool:
        """Whether what is served is an earlier self of the champion."""
        return self._follows

    def another_champion(self) -> None:
        """The champion was replaced: what is served is no earlier self of it."""
        self._follows = False

    def asks(self, labels: int) -> bool:
        """Whether it is time to look at the evidence."""
        wait = self._published_at + self._settings.publish_every if self._follows else self._quiet_until
        return labels >= max(wait, self._quiet_until)

    def look(self, labels: int, comparison: Comparison | None, *, held: bool) -> Look:
        """Decide; the caller publishes if the step says so."""
        settings = self._settings
        verdict = None
        step = Step.NOT_YET
        if comparison is not None and self._follows:
            demands = Demands(
                labels=settings.publish_every,
                positives=settings.refresh_positives,
                floor=settings.floor_auc,
                margin=settings.margin,
            )
            verdict = not_worse(comparison, demands)
            if verdict is Verdict.NOT_WORSE or verdict in WINS:
                step = Step.REFRESHED
        elif comparison is not None:
            verdict = better(comparison, promotion_demands(settings))
            if verdict in WINS:
                step = Step.PROMOTED
        if not self.asks(labels):
            step = Step.TOO_SOON
        elif held:
            step = Step.GUARDED
        self.latest = Look(
            step=step, verdict=verdict, labels=labels, comparison=comparison, against=self.served.version
        )
        return self.latest

    def next_version(self) -> str:
        """The version of the next snapshot: larger than any seen."""
        return f"m-{self._number + 1:05d}"

    def published(self, snapshot: Snapshot, look: Look, labels: int, now: int) -> None:
        """From now on, ms, this is served."""
        self.last = self.latest = msgspec.structs.replace(look, version=snapshot.version)
        self.pending = snapshot
        self._serve(snapshot, labels, now)
        self._follows = True
        if look.step is Step.PROMOTED:
            self._quiet_until = labels + self._settings.cool_down

    def rolled_back(self, snapshot: Snapshot, labels: int, now: int) -> None:
        """An operator has put another one back: his word stands until there is new evidence against it."""
        self._serve(snapshot, labels, now)
        self.pending = None
        self._follows = False
        self._quiet_until = labels + self._settings.cool_down

    def _serve(self, snapshot: Snapshot, labels: int, now: int) -> None:
        self.served = snapshot
        self._number = max(self._number, number_of(snapshot.version))
        self._published_at, self.evidence_from = labels, now

    def state(self) -> PublicationState:
        """Everything that is needed to go on."""
        return PublicationState(
            served=self.served,
            pending=self.pending,
            follows=self._follows,
            number=self._number,
            quiet_until=self._quiet_until,
            published_at=self._published_at,
            evidence_from=self.evidence_from,
            last=self.last,
            latest=self.latest,
        )

    @classmethod
    def resume(cls, state: PublicationState, settings: LearnerSettings) -> Self:
        """Go on from :meth:`state`."""
        publication = cls(settings, state.served)
        publication.pending, publication.evidence_from = state.pending, state.evidence_from
        publication.last, publication.latest = state.last, state.latest
        publication._follows, publication._number = state.follows, state.number
        publication._quiet_until, publication._published_at = state.quiet_until, state.published_at
        return publication


def number_of(version: str) -> int:
    """The number in a version, 0 where there is none; one put back has the number that it had.

    Examples
    --------
    >>> number_of("m-00012"), number_of("m-00012-r1"), number_of("hand-made")
    (12, 12, 0)
    """
    found = _NUMBER.match(version)
    return int(found[1]) if found else 0


def promotion_demands(settings: LearnerSettings) -> Demands:
    """What a model must bring before it takes another's place."""
    return Demands(
        labels=settings.min_labels,
        positives=settings.min_positives,
        floor=settings.floor_auc,
        margin=settings.margin,
    )
