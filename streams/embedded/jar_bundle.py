"""The jars in one archive, for networks without Internet: packed on one machine, installed on another."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from streams.embedded.broker_error import BrokerError
from streams.embedded.jar_store import KAFKA_VERSION, LIST_NAME, Jar, JarStore, write_error

_TOP: Final = f"holdfast-kafka-{KAFKA_VERSION}"


def pack_bundle(store: JarStore, target: Path) -> str:
    """Write the archive of a complete store; returns its SHA-256, to be sent by another way than the file.

    Same jars, same bytes: no times, users or machine names are in it. The file gets its name only when it is whole.
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
    """Take the jars out of an archive. After this returns every jar is in the store with its pinned checksum.

    Only members that bear the name of a pinned jar are looked at, and they are written under our own name for them:
    whatever else an archive holds, paths and links included, has no effect.
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
    # The list comes first in the archive, so that a bundle of another release is told in one line, not jar by jar.
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
