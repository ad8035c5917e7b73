"""``holdfast replay``: a recorded log of the operator's own, put on an input topic with the times it happened at."""

from __future__ import annotations

from app.replay.command import replay

__all__ = ["replay"]
