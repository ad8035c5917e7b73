"""Recipe that turns the rows of a table into features: fixed from the first rows, without their labels."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple, cast, get_args

import numpy as np

from app.errors import ExitCode, Refused
from app.evaluate import ratios
from app.evaluate.ratios import Ratio, words_of
from app.evaluate.sheet import Sheet
from app.tables.contract_words import NOTHING
from app.tables.decimals_and_dates import Evidence
from app.tables.fields import Field, Sort
from app.tables.quantities import Mark
from app.tables.quantities import number as quantity
from app.tables.reject import Reject
from app.tables.times import First, LocalTime, moment
from models.arrays import Floats, Rows
from models.contract.time_units import DAY_MS

MISSING: Final = NOTHING | {"nil", "?", "#n/a", "无", "未知"}
_UNKNOWN: Final = frozenset(["unknown", "other", "inf", "-inf", "+inf", "infinity", "-infinity"])
"""Missing in a column of numbers; a level of its own in a column of words."""
_NEARLY: Final = 0.98
"""Share of the present values that must fit: one typing error in a hundred must not make a number a category."""
_IDENTITY: Final = frozenset(
    ["id", "key", "msisdn", "phone", "mobile", "imsi", "imei", "uuid", "guid", "account", "编号", "号码", "手机"]
)
_ROW_NUMBER: Final = frozenset(["", "index", "row", "unnamed: 0", "序号"])
"""Names that other programs give to the row number. In a file sorted by the label it would reveal the label."""
FIRST: Final = 1000
"""First rows, without labels, that decide kinds, levels and ratios."""
LEAST_COUNT: Final = 10
"""A level seen less often in the first rows is rare: learning it would be noise."""
MOST_LEVELS: Final = 64
_MOST: Final = 1e30
"""Largest amount: the learner holds values in single precision, which cannot hold more."""


class Kind(StrEnum):
    """Kind of a column."""

    NUMBER = "number"
    CATEGORY = "category"
    DATE = "date"
    CONSTANT = "constant"
    IDENTITY = "identity"


def kind_of(name: str, values: list[str]) -> Kind:
    """Guess a column's kind.

    Examples
    --------
    >>> kind_of("arpu", ["1.5", "", "2,000"]), kind_of("plan", ["gold", "tin", "tin"])
    (<Kind.NUMBER: 'number'>, <Kind.CATEGORY: 'category'>)
    >>> kind_of("since", ["2024-01-31", "2024-02-01"]), kind_of("CustomerID", ["3001", "3002"])
    (<Kind.DATE: 'date'>, <Kind.IDENTITY: 'identity'>)
    """
    there = [value for value in values if value.lower() not in MISSING]
    different = set(there)
    if len(different) <= 1 and len(there) in (0, len(values)):
        return Kind.CONSTANT
    words = [value for value in there if value.lower() not in _UNKNOWN]
    if words and _mostly(words, [partial(number, mark=mark) for mark in get_args(Mark)]):
        named = bool(_IDENTITY & set(words_of(name))) or name.lower() in _ROW_NUMBER
        return Kind.IDENTITY if named and len(different) == len(values) else Kind.NUMBER
    if there and _mostly(there, [partial(days, first=first) for first in get_args(First)]):
        return Kind.DATE
    # As many levels as rows: what is learned of a level would never apply again.
    return Kind.IDENTITY if len(different) > 0.9 * len(values) and len(values) > 20 else Kind.CATEGORY


def _mostly(values: list[str], reads: Sequence[Callable[[str], float]]) -> bool:
    """Whether nearly all values can be read by one of `reads`."""
    bad = {value for value in set(values) if all(math.isnan(read(value)) for read in reads)}
    return sum(value in bad for value in values) <= (1.0 - _NEARLY) * len(values)


def number(text: str, mark: Mark = "point") -> float:
    """A number as people write it; NaN for anything else, also for infinities.

    Examples
    --------
    >>> number("1,234.5"), number("1.234,5", "comma"), number("¥20"), number("5 %"), number("inf"), number("gold")
    (1234.5, 1234.5, 20.0, 5.0, nan, nan)
    """
    read = quantity(text.rstrip(" %"), mark)
    return math.nan if isinstance(read, Reject) else float(read)


def days(text: str, first: First = "month") -> float:
    """Days since 1970 of a date; NaN if the text is no date.

    Examples
    --------
    >>> days("1970-01-03"), days("3/1/1970", "day"), days("3/1/1970"), days("yesterday")
    (2.0, 2.0, 59.0, nan)
    """
    read = moment(text, LocalTime(first=first))
    return math.nan if isinstance(read, Reject) else read.ms / DAY_MS


def amounts(values: Sequence[str], read: Callable[[str], float]) -> Floats:
    """A whole column of numbers or days. All amounts come from here, and none is infinite.

    Examples
    --------
    >>> amounts(["1", "", "-inf", "1e999"], number).tolist()
    [1.0, nan, nan, nan]
    """
    known = {value: read(value) for value in set(values)}
    return np.array([known[value] for value in values], dtype=np.float64)


def reader(kind: Kind, way: str) -> Callable[[str], float]:
    """The function that reads the values of a column in one format.

    Examples
    --------
    >>> reader(Kind.NUMBER, "comma")("1,5"), reader(Kind.DATE, "day")("3/1/1970")
    (1.5, 2.0)
    """
    if kind is Kind.DATE:
        return partial(days, first=cast("First", way))
    return partial(number, mark=cast("Mark", way))


class Writing(NamedTuple):
    """Format of a table by the command line: decimal mark by column, and which part of 5/6/2026 comes first."""

    marks: Mapping[str, Mark] = {}
    first: First | None = None


class Recipe:
    """Recipe of features for one table and others with the same columns.

    Parameters
    ----------
    sheets
        The table to learn from, and others that are written in the same way.
    names
        The columns that may be used: not the label, not the id.
    order
        Row numbers in the order in which they are learned; the first :data:`FIRST` decide.

    Examples
    --------
    >>> sheet = Sheet("t.csv", {"price": ["1", "", "3"] * 10, "plan": ["gold", "tin", "tin"] * 10})
    >>> recipe = Recipe([sheet], ["price", "plan"], np.arange(30))
    >>> recipe.names
    ('price', 'price missing', 'plan = tin', 'plan = gold')
    >>> recipe.features(sheet)[:, 1].tolist()
    [nan, 1.0, 1.0, 0.0]
    """

    def __init__(self, sheets: Sequence[Sheet], names: list[str], order: Rows, told: Writing | None = None) -> None:
        first, sheet = order[:FIRST].tolist(), sheets[0]
        sample = {name: [column[row] for row in first] for name in names for column in (sheet.columns[name],)}
        self.kinds = {name: kind_of(name, values) for name, values in sample.items()}
        self._amounts = [name for name, kind in self.kinds.items() if kind in (Kind.NUMBER, Kind.DATE)]
        ways = self._ways(sheets, told or Writing())
        self._reads = {name: reader(self.kinds[name], way) for name, way in ways.items()}
        known = {name: amounts(sample[name], self._reads[name]) for name in self._amounts}
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
        found = self._all_amounts(sheet)
        missing = [np.isnan(found[name]) for name in self._missing]
        flags = [code == n for name, code in self._codes(sheet).items() for n in range(len(self._levels[name]))]
        return np.clip(np.array([*found.values(), *missing, *flags], dtype=np.float64), -_MOST, _MOST)

    def columns(self, sheet: Sheet) -> tuple[Floats, list[int]]:
        """All rows for trees, (n, C): amounts and ratios, then level numbers; and the columns with level numbers."""
        found, codes = self._all_amounts(sheet), self._codes(sheet)
        rows = np.array([*found.values(), *codes.values()], dtype=np.float64).T
        return rows, list(range(len(found), len(found) + len(codes)))

    def _all_amounts(self, sheet: Sheet) -> dict[str, Floats]:
        found = {name: amounts(sheet.column(name), self._reads[name]) for name in self._amounts}
        return found | {ratio.name: ratios.compute(ratio, found) for ratio in self.ratios}

    def _codes(self, sheet: Sheet) -> dict[str, Rows]:
        """Number of each value's level; rare levels share the number after the last."""
        found = {}
        for name, known in self._levels.items():
            place = {level: n for n, level in enumerate(known)}
            found[name] = np.array([place.get(value, len(known)) for value in sheet.column(name)], dtype=np.int64)
        return found

    def _ways(self, sheets: Sequence[Sheet], told: Writing) -> dict[str, str]:
        """The format of each column of numbers or dates: as given by a flag, else as all rows of all tables allow.

        Raises
        ------
        app.errors.Refused
            If the rows allow more than one.
        """
        for name in told.marks:
            if self.kinds.get(name) is not Kind.NUMBER:
                raise Refused(f"--decimal {name}={told.marks[name]}: it is no column of numbers", code=ExitCode.USAGE)
        said = {name: told.first if kind is Kind.DATE else told.marks.get(name) for name, kind in self.kinds.items()}
        evidence_of = {}
        for name in (name for name in self._amounts if said[name] is None):
            field = Field(name, Sort.TIME if self.kinds[name] is Kind.DATE else Sort.NUMBER, required=False)
            source, cells = sheets[0].source, sheets[0].columns[name][:FIRST]
            evidence = evidence_of[name] = Evidence(field, source, cells, commas=sheets[0].commas)
            for sheet in sheets:
                for row, cell in zip(sheet.lines, sheet.column(name), strict=True):
                    if cell.lower() not in MISSING:
                        evidence.look(row, cell.rstrip(" %"))
        found = {name: evidence.settled(list(evidence_of.values())) for name, evidence in evidence_of.items()}
        return found | {name: str(said[name]) for name in self._amounts if name not in found}


def levels(values: Sequence[str]) -> list[str]:
    """Levels that are frequent enough, the most frequent first.

    Examples
    --------
    >>> levels(["gold"] * 10 + ["tin"] * 11 + ["lead"])
    ['tin', 'gold']
    """
    return [level for level, count in Counter(values).most_common(MOST_LEVELS) if count >= LEAST_COUNT]
