"""Store of the embedded Kafka's jars on this disk: the pinned list, their paths, and their verification."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

from filelock import FileLock

from streams.embedded.broker_error import BrokerError

KAFKA_VERSION: Final = "4.4.0"
LIST_NAME: Final = "jars.sha256"
"""The pinned list, a data file of this package; bundles carry a copy, so that a foreign bundle is recognised."""

_MARKER: Final = "verified"
_DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


class Jar(NamedTuple):
    """One pinned jar: its Maven coordinates, length and checksum."""

    sha256: str
    size: int
    group: str
    artifact: str
    version: str

    @property
    def name(self) -> str:
        """File name.

        Examples
        --------
        >>> Jar("", 0, "org.slf4j", "slf4j-api", "1.7.36").name
        'slf4j-api-1.7.36.jar'
        """
        return f"{self.artifact}-{self.version}.jar"

    @property
    def repository_path(self) -> str:
        """Path below the root of any Maven repository.

        Examples
        --------
        >>> Jar("", 0, "org.slf4j", "slf4j-api", "1.7.36").repository_path
        'org/slf4j/slf4j-api/1.7.36/slf4j-api-1.7.36.jar'
        """
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.name}"

    def is_in(self, file: Path) -> bool:
        """Whether the file holds exactly this jar."""
        try:
            if file.stat().st_size != self.size:
                return False
            with file.open("rb") as opened:
                return hashlib.file_digest(opened, "sha256").hexdigest() == self.sha256
        except OSError:
            return False


def parse_jars(text: str) -> tuple[Jar, ...]:
    r"""Parse the pinned list: ``sha256 bytes group:artifact:version`` a line, ``#`` starts a comment.

    Examples
    --------
    >>> parse_jars("# why\nab  12  org.slf4j:slf4j-api:1.7.36\n")[0].artifact
    'slf4j-api'
    """
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(Jar(sha256, int(size), *coordinates.split(":")) for sha256, size, coordinates in rows)


@lru_cache(maxsize=1)
def pinned_list() -> str:
    """Text of this release's list."""
    return resources.files("streams").joinpath(LIST_NAME).read_text(encoding="utf-8")


def write_error(error: OSError, file: Path) -> BrokerError:
    """Error for the user about a failed write."""
    if error.errno in _DISK_FULL:
        return disk_full(file.parent)
    return BrokerError(
        f"Cannot write {file} ({error.strerror}): set HOLDFAST_CACHE to a directory that can be written."
    )


def disk_full(directory: Path) -> BrokerError:
    """Error for the user about a full disk; nothing written is lost."""
    return BrokerError(
        f"The disk of {directory} is full. Free some room and run again (what has arrived is kept), "
        "or set HOLDFAST_CACHE to a directory on another disk."
    )


class JarStore:
    """One directory with the jars of one pinned list.

    The directory's name contains the list's digest: a release that pins other jars never uses the old ones, and two
    releases on one machine do not disturb each other.

    Parameters
    ----------
    cache
        The user's cache directory for Holdfast.
    listing
        The pinned list; tests pass a short one.
    """

    def __init__(self, cache: Path, listing: str | None = None) -> None:
        self.listing: Final = pinned_list() if listing is None else listing
        self.jars: Final = parse_jars(self.listing)
        self._digest: Final = hashlib.sha256(self.listing.encode()).hexdigest()
        self.directory: Final = cache / f"kafka-{KAFKA_VERSION}-{self._digest[:8]}"

    @cached_property
    def size(self) -> int:
        """Total bytes of all jars."""
        return sum(jar.size for jar in self.jars)

    def path(self, jar: Jar) -> Path:
        """Path of the complete jar. A file of this name is always complete, since it is only moved there."""
        return self.directory / jar.name

    @property
    def classpath(self) -> str:
        """Class path for ``java -cp``; the wildcard keeps the command line readable in ``ps``."""
        return str(self.directory / "*")

    def is_complete(self) -> bool:
        """Whether a broker may start: the checksums were verified once, and every jar still has its length.

        Cheap on purpose (45 look-ups, no reading), since every start calls it.
        """
        try:
            if (self.directory / _MARKER).read_text(encoding="ascii") != self._digest:
                return False
            return all(self.path(jar).stat().st_size == jar.size for jar in self.jars)
        except (OSError, UnicodeDecodeError):
            return False  # filling the store again reports what is wrong

    def missing(self) -> list[Jar]:
        """Jars that are missing or have a wrong checksum."""
        return [jar for jar in self.jars if not jar.is_in(self.path(jar))]

    def mark_complete(self) -> None:
        """Record that the checksums were verified. Called only when nothing is missing."""
        part = self.directory / f"{_MARKER}.part"
        try:
            part.write_text(self._digest, encoding="ascii")
            os.replace(part, self.directory / _MARKER)
        except OSError as error:
            raise write_error(error, part) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Prevent two starts from filling the same directory at once; the lock ends with the process."""
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            held = FileLock(self.directory / "lock").acquire()
        except OSError as error:
            raise write_error(error, self.directory) from error
        with held:
            yield
