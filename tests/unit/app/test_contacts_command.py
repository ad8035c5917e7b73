"""``contacts``: what is written to block, override, snooze and release, and who is so held."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest
from support.alerts_made import NUMBER
from support.breaches_made import DAY, NINE, an_answer
from support.desk_rig import DeskBench

from app import cli
from app.errors import ExitCode
from app.publishing.record import TimedRecord
from models.contract.policy import Policy
from streams.kafka.topic_tail import TailRecord, TopicMissingError

BROKERS = ["--brokers", "127.0.0.1:1", "--topic-prefix", "p."]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["block", "--reason", "in court"], {"status": "blocked", "note": "in court"}),
        (
            ["block", "--account", "--reason", "tender", "--until", "2099-12-01 18:00", "--by", "li"],
            {"status": "blocked", "scope": "account", "note": "tender", "until_ts": 4_099_802_400_000, "by": "li"},
        ),
        (
            ["override", "--reason", "agreed", "--until", "2099-12-01 18:00"],
            {"status": "overridden", "note": "agreed", "until_ts": 4_099_802_400_000},
        ),
        (
            ["snooze", "--reason", "abroad", "--until", "2099-12-01 18:00"],
            {"status": "snoozed", "note": "abroad", "until_ts": 4_099_802_400_000},
        ),
        (["release", "--account"], {"status": "released", "scope": "account"}),
    ],
)
def test_an_instruction_is_feedback_that_names_no_alert(
    written: list[TimedRecord], args: list[str], expected: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["contacts", args[0], NUMBER, *args[1:], *BROKERS]) == 0
    (record,) = written
    assert (record.topic, record.key) == ("churn.alert-feedback.v1", NUMBER.encode())
    body = json.loads(record.value)
    assert abs(body.pop("ts") - time.time() * 1000) < 60_000
    assert body == {"subscriber_id": NUMBER, "by": "mei"} | expected
    told = capsys.readouterr()
    assert told.out.startswith(expected["status"])
    assert "138****8000" in told.out
    assert NUMBER not in told.out + told.err
    assert "holdfast contacts list" in told.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["block"], "Missing option '--reason'"),
        (["override", "--reason", "x"], "Missing option '--until'"),
        (["snooze", "--reason", "x", "--until", "2001-01-01"], "not ahead of us"),
        (["block", "--reason", "x" * 5000], "would be refused"),
        (["block", "--reason", " "], "--reason is empty"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_not_written(
    written: list[TimedRecord], args: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["contacts", args[0], NUMBER, *args[1:], *BROKERS]) == ExitCode.USAGE
    assert said in capsys.readouterr().err
    assert written == []


def plant(monkeypatch: pytest.MonkeyPatch, desk: DeskBench) -> None:
    """The desk's state as its topic holds it, behind an older record of somebody who was released."""
    old = DeskBench(Policy())
    old.hear(an_answer("blocked", NINE, subscriber="s-9"))
    states = [*old.state.items(), *((b"ps:s-9", None),), *desk.state.items()]

    async def tail(
        client: Mapping[str, Any], topic: str, *, from_beginning: bool, follow: bool
    ) -> AsyncGenerator[TailRecord, None]:
        if topic != "p.churn.desk-state.v1":
            raise TopicMissingError(topic)
        for offset, (key, value) in enumerate(states):
            yield TailRecord(0, offset, 0, key, value, ())

    monkeypatch.setattr("app.alerts.topic_reading.tail", tail)


def test_list_names_who_is_held_until_when_by_whom_and_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = DeskBench(Policy())
    desk.hear(an_answer("blocked", NINE, subscriber=NUMBER, customer_id="c-1", by="mei", note="in court"))
    desk.hear(an_answer("overridden", NINE, subscriber="l-1", account_id="acme", until_ts=NINE + DAY))
    plant(monkeypatch, desk)
    assert cli.main(["contacts", "list", "--json", *BROKERS]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows == [
        {"status": "overridden", "account_id": "acme", "customer_id": None, "subscriber_ids": [],
         "until_ts": NINE + DAY, "by": "li", "note": None},
        {"status": "blocked", "account_id": None, "customer_id": "c-1", "subscriber_ids": [NUMBER],
         "until_ts": None, "by": "mei", "note": "in court"},
    ]  # fmt: skip
    assert cli.main(["contacts", "list", *BROKERS]) == 0
    out = capsys.readouterr().out
    assert "account acme" in out
    assert "in court" in out
    assert NUMBER not in out


def test_list_of_nobody_finds_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    plant(monkeypatch, DeskBench(Policy()))
    assert cli.main(["contacts", "list", *BROKERS]) == ExitCode.NOT_FOUND
    assert "nobody is blocked" in capsys.readouterr().err
