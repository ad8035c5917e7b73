"""Somebody who watches the alerts over a restart of the broker sees each of them, and each once."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import msgspec
import pytest
from support.alerts_made import an_alert
from support.black_box_worker import clean_environment
from support.restarts import RestartedBroker
from support.rig import Rig, now_ms, until
from support.warm_start import ROOT

from streams.records.topics import ALERTS

pytestmark = pytest.mark.faults


@pytest.fixture
async def struck(tmp_path: Path) -> AsyncIterator[RestartedBroker]:
    broker = await asyncio.to_thread(RestartedBroker, tmp_path / "kafka")
    yield broker
    await asyncio.to_thread(broker.stop)


async def test_a_watcher_loses_nothing_over_a_broker_that_is_killed(
    struck: RestartedBroker, prefix: str, tmp_path: Path
) -> None:
    log = tmp_path / "watched"
    with log.open("w") as out, (tmp_path / "talk").open("w") as talk:
        async with Rig(struck.bootstrap, prefix, tmp_path, partitions=2) as rig:
            await rig.create()
            watcher = _watcher(struck.bootstrap, prefix, out, talk)
            try:
                await _publish(rig, range(6))
                await _watched(log, 6)
                await asyncio.to_thread(struck.down, signal.SIGKILL)
                await asyncio.sleep(3.0)  # long enough for the watcher to try, and to be turned away
                await asyncio.to_thread(struck.up)
                await _publish(rig, range(6, 12))
                seen = await _watched(log, 12)
                assert sorted(seen) == list(range(12))
                watcher.send_signal(signal.SIGINT)
                assert await asyncio.to_thread(watcher.wait, 10) == 130
                assert "Traceback" not in (tmp_path / "talk").read_text()
            finally:
                watcher.kill()
                watcher.wait()


def _watcher(bootstrap: str, prefix: str, out: IO[str], talk: IO[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "app.cli", "alerts", "tail", "--json", "--from-beginning"],
        cwd=ROOT, stdout=out, stderr=talk,
        env=clean_environment({"HOLDFAST_BROKERS": bootstrap, "HOLDFAST_TOPIC_PREFIX": prefix}),
    )  # fmt: skip


async def _publish(rig: Rig, numbers: range) -> None:
    for number in numbers:
        value = msgspec.json.encode(an_alert(alert_id=f"{number:08}"))
        await rig.send(ALERTS, number % 2, value, b"s-1", now_ms())


async def _watched(log: Path, count: int) -> list[int]:
    async def seen() -> list[int]:
        found = [int(json.loads(line)["alert_id"]) for line in log.read_text().splitlines()]
        return found if len(found) >= count else []

    found: list[int] = await until(seen, f"{count} alerts seen", 60)
    return found
