"""The watchdog as a thread: what it asks, what it tells, and that it ends the process when it must."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

import pytest

from app.worker import watchdog
from app.worker.progress_verdict import Input
from app.worker.watchdog import Heart, Watchdog, WorkerStanding
from streams.kafka.broker_view import Bounds
from streams.kafka.membership import Group, Membership

GROUP = "holdfast"
MEMBER = Membership("m-1", 1, 1)
CALLS = ("telecom.calls.v1", 0)
WAIT_S = 10.0


class FakeView:
    """A broker in memory."""

    def __init__(self) -> None:
        self.ends: dict[Input, int] = {}
        self.starts: dict[Input, int] = {}
        self.came: dict[Input, float | None] = {}
        self.up = True
        self.closed = False
        self.error: Exception | None = None
        self.members: Group | None = Group("Stable", {MEMBER.member_id: frozenset()})

    async def bounds(self, inputs: Iterable[Input]) -> Bounds | None:
        if self.error is not None:
            raise self.error
        inputs = list(inputs)
        if not self.up:
            return None
        return {each: self.starts.get(each, 0) for each in inputs}, {each: self.ends.get(each, 0) for each in inputs}

    async def peek(self, positions: Mapping[Input, int]) -> dict[Input, float | None]:
        return {each: self.came[each] for each in positions if each in self.came}

    async def group(self, name: str) -> Group | None:
        assert name == GROUP
        return self.members if self.up else None

    async def close(self) -> None:
        self.closed = True


class Rig:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(watchdog, "LOOK_S", 0.01)
        monkeypatch.setattr(watchdog, "ASK_S", 0.02)
        self.view = FakeView()
        self.standing = WorkerStanding(membership=MEMBER)
        self.heart = Heart(lambda: self.standing)
        self.lags: dict[Input, tuple[int, float]] = {}
        self.ended: list[int] = []
        self.dog = Watchdog(self.heart, self.view, GROUP, self._tell, self.ended.append)

    def _tell(self, topic: str, partition: int, records: int, seconds: float) -> None:
        self.lags[topic, partition] = (records, seconds)

    def say(self, standing: WorkerStanding, *, beat: float | None = None) -> None:
        self.heart.last = (time.monotonic() if beat is None else beat, standing)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WAIT_S
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come about"
            time.sleep(0.005)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    rig = Rig(monkeypatch)
    yield rig
    if rig.dog.ident is not None:
        rig.dog.stop()
        assert not rig.dog.is_alive()


def test_a_silent_loop_ends_the_process_with_70(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.worker.progress_verdict.BEAT_S", 0.2)
    rig.dog.start()
    rig.until(lambda: rig.ended != [])
    assert rig.ended == [70]


def test_lag_without_progress_ends_it_with_75(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.worker.progress_verdict.STALL_S", 0.2)
    rig.view.ends[CALLS] = 9
    rig.say(WorkerStanding(positions={CALLS: 5}), beat=time.monotonic() + 60)
    rig.dog.start()
    rig.until(lambda: rig.ended != [])
    assert rig.ended == [75]
    assert rig.dog.verdict.code == 75


def test_markers_behind_the_position_are_no_lag(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.worker.progress_verdict.STALL_S", 0.3)
    monkeypatch.setattr(watchdog, "PEEK_AFTER_S", 0.05)
    rig.view.ends[CALLS] = 9
    rig.view.came[CALLS] = None
    rig.say(WorkerStanding(positions={CALLS: 8}), beat=time.monotonic() + 60)
    rig.dog.start()
    rig.until(lambda: rig.lags.get(CALLS) == (0, 0.0))
    time.sleep(0.5)
    assert rig.ended == []


def test_lag_is_told_in_records_and_seconds(rig: Rig) -> None:
    rig.view.ends[CALLS] = 9
    rig.view.came[CALLS] = time.time() - 3600
    rig.say(WorkerStanding(positions={CALLS: 5}))
    rig.dog.start()
    rig.until(lambda: CALLS in rig.lags)
    records, seconds = rig.lags[CALLS]
    assert records == 4
    assert 3600 <= seconds < 3700


def test_a_record_without_a_timestamp_is_not_as_old_as_the_epoch(rig: Rig) -> None:
    rig.view.ends[CALLS] = 9
    rig.view.came[CALLS] = -0.001
    rig.say(WorkerStanding(positions={CALLS: 5}))
    rig.dog.start()
    rig.until(lambda: CALLS in rig.lags)
    records, seconds = rig.lags[CALLS]
    assert records == 4
    assert seconds < 60


def test_an_input_that_a_lane_waits_for_is_judged_by_where_it_is_read_to(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.worker.progress_verdict.STALL_S", 0.3)
    monkeypatch.setattr("app.worker.progress_verdict.AWAITED_S", 0.6)
    rig.view.ends[CALLS] = 9
    rig.say(WorkerStanding(positions={CALLS: 5}, awaited={CALLS: 7}), beat=time.monotonic() + 60)
    rig.dog.start()
    rig.until(lambda: f"waits_for_{CALLS[0]}-0" in rig.dog.verdict.blockers)
    rig.until(lambda: rig.ended != [])
    assert rig.ended == [75]
    assert "nothing beyond offset 7" in rig.dog.verdict.reasons[0]


def test_an_input_of_which_nothing_was_applied_counts_from_the_logs_start(rig: Rig) -> None:
    rig.view.starts[CALLS], rig.view.ends[CALLS] = 100, 103
    rig.say(WorkerStanding(positions={CALLS: None}))
    rig.dog.start()
    rig.until(lambda: rig.lags.get(CALLS, (0, 0.0))[0] == 3)


def test_a_broker_that_does_not_answer_is_a_blocker_and_no_end(rig: Rig) -> None:
    rig.view.up = False
    rig.say(WorkerStanding(positions={CALLS: 5}, membership=MEMBER))
    rig.dog.start()
    rig.until(lambda: rig.dog.verdict.blockers == ("broker_unavailable", "membership_unknown"))
    rig.view.up = True
    rig.until(lambda: rig.dog.verdict.blockers == ())
    assert rig.ended == []


@pytest.mark.parametrize(
    ("ours", "group"),
    [
        (MEMBER, Group("Empty", {})),
        (MEMBER._replace(member_id=""), Group("Stable", {"m-2": frozenset({0})})),
        (MEMBER._replace(generation=2), Group("Stable", {"m-1": frozenset()})),
        (MEMBER, Group("Stable", {"m-1": frozenset({0, 1})})),
        (MEMBER._replace(kept=False), Group("Stable", {"m-1": frozenset()})),
    ],
)
def test_no_member_is_not_ready_at_once_and_ends_with_75_without_lag(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, ours: Membership, group: Group
) -> None:
    monkeypatch.setattr("app.worker.progress_verdict.DENIED_S", 0.5)
    rig.view.members = group
    rig.say(WorkerStanding(membership=ours), beat=time.monotonic() + 60)
    rig.dog.start()
    rig.until(lambda: rig.dog.verdict.blockers == ("not_a_member",))
    assert rig.ended == []
    rig.until(lambda: rig.ended != [])
    assert rig.ended == [75]
    assert "no member of the group" in rig.dog.verdict.reasons[0]


def test_who_joins_again_is_a_member_as_soon_as_the_coordinator_says_so(rig: Rig) -> None:
    rig.view.members = Group("Empty", {})
    rig.say(WorkerStanding(membership=MEMBER))
    rig.dog.start()
    rig.until(lambda: rig.dog.verdict.blockers == ("not_a_member",))
    rig.view.members = Group("Stable", {"m-2": frozenset({3})})
    rig.say(WorkerStanding(membership=Membership("m-2", 5, 5, lanes=frozenset({3}))))
    rig.until(lambda: rig.dog.verdict.blockers == ())


def test_a_client_that_joins_again_and_again_and_never_is_a_member_ends(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.worker.progress_verdict.DENIED_S", 0.3)
    rig.view.members = Group("PreparingRebalance", {})
    numbers = itertools.count()

    def joined_anew() -> bool:
        rig.say(WorkerStanding(membership=Membership(f"m-{next(numbers)}")), beat=time.monotonic() + 60)
        return rig.ended != []

    rig.dog.start()
    rig.until(joined_anew)
    assert rig.ended == [75]


def test_before_it_joins_it_is_no_member_yet_and_nobody_ends_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.worker.progress_verdict.DENIED_S", 0.05)
    rig.say(WorkerStanding(), beat=time.monotonic() + 60)
    rig.dog.start()
    rig.until(lambda: rig.dog.verdict.blockers == ("membership_unknown",))
    time.sleep(0.2)
    assert rig.ended == []


def test_a_stop_closes_the_client_and_ends_nothing(rig: Rig) -> None:
    rig.dog.start()
    rig.dog.stop()
    assert rig.view.closed
    assert rig.ended == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watchdog_that_fails_ends_the_process(rig: Rig) -> None:
    rig.view.error = RuntimeError("a bug of ours")
    rig.dog.start()
    rig.until(lambda: rig.ended == [1])


async def test_the_heart_beats_with_what_the_worker_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "LOOK_S", 0.001)
    thrice = asyncio.Event()
    said = []

    def standing() -> WorkerStanding:
        said.append(1)
        if len(said) == 3:
            thrice.set()
        return WorkerStanding(rebalancing=True)

    heart = Heart(standing, clock=lambda: float(len(said)))
    beating = asyncio.create_task(heart.beat())
    await asyncio.wait_for(thrice.wait(), WAIT_S)
    beating.cancel()
    assert heart.last[0] >= 2
    assert heart.last[1].rebalancing


STUCK = """
import asyncio, threading, time
from app.process.ending import Ending
from app.worker.watchdog import WorkerStanding
from app.worker.watchdog import Heart, Watchdog
import app.worker.progress_verdict
app.worker.progress_verdict.BEAT_S = 0.3

class View:
    async def bounds(self, inputs): return {}, {}
    async def peek(self, positions): return {}
    async def group(self, name): return None
    async def close(self): pass

async def stuck():
    await asyncio.sleep(0.1)
    time.sleep(60)

async def main():
    loop = asyncio.get_running_loop()
    heart = Heart(WorkerStanding)
    Watchdog(heart, View(), "g", print, Ending(loop).at_once).start()
    beating = asyncio.create_task(heart.beat(), name="heart")
    await asyncio.create_task(stuck(), name="lane-7")

asyncio.run(main())
"""


def test_a_blocked_process_ends_and_tells_where_it_stood() -> None:
    done = subprocess.run([sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 70
    assert "Thread" in done.stderr
    assert "in stuck" in done.stderr
    assert "lane-7" in done.stdout + done.stderr


def test_the_thread_is_no_reason_to_stay() -> None:
    assert Watchdog(Heart(WorkerStanding), FakeView(), GROUP, lambda *_: None, lambda _: None).daemon
    assert threading.main_thread().is_alive()
