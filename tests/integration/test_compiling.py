"""A worker compiles before its lanes open: it lives, says why it is not ready, and goes on when that is over."""

from __future__ import annotations

import fcntl
import json
import shutil
from pathlib import Path

from support.black_box import World
from support.black_box_worker import until

from app.process.compilation import settle
from streams.embedded_kafka.broker import EmbeddedBroker


def test_worker_that_compiles_lives_and_is_not_ready(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> None:
    kept = shutil.copytree(settle().folder, tmp_path / "kept")
    with World(broker.bootstrap, prefix, tmp_path, lanes=1) as world, (kept / "lock").open("w") as another:
        fcntl.flock(another, fcntl.LOCK_EX)  # as another worker does that compiles
        worker = world.new_worker(NUMBA_CACHE_DIR=str(kept))
        until(lambda: "compiling" in worker.get("/readyz")[1], "the worker says that it compiles")
        assert worker.get("/livez")[0] == 200
        status, text = worker.get("/readyz")
        assert status == 503
        assert "compiling" in json.loads(text)["blockers"]
        fcntl.flock(another, fcntl.LOCK_UN)
        worker.wait_open(world.lanes)
        lines = [json.loads(line) for line in worker.log.read_text().splitlines()]
        told = {line["event"]: line for line in lines}
        assert told["compiling"]["detail"] == str(kept)
        assert told["compiled"]["state"] == "from the cache"
        order = [line["event"] for line in lines]
        assert order.index("compiled") < order.index("lane_opened")
        assert worker.stop() == 0
