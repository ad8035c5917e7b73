"""Boosted trees with many passes over all rows: the benchmark for one-pass learning.

They get the same columns as the learner, and the scored rows set nothing: the parameters are fixed, and the number of
trees follows from the last fifth of the training rows. LightGBM is an extra: serving does not need it.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from app.errors import Refused
from models.arrays import Bools, Floats

if TYPE_CHECKING:
    import lightgbm
INSTALL: Final = "pip install 'holdfast[batch]'"
PARAMETERS: Final[dict[str, Any]] = {
    "objective": "binary",
    "num_leaves": 15,
    "learning_rate": 0.03,
    "min_data_in_leaf": 50,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    # Its threads wait by spinning: on busy cores two took twenty times as long as one.
    "num_threads": 1,
    "verbosity": -1,
}
MOST_TREES: Final = 2000
PATIENCE: Final = 50
"""Trees without a gain on the inner split after which no more are grown."""
_INNER: Final = 0.2


def library() -> str:
    """Name and version of the library that grows the trees.

    Raises
    ------
    Refused
        If it is not installed, or a system library is missing.
    """
    try:
        importlib.import_module("lightgbm")
    except ImportError as missing:
        raise Refused("--against-batch needs LightGBM, which is not installed", INSTALL) from missing
    except OSError as broken:
        # Its wheel does not include OpenMP, and a slim image or a Mac may have none.
        raise Refused(
            f"LightGBM cannot be loaded: {broken}", "it needs the system's OpenMP: libgomp1 (Debian), libomp (Mac)"
        ) from broken
    return f"lightgbm {version('lightgbm')}"


class Boosted:
    """Trees grown on rows.

    Parameters
    ----------
    rows, left
        Training rows and labels, in the order of learning; NaN is a missing value.
    categories
        Columns that hold level numbers, not amounts.
    """

    def __init__(self, rows: Floats, left: Bools, categories: Sequence[int] = ()) -> None:
        import lightgbm

        self._trees: lightgbm.Booster | None = None
        self._rate = float(left.mean())
        if left.all() or not left.any():
            return
        cut = round(len(left) * (1.0 - _INNER))
        data = lightgbm.Dataset(rows[:cut], left[:cut].astype(np.float64), categorical_feature=list(categories))
        inner = data.create_valid(rows[cut:], left[cut:].astype(np.float64))
        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        found = lightgbm.train(PARAMETERS, data, MOST_TREES, valid_sets=[inner], callbacks=[stop])
        whole = lightgbm.Dataset(rows, left.astype(np.float64), categorical_feature=list(categories))
        self._trees = lightgbm.train(PARAMETERS, whole, found.best_iteration or MOST_TREES)

    @property
    def count(self) -> int:
        """Number of trees; 0 if all training rows had the same label."""
        return 0 if self._trees is None else self._trees.num_trees()

    def risk(self, rows: Floats) -> Floats:
        """Probability of leaving."""
        if self._trees is None:
            return np.full(len(rows), self._rate)
        return np.asarray(self._trees.predict(rows), dtype=np.float64)
