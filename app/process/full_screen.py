"""A screen that is redrawn until it ends, single keys from the terminal, and the terminal restored at the end."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import termios
import tty
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Self

from rich.console import Console, RenderableType
from rich.live import Live

QUIT: Final = "q"
ARROWS: Final = {"\x1b[A": "up", "\x1b[B": "down"}
_KEY: Final = re.compile(r"\x1b\[[A-Z]|.", re.DOTALL)
_FRAME_S: Final = 0.25
_CC: Final = 6
"""Index of the control characters in the result of ``tcgetattr``."""


class Keys:
    """Context manager that reads keys one by one without echo, and restores the terminal after.

    Ctrl-C stays a signal. Ctrl-Z does nothing: a stopped demonstration would leave its children running and the
    terminal without echo.

    Parameters
    ----------
    fd
        The terminal; standard input's when absent.
    """

    def __init__(self, fd: int | None = None) -> None:
        self.fd: Final = sys.stdin.fileno() if fd is None else fd
        self._before: list[Any] | None = None

    def __enter__(self) -> Self:
        self._before = termios.tcgetattr(self.fd)
        tty.setcbreak(self.fd)
        mode = termios.tcgetattr(self.fd)
        mode[_CC][termios.VSUSP] = b"\0"
        termios.tcsetattr(self.fd, termios.TCSANOW, mode)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            # Flush: keys pressed after the end must not reach the shell.
            with suppress(termios.error):  # the terminal was closed
                termios.tcsetattr(self.fd, termios.TCSAFLUSH, self._before)

    def read(self, press: Callable[[str], None]) -> None:
        """Pass on the keys pressed; called when the terminal has something to read."""
        try:
            pressed = os.read(self.fd, 64)
        except OSError:
            pressed = b""
        if not pressed:  # the terminal is gone: no key could end the demonstration, and the loop would spin
            press(QUIT)
        for key in _KEY.findall(pressed.decode(errors="ignore")):
            press(ARROWS.get(key, key.lower()))


async def screen(console: Console, view: RenderableType, press: Callable[[str], None], keys: Keys | None) -> None:
    """Draw on the terminal's other screen until cancelled; keys only where there is a keyboard."""
    loop = asyncio.get_running_loop()
    if keys is not None:
        loop.add_reader(keys.fd, keys.read, press)
    try:
        with Live(view, console=console, screen=True, auto_refresh=False) as live:
            while True:
                live.refresh()
                await asyncio.sleep(_FRAME_S)
    finally:
        if keys is not None:
            loop.remove_reader(keys.fd)
