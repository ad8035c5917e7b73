"""What tests of the whole tree share: one real Kafka, and a topic prefix of one's own on it."""

from __future__ import annotations

import gc
import itertools
import os
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import hypothesis
import pytest
from support import one_thread as _one_thread  # noqa: F401 - before NumPy is loaded
from support import real_data as _real_data  # noqa: F401 - takes HOLDFAST_DATA out of what workers inherit
from support.trials import trials
from xdist.scheduler import LoadFileScheduling

from app.process.compilation import compile_now, settle
from streams.embedded_kafka.broker import EmbeddedBroker

# Before Numba is imported: tests and the processes that they start keep what they compile in one place.
_KEEPING = settle()

# A shell starts what stands before `&` with Ctrl-C ignored, and children inherit that: a gate that was run in the
# background waited for ever for a broker that it had asked to stop.
signal.signal(signal.SIGINT, signal.default_int_handler)

_NUMBERS = itertools.count(1000)
_NEVER_DELETES: Final = dict.fromkeys(("log.retention.check.interval.ms", "log.initial.task.delay.ms"), "86400000")


# A deadline would be a time in a test, which a busy machine breaks.
hypothesis.settings.register_profile("trials", max_examples=trials(100), deadline=None)
hypothesis.settings.load_profile("trials")

_GATE = "not long and not benchmark"

gc.disable()  # what is collected stays: to look through it for garbage takes a third of the time


def pytest_collection_finish() -> None:
    """From here on there is garbage; what has been loaded is none."""
    gc.freeze()
    gc.enable()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The whole suite goes to four processes, each with a broker of its own: half of its time it waits.

    Beside other work two do: sessions and bounds are of the clock, and of four on two cores at a load of 10 five tests
    missed theirs. What somebody names, what measures and what takes long runs in one, which shows what it prints.
    """
    whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if not whole or config.option.markexpr != _GATE:
        return 0
    return 4 if os.getloadavg()[0] < 1.5 * (os.cpu_count() or 1) else 2


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with what is given the most time, so that no process ends long after the others."""
    if hasattr(config, "workerinput"):
        given = Counter[str]()
        for item in items:
            marker = item.get_closest_marker("timeout")
            unit = _unit(item.nodeid)
            given[unit] = max(given[unit], marker.args[0] if marker else 0)
        items.sort(key=lambda item: -given[_unit(item.nodeid)])


def _unit(nodeid: str) -> str:
    """What goes to one process: a file, whose tests may share something, or a test that shares the broker alone."""
    file = nodeid.split("::", 1)[0]
    if file.startswith("tests/integration/test_") and file not in _SHARE:
        return nodeid
    return _SAME_LIFE if file == _WITH_IT else file


_SHARE: Final = ("tests/integration/test_backtest.py", "tests/integration/test_watching.py")
"""A run of workers to look at, each made once for its file."""
_SAME_LIFE, _WITH_IT = "tests/unit/models/test_learner.py", "tests/unit/models/test_label_guard.py"


class _Scheduling(LoadFileScheduling):
    def _assign_work_unit(self, node: Any) -> None:
        """Let the last process begin at the other end: it computes while tests that have a broker wait."""
        if node is self.nodes[-1]:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)

    def _split_scope(self, nodeid: str) -> str:
        return _unit(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling:
    return _Scheduling(config, log)


@pytest.fixture(scope="session")
def broker() -> Iterator[EmbeddedBroker]:
    """One broker for the session: tests share it and keep apart by their ``prefix``. Do not stop it.

    Workers come up while a test waits: the first must not wait for the compiler as well. Tests write records of months
    ago and read them afterwards: a broker that looks for old records, 30 s after its start and then every five minutes,
    deleted some in between.
    """
    compile_now(_KEEPING)
    with EmbeddedBroker.start(properties=_NEVER_DELETES) as started:
        yield started
        os.kill(started.pid, signal.SIGKILL)  # an orderly end takes seconds, and its data is deleted


@pytest.fixture
def prefix() -> str:
    """Prefix for the topics, groups and transactional ids of this test alone."""
    return f"t{next(_NUMBERS)}."
