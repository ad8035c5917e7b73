"""The lanes of a worker as Kafka deals them."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types.tuples import TP
from support.counting import CountingFold

from app.worker.metrics import Metrics
from models.contract.events import CALLS, OUTCOMES
from models.contract.policy import Policy
from streams.desk.host import DeskHost
from streams.lanes.assignment import Lanes
from streams.lanes.ledger import LedgerMismatchError
from streams.lanes.ports import LaneSpec
from streams.records.topics import BREACHES


class NoDesk(DeskHost):
    """Says what is asked of it."""

    def __init__(self, spec: LaneSpec) -> None:
        super().__init__(spec, Policy, Metrics())
        self.asked: list[str] = []

    def start(self, failed: Callable[[BaseException], None]) -> None:
        self.asked.append("start")

    async def close(self) -> None:
        self.asked.append("close")

    def forget(self) -> None:
        self.asked.append("forget")


async def test_the_desk_goes_where_lane_0_goes() -> None:
    spec = LaneSpec(prefix="t.", group="g", partitions=2, client={}, report=Metrics(), wall_s=time.time)
    desk = NoDesk(spec)
    lanes = Lanes(spec, lambda _: CountingFold(), desk)
    app: Any = SimpleNamespace(consumer_generation_id=1)
    lanes._app = app  # the lanes are closed before they open
    await lanes._assigned(None, {TP(f"t.{CALLS}", 0), TP(f"t.{CALLS}", 1)})
    assert desk.asked == ["start"]
    await lanes._revoked(None)
    await lanes._assigned(None, {TP(f"t.{CALLS}", 1)})
    assert desk.asked == ["start", "close", "forget"]
    await lanes.close()


async def test_a_desk_that_cannot_open_yet_is_opening_and_is_not_judged_by_its_position() -> None:
    nobody = {"bootstrap_servers": ["127.0.0.1:1"]}
    spec = LaneSpec(prefix="t.", group="g", partitions=1, client=nobody, report=Metrics(), wall_s=time.time)
    desk = DeskHost(spec, Policy, Metrics())
    lanes = Lanes(spec, lambda _: CountingFold(), desk)
    assert not lanes.desk_opening()
    desk.start(lanes._fail)
    assert lanes.desk_opening()
    assert lanes.positions() == {}
    desk.ready = True  # as if it had opened
    assert not lanes.desk_opening()
    assert lanes.positions() == {(BREACHES, 0): None}
    desk.ready = False
    await lanes.close()
    assert not lanes.desk_opening()
    assert not lanes.failed.done()


async def test_a_partition_that_no_lane_has_ends_the_worker_with_the_topics_name() -> None:
    spec = LaneSpec(prefix="t.", group="g", partitions=2, client={}, report=Metrics(), wall_s=time.time)
    lanes = Lanes(spec, lambda _: CountingFold())
    await lanes._assigned(None, {TP(f"t.{CALLS}", 2), TP(f"t.{OUTCOMES}", 1)})
    with pytest.raises(LedgerMismatchError, match=rf"t\.{CALLS}: more than 2"):
        lanes.failed.result()
    assert not lanes.lanes
