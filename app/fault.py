"""For fault tests: a process that dies at a step of its protocol as by kill -9, without a word to anybody."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable


def fail_at(wanted: str | None) -> Callable[[str], None]:
    """Hook to be called at each step with its name; ``step:n`` dies when the step is reached for the n-th time."""
    step, _, nth = (wanted or "").partition(":")
    reached: Counter[str] = Counter()

    def told(name: str) -> None:
        reached[name] += 1
        if name == step and reached[name] >= int(nth or 1):
            os._exit(9)

    return told
