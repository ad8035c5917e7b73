"""The models that learn side by side: the champion, its rival, a fresh one after drift, and challengers in the shadow.

Champion and rival see the same rows and begin from the same prior. One is River's logistic regression, row by row; the
other takes Newton steps over smooth curves, lot by lot. Either leads as long as the other has not proved that it is
better, and either can be published: both are curves.

What proves it is what each *would have said* of a vector when that was frozen (:mod:`models.voices`): a model that is
asked when the label comes has learned the month between. What guards and drift look at is the champion as of the last
look, at the level of the window, which is what would be published now.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Self

from msgspec import Struct

from models import drift
from models.challengers import LogScaledState
from models.champion import Champion
from models.evidence import Comparison, Verdict
from models.guard_sight import CHAMPION
from models.hat_basis import HatBasis
from models.learner_settings import LearnerSettings
from models.lineage import Kind, Lineage, LineageState
from models.lot import LotRows
from models.recent import Recent
from models.risk import Floats, Scorer, at_rate
from models.shadow import DURABLE, SHADOWS, Shadow
from models.smooth import Smooth
from models.snapshot import Snapshot
from models.voices import Voices
from models.window import Window

INCUMBENT: Final = "incumbent"
CHAMPION_THEN: Final = "champion_then"
RIVAL_THEN: Final = "rival_then"
FRESH_THEN: Final = "fresh_then"
"""What these would have said when the vector was frozen."""
TOLD_DURABLE: Final = (INCUMBENT, CHAMPION, CHAMPION_THEN, RIVAL_THEN, FRESH_THEN, *DURABLE)
TOLD: Final = (*TOLD_DURABLE, *(name for name in SHADOWS if name not in DURABLE))
"""All whose risks a window keeps beside the served ones."""


class Why(StrEnum):
    """Why a model may take the champion's place."""

    RIVAL = "rival"
    """It has learned beside the champion from the beginning."""
    NO_PRIOR = "no_prior"
    """What is served may know nothing of this operator: a model that began without it has its chance."""
    DRIFT = "drift"


class FreshState(Struct, frozen=True, kw_only=True):
    """A fresh model, and why there is one."""

    why: Why
    lineage: LineageState


class Crowned(Struct, frozen=True, kw_only=True):
    """When another model became the champion, and on which evidence."""

    why: Why
    kind: Kind
    labels: int
    verdict: Verdict
    comparison: Comparison


class LineagesState(Struct, frozen=True, kw_only=True):
    """Everything that is needed to go on."""

    base_rate: float
    champion: LineageState
    rival: LineageState
    voice: Snapshot
    fresh: FreshState | None
    crowned: Crowned | None
    log1p: LogScaledState | None


class Fresh(NamedTuple):
    """A model beside the champion that may take its place."""

    why: Why
    lineage: Lineage


class Lineages:
    """See the module; made when knots are frozen.

    Parameters
    ----------
    settings
        The numbers.
    prior
        What is served: where champion and rival begin.
    base_rate
        The operator's own.
    rows
        (F, n), on which knots are frozen.
    now
        Time of the stream, ms.
    """

    def __init__(self, settings: LearnerSettings, prior: Snapshot, base_rate: float, rows: Floats, now: int) -> None:
        self._settings = settings
        self._names = prior.features
        self._base_rate = base_rate
        self.champion = self._begun(prior, base_rate, rows)
        basis, reference = self.champion.basis, self.champion.reference
        self.rival = Lineage(Smooth.of_prior(prior, base_rate, rows, settings.memory), Voices(), basis, reference)
        blank = Lineage(Champion(basis, base_rate, settings.l2), Voices(), basis, reference)
        self.fresh: Fresh | None = Fresh(Why.NO_PRIOR, blank)
        self.crowned: Crowned | None = None
        self._shadow = Shadow(self._names, rows, base_rate, settings.shadow)
        self._voice = Scorer(self.champion.told(rows, base_rate))
        self._note(rows, base_rate, base_rate, now)

    def _begun(self, prior: Snapshot, base_rate: float, rows: Floats) -> Lineage:
        basis = HatBasis.of(self._names, rows, self._settings.knots)
        model = Champion.of_prior(basis, prior, base_rate, rows, self._settings.l2)
        return Lineage(model, Voices(), basis, drift.counts(basis, rows))

    def _each(self) -> list[tuple[str, Lineage]]:
        fresh = [] if self.fresh is None else [(FRESH_THEN, self.fresh.lineage)]
        return [(CHAMPION_THEN, self.champion), (RIVAL_THEN, self.rival), *fresh]

    def learn(self, window: Window | None, row: int, values: Sequence[float], *, left: bool) -> None:
        """Learn a row: those that learn row by row, and the challengers, which tell it first if there is a window."""
        for _, lineage in self._each():
            if isinstance(lineage.model, Champion):
                lineage.model.learn(values, left=left)
        self._shadow.learn(window, row, values, left=left)

    def tell(self, window: Window, rows: LotRows) -> Floats:
        """Note what each would have said of these rows at their time; returns what the champion says at the last look.

        What the models learned since the last look has no part in it, whenever it is asked.
        """
        for name, lineage in self._each():
            window.tell_all(rows.numbers, name, lineage.voices.told(rows.times, rows.x))
        now = self._voice.score(rows.x).risk
        window.tell_all(rows.numbers, CHAMPION, now)
        return now

    def settle(self, rows: LotRows, recent: Floats, rate: float, served_at: float, now: int) -> None:
        """Learn a lot where that is how a model learns; from here on all speak as they are now.

        Parameters
        ----------
        recent
            (F, n): a fair sample, whose level is to be `rate`.
        served_at
            The operator's own rate: whatever is served is shifted to it, so a model gains nothing by its level alone.
        now
            Time of the stream, ms.
        """
        for _, lineage in self._each():
            if isinstance(lineage.model, Smooth):
                lineage.model.learn(rows.x[:, rows.learned], rows.left[rows.learned])
        self._voice = Scorer(self.champion.told(recent, rate))
        self._note(recent, rate, served_at, now)

    def _note(self, recent: Floats, rate: float, served_at: float, now: int) -> None:
        for _, lineage in self._each():
            if lineage.voices.due(now):
                lineage.voices.note(now, at_rate(lineage.told(recent, rate), served_at))

    def begin_fresh(self, prior: Snapshot, base_rate: float, recent: Recent) -> None:
        """Start a model from what is served, with knots and first labels of the latest rows."""
        lineage = self._begun(prior, base_rate, recent.x)
        assert isinstance(lineage.model, Champion)  # noqa: S101 - begun so
        for kept in recent.rows():
            lineage.model.learn(kept.values, left=kept.left)
        self.fresh = Fresh(Why.DRIFT, lineage)

    def crown_rival(self, window: Window, labels: int, verdict: Verdict, comparison: Comparison) -> None:
        """Champion and rival change places."""
        self.champion, self.rival = self.rival, self.champion
        window.swap(CHAMPION_THEN, RIVAL_THEN)
        self._lead(window, Why.RIVAL, labels, verdict, comparison)

    def crown_fresh(self, window: Window, labels: int, verdict: Verdict, comparison: Comparison) -> None:
        """The fresh model becomes the champion, in the place of the one that learns as it does."""
        fresh = self.fresh
        assert fresh is not None  # noqa: S101 - only a model that has won is crowned
        if self.champion.kind is not fresh.lineage.kind:
            self.rival = self.champion
            window.swap(CHAMPION_THEN, RIVAL_THEN)
        self.champion = fresh.lineage
        window.swap(CHAMPION_THEN, FRESH_THEN)
        self.dismiss_fresh(window)
        self._lead(window, fresh.why, labels, verdict, comparison)

    def _lead(self, window: Window, why: Why, labels: int, verdict: Verdict, comparison: Comparison) -> None:
        kind = self.champion.kind
        self.crowned = Crowned(why=why, kind=kind, labels=labels, verdict=verdict, comparison=comparison)
        # What was told at the last looks was told by another.
        window.clear(CHAMPION)

    def dismiss_fresh(self, window: Window) -> None:
        """The fresh model has had its time."""
        self.fresh = None
        window.clear(FRESH_THEN)

    def fresh_life(self) -> int:
        """Rows in which the fresh model must have won."""
        settings, fresh = self._settings, self.fresh
        return settings.blank_life if fresh is not None and fresh.why is Why.NO_PRIOR else settings.fresh_life

    def state(self) -> LineagesState:
        """Everything that is needed to go on, but for the challengers that live in memory."""
        fresh = self.fresh
        return LineagesState(
            base_rate=self._base_rate,
            champion=self.champion.state(),
            rival=self.rival.state(),
            voice=self._voice.snapshot,
            fresh=None if fresh is None else FreshState(why=fresh.why, lineage=fresh.lineage.state()),
            crowned=self.crowned,
            log1p=self._shadow.state(),
        )

    @classmethod
    def resume(cls, state: LineagesState, settings: LearnerSettings, names: tuple[str, ...], rows: Floats) -> Self:
        """Go on from :meth:`state`; challengers in memory begin anew, on the latest rows."""
        lineages = cls.__new__(cls)
        lineages._settings, lineages._names, lineages._base_rate = settings, names, state.base_rate
        lineages.champion = Lineage.resume(state.champion, names, settings.memory)
        lineages.rival = Lineage.resume(state.rival, names, settings.memory)
        lineages._voice = Scorer(state.voice)
        lineages.crowned = state.crowned
        begun = state.fresh
        lineages.fresh = (
            None if begun is None else Fresh(begun.why, Lineage.resume(begun.lineage, names, settings.memory))
        )
        lineages._shadow = Shadow.resume(names, rows, state.base_rate, settings.shadow, state.log1p)
        return lineages
