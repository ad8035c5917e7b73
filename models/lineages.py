"""The models that learn side by side: the champion, a fresh one after drift, and the challengers in the shadow.

Each tells its risk of a row before it learns the label; so what is compared is always prequential [1]_.

References
----------
.. [1] Gama, J., Sebastiao, R., Rodrigues, P. P. (2013). On evaluating stream learning algorithms. Machine Learning 90.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Self

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
    reference: Counts
    fresh: FreshState | None
    crowned: Crowned | None
    log1p: LogScaledState | None


class Fresh(Struct, frozen=True, kw_only=True):
    """A model beside the champion that may take its place, where its evidence begins, and when it began."""

    why: Why
    model: Champion
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
        Number of the first of them.
    """

    def __init__(self, settings: LearnerSettings, prior: Snapshot, base_rate: float, rows: Floats, row: int) -> None:
        self._settings = settings
        self._names = prior.features
        self._base_rate = base_rate
        self.champion = self._begun(prior, base_rate, rows)
        self.reference: Counts = drift.counts(self.champion.basis, rows)
        """How the rows on which the champion's knots were frozen fall about them: drift is measured from there."""
        blank = Champion(self.champion.basis, base_rate, settings.l2)
        self.fresh: Fresh | None = Fresh(why=Why.NO_PRIOR, model=blank, row=row, labels=0, reference=self.reference)
        self.crowned: Crowned | None = None
        self._shadow = Shadow(self._names, rows, base_rate, settings.shadow)

    def _begun(self, prior: Snapshot, base_rate: float, rows: Floats) -> Champion:
        basis = HatBasis.of(self._names, rows, self._settings.knots)
        return Champion.of_prior(basis, prior, base_rate, rows, self._settings.l2)

    def tell(self, window: Window, row: int, values: Sequence[float]) -> None:
        """Note what champion and fresh model say of a row that is not to be learned."""
        window.tell(row, CHAMPION, self.champion.predict(values))
        if self.fresh is not None:
            window.tell(row, FRESH, self.fresh.model.predict(values))

    def learn(self, window: Window, row: int, values: Sequence[float], *, left: bool) -> float:
        """Note what all say of a row, then let them learn it; returns what the champion said."""
        risk = self.champion.step(values, left=left)
        window.tell(row, CHAMPION, risk)
        if self.fresh is not None:
            window.tell(row, FRESH, self.fresh.model.step(values, left=left))
        self._shadow.learn(window, row, values, left=left)
        return risk

    def begin_fresh(self, prior: Snapshot, base_rate: float, recent: Recent, row: int, labels: int) -> None:
        """Start a model from what is served, with knots and first labels of the latest rows."""
        x = recent.x
        model = self._begun(prior, base_rate, x)
        for kept in recent.rows():
            model.learn(kept.values, left=kept.left)
        self.fresh = Fresh(why=Why.DRIFT, model=model, row=row, labels=labels, reference=drift.counts(model.basis, x))

    def crown_fresh(self, window: Window, labels: int, verdict: Verdict, comparison: Comparison) -> int:
        """The fresh model becomes the champion; returns the row from which its evidence begins."""
        fresh = self.fresh
        assert fresh is not None  # noqa: S101 - only a model that has won is crowned
        self.champion, self.reference = fresh.model, fresh.reference
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
            reference=self.reference,
            fresh=None
            if fresh is None
            else FreshState(
                why=fresh.why,
                model=fresh.model.state(),
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
        lineages.reference = state.reference
        lineages.crowned = state.crowned
        begun = state.fresh
        lineages.fresh = (
            None
            if begun is None
            else Fresh(
                why=begun.why,
                model=Champion.resume(names, begun.model),
                row=begun.row,
                labels=begun.labels,
                reference=begun.reference,
            )
        )
        lineages._shadow = Shadow.resume(names, rows, state.base_rate, settings.shadow, state.log1p)
        return lineages
