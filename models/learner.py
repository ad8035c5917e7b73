"""The champion that learns: River's logistic regression (AdaGrad) over a piecewise-linear basis on quantile knots.

On real data the basis is worth 0.05 AUC over raw columns. Each value becomes the weights of its two neighbouring
knots, which sum to 1; a missing value is a flag of its own. So the model is one curve a feature, and
:meth:`Champion.snapshot` can write it down as plain JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import river
from river import linear_model, optim

from models.basis import Basis, Block
from models.decay import Floats
from models.risk import logit
from models.snapshot import Curve, Snapshot

KNOTS: Final = 10
LEARNING_RATE: Final = 0.05


class NotFiniteError(ValueError):
    """An input is infinite, or all of them are missing. One such value would poison River's weights for good."""


class HatBasis:
    """Frozen knots of every feature.

    Parameters
    ----------
    names
        Of the features.
    knots
        Rising, at least one for each feature.
    usual
        Medians, NaN where a feature is usually missing.

    Examples
    --------
    >>> basis = HatBasis(("arpu",), [[0.0, 50.0, 100.0]], np.array([50.0]))
    >>> basis.weights([75.0])
    {'arpu#1': 0.5, 'arpu#2': 0.5}
    >>> basis.weights([float("nan")]), basis.weights([-7.0])
    ({'arpu#na': 1.0}, {'arpu#0': 1.0})
    """

    def __init__(self, names: Sequence[str], knots: Sequence[Sequence[float]], usual: Floats) -> None:
        self.names = tuple(names)
        self.knots = [list(k) for k in knots]
        self.usual = usual
        self._arrays = [np.array(k) for k in self.knots]

    @classmethod
    def of(cls, names: Sequence[str], x: Floats, count: int = KNOTS) -> HatBasis:
        """Knots at the quantiles of unlabelled rows `x`, (F, n); a feature with a few values has a knot at each."""
        knots, usual = [], []
        for row in x:
            known = row[np.isfinite(row)]
            usual.append(float(np.median(known)) if 2 * len(known) > len(row) else float("nan"))
            found = np.unique(known)
            if len(found) > count:
                # Half of many features is zero: quantiles of the whole would spend most knots on it.
                spread = np.quantile(found, np.linspace(0.01, 0.99, count))
                mass = np.quantile(known, np.linspace(0.01, 0.99, count))
                found = np.concatenate([spread[::3], mass])
            knots.append(sorted({float(f"{v:.6g}") for v in found.tolist()}) or [0.0])
        return cls(names, knots, np.array(usual))

    def weights(self, values: Sequence[float]) -> dict[str, float]:
        """A subscriber's features as weights of knots."""
        found: dict[str, float] = {}
        for name, knots, value in zip(self.names, self.knots, values, strict=True):
            if value != value:  # noqa: PLR0124 - NaN, without a call: this runs ninety times a row
                found[f"{name}#na"] = 1.0
            elif value <= knots[0]:
                found[f"{name}#0"] = 1.0
            elif value >= knots[-1]:
                found[f"{name}#{len(knots) - 1}"] = 1.0
            else:
                self._between(found, name, knots, value)
        return found

    @staticmethod
    def _between(found: dict[str, float], name: str, knots: list[float], value: float) -> None:
        right = int(np.searchsorted(knots, value, side="right"))
        share = (value - knots[right - 1]) / (knots[right] - knots[right - 1])
        found[f"{name}#{right - 1}"] = 1.0 - share
        if share > 0.0:
            found[f"{name}#{right}"] = share


class Champion:
    """River's model behind the basis.

    Parameters
    ----------
    basis
        Frozen for the life of the model.
    base_rate
        Share of leavers with which it begins.
    l2
        Pull of the weights towards zero.

    Examples
    --------
    >>> champion = Champion(HatBasis(("silent_days",), [[0.0, 10.0]], np.array([0.0])))
    >>> for _ in range(200):
    ...     champion.learn([9.0], left=True)
    ...     champion.learn([1.0], left=False)
    >>> champion.predict([9.0]) > 0.6 > 0.4 > champion.predict([1.0])
    True
    """

    def __init__(self, basis: HatBasis, base_rate: float = 0.5, l2: float = 0.0) -> None:
        self.basis = basis
        self.examples = 0
        self.positives = 0
        # Begun at the base rate, the weights need not first learn that few people leave.
        self._model = linear_model.LogisticRegression(
            optimizer=optim.AdaGrad(LEARNING_RATE), l2=l2, intercept_init=logit(base_rate)
        )

    def learn(self, values: Sequence[float], *, left: bool) -> None:
        """Learn from one labelled row.

        Raises
        ------
        NotFiniteError
            If the row would poison the weights.
        """
        self._check(values)
        self._model.learn_one(self.basis.weights(values), left)
        self.examples += 1
        self.positives += left

    def predict(self, values: Sequence[float]) -> float:
        """River's own probability: what the compiled scorer must equal."""
        self._check(values)
        found: dict[bool, float] = self._model.predict_proba_one(self.basis.weights(values))  # type: ignore[no-untyped-call]
        return float(found.get(True, 0.0))

    @staticmethod
    def _check(values: Sequence[float]) -> None:
        row = np.asarray(values, dtype=np.float64)
        if np.isinf(row).any() or np.isnan(row).all():
            raise NotFiniteError("an infinite feature, or none at all")

    def snapshot(self, version: str, base_rate: float, catalogue_hash: str) -> Snapshot:
        """The weights as curves; the caller adds cut-offs, examples and where they come from."""
        weights = self._model.weights
        basis = self.basis
        curves = [
            Curve(
                feature=name,
                knots=knots,
                values=[float(weights.get(f"{name}#{k}", 0.0)) for k in range(len(knots))],
                missing=float(weights.get(f"{name}#na", 0.0)),
                usual=None if np.isnan(usual) else float(usual),
            )
            for name, knots, usual in zip(basis.names, basis.knots, basis.usual.tolist(), strict=True)
        ]
        return Snapshot(
            version=version,
            curves=curves,
            intercept=float(self._model.intercept),
            base_rate=base_rate,
            river_version=river.__version__,  # type: ignore[attr-defined]  # river does not list it in __all__
            catalogue_hash=catalogue_hash,
        )


class OnlineLogistic:
    """River's logistic regression over a :class:`~models.basis.Basis`, row by row: the first champion, to compare with.

    Parameters
    ----------
    basis
        Frozen.

    Examples
    --------
    >>> from models.basis import Basis, Hats
    >>> basis = Basis([Hats("silent_days", np.array([0.0, 10.0]))])
    >>> model = OnlineLogistic(basis)
    >>> model.learn(basis.place([np.array([9.0, 1.0] * 200)]), np.array([True, False] * 200))
    >>> low, high = model.risk(basis.place([np.array([1.0, 9.0])])).tolist()
    >>> low < 0.4 < 0.6 < high
    True
    """

    def __init__(self, basis: Basis) -> None:
        self.basis = basis
        self._model = linear_model.LogisticRegression(optimizer=optim.AdaGrad(LEARNING_RATE), l2=0.0)

    def learn(self, block: Block, left: npt.NDArray[np.bool_]) -> None:
        """Learn from labelled rows, one after the other."""
        for row, answer in zip(self._rows(block), left.tolist(), strict=True):
            self._model.learn_one(row, answer)

    def risk(self, block: Block) -> Floats:
        """Probability of leaving, of many rows."""
        told = [self._model.predict_proba_one(row).get(True, 0.0) for row in self._rows(block)]  # type: ignore[no-untyped-call]
        return np.array(told, dtype=np.float64)

    @staticmethod
    def _rows(block: Block) -> Iterator[dict[int, float]]:
        for places, shares in zip(block.places.tolist(), block.shares.tolist(), strict=True):
            # Place 0 is the basis's own intercept; River has one too.
            yield {place: share for place, share in zip(places[1:], shares[1:], strict=True) if share}
