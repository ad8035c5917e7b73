"""``holdfast replay``: write the operator's recorded logs to the input topics, with their original times."""

from __future__ import annotations

from app.replay.command import replay

__all__ = ["replay"]
