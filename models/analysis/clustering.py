"""Rows into groups that are alike: k-means, as many groups as the silhouette says, the same from the same rows.

Cut in two, any cloud has a silhouette that looks like something. So groups are believed only where they stand further
apart than any cut makes of rows without groups, spread evenly along the same axes: the idea of the gap statistic
[3]_, with the silhouette [2]_ for its measure.

What is drawn by lot elsewhere is hashed here: the first centres (k-means++ [1]_, several tries) and the rows on which
many are judged. The caller gives the rows an order of their own (by a hashed id), so that the order in which they came
changes nothing.

References
----------
.. [1] Arthur, D., Vassilvitskii, S. (2007). k-means++: the advantages of careful seeding. SODA 2007.
.. [2] Rousseeuw, P. J. (1987). Silhouettes: a graphical aid to the interpretation and validation of cluster analysis.
   Journal of Computational and Applied Mathematics 20.
.. [3] Tibshirani, R., Walther, G., Hastie, T. (2001). Estimating the number of clusters in a data set via the gap
   statistic. Journal of the Royal Statistical Society B 63(2).
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.arrays import Floats

Groups = npt.NDArray[np.int64]

MOST: Final = 6
"""Groups: more than a person keeps apart."""
LEAST_GAP: Final = 0.05
"""By which the silhouette must be above the best of rows without groups."""
_TRIES: Final = 6
_STEPS: Final = 50
_FITTED: Final = 4_000
"""Rows that the centres are found on; the others join the nearest. The groups of more would be the same."""
_JUDGED: Final = 800
"""Rows whose silhouette is computed: it takes the distance of each to each."""

_FLAT: Final = 0.05
"""Axes with less than this share of the longest one's spread say nothing of shape."""
_APART: Final = 1_000
"""Lots from here on place rows; those below choose centres."""


class Grouping(NamedTuple):
    """The group of each row, counted from 0 by falling size, and how well they stand apart (0 when there is one)."""

    groups: Groups
    silhouette: float

    @property
    def size(self) -> int:
        """How many groups."""
        return int(self.groups.max(initial=-1)) + 1


def grouped(x: Floats, most: int = MOST, least: int = 10) -> Grouping:
    """Find the groups of `x`, (n, F); one when the rows do not fall apart, or any group would be below `least`.

    Examples
    --------
    >>> found = grouped(np.array([[0.0], [9.0], [0.1], [9.1], [0.2]]), least=2)
    >>> found.groups.tolist(), found.silhouette > 0.9
    ([0, 1, 0, 1, 0], True)
    """
    best = Grouping(np.zeros(len(x), dtype=np.int64), 0.0)
    counts = range(2, min(most, len(x) // max(least, 1)) + 1)
    if not counts:
        return best
    fitted = x[:_FITTED]
    even = _even(fitted)
    by_chance = max(silhouette(even, _nearest(even, _centres(even, k))[0]) for k in counts)
    for k in counts:
        groups = _nearest(x, _centres(fitted, k))[0]
        sizes = np.bincount(groups, minlength=k)
        found = silhouette(x[:_JUDGED], groups[:_JUDGED]) if sizes.min() >= least else 0.0
        if found >= by_chance + LEAST_GAP and found > best.silhouette:
            best = Grouping(_by_size(groups, sizes), found)
    return best


def silhouette(x: Floats, groups: Groups) -> float:
    """Mean over the rows of how much nearer a row is to its own group than to the next one [2]_, -1 to 1.

    Examples
    --------
    >>> round(silhouette(np.array([[0.0], [1.0], [10.0], [11.0]]), np.array([0, 0, 1, 1])), 3)
    0.9
    """
    present = np.unique(groups)
    if len(present) < 2:
        return 0.0
    scores = np.zeros(len(x))
    for i, row in enumerate(x):
        far = np.sqrt(((x - row) ** 2).sum(axis=1))
        own = groups == groups[i]
        if own.sum() < 2:
            continue
        inside = far[own].sum() / (own.sum() - 1)
        outside = min(far[groups == other].mean() for other in present if other != groups[i])
        scores[i] = (outside - inside) / max(inside, outside) if max(inside, outside) > 0 else 0.0
    return float(scores.mean())


def _even(x: Floats) -> Floats:
    """Rows without groups: spread evenly, and as far along each axis of `x`'s cloud as its own rows are.

    Distances do not change with the axes, so the rows need not be turned back to those of the features.
    """
    spread = np.linalg.svd(x - x.mean(axis=0), compute_uv=False) / np.sqrt(len(x))
    axes = spread[spread >= _FLAT * spread.max()]
    rows = min(len(x), _JUDGED)
    places = np.empty((rows, len(axes)))
    for axis in range(len(axes)):
        order = np.argsort([_lot(axis, _APART + row) for row in range(rows)], kind="stable")
        places[order, axis] = (np.arange(rows) + 0.5) / rows
    evenly: Floats = (places - 0.5) * np.sqrt(12.0) * axes
    return evenly


def _centres(x: Floats, k: int) -> Floats:
    """Lloyd's steps from several first choices; the choice with the least spread."""
    best, least = np.empty((0, x.shape[1])), np.inf
    for attempt in range(_TRIES):
        centres = _first(x, k, attempt)
        groups = np.full(len(x), -1)
        for _ in range(_STEPS):
            before = groups
            groups, spread = _nearest(x, centres)
            if np.array_equal(groups, before):
                break
            for g in range(k):
                members = x[groups == g]
                if len(members):
                    centres[g] = members.mean(axis=0)
        _, spread = _nearest(x, centres)
        if spread < least:
            best, least = centres.copy(), spread
    return best


def _first(x: Floats, k: int, attempt: int) -> Floats:
    """Rows far from each other: each is drawn by the square of its distance to those before it."""
    chosen = [int(_lot(attempt, 0) * len(x))]
    square = ((x - x[chosen[0]]) ** 2).sum(axis=1)
    for step in range(1, k):
        total = np.cumsum(square)
        at = int(np.searchsorted(total, _lot(attempt, step) * total[-1])) if total[-1] > 0 else step
        chosen.append(min(at, len(x) - 1))
        square = np.minimum(square, ((x - x[chosen[-1]]) ** 2).sum(axis=1))
    return x[chosen].copy()


def _nearest(x: Floats, centres: Floats) -> tuple[Groups, float]:
    square = np.stack([((x - centre) ** 2).sum(axis=1) for centre in centres])
    groups = square.argmin(axis=0)
    return groups, float(square.min(axis=0).sum())


def _lot(attempt: int, step: int) -> float:
    """A number from 0 to 1 that is always the same."""
    return int.from_bytes(blake2b(b"%d:%d" % (attempt, step), digest_size=6).digest(), "little") / 2**48


def _by_size(groups: Groups, sizes: npt.NDArray[np.int64]) -> Groups:
    """Number the groups by falling size; of one size, by their first row."""
    firsts = [int(np.argmax(groups == g)) for g in range(len(sizes))]
    order = sorted(range(len(sizes)), key=lambda g: (-sizes[g], firsts[g]))
    place = np.empty(len(sizes), dtype=np.int64)
    place[order] = np.arange(len(sizes))
    renumbered: Groups = place[groups]
    return renumbered
