"""A folder with a recorded history: the topic of each file, and the identity of a history."""

from __future__ import annotations

import json
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from typing import Final

from app.errors import ExitCode, Refused
from app.replay.mapping_shown import shown
from app.replay.playback import Part
from app.tables.fields import TOPICS

_KINDS: Final = {name: name for name in TOPICS} | {
    "data": "data-usage",
    "visits": "site-visits",
    "care": "care-contacts",
    "profiles": "subscribers",
}
"""First word in the name of a file or subfolder, and the name of its topic in ``--as``."""
_CHUNK: Final = 1 << 20


def files_of(folder: Path) -> list[tuple[Path, str]]:
    """The files of a history with their topics, by the names of the files or of their folders.

    Raises
    ------
    Refused
        If a name does not identify a topic, or there are no files.
    """
    found = []
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        parts = file.relative_to(folder).parts
        if any(part.startswith(".") for part in parts):
            continue
        kind = kind_of(parts[0])
        if kind is None:
            raise Refused(
                f"--history {folder}: {'/'.join(parts)} does not say what it is a log of",
                f"a file, or the folder that it is in, begins with:  {' '.join(sorted(_KINDS))}",
                code=ExitCode.USAGE,
            )
        found.append((file, kind))
    if not found:
        raise Refused(f"--history {folder}: there are no files", code=ExitCode.USAGE)
    return found


def kind_of(name: str) -> str | None:
    """Topic of a file by its name, as in ``--as``.

    Examples
    --------
    >>> kind_of("calls-2026-01.csv.gz"), kind_of("data.jsonl"), kind_of("Data-Usage_1.csv"), kind_of("callsigns.csv")
    ('calls', 'data-usage', 'data-usage', None)
    """
    name = name.casefold()
    begins = [kind for kind in _KINDS if name.startswith(kind) and not name[len(kind) :][:1].isalpha()]
    return _KINDS[max(begins, key=len)] if begins else None


def identity(parts: Iterable[Part], partitions: int, limit: int | None) -> str:
    """A hash of the files, their reading and partitioning: runs with the same hash write the same records."""
    digest = blake2b(json.dumps([partitions, limit]).encode(), digest_size=16)
    for part in parts:
        # Without the explanation of the mapping: the same one may come from a flag in one run, from the dates in
        # another.
        mapping = [{**fact, "how": ""} for fact in shown(part.recording, part.mapping)]
        digest.update(json.dumps([part.mapping.topic, mapping], ensure_ascii=False, default=str).encode())
        with part.recording.path.open("rb") as file:
            while block := file.read(_CHUNK):
                digest.update(block)
    return digest.hexdigest()
