"""A labelled table as text, whole in memory, read as by ``holdfast replay``; and its labels as booleans."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.errors import ExitCode, Refused
from app.tables.column_names import bare
from app.tables.contract_words import FLAGS
from app.tables.fields import is_nothing
from app.tables.recording import Recording
from app.tables.reject import RejectReason

_SIDE_OF: Final = frozenset({"on", "off"})
"""Ambiguous words: the leaving may be on, or the contract."""
_LEFT: Final = {word for word, yes in FLAGS.items() if yes} - _SIDE_OF | set(
    "churn churned left leaver leave lost exited 流失 离网 已流失 已离网".split()  # noqa: SIM905
)
_STAYED: Final = {word for word, yes in FLAGS.items() if not yes} - _SIDE_OF | set(
    "-1 -1.0 stay stayed stayer retained active existing current none 未流失 在网 正常 留存".split()  # noqa: SIM905
)
_WHOLE: Final = re.compile(r"^([+-]?\d+)[.,]0+$")
_SHOWN: Final = 5


class Sheet(NamedTuple):
    """Columns of text, in the order of the file."""

    source: str
    columns: dict[str, list[str]]
    numbers: Sequence[int] = ()
    """Line of each row in the file; empty if there is one row a line."""
    commas: bool = True
    """Whether commas separate the columns, or nothing does."""
    left_out: Sequence[str] = ()
    """Rows left out: sums under the table, repeated headers."""

    @property
    def rows(self) -> int:
        """Number of rows, without the header."""
        return len(next(iter(self.columns.values()), []))

    @property
    def lines(self) -> Sequence[int]:
        """Line of each row in the file."""
        return self.numbers or range(1, self.rows + 1)

    def column(self, name: str) -> list[str]:
        """One column.

        Raises
        ------
        Refused
            If there is no such column; the message lists the existing ones.
        """
        if name not in self.columns:
            raise Refused(f"{self.source} has no column {name!r}", f"it has: {', '.join(self.columns)}")
        return self.columns[name]


def read(recording: Recording, label: str) -> Sheet:
    """All rows of a file.

    Raises
    ------
    Refused
        If a row cannot be read, or there is no column `label`; the message says why.
    """
    name, rows, numbers, left_out = recording.path.name, list[list[str]](), list[int](), list[str]()
    # The only sign of lines before the header: the label's name stands further down.
    skip = recording.preamble(frozenset([bare(label)]), least=1)
    advice = [f"row {skip + 1} looks like the header:  --skip {skip}"] if skip else []
    for row in recording.rows():
        if row.reject is None:
            numbers.append(row.number)
            rows.append(["" if cell is None else str(cell).strip() for cell in row.cells])
        elif row.reject.reason in (RejectReason.SUM, RejectReason.HEADER):
            left_out.append(f"row {row.number} is left out: {row.reject.detail}")
        else:
            raise Refused(f"{name}, row {row.number}: {row.reject.detail}", *advice)
    columns = dict(zip(recording.columns, map(list, zip(*rows, strict=True)), strict=True))
    if label not in columns:
        raise Refused(f"{name} has no column {label!r}", f"it has: {', '.join(columns)}", *advice)
    return Sheet(name, columns, numbers, recording.separator in (",", ""), left_out)


class Answers(NamedTuple):
    """Whether each row left, whether its label is known (a blank one is not), and the words of those who left."""

    left: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]
    words: list[str]


def answers(values: list[str], column: str, positive: str | None = None) -> Answers:
    """Read labels as booleans.

    Parameters
    ----------
    positive
        The word of those who left; all others but blanks stayed.

    Raises
    ------
    Refused
        For an unknown word, or if all labels are equal.

    Examples
    --------
    >>> answers(["Yes", "no", "NO", ""], "Churn")
    Answers(left=array([ True, False, False, False]), known=array([ True,  True,  True, False]), words=['Yes'])
    >>> answers(["gone", "here", "n/a"], "Status", "gone").left.tolist()
    [True, False, False]
    """
    words = [_plain(value) for value in values]
    leave = _LEFT if positive is None else {_plain(positive)}
    there = [word in leave | _STAYED or not is_nothing(value) for value, word in zip(values, words, strict=True)]
    found = Counter(value for value, is_there in zip(values, there, strict=True) if is_there)
    strange = [value for value, _ in found.most_common() if _plain(value) not in leave | _STAYED]
    if positive is None and strange:
        said = ", ".join(repr(value) for value in strange[:_SHOWN])
        # No example: a user who copies the wrong one inverts all labels.
        has = ", ".join(repr(value) for value, _ in found.most_common(_SHOWN))
        raise Refused(
            f"column {column!r} is no label: {said}",
            "known are yes/no (ja/nein, oui/non ...), 1/0, true/false, churned/stayed, 是/否",
            f"it has {has}; say which of them left, and all others stayed:  --positive VALUE",
        )
    if positive is not None and not leave & set(words):
        said = ", ".join(repr(value) for value, _ in found.most_common(_SHOWN))
        raise Refused(f"--positive {positive}: column {column!r} has none; it has {said}", code=ExitCode.USAGE)
    left = np.array([word in leave for word in words], dtype=bool)
    known = np.array(there, dtype=bool)
    if left.sum() in (0, known.sum()):
        raise Refused(f"column {column!r} has one class only: {int(left.sum())} of {int(known.sum())} left")
    return Answers(left, known, sorted(value for value in found if _plain(value) in leave))


def _plain(value: str) -> str:
    """A label in the form used for comparison; where some are missing, programs write 1 as 1.0."""
    return _WHOLE.sub(r"\1", value.strip().lower().rstrip("."))
