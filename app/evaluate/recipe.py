"""How a table's rows become what the model sees: decided from the first rows, without their labels, and then frozen."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.evaluate.kinds import Kind, date_format, days, kind_of, numbers
from app.evaluate.sheet import Sheet
from models import ratios
from models.basis import KNOTS, Basis, Block, Column, Hats, Levels, Pair, Part, hats, levels
from models.crosses import CELLS
from models.ratios import Ratio

Floats = npt.NDArray[np.float64]

WIDTH: Final = 2400
"""Of all knots together: a step costs the cube of it, so a table of three hundred columns gets fewer knots a column."""
FIRST: Final = 1000
"""So many unlabelled rows decide kinds, knots, levels and ratios."""


class Recipe:
    """See the module.

    Parameters
    ----------
    sheet
        The table to learn from.
    names
        The columns that may be used: not the label, not the id.
    order
        Row numbers in the order in which they are learned; the first :data:`FIRST` decide.
    """

    def __init__(self, sheet: Sheet, names: list[str], order: npt.NDArray[np.int64]) -> None:
        first = order[:FIRST].tolist()
        sample = {name: [column[row] for row in first] for name in names for column in (sheet.columns[name],)}
        self.kinds = {name: kind_of(name, values) for name, values in sample.items()}
        self._dates = {name: str(date_format([v for v in sample[name] if v])) for name in self.of(Kind.DATE)}
        known = {name: self._number(name, sample[name]) for name in names if self._is_number(name)}
        self.ratios: list[Ratio] = ratios.infer({name: known[name] for name in self.of(Kind.NUMBER)})
        known |= {ratio.name: ratios.compute(ratio, known) for ratio in self.ratios}
        count = max(2, min(KNOTS, WIDTH // max(1, len(known))))
        parts: list[Part] = [hats(name, values, count) for name, values in known.items()]
        parts += [levels(name, sample[name]) for name in self.of(Kind.CATEGORY)]
        self.basis = Basis(parts)

    def of(self, kind: Kind) -> list[str]:
        """The columns of a kind."""
        return [name for name, found in self.kinds.items() if found is kind]

    def pair(self, pairs: list[Pair]) -> None:
        """Have these surfaces instead of those before; blocks placed from now on have them."""
        self.basis = Basis([*(part for part in self.basis.parts if not isinstance(part, Pair)), *pairs])

    def curves_of(self, block: Block) -> Block:
        """What a block has beside its surfaces, which stand last."""
        columns = 1 + 2 * (len(self.basis.parts) - len(self.pairs))
        return Block(block.places[:, :columns], block.shares[:, :columns])

    @property
    def pairs(self) -> list[str]:
        """The pairs that have a surface."""
        return [part.feature for part in self.basis.parts if isinstance(part, Pair)]

    def short_categories(self) -> dict[str, Levels]:
        """Categories whose levels are few enough for a grid."""
        categories = [part for part in self.basis.parts if isinstance(part, Levels)]
        return {part.feature: part for part in categories if part.width <= CELLS}

    def numbers(self, sheet: Sheet) -> dict[str, Floats]:
        """Every numeric feature of every row of a table, ratios included."""
        found = {name: self._number(name, sheet.column(name)) for name in self.kinds if self._is_number(name)}
        return found | {ratio.name: ratios.compute(ratio, found) for ratio in self.ratios}

    def _is_number(self, name: str) -> bool:
        return self.kinds[name] in (Kind.NUMBER, Kind.DATE)

    def _number(self, name: str, values: list[str]) -> Floats:
        if self.kinds[name] is Kind.DATE:
            return np.array([days(value, self._dates[name]) for value in values], dtype=np.float64)
        return numbers(values)


class Placed:
    """A table as the model sees it, block by block.

    Parameters
    ----------
    recipe
        Frozen on the table that is learned from.
    sheet
        That table or another with the same columns.
    """

    def __init__(self, recipe: Recipe, sheet: Sheet) -> None:
        self._recipe = recipe
        self._sheet = sheet
        self.numbers = recipe.numbers(sheet)
        levels = [part for part in recipe.basis.parts if isinstance(part, Levels)]
        self._codes = {part.feature: self._code(part) for part in levels}
        self._short = recipe.short_categories()

    @property
    def pairable(self) -> dict[str, Floats]:
        """What may be one side of a pair: numbers, and categories of few levels by the place of the level."""
        return self.numbers | {name: self._codes[name] for name in self._short}

    def matrix(self, rows: npt.NDArray[np.int64]) -> tuple[Floats, list[int]]:
        """These rows before any knot: numbers, then places of levels, and which columns those are."""
        columns = [*self.numbers.values(), *self._codes.values()]
        found = np.stack([column[rows] for column in columns], axis=1)
        return found, list(range(len(self.numbers), len(columns)))

    def block(self, rows: npt.NDArray[np.int64]) -> Block:
        """These rows over the basis as it is now."""
        return self._recipe.basis.place([self._column(part, rows) for part in self._recipe.basis.parts])

    def _column(self, part: Part, rows: npt.NDArray[np.int64]) -> Column:
        if isinstance(part, Levels):
            column = self._sheet.column(part.feature)
            return [column[row] for row in rows.tolist()]
        if isinstance(part, Hats):
            return self.numbers[part.feature][rows]
        pairable = self.pairable
        return pairable[part.first.feature][rows], pairable[part.second.feature][rows]

    def _code(self, part: Levels) -> Floats:
        return part.place(self._sheet.column(part.feature)).places[:, 0].astype(np.float64)
