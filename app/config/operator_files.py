"""The operator's own files: policy and learner's settings over the shipped ones, and a model instead of the topic's."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from app.config.policy_file import read_policy
from app.errors import ExitCode, Refused
from models.contract.policy import Policy
from models.learning.settings import LearnerSettings
from models.scoring.snapshot import Snapshot
from streams.model_topic.versions import servable


def policy_of_file(path: Path | None, base_rate: float | None) -> Policy:
    """Read `path`; what it does not name keeps its shipped value. Without one: the shipped policy.

    Parameters
    ----------
    base_rate
        The setting of the same name, which overrides the file's.

    Raises
    ------
    app.errors.Refused
        If the file is no valid policy; it names every fault with its line.

    Examples
    --------
    >>> policy_of_file(None, 0.02).base_rate
    0.02
    """
    policy = Policy() if path is None else _read(path)
    return policy if base_rate is None else msgspec.structs.replace(policy, base_rate=base_rate)


def _read(path: Path) -> Policy:
    try:
        found = read_policy(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"policy {path}: {error}", "start without HOLDFAST_POLICY", code=ExitCode.USAGE) from error
    if isinstance(found, Policy):
        return found
    advice = "correct the file, or start without HOLDFAST_POLICY"
    raise Refused(f"policy {path} cannot be used", *map(str, found), advice, code=ExitCode.USAGE)


def learner_settings(path: Path | None) -> LearnerSettings:
    """Read `path`, if there is one; what it does not name keeps its shipped value.

    Raises
    ------
    app.errors.Refused
        If the file is not valid; the message names the place in it.

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
    """The model of a file, checked like a model from the topic.

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
