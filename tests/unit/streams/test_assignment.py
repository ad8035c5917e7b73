"""The lanes of a worker as Kafka deals them."""

from __future__ import annotations

import time

import pytest
from faust.types.tuples import TP
from support.counting import CountingFold

from app.worker.metrics import Metrics
from models.contract.events import CALLS, OUTCOMES
from streams.lanes.assignment import Lanes
from streams.lanes.fold_ports import LaneSpec
from streams.lanes.ledger import LedgerMismatchError


async def test_a_partition_that_no_lane_has_ends_the_worker_with_the_topics_name() -> None:
    spec = LaneSpec(prefix="t.", group="g", partitions=2, client={}, report=Metrics(), wall_s=time.time)
    lanes = Lanes(spec, lambda _: CountingFold())
    await lanes._assigned(None, {TP(f"t.{CALLS}", 2), TP(f"t.{OUTCOMES}", 1)})
    with pytest.raises(LedgerMismatchError, match=rf"t\.{CALLS}: more than 2"):
        lanes.failed.result()
    assert not lanes.lanes
