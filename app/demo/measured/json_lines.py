"""What a child writes into its log, read as it grows: JSON objects, one a line, among lines that are none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class JsonLines:
    """Reads on where it stopped; half a line waits for its end.

    Parameters
    ----------
    log
        A file that another process appends to; it may not be there yet.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._at = 0
        self._half = b""

    def new(self) -> Iterator[dict[str, Any]]:
        """Give the objects written since the last call."""
        try:
            with self._log.open("rb") as file:
                file.seek(self._at)
                grown = file.read()
        except FileNotFoundError:
            return
        self._at += len(grown)
        *whole, self._half = (self._half + grown).split(b"\n")
        for line in whole:
            if line.startswith(b"{"):
                try:
                    yield json.loads(line)
                except ValueError:
                    continue  # a line that was cut by a kill
