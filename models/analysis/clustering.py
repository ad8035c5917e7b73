"""Deterministic k-means; the silhouette chooses the number of groups.

Any cloud of points that is cut in two has a positive silhouette. So groups are accepted only if they stand further
apart than the best cut of reference rows without groups, spread evenly along the same axes. This is the idea of the
gap statistic [3]_, with the silhouette [2]_ as its measure.

Hashes replace random draws: for the first centres (k-means++ [1]_, several tries) and for the reference rows. The
caller sorts the rows by a hashed id, so the order of arrival changes nothing.

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

from models.arrays import Floats, Ints

Groups = Ints

MOST: Final = 6
"""Most groups: a reader cannot keep more apart."""
LEAST_GAP: Final = 0.05
"""How far the silhouette must exceed the best one of the reference rows."""
_TRIES: Final = 6
_STEPS: Final = 50
_FITTED: Final = 4_000
"""Rows that the centres are fitted on; the others join the nearest centre. More rows would not change the groups."""
_JUDGED: Final = 800
"""Rows whose silhouette is computed: it needs the distance between every two."""

_FLAT: Final = 0.05
"""Axes with less than this share of the longest axis's spread are ignored: they say nothing about shape."""
_APART: Final = 1_000
"""Hash numbers from here on place reference rows; those below choose centres."""


class Grouping(NamedTuple):
    """The group of each row, numbered from 0 by falling size, and their silhouette (0 when there is one group)."""

    groups: Groups
    silhouette: float

    @property
    def size(self) -> int:
        """Number of groups."""
        return int(self.groups.max(initial=-1)) + 1


def grouped(x: Floats, most: int = MOST, least: int = 10) -> Grouping:
    """Find the groups of `x`, (n, F): one group if the rows do not separate, or some group has fewer than `least`.

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
    """Mean silhouette [2]_, -1 to 1: how much nearer the rows are to their own group than to the next one.

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
    """Reference rows without groups: spread evenly, as far as `x` is along each of its principal axes.

    Rotation does not change distances, so the rows are not rotated back to the axes of the features.
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
    """Centres by Lloyd's algorithm: the best of several starts, by least spread."""
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
    """First centres, far from each other: each is drawn in proportion to the squared distance to those before it."""
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
    """A hashed number from 0 to 1: the same in every run."""
    return int.from_bytes(blake2b(b"%d:%d" % (attempt, step), digest_size=6).digest(), "little") / 2**48


def _by_size(groups: Groups, sizes: Ints) -> Groups:
    """Number the groups by falling size; groups of equal size by their first row."""
    firsts = [int(np.argmax(groups == g)) for g in range(len(sizes))]
    order = sorted(range(len(sizes)), key=lambda g: (-sizes[g], firsts[g]))
    place = np.empty(len(sizes), dtype=np.int64)
    place[order] = np.arange(len(sizes))
    renumbered: Groups = place[groups]
    return renumbered
