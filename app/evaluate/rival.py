"""What batch learning made of the same rows, and how far ours is from it: one run, one split, one table of features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from msgspec import structs

from models.evidence import Bounded, Comparison, compare
from models.quality import Quality, measure

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Whos = npt.NDArray[np.uint32]

_Z: Final = 1.96
"""Of a 95 % interval: nothing is decided by it, and nobody looks twice in a run."""


class Rival(NamedTuple):
    """Its figures; `gain` is ours over its, on the rows of `compared_with`."""

    quality: Quality
    compared_with: str
    gain: Comparison
    library: str
    trees: int
    about: str

    def as_object(self) -> dict[str, Any]:
        """For programs."""
        gains = {name: structs.asdict(gain) for name, gain in self._gains()}
        return self.quality._asdict() | {
            "library": self.library,
            "trees": self.trees,
            "about": self.about,
            "compared_with": self.compared_with,
            "gain_over_batch": gains,
        }

    def lines(self) -> Iterator[str]:
        """For people: what ours gains, or loses."""
        for name, gain in self._gains():
            lost = gain.value < 0.0
            value, low, high = (-gain.value, -gain.high, -gain.low) if lost else (gain.value, gain.low, gain.high)
            word, interval = "worse" if lost else "better", f"95 %: {low:.4f} to {high:.4f}"
            yield f"{name}: {self.compared_with} is {value:.4f} {word} than batch ({interval})"

    def _gains(self) -> Iterator[tuple[str, Bounded]]:
        if self.gain.auc_gain is not None:
            yield "roc_auc", self.gain.auc_gain
        yield "log_loss", self.gain.log_loss_gain


class Told(NamedTuple):
    """What was told of the same rows, and by how many trees; `who` names the person of each row."""

    ours: Floats
    batch: Floats
    left: Bools
    who: Whos
    trees: int


def against(told: Told, *, compared_with: str, library: str, about: str) -> Rival:
    """Judge both on the same rows.

    Raises
    ------
    models.quality.OneClassError
        Without at least one who left and one who stayed.

    Examples
    --------
    >>> left = np.array([True, False] * 50)
    >>> told = Told(np.where(left, 0.7, 0.3), np.full(100, 0.5), left, np.arange(100, dtype=np.uint32), 7)
    >>> rival = against(told, compared_with="frozen", library="lightgbm 4.6.0", about="")
    >>> rival.as_object()["gain_over_batch"]["roc_auc"]["value"], rival.quality.roc_auc
    (0.5, 0.5)
    """
    gain = compare(told.ours, told.batch, told.left, told.who, _Z)
    return Rival(measure(told.batch, told.left), compared_with, gain, library, told.trees, about)
