"""Opening of a table in the format given on the command line, and the flags for it, shared by all commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from app.tables.recording import Recording, Update

SEPARATORS: Final = {"\\t": "\t", "tab": "\t", "\\x01": "\x01", "^A": "\x01"}
"""Names of separators that are hard to type."""


class Encoding(click.ParamType):
    """An encoding known to Python."""

    name = "name"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the name."""
        try:
            "".encode(value)
        except LookupError:
            self.fail(f"there is no encoding {value!r}; such as utf-8, gb18030", param, ctx)
        return str(value)


WRITTEN: Final = (
    click.option(
        "--decimal", "decimals", multiple=True, metavar="FIELD=MARK", help="Decimal mark of a column: comma or point."
    ),
    click.option(
        "--day-first", "first", flag_value="day", help="5/6/2026 is in June.  [default: as the file's dates show]"
    ),
    click.option("--month-first", "first", flag_value="month", help="5/6/2026 is in May."),
    click.option("--year-first", "first", flag_value="year", help="26/5/6 is in 2026."),
    click.option("--separator", help="Separator of a CSV's fields; tab and ^A by these names.  [default: detected]"),
    click.option(
        "--encoding",
        type=Encoding(),
        help="Encoding of the text.  [default: detected, of UTF-8, UTF-16, GBK and cp1252]",
    ),
    click.option("--skip", type=click.IntRange(0), default=0, help="Lines of a CSV before its header."),
)
"""Flags for the format of any table."""


def opened(
    file: Path, flags: Mapping[str, Any], *, header: bool = True, progress: Update = lambda done, total, count: None
) -> Recording:
    """Open a file as the flags say.

    Raises
    ------
    app.errors.Refused
        If it cannot be read.
    """
    separator = SEPARATORS.get(flags["separator"], flags["separator"])
    return Recording(
        file, separator=separator, encoding=flags["encoding"], header=header, skip=flags["skip"], progress=progress
    )


def table_options(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Give a verb the flags that say how a table is written."""
    for option in reversed(WRITTEN):
        verb = option(verb)
    return verb
