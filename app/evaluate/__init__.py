"""``holdfast evaluate``: how well the model learns, in one pass, from data that has answers."""

from __future__ import annotations

from app.evaluate.group import evaluate

__all__ = ["evaluate"]
