"""``holdfast dlq redrive``: what an older worker could not read goes to its input again, once, and is applied."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import NamedTuple

from support.black_box_worker import clean_environment
from support.history_check import Record
from support.rig import Rig, event, now_ms
from support.warm_start import run_holdfast

from models.contract.events import CALLS
from streams.records.dead_letters import KEPT_BYTES, dead_letter
from streams.records.topics import ALERTS, DEAD_LETTERS
from streams.records.wire import Rejected


class Poison(NamedTuple):
    key: bytes | None
    value: bytes | None
    offset: int
    timestamp: int


async def verb(rig: Rig, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"HOLDFAST_BROKERS": rig.client["bootstrap_servers"][0], "HOLDFAST_TOPIC_PREFIX": rig.prefix}
    environment["COLUMNS"] = "200"  # a long prefix leaves the table's other columns no room
    return await asyncio.to_thread(run_holdfast, clean_environment(environment), *arguments)


async def refused(rig: Rig, topic: str, value: bytes, ts: int, reason: str = "unknown_enum") -> str:
    """A letter in partition 1, as an older worker wrote it; returns its id."""
    record = Poison(b"s1-1", value, 0, ts)
    letter = dead_letter(rig.prefix + topic, 1, record, Rejected(reason, "$.x"))  # type: ignore[arg-type]
    offset = await rig.send(DEAD_LETTERS, 1, letter.value, letter.key, now_ms(), letter.headers)
    del rig.sent[DEAD_LETTERS, 1]
    return f"1:{offset}"


async def calls(rig: Rig) -> list[Record]:
    return (await rig.log())[CALLS][1]


async def test_letters_are_sent_once_and_applied(rig: Rig) -> None:
    await rig.create()
    ts = now_ms() - 60_000
    first = await refused(rig, CALLS, event(CALLS, "s1-1", ts), ts)
    other = await refused(rig, CALLS, event(CALLS, "s1-1", ts + 1), ts + 1, "wrong_type")
    await refused(rig, CALLS, b"x" * (KEPT_BYTES + 1), ts)
    await refused(rig, ALERTS, b"{}", ts)  # the right to write letters is no right to raise alerts

    shown = await verb(rig, "dlq", "redrive")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.splitlines() == [f"{each} -> {rig.prefix}{CALLS}-1" for each in (first, other)]
    for said in ("1 larger than", "1 of a topic or partition that is no input", "2 would be sent"):
        assert said in shown.stderr
    assert await calls(rig) == []

    assert "1 sent\n" in (await verb(rig, "dlq", "redrive", "--reason", "unknown_enum", "--yes")).stderr
    sent = await verb(rig, "dlq", "redrive", "--topic", rig.prefix + CALLS, "--yes", "--json")
    assert sent.returncode == 0, sent.stderr
    assert "1 sent again before: left out" in sent.stderr
    assert [json.loads(line)["id"] for line in sent.stdout.splitlines()] == [other]
    found = await calls(rig)
    assert [(each.key, each.value, each.timestamp) for each in found] == [
        (b"s1-1", event(CALLS, "s1-1", at), at) for at in (ts, ts + 1)
    ]
    assert json.loads(sent.stdout)["offset"] == found[1].offset

    done = await verb(rig, "dlq", "redrive", first, other, "--yes")
    assert (done.returncode, done.stdout) == (3, "")
    assert "2 sent again before" in done.stderr
    listed = [json.loads(line) for line in (await verb(rig, "dlq", "list", "--json")).stdout.splitlines()]
    assert [each["redriven"] is not None for each in listed] == [True, True, False, False]
    assert (await verb(rig, "dlq", "list")).stdout.count("sent again 20") == 2

    assert "1 sent\n" in (await verb(rig, "dlq", "redrive", first, "--again", "--yes")).stderr
    found = await calls(rig)
    assert [each.timestamp for each in found] == [ts, ts + 1, ts]
    worker = rig.worker()
    rig.sent[CALLS, 1] = found[-1].offset  # each behind the marker of its transaction
    await rig.applied()
    assert await worker.stop() == 0
