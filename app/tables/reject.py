"""Why a row of a log is no event: a value, so that every one of them is counted and none stops the rest."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class RejectReason(StrEnum):
    """The closed list; a report names each with its count and the first rows."""

    WRONG_WIDTH = "wrong_width"
    """Another number of fields than the header has."""
    UNREADABLE = "unreadable"
    """The line is no JSON object, or not text in the file's encoding."""
    EMPTY = "empty"
    """A required field has nothing in it."""
    NOT_A_TIME = "not_a_time"
    NOT_A_NUMBER = "not_a_number"
    UNKNOWN_WORD = "unknown_word"
    """A word that stands for none of the field's values; ``--value`` teaches it."""
    MANGLED_ID = "mangled_id"
    """A number that a spreadsheet has rounded (1.38E+10): whose it was cannot be known any more."""
    FUTURE = "future"
    """Later than now, which a worker would bury as poison."""
    INVALID = "invalid"
    """The contract's decoder refuses the event: a bound, a length, a pattern."""


class Reject(NamedTuple):
    """Why, and where: `detail` names the field and, but for ids and texts, the value as the file has it."""

    reason: RejectReason
    detail: str


def cut(cell: object, width: int = 40) -> str:
    r"""A cell as it can be shown in one line: a quote that is not closed makes cells of a hundred lines.

    Examples
    --------
    >>> cut("a\nb\x1b[31m"), cut("x" * 100, 8)
    ('a b?[31m', 'xxxxxxx…')
    """
    text = str(cell)
    text = "".join(c if c.isprintable() else "?" for c in " ".join(text[: 4 * width].split()))
    return text if len(text) <= width else f"{text[: width - 1]}…"
