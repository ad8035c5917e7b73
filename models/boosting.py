"""Boosted trees of few levels over one window of labelled rows: what neither curves nor surfaces of two can say.

Somebody with an international plan, many minutes abroad *and* few complaints is told apart by three columns at once.
Trees find such corners by themselves, but they must read their rows many times: so they get a window that is kept for
them, and never more. They are grown level by level on quantiles of the window, with nothing but sums in a fixed order,
so the same window gives the same trees.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.newton import sigmoid

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

TREES: Final = 150
DEPTH: Final = 4
RATE: Final = 0.07
"""Share of what a leaf would say that it says."""
COLUMNS: Final = 0.5
"""Share of the columns that a tree may ask: what one tree cannot ask the next can, and it costs half."""
BINS: Final = 128
LEAST_WEIGHT: Final = 4.0
"""Of a leaf: the sum of risk times one less the risk of its rows."""
RIDGE: Final = 5.0


class Grown(NamedTuple):
    """Trees as tables: which column each node asks, above which value one goes right, and what each leaf adds.

    Nodes of a tree are numbered level by level from 1; node k leads to 2k and 2k + 1. A missing value goes left.
    """

    level: float
    columns: Places
    cuts: Floats
    leaves: Floats

    def logit(self, rows: Floats) -> Floats:
        """Log-odds of many rows."""
        at = np.arange(len(rows))
        found = np.full(len(rows), self.level)
        for columns, cuts, leaves in zip(self.columns, self.cuts, self.leaves, strict=True):
            node = np.ones(len(rows), dtype=np.int64)
            for _ in range(DEPTH):
                node = 2 * node + (rows[at, columns[node]] > cuts[node])
            found += leaves[node - len(leaves)]
        return found


def grow(rows: Floats, left: Bools, seed: int = 0) -> Grown:
    """Grow trees, each on what those before it leave to be said.

    Parameters
    ----------
    rows
        (rows, columns); NaN is a missing value.
    left
        Who left; at least one did, and one did not.
    seed
        Which columns which tree may ask.

    References
    ----------
    .. [1] Friedman, J. H. (2001). Greedy function approximation: a gradient boosting machine. Annals of Statistics
       29(5).
    .. [2] Chen, T., Guestrin, C. (2016). XGBoost: a scalable tree boosting system. KDD. (Gain and leaves by second
       derivatives.)

    Examples
    --------
    Neither column says anything alone.

    >>> rows = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [np.nan, 0.0]] * 60)
    >>> trees = grow(rows, (rows[:, 0] > 0.5) ^ (rows[:, 1] > 0.5))
    >>> (trees.logit(np.array([[0.0, 0.0], [1.0, 0.0], [np.nan, 0.0]])) > 0.0).tolist()
    [False, True, False]
    """
    cuts, codes = _binned(rows)
    rate = float(left.mean())
    level = float(np.log(rate / (1.0 - rate)))
    asked = max(min(2, len(cuts)), round(COLUMNS * len(cuts)))
    told = np.full(len(rows), level)
    columns = np.zeros((TREES, 2**DEPTH), dtype=np.int64)
    edges = np.zeros((TREES, 2**DEPTH))
    leaves = np.zeros((TREES, 2**DEPTH))
    for tree in range(TREES):
        risk = sigmoid(told)
        some = np.sort(_shuffled(len(cuts), seed * TREES + tree)[:asked])
        node, asks, last = _split(codes[some], left - risk, risk * (1.0 - risk))
        columns[tree] = some[asks]
        edges[tree] = cuts[columns[tree], last]
        slope = np.bincount(node, weights=left - risk, minlength=2**DEPTH)
        bend = np.bincount(node, weights=risk * (1.0 - risk), minlength=2**DEPTH)
        leaves[tree] = RATE * slope / (bend + RIDGE)
        told += leaves[tree][node]
    return Grown(level, columns, edges, leaves)


def _shuffled(count: int, seed: int) -> Places:
    """Numbers from 0 in an order that is always the same for a seed."""
    hashes = [blake2b(b"%d:%d" % (seed, k), digest_size=8).digest() for k in range(count)]
    return np.array(sorted(range(count), key=hashes.__getitem__), dtype=np.int64)


def _split(codes: Places, slope: Floats, bend: Floats) -> tuple[Places, Places, Places]:
    """Split all rows :data:`DEPTH` times where it gains most.

    Returns
    -------
    tuple
        The leaf of each row; of each node the column that it asks, and the last bin that goes left.
    """
    count, rows = codes.shape
    flat = codes + (np.arange(count) * BINS)[:, None]
    slopes, bends = (np.broadcast_to(each, codes.shape).ravel() for each in (slope, bend))
    at, node = np.arange(rows), np.zeros(rows, dtype=np.int64)
    columns, last = np.zeros(2**DEPTH, dtype=np.int64), np.full(2**DEPTH, BINS)
    for depth in range(DEPTH):
        nodes = 2**depth
        place = (flat + node * (count * BINS)).ravel()
        shape = (nodes, count, BINS)
        up = np.bincount(place, weights=slopes, minlength=nodes * count * BINS).reshape(shape).cumsum(axis=2)
        down = np.bincount(place, weights=bends, minlength=nodes * count * BINS).reshape(shape).cumsum(axis=2)
        gain = _gain(up, down).reshape(nodes, -1)
        best = gain.argmax(axis=1)
        column, code = np.divmod(best, BINS)
        code = np.where(np.isfinite(gain[np.arange(nodes), best]), code, BINS)  # else all go left
        columns[nodes : 2 * nodes], last[nodes : 2 * nodes] = column, code
        node = 2 * node + (codes[column[node], at] > code[node])
    return node, columns, last


def _gain(up: Floats, down: Floats) -> Floats:
    """What a cut after each bin would gain, minus infinity where a side would weigh too little.

    A cut that gains nothing is one all the same: where only two columns together say something, the first gains none.
    """
    all_up, all_down = up[:, :, -1:], down[:, :, -1:]
    right = all_down - down
    gain = up * up / (down + RIDGE) + (all_up - up) ** 2 / (right + RIDGE) - all_up * all_up / (all_down + RIDGE)
    return np.where((down >= LEAST_WEIGHT) & (right >= LEAST_WEIGHT), gain, -np.inf)


def _binned(rows: Floats) -> tuple[Floats, Places]:
    """The upper edge of each bin, (columns, bins), and the bin of each value, (columns, rows).

    Bin 0 holds the missing values alone. Beyond a column's last bin the edge is infinite, as in the last place of all.
    """
    edges = np.full((rows.shape[1], BINS + 1), np.inf)
    codes = np.zeros(rows.shape[::-1], dtype=np.int64)
    for k, values in enumerate(rows.T):
        missing = np.isnan(values)
        known = np.unique(values[~missing])
        if len(known) > BINS - 1:
            known = np.unique(np.quantile(values[~missing], np.linspace(0.0, 1.0, BINS - 1), method="lower"))
        below = np.concatenate([[-np.inf], known[:-1]])
        edges[k, : len(below)] = below
        codes[k] = np.where(missing, 0, np.searchsorted(below, values, side="left"))
    return edges, codes
