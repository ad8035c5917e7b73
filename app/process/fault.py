"""Hooks for fault tests: a process dies, hangs or fails at a step, without notice."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable


def fail_at(wanted: str | None) -> Callable[[str], None]:
    """Hook to call at each step with its name; ``step:n`` dies when the step is reached for the n-th time.

    ``step:n:hang`` never returns from there instead, nor does its caller.
    """
    strikes = struck_at((wanted or "").removesuffix(":hang"))
    hangs = (wanted or "").endswith(":hang")

    def hook(name: str) -> None:
        if strikes(name):
            if hangs:
                threading.Event().wait()
            os._exit(9)

    return hook


def struck_at(wanted: str | None) -> Callable[[str], bool]:
    """Hook that returns True at the n-th ``step`` of ``step:n``, where the caller then fails in its own way.

    Examples
    --------
    >>> strikes = struck_at("coordination:2")
    >>> strikes("coordination"), strikes("folded"), strikes("coordination"), strikes("coordination")
    (False, False, True, False)
    """
    step, _, nth = (wanted or "").partition(":")
    reached: Counter[str] = Counter()

    def hook(name: str) -> bool:
        reached[name] += 1
        return name == step and reached[name] == int(nth or 1)

    return hook
