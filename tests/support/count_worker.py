"""A worker process with the counting fold, for the tests of the protocol: python count_worker.py BROKER PREFIX GROUP."""

from __future__ import annotations

import logging
import os
import sys

from app.worker import end_process, run_worker, wall_s
from streams.folding import LaneSpec
from streams.report import Commit
from counting import CountingFold


class Silent:
    """A report that nobody reads."""

    def lane_opened(self, partition: int) -> None: ...
    def lane_closed(self, partition: int) -> None: ...
    def committed(self, partition: int, commit: Commit) -> None: ...
    def restore_remaining(self, partition: int, records: int) -> None: ...
    def lag(self, topic: str, partition: int, records: int, seconds: float) -> None: ...


def main() -> None:
    broker, prefix, group = sys.argv[1:4]
    logging.basicConfig(level=logging.INFO)
    for name in ("aiokafka", "faust", "mode"):
        logging.getLogger(name).setLevel(logging.WARNING)
    wanted = os.environ.get("FAIL_AT")

    def fail_at(step: str) -> None:
        if step == wanted:
            os._exit(9)

    spec = LaneSpec(
        prefix=prefix, group=group, partitions=int(os.environ.get("PARTITIONS", "4")), client={"bootstrap_servers": [broker]}, report=Silent(), wall_s=wall_s, fail_at=fail_at,
    )
    end_process(run_worker(spec, lambda partition: CountingFold()))


if __name__ == "__main__":
    main()
