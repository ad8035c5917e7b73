"""The hot path is compiled once, before lanes open, and kept for the next start.

Compiling takes some 20 s, loading what was kept a fraction of one. Numba reads where to keep it from the environment,
and only as it is imported: so :func:`settle` comes before the import of anything that imports ``models.kernel``. It
reads what it finds there as code: the folder is for its owner alone.
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

from streams.embedded.broker_settings import cache_directory

log = structlog.get_logger(__name__)

VARIABLE: Final = "NUMBA_CACHE_DIR"
"""Where the operator may say it; read by Numba too."""
_ONLY_THERE: Final = ("NUMBA_CACHE_LOCATOR_CLASSES", "UserProvidedCacheLocator")
"""Where that folder is of no use, Numba would try the one of the package and one in the home directory."""
_TEXTS: Final = ("compiled.py", "compiling.py")
PATIENCE_S: Final = 120.0
_LOOK_S: Final = 0.1


class Keeping(NamedTuple):
    """Where compiled code is kept; ``fault`` says why it is not."""

    folder: Path
    fault: str | None = None

    @property
    def warning(self) -> str | None:
        """What to say to people, if nothing can be kept."""
        if self.fault is None:
            return None
        return (
            f"Compiled code cannot be kept in {self.folder} ({self.fault}): each start takes some 20 s longer. "
            f"Set {VARIABLE} to a directory that can be written."
        )


def settle(environment: MutableMapping[str, str] = os.environ) -> Keeping:
    """Choose where compiled code is kept, and leave word for Numba and for the processes that are started from here.

    The folder is named after the text that is compiled and its options: Numba does not look at the options, and
    releases side by side do not undo each other.
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
    """The compiling of one process. ``done`` says whether lanes may open."""

    def __init__(self, keeping: Keeping) -> None:
        self.done = False
        self._keeping = keeping

    async def run(self) -> None:
        """Compile in a thread, so that probes are answered; after this returns no event waits for the compiler."""
        await asyncio.to_thread(compile_now, self._keeping)
        self.done = True


def compile_now(keeping: Keeping) -> None:
    """Compile, or load what was kept, and say so with the time that it took."""
    from models.scoring.rehearsal import keep_nothing, rehearse

    if keeping.warning is not None:
        log.warning("compiled_code_not_kept", detail=keeping.warning)
    log.info("compiling", detail=str(keeping.folder))
    began = time.monotonic()
    with _alone(keeping):
        try:
            rehearsed = rehearse()
        except OSError as error:  # a disk that is full: known only once something was compiled
            fault = error.strerror or type(error).__name__
            log.warning("compiled_code_not_kept", detail=Keeping(keeping.folder, fault).warning)
            keep_nothing()
            rehearsed = rehearse()
    state = "anew" if rehearsed.compiled else "from the cache"
    log.info("compiled", seconds=round(time.monotonic() - began, 1), state=state)


@contextlib.contextmanager
def _alone(keeping: Keeping) -> Iterator[None]:
    """Let one process of several that start compile, and the others load what it has kept.

    Without this each would compile, on the same cores; where the lock cannot be had, each does, which harms nothing. It
    dies with the process that holds it, and one that is paused is not waited for for ever.
    """
    with contextlib.ExitStack() as held:
        if keeping.fault is None:
            with contextlib.suppress(OSError, Timeout):
                held.enter_context(FileLock(keeping.folder / "lock", timeout=PATIENCE_S, poll_interval=_LOOK_S))
        yield


def main() -> None:
    """Compile for the processes that come after: ``python -m app.process.compilation``."""
    from app.process import logs

    logs.set_up()
    compile_now(settle())


if __name__ == "__main__":
    main()
