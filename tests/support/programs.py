"""Programs that tests need beside Python: Prometheus and what comes with it, curl, and a Java and a Node."""

from __future__ import annotations

import os
import shutil

import pytest

WATCHING = "curl prometheus prometheus-alertmanager"


def program(name: str, packages: str = WATCHING) -> str:
    """Where a program is. Without it the gate fails, and a newcomer's tests are skipped, as README.md says."""
    found = shutil.which(name)
    if found is not None:
        return found
    why = f"{name} is not on the PATH: apt install {packages}"
    if "GATE" in os.environ:
        pytest.fail(why)
    pytest.skip(why)
