"""Which pairs of features say more together than one by one, found from the surprises of the additive model.

All pairs would be thousands of surfaces, mostly noise. So the additive model learns first, and what it could not
foresee is laid out on a coarse grid for every pair: where whole cells surprise, and not just whole rows or columns of
them, the pair gets a surface of its own. It stays exact when compiled: a table between knots.

References
----------
.. [1] Lou, Y., Caruana, R., Gehrke, J., Hooker, G. (2013). Accurate intelligible models with pairwise interactions.
   KDD. (Screening pairs on the residuals of the additive model.)
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Final

import numpy as np

from models.basis import Floats, Hats, Pair, Places

CELLS: Final = 6
"""Along each side of the grid on which pairs are screened."""
KNOTS: Final = 4
"""Along each side of the surface that a chosen pair gets."""
_CAUTION: Final = 10.0
"""As much evidence against a cell as ten rows of even odds: a cell with few rows must not win by luck."""


def best(columns: Mapping[str, Floats], surprise: Floats, weight: Floats, most: int) -> list[Pair]:
    """The pairs that explain most of the surprise, the best first.

    Parameters
    ----------
    columns
        Numbers, one entry a feature.
    surprise
        Of each row: left (1) or not (0), less the risk that was told before.
    weight
        Of each row: risk times one less the risk.
    most
        How many pairs at most.

    Examples
    --------
    >>> a, b, c = np.array([0.0, 0.0, 1.0, 1.0] * 50), np.array([0.0, 1.0] * 100), np.arange(200) % 3.0
    >>> pairs = best({"a": a, "b": b, "c": c}, np.where(a == b, 0.5, -0.5), np.full(200, 0.25), 1)
    >>> [pair.feature for pair in pairs]
    ['a x b']
    """
    cells = {name: _cells(values) for name, values in columns.items() if len(np.unique(values)) > 1}
    gains = []
    for one, two in combinations(cells, 2):
        place = cells[one] * (CELLS + 1) + cells[two]
        gain = _gain(place, surprise, weight)
        gains.append((-gain, one, two))
    gains.sort()
    return [Pair(_grid(one, columns[one]), _grid(two, columns[two])) for _, one, two in gains[:most]]


def _gain(place: Places, surprise: Floats, weight: Floats) -> float:
    side = CELLS + 1
    first = np.bincount(place, weights=surprise, minlength=side * side).reshape(side, side)
    second = np.bincount(place, weights=weight, minlength=side * side).reshape(side, side)

    def explained(axis: int | None) -> float:
        slope = first if axis is None else first.sum(axis=axis)
        bend = second if axis is None else second.sum(axis=axis)
        return float((slope * slope / (bend + _CAUTION)).sum())

    return explained(None) - explained(0) - explained(1)


def _cells(values: Floats) -> Places:
    """The sixth that each value falls into; missing ones have a cell of their own."""
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.linspace(0.0, 1.0, CELLS + 1)[1:-1]))
    return np.where(np.isnan(values), CELLS, np.searchsorted(edges, values, side="right")).astype(np.int64)


def _grid(name: str, values: Floats) -> Hats:
    known = values[~np.isnan(values)]
    return Hats(name, np.unique(np.quantile(known, np.linspace(0.01, 0.99, KNOTS))))
