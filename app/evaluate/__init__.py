"""``holdfast evaluate``: quality of the served model class, measured on labelled data."""

from __future__ import annotations

from app.evaluate.group import evaluate

__all__ = ["evaluate"]
