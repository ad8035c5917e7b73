"""How a command ends that cannot do what was asked: a sentence, what to do about it, the contract's exit code."""

from __future__ import annotations

from enum import IntEnum
from typing import IO, Any

import click


class ExitCode(IntEnum):
    """What a supervisor or a script may rely on."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    """Not ready, or nothing found: worth another try, unlike the two above."""
    POISON = 65
    STUCK = 70
    NO_PROGRESS = 75
    MISMATCH = 78
    INTERRUPTED = 130


class Refused(click.ClickException):
    """An end that the user can do something about; it is shown without a traceback.

    Parameters
    ----------
    message
        What is wrong, in one sentence.
    advice
        What to do, one line each; commands as they can be pasted.
    """

    def __init__(self, message: str, *advice: str, code: ExitCode = ExitCode.FAILED) -> None:
        super().__init__(message)
        self.advice = advice
        self.exit_code = int(code)

    def show(self, file: IO[Any] | None = None) -> None:
        """Write to stderr: stdout belongs to the data."""
        click.echo(f"holdfast: {self.message}", err=True)
        for line in self.advice:
            click.echo(f"  {line}", err=True)


def no_topic(missing: Exception) -> Refused:
    """Say what to do about a topic that is not there; `missing` names it."""
    return Refused(f"there is no topic {missing}", "create it:  holdfast topics create", code=ExitCode.NOT_FOUND)
