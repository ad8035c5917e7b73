"""The process that runs on a broker's directory, and whether a pid is still that process."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

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
    proc = Path("/proc")
    if (proc / "self").exists():
        try:
            return (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return ""
    listed = subprocess.run(
        ["ps", "-ww", "-o", "stat=,args=", "-p", str(pid)],  # noqa: S607 - macOS and BSD have no /proc
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    return "" if listed.stdout.lstrip().startswith("Z") else listed.stdout
