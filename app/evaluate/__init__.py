"""``holdfast evaluate``: what would have been served, measured on data that have answers."""

from __future__ import annotations

from app.evaluate.group import evaluate

__all__ = ["evaluate"]
