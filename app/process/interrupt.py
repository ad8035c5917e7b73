"""Ctrl-C while compiled code is loaded: not lost, and no traceback."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def none_lost() -> Iterator[None]:
    """End the block with KeyboardInterrupt if there was a Ctrl-C, at its end at the latest; in the main thread only.

    Python raises it in whatever runs next. If that is a callback of LLVM or a finaliser, it prints a traceback and goes
    on: so `holdfast backtest` ran to its end in spite of a Ctrl-C, and returned 0.
    """
    pressed = False
    say = sys.unraisablehook

    def press(_: int, __: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    def hook(ignored: sys.UnraisableHookArgs) -> None:
        if not isinstance(ignored.exc_value, KeyboardInterrupt):
            say(ignored)

    former = signal.signal(signal.SIGINT, press)
    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = say
        signal.signal(signal.SIGINT, former)
    if pressed:
        raise KeyboardInterrupt
