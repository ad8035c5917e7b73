"""The operator's own model, from a file: served instead of what the topic says."""

from __future__ import annotations

from pathlib import Path

from app.errors import Refused
from models.scoring.snapshot import Snapshot
from streams.model_topic.versions import servable


def frozen(path: Path) -> Snapshot:
    """The model of a file, held to what is asked of one from the topic.

    Raises
    ------
    app.errors.Refused
        If it cannot be served.
    """
    try:
        found = servable(path.read_bytes())
    except OSError as error:
        raise Refused(f"model {path}: {error}", "start without HOLDFAST_MODEL to serve the topic's") from error
    if isinstance(found, Snapshot):
        return found
    reason, detail = found
    raise Refused(f"model {path}: {reason}: {detail}", "start without HOLDFAST_MODEL to serve the topic's")
