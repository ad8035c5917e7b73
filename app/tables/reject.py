"""Reasons why a row of a log is no event: values, so that each is counted and none stops the rest."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple


class RejectReason(StrEnum):
    """The closed list of reasons; a report names each with its count and first rows."""

    WRONG_WIDTH = "wrong_width"
    """The number of fields differs from the header's."""
    UNREADABLE = "unreadable"
    """The line is no JSON object, or not text in the file's encoding."""
    HEADER = "header"
    """A repeated header: several files were put together."""
    SUM = "sum"
    """A total, a mean or a count under the table."""
    EMPTY = "empty"
    """A required field is empty."""
    NOT_A_TIME = "not_a_time"
    NOT_A_NUMBER = "not_a_number"
    UNKNOWN_WORD = "unknown_word"
    """An unknown word for the field; ``--value`` defines it."""
    MANGLED_ID = "mangled_id"
    """An id that a spreadsheet has rounded (1.38E+10): the subscriber cannot be known any more."""
    FUTURE = "future"
    """Later than now, which a worker would dead-letter."""
    INVALID = "invalid"
    """The contract's decoder refuses the event: a bound, a length, a pattern."""


class Reject(NamedTuple):
    """A reason with its place: `detail` names the field and, except for ids and texts, the value in the file."""

    reason: RejectReason
    detail: str


_SUM: Final = re.compile(
    r"(grand|sub)?[ _-]?totals?|sum|gesamt(summe)?|summe|insgesamt|totale|somme|suma|average|mean|avg|durchschnitt|"
    r"count|anzahl|итого|всего|合计|总计|小计|共计|总和|平均|平均值|合計|総計|總計|小計|합계|총계",
    re.IGNORECASE,
)

_LONGEST: Final = 30


def is_sum(cell: object) -> bool:
    """Whether a cell names the row of a total, a mean or a count.

    Examples
    --------
    >>> is_sum("TOTAL:"), is_sum(" 合计 "), is_sum("Total (3)"), is_sum("total-wireless"), is_sum("138")
    (True, True, True, False, False)
    """
    if not isinstance(cell, str) or len(cell) > _LONGEST or cell[:1].isdecimal():
        return False  # nearly all cells, of millions
    return _SUM.fullmatch(cell.rstrip(" \t:：=()（）.,0123456789").strip()) is not None


def cut(cell: object, width: int = 40) -> str:
    r"""A cell shortened to one line: an unclosed quote makes cells of a hundred lines.

    Examples
    --------
    >>> cut("a\nb\x1b[31m"), cut("x" * 100, 8)
    ('a b?[31m', 'xxxxxxx…')
    """
    text = str(cell)
    text = "".join(c if c.isprintable() else "?" for c in " ".join(text[: 4 * width].split()))
    return text if len(text) <= width else f"{text[: width - 1]}…"
