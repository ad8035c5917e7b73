"""Compilation of the hot path, once before lanes open, cached for the next start.

Compiling takes some 20 s, loading from the cache a fraction of a second. Numba reads the cache folder from the
environment, once at its import: so :func:`settle` must run before anything that imports ``models.kernel``. Numba
executes what it finds there, so only the owner may have access to the folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator, MutableMapping
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

import structlog
from filelock import FileLock, Timeout

from streams.embedded_kafka.broker_settings import cache_directory

log = structlog.get_logger(__name__)

VARIABLE: Final = "NUMBA_CACHE_DIR"
"""Variable with the cache folder; Numba reads it too."""
_ONLY_THERE: Final = ("NUMBA_CACHE_LOCATOR_CLASSES", "UserProvidedCacheLocator")
"""If that folder cannot be used, Numba would try the package's folder and one in the home directory."""
_TEXTS: Final = ("compiled.py", "compiling.py")
PATIENCE_S: Final = 120.0
_LOOK_S: Final = 0.1


class Keeping(NamedTuple):
    """Folder of the compiled code; ``fault`` says why it cannot be used."""

    folder: Path
    fault: str | None = None

    @property
    def warning(self) -> str | None:
        """Warning for the user if nothing can be cached."""
        if self.fault is None:
            return None
        return (
            f"Compiled code cannot be kept in {self.folder} ({self.fault}): each start takes some 20 s longer. "
            f"Set {VARIABLE} to a directory that can be written."
        )


def settle(environment: MutableMapping[str, str] = os.environ) -> Keeping:
    """Choose the cache folder, and set it in the environment for Numba and for child processes.

    The folder's name is a digest of the compiled text and its options: Numba ignores the options, and two releases on
    one machine must not overwrite each other's code.
    """
    try:
        folder = Path(environment.get(VARIABLE) or cache_directory(environment) / f"compiled-{_digest()}")
    except RuntimeError as error:  # no home directory, and none in the environment
        return _without(environment, Path("~/.cache/holdfast"), str(error))
    environment[VARIABLE] = str(folder)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return _without(environment, folder, error.strerror or type(error).__name__)
    return Keeping(folder)


def _without(environment: MutableMapping[str, str], folder: Path, fault: str) -> Keeping:
    environment[VARIABLE] = str(folder)
    environment.setdefault(*_ONLY_THERE)
    return Keeping(folder, fault)


def _digest() -> str:
    package = resources.files("models.kernel")
    return hashlib.sha256(b"".join(package.joinpath(name).read_bytes() for name in _TEXTS)).hexdigest()[:8]


class Compilation:
    """Compilation in one process. ``done`` says whether lanes may open."""

    def __init__(self, keeping: Keeping) -> None:
        self.done = False
        self._keeping = keeping

    async def run(self) -> None:
        """Compile in a thread, so that probes are answered; after this returns everything is compiled."""
        await asyncio.to_thread(compile_now, self._keeping)
        self.done = True


def compile_now(keeping: Keeping) -> None:
    """Compile or load from the cache, and log the time it took."""
    from models.scoring.rehearsal import keep_nothing, rehearse

    if keeping.warning is not None:
        log.warning("compiled_code_not_kept", detail=keeping.warning)
    log.info("compiling", detail=str(keeping.folder))
    began = time.monotonic()
    with _alone(keeping):
        try:
            rehearsed = rehearse()
        except OSError as error:  # such as a full disk, which shows only after compiling
            fault = error.strerror or type(error).__name__
            log.warning("compiled_code_not_kept", detail=Keeping(keeping.folder, fault).warning)
            keep_nothing()
            rehearsed = rehearse()
    state = "anew" if rehearsed.compiled else "from the cache"
    log.info("compiled", seconds=round(time.monotonic() - began, 1), state=state)


@contextlib.contextmanager
def _alone(keeping: Keeping) -> Iterator[None]:
    """Let one of several starting processes compile, and the others load the result.

    Without this each would compile on the same cores; without the lock each does, which harms nothing. The lock ends
    with its process, and the wait for a paused holder is limited.
    """
    with contextlib.ExitStack() as held:
        if keeping.fault is None:
            with contextlib.suppress(OSError, Timeout):
                held.enter_context(FileLock(keeping.folder / "lock", timeout=PATIENCE_S, poll_interval=_LOOK_S))
        yield


def main() -> None:
    """Compile for later processes: ``python -m app.process.compilation``."""
    from app.process import logs

    logs.set_up()
    compile_now(settle())


if __name__ == "__main__":
    main()
