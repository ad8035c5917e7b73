"""The desk by itself, without lanes, over breaches that are there already; each of them becomes an alert and an order.

The clock runs from its opening to the commit of the last alert.
"""

from __future__ import annotations

import asyncio
import os
import time

import uvloop
from meter import BROKER, PREFIX, Meter

from models.contract.alerts import Alert
from models.contract.policy import Policy
from streams.desk.desk_report import DeskCommit, DeskStanding
from streams.desk.host import DeskHost
from streams.lanes.ports import LaneSpec


class Metered:
    """A desk's report that counts alerts."""

    def __init__(self) -> None:
        self.meter = Meter()
        self.done = asyncio.Event()

    def desk_opened(self, _: DeskStanding) -> None:
        """Start the clock."""
        self.meter.begin()

    def desk_committed(self, commit: DeskCommit, _: DeskStanding) -> None:
        """Count what was raised."""
        if self.meter.tick(sum(isinstance(output.body, Alert) for output in commit.outputs)):
            self.meter.report()
            self.done.set()

    def desk_closed(self) -> None:
        """Do nothing."""


async def main() -> None:
    report, failed = Metered(), asyncio.get_running_loop().create_future()
    finished = asyncio.ensure_future(report.done.wait())
    spec = LaneSpec(
        prefix=PREFIX,
        group="bench",
        partitions=int(os.environ["BENCH_PARTITIONS"]),
        client={"bootstrap_servers": [BROKER]},
        report=None,
        wall_s=time.time,
    )
    host = DeskHost(spec, Policy, report)
    host.start(failed.set_exception)
    await asyncio.wait([failed, finished], return_when=asyncio.FIRST_COMPLETED)
    if failed.done():
        failed.result()
    await host.close()


uvloop.run(main())
