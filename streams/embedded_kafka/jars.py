"""The embedded Kafka's jars, installed once: from a bundle, the local Maven repository, or the network.

The store on this disk has the pinned list, their paths, and their verification. A download from a Maven repository over
HTTP is resumed after a cut and verified before it is named. For networks without Internet the jars are packed into one
archive on one machine, and installed from it on another.
"""

from __future__ import annotations

import base64
import errno
import gzip
import hashlib
import http.client
import io
import os
import shutil
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cached_property, lru_cache
from importlib import resources
from io import FileIO
from pathlib import Path
from threading import Event, Lock
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from filelock import FileLock

from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.broker_settings import BrokerSettings

KAFKA_VERSION: Final = "4.4.0"
LIST_NAME: Final = "jars.sha256"
"""The pinned list, a data file of this package; bundles carry a copy, so that a foreign bundle is recognised."""

_MARKER: Final = "verified"
_DISK_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_SILENCE_S: Final = 30
"""A repository that sends nothing for this long counts as cut off; a slow one that still sends does not."""
_CUTS: Final = 5
"""Consecutive cuts without a new byte before giving up: a flaky line that makes progress is retried."""
_CHUNK: Final = 1 << 16
_TOP: Final = f"holdfast-kafka-{KAFKA_VERSION}"
_LINES: Final = 4
"""Parallel downloads: 45 handshakes in sequence take longer than the bytes; more would overload a mirror."""


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


class _CutError(Exception):
    """The connection ended early; the bytes received are kept."""


class _StoppedError(Exception):
    """Another download failed or the user interrupted: this one ends without a message of its own."""


class Repository:
    """A Maven repository by its root URL.

    Parameters
    ----------
    url
        Root, http or https. A user and password in it are sent to that host only and never shown in a message.
    pause
        Seconds to wait after a cut before trying again.
    """

    def __init__(self, url: str, pause: float = 1.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            # The value is not repeated: it may hold a password.
            raise BrokerError("HOLDFAST_MAVEN_MIRROR is not the http or https URL of a Maven repository's root.")
        host = parts.netloc.rpartition("@")[2]
        self.url: Final = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self.host: Final = host
        self._pause: Final = pause
        self._stop: Final = Event()
        self._login: str | None = None
        if parts.username is not None:
            login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            self._login = "Basic " + base64.b64encode(login.encode()).decode()

    def stop(self) -> None:
        """End the running downloads in other threads at their next chunk."""
        self._stop.set()

    def fetch(self, jar: Jar, target: Path, received: Callable[[int], None]) -> None:
        """Download one jar to ``target``. After this returns the file is complete, with the pinned checksum.

        Parameters
        ----------
        jar
            The jar to fetch.
        target
            Final name. Until the checksum is right the bytes are kept next to it as ``.part``, from which an
            interrupted download is resumed, in this process or the next.
        received
            Called with the number of bytes gained; negative when a bad file was discarded.
        """
        part = target.with_name(target.name + ".part")
        resumed = part.exists()
        received(_size(part))
        self._fill(jar, part, received)
        if not jar.is_in(part) and resumed:
            # The resumed part may come from another file or server: retry from the start.
            received(-_size(part))
            part.unlink()
            self._fill(jar, part, received)
        if not jar.is_in(part):
            part.unlink()
            raise BrokerError(
                f"{jar.name} from {self.host} does not have the pinned SHA-256 and was thrown away: the repository or "
                "a proxy serves another file; set HOLDFAST_MAVEN_MIRROR to another repository, or use a bundle."
            )
        os.replace(part, target)

    def _fill(self, jar: Jar, part: Path, received: Callable[[int], None]) -> None:
        """Append to the part until it has the jar's length, over as many connections as needed."""
        cuts = 0
        while (have := _size(part)) != jar.size:
            if have > jar.size:
                return  # the checksum will refuse it
            if self._stop.is_set():
                raise _StoppedError
            try:
                self._append(jar, part, have, received)
            except _CutError as cut:
                cuts = 0 if _size(part) > have else cuts + 1
                if cuts == _CUTS:
                    raise BrokerError(
                        f"Cannot fetch {jar.name} from {self.host} ({cut}). What has arrived is kept: run again to go "
                        "on, set HOLDFAST_MAVEN_MIRROR to a repository in reach, or use a bundle (HOLDFAST_BUNDLE)."
                    ) from cut
                self._stop.wait(self._pause)

    def _append(self, jar: Jar, part: Path, have: int, received: Callable[[int], None]) -> None:
        """Append the bytes of one connection."""
        try:
            with self._open(jar, have) as answer:
                if have and answer.status != http.HTTPStatus.PARTIAL_CONTENT:
                    # The server did not resume: its answer starts at byte 0, and appending it would break the jar.
                    received(-have)
                    have = 0
                with _writing(part, append=have > 0) as file:
                    self._copy(jar.size - have, answer, file, received)
        except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
            raise _CutError(str(getattr(error, "reason", error)) or type(error).__name__) from error

    def _open(self, jar: Jar, have: int) -> Any:
        request = urllib.request.Request(f"{self.url}/{jar.repository_path}")  # noqa: S310 - http(s) by construction
        if have:
            request.add_header("Range", f"bytes={have}-")
        if self._login:
            request.add_unredirected_header("Authorization", self._login)  # a redirect must not carry it elsewhere
        try:
            return urllib.request.urlopen(request, timeout=_SILENCE_S)  # noqa: S310
        except urllib.error.HTTPError as error:
            error.close()  # the error is the response itself, with its socket
            if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR or error.code == http.HTTPStatus.TOO_MANY_REQUESTS:
                raise _CutError(f"it answers {error.code}") from error  # temporary: tried again
            raise BrokerError(
                f"{self.host} answers {error.code} for {jar.repository_path}: set HOLDFAST_MAVEN_MIRROR to the root of "
                "a Maven repository that has it."
            ) from error

    def _copy(self, left: int, answer: Any, file: FileIO, received: Callable[[int], None]) -> None:
        while left > 0 and not self._stop.is_set():
            chunk = answer.read(min(_CHUNK, left))
            if not chunk:
                raise _CutError("the connection ended early")
            _write(file, chunk)
            left -= len(chunk)
            received(len(chunk))


def _writing(part: Path, *, append: bool) -> FileIO:
    try:
        # Unbuffered: a full disk must fail at the write itself, not at a close deep in the clean-up.
        return part.open("ab" if append else "wb", buffering=0)
    except OSError as error:
        raise write_error(error, part) from error


def _write(file: FileIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    try:
        while rest:
            rest = rest[file.write(rest) :]  # an unbuffered write may take less than it was given
    except OSError as error:
        raise write_error(error, Path(str(file.name))) from error


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def pack_bundle(store: JarStore, target: Path) -> str:
    """Write the archive of a complete store; returns its SHA-256, to be sent separately from the file.

    Same jars, same bytes: it holds no times, users or machine names. The file gets its name only when complete.
    """
    part = target.with_name(target.name + ".part")
    try:
        with (
            part.open("wb") as raw,
            # Jars are compressed already: a higher level costs time and saves nothing.
            gzip.GzipFile(filename="", mode="wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
        ):
            listing = store.listing.encode()
            archive.addfile(_member(LIST_NAME, len(listing)), io.BytesIO(listing))
            for jar in store.jars:
                with store.path(jar).open("rb") as file:
                    archive.addfile(_member(jar.name, jar.size), file)
        with part.open("rb") as whole:
            digest = hashlib.file_digest(whole, "sha256").hexdigest()
        os.replace(part, target)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise BrokerError(f"Cannot write {target} ({error.strerror}): name a file where there is room.") from error
    return digest


def install_bundle(source: Path, store: JarStore) -> None:
    """Extract the jars of an archive. After this returns every jar is in the store with its pinned checksum.

    Only members with the name of a pinned jar are read, and they are written under our own name: anything else in an
    archive, paths and links included, has no effect.
    """
    wanted = {jar.name: jar for jar in store.missing()}
    with _opened(source) as archive:
        for member in archive:
            name = member.name.rpartition("/")[2]
            if name == LIST_NAME and member.isfile():
                _same_list(source, archive, member, store)
            elif name in wanted and member.isfile():
                _take(source, archive, member, wanted.pop(name), store)
    if wanted:
        raise BrokerError(
            f"The bundle {source} has no {min(wanted)}: pack it again with `holdfast bundle` of this release."
        )


def _same_list(source: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, store: JarStore) -> None:
    file = archive.extractfile(member)
    # The list comes first in the archive, so that a bundle of another release is reported once, not jar by jar.
    if file is None or file.read(len(store.listing) + 1) != store.listing.encode():
        raise BrokerError(
            f"The bundle {source} is of another release of Holdfast: pack one with `holdfast bundle` of this release "
            f"(Kafka {KAFKA_VERSION})."
        )


def _take(source: Path, archive: tarfile.TarFile, member: tarfile.TarInfo, jar: Jar, store: JarStore) -> None:
    file = archive.extractfile(member)
    content = file.read(jar.size + 1) if file is not None else b""
    if hashlib.sha256(content).hexdigest() != jar.sha256:
        raise BrokerError(
            f"{jar.name} in the bundle {source} does not have the pinned SHA-256: copy or pack the bundle again."
        )
    part = store.path(jar).with_name(jar.name + ".part")
    try:
        part.write_bytes(content)
        os.replace(part, store.path(jar))
    except OSError as error:
        raise write_error(error, part) from error


@contextmanager
def _opened(source: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(source, "r:gz") as archive:
            yield archive
    except FileNotFoundError as error:
        raise BrokerError(f"There is no bundle {source}.") from error
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise BrokerError(
            f"The bundle {source} is damaged or not a bundle ({error}): copy or pack it again."
        ) from error


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"{_TOP}/{name}")
    member.size = size
    member.mode = 0o644
    return member


class Talk(Protocol):
    """Port for progress messages to the user. The terminal's version is in ``app``."""

    def say(self, line: str) -> None:
        """Show one line: a size before a download, what is waited for, a port other than requested."""

    def received(self, done: int, total: int) -> None:
        """Show the bytes downloaded so far; called from several threads, one at a time."""


class Silent:
    """Shows nothing: for tests and for callers with their own messages."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def received(self, done: int, total: int) -> None:
        """Show nothing."""


class _Gained:
    """Bytes received over all downloads, reported one at a time."""

    def __init__(self, total: int, talk: Talk) -> None:
        self._total = total
        self._talk = talk
        self._done = 0
        self._lock = Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            self._talk.received(self._done, self._total)


def ensure_jars(settings: BrokerSettings, talk: Talk, store: JarStore | None = None) -> JarStore:
    """Make all jars of the pinned list available, fetching the missing ones.

    Later calls only check that the files exist. The store is marked complete only when every checksum is right, so a
    broker never runs on half a set.

    Raises
    ------
    BrokerError
        No network, a full disk, a wrong checksum, a foreign bundle: one line with what to do.
    """
    store = store or JarStore(settings.cache)
    if store.is_complete():
        return store
    with store.locked():
        if store.is_complete():  # another start has filled it while we waited for the lock
            return store
        if settings.bundle:
            talk.say(f"Installing Kafka {KAFKA_VERSION} from {settings.bundle}.")
            install_bundle(settings.bundle, store)
        else:
            missing = _adopt(store, store.missing())
            if missing:
                _download(store, missing, settings, talk)
        if store.missing():
            raise BrokerError(f"The Kafka jars in {store.directory} changed while they were fetched: run again.")
        store.mark_complete()
    return store


def local_repository() -> Path:
    """Maven's local repository: on machines with Maven it has most of the jars already."""
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")


def _adopt(store: JarStore, jars: Sequence[Jar]) -> list[Jar]:
    """Copy jars with the right checksum from the local Maven repository; returns the others."""
    rest = []
    for jar in jars:
        own = local_repository() / jar.repository_path
        if not jar.is_in(own):
            rest.append(jar)
            continue
        part = store.path(jar).with_name(jar.name + ".part")
        try:
            shutil.copyfile(own, part)
        except OSError as error:
            raise write_error(error, part) from error
        os.replace(part, store.path(jar))
    return rest


def _download(store: JarStore, jars: Sequence[Jar], settings: BrokerSettings, talk: Talk) -> None:
    total = sum(jar.size for jar in jars)
    repository = Repository(settings.mirror or _default_repository())
    if shutil.disk_usage(store.directory).free < total:
        raise disk_full(store.directory)
    talk.say(
        f"Fetching Apache Kafka {KAFKA_VERSION} from {repository.host}, once: {len(jars)} jars, {total / 1e6:.0f} MB, "
        f"into {store.directory}."
    )
    gained = _Gained(total, talk)
    with ThreadPoolExecutor(_LINES, thread_name_prefix="jars") as lines:
        try:
            fetches = [lines.submit(repository.fetch, jar, store.path(jar), gained.add) for jar in jars]
            done, _ = wait(fetches, return_when=FIRST_EXCEPTION)
        finally:
            # Also on Ctrl-C: otherwise the pool would download the rest of the 44 MB before the program can end.
            repository.stop()
            lines.shutdown(wait=True, cancel_futures=True)
        for fetch in done:
            fetch.result()


def _default_repository() -> str:
    """URL of Maven Central from jgo; with a mirror or a bundle jgo is not needed."""
    try:
        from jgo.maven import MavenContext
    except ImportError as error:
        raise BrokerError(
            "Fetching Kafka needs jgo: pip install 'holdfast[demo]', or set HOLDFAST_MAVEN_MIRROR to a Maven "
            "repository, or HOLDFAST_BUNDLE to a bundle."
        ) from error
    return MavenContext().remote_repos["central"]
