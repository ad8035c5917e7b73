"""What the embedded Kafka has to say, on the terminal: lines, and a bar while it is fetched."""

from __future__ import annotations

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)


class DownloadBar:
    """Lines on stderr; the bar only where stderr is a terminal, so that logs of a build stay readable.

    Used as a context manager around the start: the bar must be gone before anything else is printed.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def say(self, line: str) -> None:
        """Print a line, above the bar if there is one."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            click.echo(line, err=True)

    def received(self, done: int, total: int) -> None:
        """Move the bar; it appears with the first byte and goes with the last."""
        if not self._console.is_terminal:
            return
        if self._bar is None:
            if done >= total:
                return
            self._bar = Progress(
                TextColumn("Kafka"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=self._console,
                transient=True,
            )
            self._bar.start()
            self._task = self._bar.add_task("jars", total=total)
        self._bar.update(self._task, completed=done)
        if done >= total:
            self._end()

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> DownloadBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
