"""Why a row of a log is no event: a value, so that every one of them is counted and none stops the rest."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
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

    reason: Reason
    detail: str
