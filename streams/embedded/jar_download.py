"""One pinned jar from a Maven repository over HTTP: resumed after a cut, verified before it gets its name."""

from __future__ import annotations

import base64
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from threading import Event
from typing import Any, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from streams.embedded.broker_error import BrokerError
from streams.embedded.jar_store import Jar, write_error

_SILENCE_S: Final = 30
"""A repository that sends nothing for this long is taken as cut off; a slow one that still sends is not."""

_CUTS: Final = 5
"""Cuts in a row without one new byte before we give up: a flaky line that moves at all is worth following."""

_CHUNK: Final = 1 << 16


class _CutError(Exception):
    """The connection ended early; what has arrived is kept."""


class _StoppedError(Exception):
    """Another download failed or the user broke off: this one ends without a word of its own."""


class Repository:
    """A Maven repository by its root URL.

    Parameters
    ----------
    url
        Root, http or https. A user and password in it are sent to that host only and never shown in a message.
    pause
        How long to wait before trying again after a cut, in seconds.
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
        """End the downloads under way in other threads at their next chunk."""
        self._stop.set()

    def fetch(self, jar: Jar, target: Path, received: Callable[[int], None]) -> None:
        """Bring one jar to ``target``. After this returns the file is there, whole, with the pinned checksum.

        Parameters
        ----------
        jar
            What to fetch.
        target
            Final name. Until the checksum is right the bytes stand beside it as ``.part``, which is what an
            interrupted download is resumed from, in this process or the next.
        received
            Told the number of bytes gained; negative when a bad file was thrown away.
        """
        part = target.with_name(target.name + ".part")
        resumed = part.exists()
        received(_size(part))
        self._fill(jar, part, received)
        if not jar.is_in(part) and resumed:
            # A remainder of another file or another server: what was resumed may be wrong though the line is right.
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
        """Append to the part until it has the jar's length, over as many connections as that takes."""
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
        """One connection's worth of bytes."""
        try:
            with self._open(jar, have) as answer:
                if have and answer.status != http.HTTPStatus.PARTIAL_CONTENT:
                    # No resume here: the answer starts at byte 0, and appending it would build a broken jar.
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
            error.close()  # it is the answer itself, with its socket
            if error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR or error.code == http.HTTPStatus.TOO_MANY_REQUESTS:
                raise _CutError(f"it answers {error.code}") from error  # passing: tried again
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
        # Unbuffered: a full disk must show at the write that hit it, not at a close deep in the clean-up.
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
