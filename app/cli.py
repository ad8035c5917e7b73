"""``holdfast``: the one command, and its verbs.

Verbs are imported when they are called, so that ``--help`` answers at once.
"""

from __future__ import annotations

import codecs
import errno
import gc
import importlib
import io
import json
import os
import sys
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, NamedTuple, TextIO

import click

from app.errors import ExitCode, Refused


class Verb(NamedTuple):
    """Where a verb is made, and what it does in a line."""

    module: str
    attribute: str
    text: str


VERBS: Final[dict[str, Verb]] = {
    "demo": Verb("app.demo", "demo", "Show everything on this machine, with simulated subscribers."),
    "kafka": Verb("app.kafka.command", "kafka", "Run a Kafka of your own on this machine."),
    "bundle": Verb("app.kafka.command", "bundle", "Pack that Kafka for machines without Internet."),
    "topics": Verb("app.kafka.topics_command", "topics", "Create the topics, or check them."),
    "worker": Verb("app.worker.command", "worker", "Read the events, raise the alerts."),
    "learner": Verb("app.learner.command", "learner", "Learn from what became of them, publish models."),
    "simulate": Verb("app.simulator.command", "simulate", "Write events of simulated subscribers."),
    "replay": Verb("app.replay", "replay", "Put a recorded log of yours on an input topic."),
    "alerts": Verb("app.alerts.command", "alerts", "Follow the alerts, look one up, answer it."),
    "orders": Verb("app.orders.command", "orders", "A unit's work orders of today, one's life, and what came of all."),
    "report": Verb("app.report.command", "report", "The day's and the month's figures of retention (T+1)."),
    "contacts": Verb("app.contacts.command", "contacts", "Block, override or snooze a person or an account by hand."),
    "relay": Verb("app.relay.command", "relay", "Send the alerts to HTTP endpoints, digests to chat and mail."),
    "dlq": Verb("app.kafka.dlq_command", "dlq", "Look at the records that could not be read, send them again."),
    "doctor": Verb("app.doctor.command", "doctor", "Check Kafka, workers and this machine; say what to do."),
    "model": Verb("app.model.command", "model", "Look at the model that is served, export it, roll back."),
    "policy": Verb("app.policy.command", "policy", "Show the policy in force, check a file, publish it."),
    "backtest": Verb("app.backtest.command", "backtest", "What a policy would have made of what is recorded."),
    "evaluate": Verb("app.evaluate", "evaluate", "Measure what would have been served, on data that have answers."),
    "config": Verb("app.config.command", "config", "Show the settings, and where each comes from."),
}
"""In the order in which a newcomer meets them."""


class Verbs(click.Group):
    """The group, with its verbs unimported until called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the verbs, in the table's order."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a verb."""
        if cmd_name not in VERBS:
            return None
        verb = VERBS[cmd_name]
        gc.disable()  # what is imported stays: to look through it for garbage takes a seventh of the time
        try:
            command = getattr(importlib.import_module(verb.module), verb.attribute)
        finally:
            gc.enable()
        assert isinstance(command, click.Command)  # noqa: S101 - tells the type checker what the table promises
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Suggest the nearest verb for one that is mistyped."""
        name = args[0]
        if name not in VERBS and not name.startswith("-"):
            nearest = get_close_matches(name, VERBS, n=1)
            hint = f" Did you mean '{nearest[0]}'?" if nearest else ""
            ctx.fail(f"No such command '{name}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs from the table, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.text) for name, verb in VERBS.items()])


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="First steps: holdfast kafka start. Settings: holdfast config show.",
)
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings file, TOML.  [HOLDFAST_CONFIG]"
)
@click.version_option(package_name="holdfast", message="%(prog)s %(version)s")
@click.pass_context
def holdfast(context: click.Context, config: Path | None) -> None:
    """Tell which subscribers are about to leave, why, and what to do, while it still helps."""
    context.obj = config


def main(args: list[str] | None = None) -> int:
    """Run one command; returns the exit code. The entry point of the console script."""
    codecs.register_error("holdfast", _replaced)
    for name in ("COLUMNS", "LINES"):
        size = os.environ.get(name, "1")
        if not size.isdecimal() or int(size) == 0:  # rich would take it as it is, and show nothing
            del os.environ[name]
    if sys.stdout is None or sys.stdout is sys.__stdout__:  # or a test's
        sys.stdout = _stdout()
    try:
        code = holdfast.main(args=args, prog_name="holdfast", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return ExitCode.INTERRUPTED
    except (BrokenPipeError, SystemExit):
        # `| head` has read enough. click and rich leave by SystemExit then, and nothing else in a verb does.
        return ExitCode.OK
    return int(code or 0)


class _Stdout(io.FileIO):
    """The file of stdout; after a first write that fails it takes the rest, which nobody gets, without a word."""

    def __init__(self) -> None:
        super().__init__(1, "w", closefd=False)
        self._lost = False

    def write(self, data: Any, /) -> int:
        """Write, or say that stdout is at fault: an OSError could be that of any other file.

        Raises
        ------
        app.errors.Refused
            If it is full, or closed.
        """
        if self._lost:
            return len(memoryview(data).cast("B"))
        try:
            return super().write(data)
        except OSError as fault:
            self._lost = True
            if isinstance(fault, BrokenPipeError):
                raise
            why = "it is closed" if fault.errno == errno.EBADF else fault.strerror
            raise Refused(f"cannot write to stdout: {why}", "the output is incomplete") from None


def _stdout() -> TextIO:
    """Stdout as the interpreter has made it, but for its faults and for characters that it cannot encode."""
    was = sys.stdout
    if was is None:  # `>&-`: without an owner the number would go to the next file or connection
        os.dup2(os.open(os.devnull, os.O_RDONLY), 1)
    lines = isinstance(was, io.TextIOWrapper) and (was.line_buffering or was.write_through)
    encoding = was.encoding if was else "utf-8"
    return _Text(io.BufferedWriter(_Stdout()), encoding, "holdfast", line_buffering=lines)


class _Text(io.TextIOWrapper):
    """Text for stdout, which does not say ASCII of itself: click takes that for a mistake, and writes UTF-8."""

    @property
    def encoding(self) -> str:  # type: ignore[override]  # an attribute of C, which nobody sets
        """Name of the encoding."""
        return "only ascii" if codecs.lookup(super().encoding).name == "ascii" else super().encoding


def _replaced(error: UnicodeError) -> tuple[str, int]:
    r"""What is written for characters that stdout's encoding does not have: an escape in JSON, elsewhere a `?`.

    Examples
    --------
    >>> _replaced(UnicodeEncodeError("ascii", '{"key": "Muñoz"}', 11, 12, "")), _replaced(
    ...     UnicodeEncodeError("ascii", "Muñoz", 2, 3, ""))
    (('\\u00f1', 12), ('?', 3))
    """
    assert isinstance(error, UnicodeEncodeError)  # noqa: S101 - it is registered for stdout only
    text = error.object[error.start : error.end]
    is_json = error.object.lstrip().startswith(("{", "["))
    return (json.dumps(text)[1:-1] if is_json else "?" * len(text)), error.end


if __name__ == "__main__":
    # Where only the module is at hand; without this it would end with 0 and have done nothing.
    sys.exit(main())
