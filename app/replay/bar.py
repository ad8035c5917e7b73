"""Two bars on stderr: how much of the file is read, how many records are written. Nothing where that is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from app.replay.recording import Recording
from app.simulator.publish import Published

_COLUMNS: Final = ("{task.description}", "{task.fields[count]:,}")


@contextmanager
def _bar(console: Console, what: str) -> Iterator[Callable[[float, float, int], None]]:
    if not console.is_terminal:
        yield lambda done, total, count: None
        return
    told, counted = (TextColumn(text) for text in _COLUMNS)
    with Progress(
        told, BarColumn(), TaskProgressColumn(), counted, TimeRemainingColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task(what, total=None, count=0)
        yield lambda done, total, count: bar.update(task, completed=done, total=total, count=count)


@contextmanager
def reading(
    console: Console, recording: Recording, limit: int | None = None, what: str = "reading / 读取"
) -> Iterator[Callable[[int], None]]:
    """By bytes of the file, or by rows where so many are wanted."""
    with _bar(console, what) as update:

        def tell(rows: int) -> None:
            done, total = (recording.position, recording.size) if limit is None else (rows, limit)
            update(done, total, rows)

        yield tell


@contextmanager
def writing(console: Console, records: int) -> Iterator[Callable[[Published], None]]:
    """By records on the topic."""
    with _bar(console, "writing / 写入") as update:
        yield lambda done: update(done.records, records, done.records)
