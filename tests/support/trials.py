"""How often a property is tried: seldom where a trial takes seconds; ``.ci/long`` sets ``TRIALS`` for more."""

from __future__ import annotations

import os


def trials(count: int) -> int:
    """So many in the gate."""
    return count * int(os.environ.get("TRIALS", "1"))
