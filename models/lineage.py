"""A model that learns, what it was in the weeks before, and what drift is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Self

import numpy as np
from msgspec import Struct

from models.champion import Champion, ChampionState
from models.drift import Counts
from models.hat_basis import HatBasis
from models.risk import Floats
from models.smooth import Smooth, SmoothState
from models.snapshot import Snapshot
from models.voices import Voice, Voices


class Kind(StrEnum):
    """How a model learns."""

    RIVER = "river"
    SMOOTH = "smooth"


class LineageState(Struct, frozen=True, kw_only=True):
    """A model, what it was before, and the distribution that its knots were frozen on."""

    river: ChampionState | None
    smooth: SmoothState | None
    voices: list[Voice]
    knots: list[list[float]]
    reference: Counts


class Lineage(NamedTuple):
    """A model that learns, what it was in the weeks before, and what drift is measured against."""

    model: Champion | Smooth
    voices: Voices
    basis: HatBasis
    """How the rows on which its knots were frozen are cut up for measuring drift."""
    reference: Counts

    @property
    def kind(self) -> Kind:
        """How it learns."""
        return Kind.SMOOTH if isinstance(self.model, Smooth) else Kind.RIVER

    def told(self, rows: Floats, rate: float) -> Snapshot:
        """Write down as curves what it says now; `rows`, (F, n), leave at this rate on average."""
        return self.model.calibrated(rows, rate).snapshot("told", rate, "")

    def state(self) -> LineageState:
        """Everything that is needed to go on."""
        model = self.model
        return LineageState(
            river=model.state() if isinstance(model, Champion) else None,
            smooth=model.state() if isinstance(model, Smooth) else None,
            voices=self.voices.state(),
            knots=self.basis.knots,
            reference=self.reference,
        )

    @classmethod
    def resume(cls, state: LineageState, names: Sequence[str], memory: int) -> Self:
        """Go on from :meth:`state`.

        Raises
        ------
        ValueError
            If there is no model in it.
        """
        model: Champion | Smooth
        if state.smooth is not None:
            model = Smooth.resume(state.smooth, memory)
        elif state.river is not None:
            model = Champion.resume(names, state.river)
        else:
            raise ValueError("a lineage without a model")
        voices = Voices.resume(state.voices, model.snapshot("then", 0.5, ""))
        basis = HatBasis(names, state.knots, np.full(len(names), np.nan))
        return cls(model, voices, basis, state.reference)
