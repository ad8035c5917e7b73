"""The jars of the embedded Kafka, brought here once: from a bundle, the local Maven repository, or the network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from streams.embedded.broker_error import BrokerError
from streams.embedded.broker_settings import BrokerSettings
from streams.embedded.jar_bundle import install_bundle
from streams.embedded.jar_download import Repository
from streams.embedded.jar_store import KAFKA_VERSION, Jar, JarStore, disk_full, write_error

_LINES: Final = 4
"""Downloads at a time: 45 handshakes one after another take longer than the bytes; more would be rude to a mirror."""


class Talk(Protocol):
    """Where the embedded Kafka tells a person what it is doing. The terminal's version is in ``app``."""

    def say(self, line: str) -> None:
        """One line worth reading: a size before it is fetched, what is being waited for, another port than asked."""

    def received(self, done: int, total: int) -> None:
        """Bytes of the download so far; called from several threads, one at a time."""


class Silent:
    """Says nothing: for tests and for code that has its own words."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def received(self, done: int, total: int) -> None:
        """Show nothing."""


class _Gained:
    """Bytes over all lines, told one at a time."""

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
    """Give the jars of the pinned list, fetching whatever is not here.

    The second call and all later ones only look whether the files are there. Until every checksum is right the
    store is not marked complete, so a broker never runs on half a set.

    Raises
    ------
    BrokerError
        No network, a full disk, a wrong checksum, a foreign bundle: one line with what to do.
    """
    store = store or JarStore(settings.cache)
    if store.is_complete():
        return store
    with store.locked():
        if store.is_complete():  # another start was filling it while we waited for the lock
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
    """Maven's own repository on this machine: whoever uses Maven has most of the jars already."""
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")


def _adopt(store: JarStore, jars: Sequence[Jar]) -> list[Jar]:
    """Copy what the local Maven repository has with the right checksum; returns what it does not."""
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
            # Also on Ctrl-C: without it the pool would bring the rest of the 44 MB before it lets the program end.
            repository.stop()
            lines.shutdown(wait=True, cancel_futures=True)
        for fetch in done:
            fetch.result()


def _default_repository() -> str:
    """Maven Central, as jgo knows it; with a mirror or a bundle jgo is not needed."""
    try:
        from jgo.maven import MavenContext
    except ImportError as error:
        raise BrokerError(
            "Fetching Kafka needs jgo: pip install 'holdfast[demo]', or set HOLDFAST_MAVEN_MIRROR to a Maven "
            "repository, or HOLDFAST_BUNDLE to a bundle."
        ) from error
    return MavenContext().remote_repos["central"]
