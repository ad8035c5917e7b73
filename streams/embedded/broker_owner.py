"""The process that runs on a broker's directory, and whether a pid is still that process."""

from __future__ import annotations

from typing import NamedTuple

import psutil

from streams.embedded.ports import HOST


class Resident(NamedTuple):
    """The broker that runs on a directory."""

    pid: int
    port: int

    @property
    def bootstrap(self) -> str:
        """Address for clients.

        Examples
        --------
        >>> Resident(pid=4711, port=9092).bootstrap
        '127.0.0.1:9092'
        """
        return f"{HOST}:{self.port}"


def command_of(pid: int) -> str:
    """Command line of a process; empty for one that has ended, reaped or not."""
    try:
        return " ".join(psutil.Process(pid).cmdline())
    except (psutil.Error, ValueError):  # a note may be of anything
        return ""
