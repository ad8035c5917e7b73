"""What to serve where the topic does not say it: the operator's file, or the model that is shipped."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from app.errors import Refused
from models.snapshot import STARTING_SNAPSHOT, Snapshot, decode
from streams.model_versions import servable


def shipped() -> Snapshot:
    """The model in the wheel: served until the learner has published a better one."""
    return decode(resources.files("models").joinpath(STARTING_SNAPSHOT).read_bytes())


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
