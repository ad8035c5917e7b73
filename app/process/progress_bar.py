"""Progress bar of long commands: on stderr, and only if that is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

Update = Callable[[float, float, int], None]
"""Takes how much is done, of how much, and the count that is shown beside it."""


@contextmanager
def bar(what: str, console: Console | None = None) -> Iterator[Update]:
    """Yield a function that moves the bar; the bar disappears at the end of the block."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total, count: None
        return
    told, counted = (TextColumn(text) for text in ("{task.description}", "{task.fields[count]:,}"))
    with Progress(
        told, BarColumn(), TaskProgressColumn(), counted, TimeRemainingColumn(), console=console, transient=True
    ) as shown:
        task = shown.add_task(what, total=None, count=0)
        yield lambda done, total, count: shown.update(task, completed=done, total=total, count=count)


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """The same by a count: yield a function that takes how many more are done."""
    with bar(what) as update:
        done = 0

        def tick(more: int) -> None:
            nonlocal done
            done += more
            update(done, total, done)

        yield tick
