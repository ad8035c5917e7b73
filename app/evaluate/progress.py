"""Progress bar on stderr, if that is a terminal; stdout is for the figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress


@contextmanager
def progress(what: str, rows: int) -> Iterator[Callable[[int], None]]:
    """Show a bar; yields a function to call with the number of further rows done."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(what, total=rows)
        yield lambda more: bar.update(task, advance=more)
