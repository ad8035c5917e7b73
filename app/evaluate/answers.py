"""The label column: who left, in any of the usual words."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from app.errors import ExitCode, Refused
from app.tables.fields import is_nothing

_LEFT: Final = frozenset(
    "1 1.0 yes y true t churn churned left leaver leave lost exited 是 流失 离网 已流失 已离网".split()  # noqa: SIM905
)
_STAYED: Final = frozenset(
    "0 0.0 -1 -1.0 no n false f stay stayed stayer retained active existing current none 否 未流失 在网 正常 "  # noqa: SIM905
    "留存".split()
)
_SHOWN: Final = 5


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
    there = [word in _STAYED or not is_nothing(value) for value, word in zip(values, words, strict=True)]
    found = Counter(value for value, is_there in zip(values, there, strict=True) if is_there)
    leave = _LEFT if positive is None else {_plain(positive)}
    strange = [value for value, _ in found.most_common() if _plain(value) not in leave | _STAYED]
    if positive is None and strange:
        said = ", ".join(repr(value) for value in strange[:_SHOWN])
        # No example: a user who copies the wrong one inverts all labels.
        has = ", ".join(repr(value) for value, _ in found.most_common(_SHOWN))
        raise Refused(
            f"column {column!r} is no label: {said}",
            "known are yes/no, 1/0, true/false, churned/stayed, 是/否",
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
    return value.strip().lower().rstrip(".")
