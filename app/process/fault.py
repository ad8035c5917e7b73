"""For fault tests: a process that dies, hangs or is struck at a step, without a word to anybody."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable


def fail_at(wanted: str | None) -> Callable[[str], None]:
    """Hook to be called at each step with its name; ``step:n`` dies when the step is reached for the n-th time.

    ``step:n:hang`` does not return from there instead: neither does what waits for it.
    """
    strikes = struck_at((wanted or "").removesuffix(":hang"))
    hangs = (wanted or "").endswith(":hang")

    def told(name: str) -> None:
        if strikes(name):
            if hangs:
                threading.Event().wait()
            os._exit(9)

    return told


def struck_at(wanted: str | None) -> Callable[[str], bool]:
    """Hook that says at the n-th ``step`` of ``step:n`` that it is to fail, in whatever way it does.

    Examples
    --------
    >>> strikes = struck_at("coordination:2")
    >>> strikes("coordination"), strikes("folded"), strikes("coordination"), strikes("coordination")
    (False, False, True, False)
    """
    step, _, nth = (wanted or "").partition(":")
    reached: Counter[str] = Counter()

    def told(name: str) -> bool:
        reached[name] += 1
        return name == step and reached[name] == int(nth or 1)

    return told
