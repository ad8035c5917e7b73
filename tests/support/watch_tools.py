"""Prometheus, what comes with it, and curl: Debian packages, no Python ones."""

from __future__ import annotations

import os
import shutil

import pytest


def program(name: str) -> str:
    """Where a program is. Without it the gate fails, and a newcomer's tests are skipped, as README.md says."""
    found = shutil.which(name)
    if found is not None:
        return found
    why = f"{name} is not on the PATH: apt install curl prometheus prometheus-alertmanager"
    if "GATE" in os.environ:
        pytest.fail(why)
    pytest.skip(why)
