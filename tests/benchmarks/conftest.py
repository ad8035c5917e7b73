"""Contenders import their job by its bare name, as the processes do that run them."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent / "contenders"))
