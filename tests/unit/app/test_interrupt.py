"""Ctrl-C ends a block wherever it comes, also where Python would go on as if there had been none."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import pytest

from app.process.interrupt import none_lost


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class Finalised:
    def __del__(self) -> None:
        press()


def in_callback() -> None:
    ctypes.CFUNCTYPE(None)(press)()


def in_finaliser() -> None:
    del [Finalised()][0]


@pytest.mark.parametrize("where", [press, in_callback, in_finaliser])
def test_it_ends_the_block_and_nothing_is_said(where: object, capfd: pytest.CaptureFixture[str]) -> None:
    before, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
    with pytest.raises(KeyboardInterrupt), none_lost():
        where()  # type: ignore[operator]
    assert (signal.getsignal(signal.SIGINT), sys.unraisablehook) == (before, hook)
    assert capfd.readouterr().err == ""


def test_without_it_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGINT)
    with none_lost():
        pass
    assert signal.getsignal(signal.SIGINT) == before
