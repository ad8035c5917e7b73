"""Recipe that turns a table's rows into features: fixed from the first rows, without their labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import numpy as np

from app.evaluate import ratios
from app.evaluate.kinds import Kind, date_format, days, kind_of, numbers
from app.evaluate.ratios import Ratio
from app.evaluate.sheet import Sheet
from models.arrays import Floats, Rows

FIRST: Final = 1000
"""First rows, without labels, that decide kinds, levels and ratios."""
LEAST_COUNT: Final = 10
"""A level seen less often in the first rows is rare: learning it would be noise."""
MOST_LEVELS: Final = 64
_MOST: Final = 1e30
"""Largest amount: the learner holds values in single precision, which cannot hold more."""


class Recipe:
    """Recipe of features for one table and others with the same columns.

    Parameters
    ----------
    sheet
        The table to learn from.
    names
        The columns that may be used: not the label, not the id.
    order
        Row numbers in the order in which they are learned; the first :data:`FIRST` decide.

    Examples
    --------
    >>> sheet = Sheet("t.csv", {"price": ["1", "", "3"] * 10, "plan": ["gold", "tin", "tin"] * 10})
    >>> recipe = Recipe(sheet, ["price", "plan"], np.arange(30))
    >>> recipe.names
    ('price', 'price missing', 'plan = tin', 'plan = gold')
    >>> recipe.features(sheet)[:, 1].tolist()
    [nan, 1.0, 1.0, 0.0]
    """

    def __init__(self, sheet: Sheet, names: list[str], order: Rows) -> None:
        first = order[:FIRST].tolist()
        sample = {name: [column[row] for row in first] for name in names for column in (sheet.columns[name],)}
        self.kinds = {name: kind_of(name, values) for name, values in sample.items()}
        self._dates = {name: str(date_format([v for v in sample[name] if v])) for name in self.of(Kind.DATE)}
        self._amounts = [name for name, kind in self.kinds.items() if kind in (Kind.NUMBER, Kind.DATE)]
        known = {name: self._number(name, sample[name]) for name in self._amounts}
        self._missing = [name for name, values in known.items() if np.isnan(values).any()]
        self.ratios: list[Ratio] = ratios.infer({name: known[name] for name in self.of(Kind.NUMBER)})
        self._levels = {name: levels(sample[name]) for name in self.of(Kind.CATEGORY)}
        one_hot = (f"{name} = {level}" for name, found in self._levels.items() for level in found)
        missing = (f"{name} missing" for name in self._missing)
        self.names = (*self._amounts, *(ratio.name for ratio in self.ratios), *missing, *one_hot)

    def of(self, kind: Kind) -> list[str]:
        """Names of the columns of a kind."""
        return [name for name, found in self.kinds.items() if found is kind]

    def features(self, sheet: Sheet) -> Floats:
        """All rows for our learner, (F, n): amounts and ratios, flags of missing values, flags of levels."""
        amounts = self._all_amounts(sheet)
        missing = [np.isnan(amounts[name]) for name in self._missing]
        flags = [code == n for name, code in self._codes(sheet).items() for n in range(len(self._levels[name]))]
        return np.clip(np.array([*amounts.values(), *missing, *flags], dtype=np.float64), -_MOST, _MOST)

    def columns(self, sheet: Sheet) -> tuple[Floats, list[int]]:
        """All rows for trees, (n, C): amounts and ratios, then level numbers; and the columns with level numbers."""
        amounts, codes = self._all_amounts(sheet), self._codes(sheet)
        found = np.array([*amounts.values(), *codes.values()], dtype=np.float64).T
        return found, list(range(len(amounts), len(amounts) + len(codes)))

    def _all_amounts(self, sheet: Sheet) -> dict[str, Floats]:
        found = {name: self._number(name, sheet.column(name)) for name in self._amounts}
        return found | {ratio.name: ratios.compute(ratio, found) for ratio in self.ratios}

    def _codes(self, sheet: Sheet) -> dict[str, Rows]:
        """Number of each value's level; rare levels share the number after the last."""
        found = {}
        for name, known in self._levels.items():
            place = {level: n for n, level in enumerate(known)}
            found[name] = np.array([place.get(value, len(known)) for value in sheet.column(name)], dtype=np.int64)
        return found

    def _number(self, name: str, values: list[str]) -> Floats:
        if self.kinds[name] is Kind.DATE:
            return np.array([days(value, self._dates[name]) for value in values], dtype=np.float64)
        return numbers(values)


def levels(values: Sequence[str]) -> list[str]:
    """Levels that are frequent enough, the most frequent first.

    Examples
    --------
    >>> levels(["gold"] * 10 + ["tin"] * 11 + ["lead"])
    ['tin', 'gold']
    """
    return [level for level, count in Counter(values).most_common(MOST_LEVELS) if count >= LEAST_COUNT]
