"""A bar on stderr, where that is a terminal: stdout belongs to the figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def progress(what: str, rows: int) -> Iterator[Callable[[int], None]]:
    """Hand out a function that is told how many more rows are done."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=rows)
        yield lambda more: bar.update(task, advance=more)
