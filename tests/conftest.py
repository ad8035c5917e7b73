"""What tests of the whole tree share: one real Kafka, and a topic prefix of one's own on it."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator

import pytest
from support import one_thread as _one_thread  # noqa: F401 - before NumPy is loaded
from support import real_data as _real_data  # noqa: F401 - takes HOLDFAST_DATA out of what workers inherit

from app.process.compilation import compile_now, settle
from streams.embedded.broker import EmbeddedBroker

# Before Numba is imported: tests and the processes that they start keep what they compile in one place.
_KEEPING = settle()

# A shell starts what stands before `&` with Ctrl-C ignored, and children inherit that: a gate that was run in the
# background waited for ever for a broker that it had asked to stop.
signal.signal(signal.SIGINT, signal.default_int_handler)

_NUMBERS = itertools.count(1000)


_GATE = "not long and not benchmark"


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The whole suite goes to two processes, file by file, each with a broker of its own: most tests wait.

    What somebody names, what measures and what takes long runs in one process, which shows what it prints.
    """
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return 2 if whole and config.option.markexpr == _GATE else 0


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedBroker]:
    """One broker for the session: tests share it and keep apart by their ``prefix``. Do not stop it.

    Workers come up while a test waits: the first must not wait for the compiler as well.
    """
    compile_now(_KEEPING)
    with EmbeddedBroker.start() as started:
        yield started


@pytest.fixture
def prefix() -> str:
    """Prefix for the topics, groups and transactional ids of this test alone."""
    return f"t{next(_NUMBERS)}."
