"""Result of a check: whether all is well, and what to do if not."""

from __future__ import annotations

from typing import Literal, NamedTuple

Verdict = Literal["ok", "warn", "fail"]


class Finding(NamedTuple):
    """One line of the doctor's report.

    Attributes
    ----------
    advice
        What to do; nothing where all is well.
    """

    check: str
    verdict: Verdict
    said: str
    advice: str = ""
