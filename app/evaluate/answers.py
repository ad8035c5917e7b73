"""The label column: who left, in any of the usual words."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from app.errors import Refused

_LEFT: Final = frozenset(
    [
        "1",
        "1.0",
        "yes",
        "y",
        "true",
        "t",
        "churn",
        "churned",
        "left",
        "leaver",
        "leave",
        "lost",
        "exited",
        "是",
        "流失",
        "离网",
        "已流失",
        "已离网",
    ]
)
_STAYED: Final = frozenset(
    [
        "0",
        "0.0",
        "-1",
        "-1.0",
        "no",
        "n",
        "false",
        "f",
        "stay",
        "stayed",
        "stayer",
        "retained",
        "active",
        "existing",
        "current",
        "none",
        "否",
        "未流失",
        "在网",
        "正常",
        "留存",
    ]
)


def answers(values: list[str], column: str) -> npt.NDArray[np.bool_]:
    """Labels as booleans: True for a leaver.

    Raises
    ------
    Refused
        For an unknown word, an empty label, or if all labels are equal.

    Examples
    --------
    >>> answers(["Yes", "no", "NO"], "Churn").tolist(), answers(["True.", "False."], "churn").tolist()
    ([True, False, False], [True, False])
    """
    words = [value.strip().lower().rstrip(".") for value in values]
    strange = sorted({value for value, word in zip(values, words, strict=True) if word not in _LEFT | _STAYED})
    if strange:
        told = ", ".join(repr(value) for value in strange[:5])
        raise Refused(
            f"column {column!r} is no label: {told}", "known are yes/no, 1/0, true/false, churned/stayed, 是/否"
        )
    left = np.array([word in _LEFT for word in words], dtype=bool)
    if left.all() or not left.any():
        raise Refused(f"column {column!r} has one class only: {int(left.sum())} of {len(left)} left")
    return left
