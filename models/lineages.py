"""The models that learn side by side: the champion, a fresh one after drift, and the challengers in the shadow.

What is told of a row is told before its label is learned, so what is compared is always prequential [1]_. But labels
come in an order of their own: leavers one by one, stayers in a heap when their time is up. A model that is asked
between two labels has its level raised by the leaver before, and seems to foresee the next. So the champion learns row
by row, but what it tells is told by its voice: itself as of the last look, at the level of the window, which is what
would be served.

References
----------
.. [1] Gama, J., Sebastiao, R., Rodrigues, P. P. (2013). On evaluating stream learning algorithms. Machine Learning 90.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Self

import numpy as np
from msgspec import Struct

from models import drift
from models.challengers import LogScaledState
from models.champion import Champion, ChampionState
from models.decay import Floats
from models.drift import Counts
from models.evidence import Comparison, Verdict
from models.guard_sight import CHAMPION
from models.hat_basis import HatBasis
from models.learner_settings import LearnerSettings
from models.recent import Recent
from models.risk import Scorer
from models.shadow import DURABLE, SHADOWS, Shadow
from models.snapshot import Snapshot
from models.window import Window

INCUMBENT: Final = "incumbent"
FRESH: Final = "fresh"
TOLD: Final = (INCUMBENT, CHAMPION, FRESH, *SHADOWS)
"""All whose risks a window keeps beside the served ones."""
TOLD_DURABLE: Final = (INCUMBENT, CHAMPION, FRESH, *DURABLE)


class Why(StrEnum):
    """Why there is a fresh model."""

    NO_PRIOR = "no_prior"
    """What is served may know nothing of this operator: a model that began without it has its chance."""
    DRIFT = "drift"


class FreshState(Struct, frozen=True, kw_only=True):
    """A fresh model, where its evidence begins, and the distribution that its knots were frozen on."""

    why: Why
    model: ChampionState
    voice: Snapshot
    row: int
    labels: int
    reference: Counts


class Crowned(Struct, frozen=True, kw_only=True):
    """When a fresh model became the champion, and on which evidence."""

    why: Why
    labels: int
    verdict: Verdict
    comparison: Comparison


class LineagesState(Struct, frozen=True, kw_only=True):
    """Everything that is needed to go on."""

    base_rate: float
    champion: ChampionState
    voice: Snapshot
    reference: Counts
    fresh: FreshState | None
    crowned: Crowned | None
    log1p: LogScaledState | None


class Fresh(Struct, kw_only=True):
    """A model beside the champion that may take its place, where its evidence begins, and when it began."""

    why: Why
    model: Champion
    voice: Scorer
    row: int
    labels: int
    reference: Counts


class Lineages:
    """See the module; made when knots are frozen.

    Parameters
    ----------
    settings
        The numbers.
    prior
        What is served: where the champion begins.
    base_rate
        The operator's own.
    rows
        (F, n), on which knots are frozen.
    row
        Number of the first row that comes after them.
    """

    def __init__(self, settings: LearnerSettings, prior: Snapshot, base_rate: float, rows: Floats, row: int) -> None:
        self._settings = settings
        self._names = prior.features
        self._base_rate = base_rate
        self.champion = self._begun(prior, base_rate, rows)
        self._voice = _voice(self.champion, base_rate)
        self.reference: Counts = drift.counts(self.champion.basis, rows)
        """How the rows on which the champion's knots were frozen fall about them: drift is measured from there."""
        blank = Champion(self.champion.basis, base_rate, settings.l2)
        self.fresh: Fresh | None = Fresh(
            why=Why.NO_PRIOR,
            model=blank,
            voice=_voice(blank, base_rate),
            row=row,
            labels=len(rows.T),
            reference=self.reference,
        )
        self.crowned: Crowned | None = None
        self._shadow = Shadow(self._names, rows, base_rate, settings.shadow)

    def _begun(self, prior: Snapshot, base_rate: float, rows: Floats) -> Champion:
        basis = HatBasis.of(self._names, rows, self._settings.knots)
        return Champion.of_prior(basis, prior, base_rate, rows, self._settings.l2)

    def settle(self, rows: Floats, rate: float) -> None:
        """Let champion and fresh model speak as they are now, at this rate over `rows`, (F, n)."""
        self._voice = _voice(self.champion.calibrated(rows, rate), rate)
        if self.fresh is not None:
            self.fresh.voice = _voice(self.fresh.model.calibrated(rows, rate), rate)

    def tell(self, window: Window, row: int, values: Sequence[float]) -> float:
        """Note what champion and fresh model say of a row; returns what the champion says."""
        x = np.array(values)[:, None]
        risk = float(self._voice.score(x).risk[0])
        window.tell(row, CHAMPION, risk)
        if self.fresh is not None:
            window.tell(row, FRESH, float(self.fresh.voice.score(x).risk[0]))
        return risk

    def learn(self, window: Window, row: int, values: Sequence[float], *, left: bool) -> None:
        """Learn a row that was told; the challengers tell and learn."""
        self.champion.learn(values, left=left)
        if self.fresh is not None:
            self.fresh.model.learn(values, left=left)
        self._shadow.learn(window, row, values, left=left)

    def begin_fresh(self, prior: Snapshot, base_rate: float, recent: Recent, row: int, labels: int) -> None:
        """Start a model from what is served, with knots and first labels of the latest rows."""
        x = recent.x
        model = self._begun(prior, base_rate, x)
        for kept in recent.rows():
            model.learn(kept.values, left=kept.left)
        rate = self._voice.base_rate
        self.fresh = Fresh(
            why=Why.DRIFT,
            model=model,
            voice=_voice(model.calibrated(x, rate), rate),
            row=row,
            labels=labels,
            reference=drift.counts(model.basis, x),
        )

    def crown_fresh(self, window: Window, labels: int, verdict: Verdict, comparison: Comparison) -> int:
        """The fresh model becomes the champion; returns the row from which its evidence begins."""
        fresh = self.fresh
        assert fresh is not None  # noqa: S101 - only a model that has won is crowned
        self.champion, self._voice, self.reference = fresh.model, fresh.voice, fresh.reference
        self.crowned = Crowned(why=fresh.why, labels=labels, verdict=verdict, comparison=comparison)
        window.replace(CHAMPION, FRESH)
        self.dismiss_fresh(window)
        return fresh.row

    def fresh_life(self) -> int:
        """Labels in which the fresh model must have won."""
        settings, fresh = self._settings, self.fresh
        return settings.blank_life if fresh is not None and fresh.why is Why.NO_PRIOR else settings.fresh_life

    def dismiss_fresh(self, window: Window) -> None:
        """The fresh model has had its time."""
        self.fresh = None
        window.clear(FRESH)

    def state(self) -> LineagesState:
        """Everything that is needed to go on, but for the challengers that live in memory."""
        fresh = self.fresh
        return LineagesState(
            base_rate=self._base_rate,
            champion=self.champion.state(),
            voice=self._voice.snapshot,
            reference=self.reference,
            fresh=None
            if fresh is None
            else FreshState(
                why=fresh.why,
                model=fresh.model.state(),
                voice=fresh.voice.snapshot,
                row=fresh.row,
                labels=fresh.labels,
                reference=fresh.reference,
            ),
            crowned=self.crowned,
            log1p=self._shadow.state(),
        )

    @classmethod
    def resume(cls, state: LineagesState, settings: LearnerSettings, names: tuple[str, ...], rows: Floats) -> Self:
        """Go on from :meth:`state`; challengers in memory begin anew, on the latest rows."""
        lineages = cls.__new__(cls)
        lineages._settings, lineages._names, lineages._base_rate = settings, names, state.base_rate
        lineages.champion = Champion.resume(names, state.champion)
        lineages._voice = Scorer(state.voice)
        lineages.reference = state.reference
        lineages.crowned = state.crowned
        begun = state.fresh
        lineages.fresh = (
            None
            if begun is None
            else Fresh(
                why=begun.why,
                model=Champion.resume(names, begun.model),
                voice=Scorer(begun.voice),
                row=begun.row,
                labels=begun.labels,
                reference=begun.reference,
            )
        )
        lineages._shadow = Shadow.resume(names, rows, state.base_rate, settings.shadow, state.log1p)
        return lineages


def _voice(model: Champion, rate: float) -> Scorer:
    return Scorer(model.snapshot("voice", rate, ""))
