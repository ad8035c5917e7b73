"""The operator's own files: policy and learner's numbers over the shipped ones, a model for the topic's."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec

from app.errors import ExitCode, Refused
from models.contract.policy import Policy
from models.learning.settings import LearnerSettings
from models.scoring.snapshot import Snapshot
from streams.model_topic.versions import servable


def policy_in_force(path: Path | None, base_rate: float | None) -> Policy:
    """Read `path`, if there is one; what it does not name keeps its shipped value.

    Parameters
    ----------
    base_rate
        The setting of the same name, which goes over the file's.

    Raises
    ------
    app.errors.Refused
        If the file is no policy; the message names the place in it.

    Examples
    --------
    >>> policy_in_force(None, 0.02).base_rate
    0.02
    """
    policy = Policy() if path is None else _read(path)
    return policy if base_rate is None else msgspec.structs.replace(policy, base_rate=base_rate)


def _read(path: Path) -> Policy:
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
        return msgspec.convert(_over(msgspec.to_builtins(Policy()), said), Policy)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Refused(
            f"policy {path}: {error}", "correct the file, or start without HOLDFAST_POLICY", code=ExitCode.USAGE
        ) from error


def _over(shipped: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    """`said` over `shipped`, table by table: a file that sets one term of a kind keeps the kind's others.

    Examples
    --------
    >>> _over({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 5}})
    {'a': {'x': 1, 'y': 5}, 'b': 3}
    """
    merged = dict(shipped)
    for name, value in said.items():
        below = shipped.get(name)
        merged[name] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def learner_settings(path: Path | None) -> LearnerSettings:
    """Read `path`, if there is one; what it does not name keeps its shipped value.

    Raises
    ------
    app.errors.Refused
        If the file is none of numbers that a learner can have; the message names the place in it.

    Examples
    --------
    >>> learner_settings(None).quiet_days
    28.0
    """
    if path is None:
        return LearnerSettings()
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), LearnerSettings)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise Refused(
            f"learner {path}: {error}", "correct the file, or start without HOLDFAST_LEARNER", code=ExitCode.USAGE
        ) from error


def frozen_model(path: Path) -> Snapshot:
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
