"""Where the data sets are that may not be shipped: the folder in ``HOLDFAST_DATA``, or nowhere.

The variable is taken out of the environment as soon as tests begin: every process that they start would take it for a
setting, and refuse one that it does not know.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = os.environ.pop("HOLDFAST_DATA", "")
needed: Final = pytest.mark.skipif(
    not FOLDER, reason="HOLDFAST_DATA is not set: the folder of data sets that may not be shipped"
)


def data(name: str) -> Path:
    """A file of that folder; skips the test if it is not there."""
    path = Path(FOLDER) / name
    if not path.is_file():
        pytest.skip(f"no {name} in HOLDFAST_DATA")
    return path
