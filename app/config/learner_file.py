"""The numbers of the learner: the shipped ones, or those of the operator's TOML file over them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec

from app.errors import ExitCode, Refused
from models.learning.settings import LearnerSettings


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
