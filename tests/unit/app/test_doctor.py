"""What the doctor makes of what it finds: two-sided, for each check."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from app import cli
from app.config.settings import Settings
from app.doctor import cluster_checks as checks
from app.doctor import machine_checks
from app.doctor.finding import Finding
from app.errors import ExitCode
from models.contract.events import CALLS
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.scoring.prior import prior
from models.scoring.snapshot import encode
from streams.kafka.broker_view import GroupProgress
from streams.kafka.topic_tail import TailRecord
from streams.model_topic.versions import ModelVersions
from streams.policy_topic import Policies, policy_record
from streams.records.lane_history import HistoryRecord
from streams.records.topics import ALL_TOPICS, HISTORY, PARKED, STATE

NOW = 1_780_000_000_000
AS_THE_TABLE = {topic.name: dict(topic.config) for topic in ALL_TOPICS}


def verdicts(findings: list[Finding]) -> list[str]:
    return [finding.verdict for finding in findings]


def progress(done: int, members: int | None) -> GroupProgress:
    return GroupProgress({(CALLS, 0): 0}, {(CALLS, 0): 1000}, {(CALLS, 0): done}, members)


@pytest.mark.parametrize(
    ("done", "members", "events_s", "verdict"),
    [
        (1000, 1, 0.0, "ok"),
        (900, 1, 50.0, "ok"),
        (0, 1, 50.0, "warn"),
        (1000, 0, 0.0, "warn"),
        (0, 0, 0.0, "fail"),
        (0, None, 0.0, "fail"),
    ],
)
def test_nobody_at_work_is_worse_than_a_lag(done: int, members: int | None, events_s: float, verdict: str) -> None:
    assert checks.group("g", progress(done, members), events_s).verdict == verdict


@pytest.mark.parametrize(
    ("change", "verdict", "said"),
    [
        ({}, "ok", "as needed"),
        ({CALLS: {"retention.ms": str(DAY_MS)}}, "warn", "1 days and not 7"),
        ({CALLS: {"retention.ms": "-1"}}, "ok", "as needed"),
        ({CALLS: {"cleanup.policy": "compact"}}, "fail", "lost to newer"),
        ({STATE: {"cleanup.policy": "delete"}}, "fail", "deleted by age"),
        ({HISTORY: {"message.timestamp.type": "CreateTime"}}, "fail", "broker's time"),
    ],
)
def test_topics_are_kept_as_the_table_says(change: dict[str, dict[str, str]], verdict: str, said: str) -> None:
    kept = {name: config | change.get(name, {}) for name, config in AS_THE_TABLE.items()}
    (finding,) = checks.retention(kept, {})
    assert finding.verdict == verdict
    assert said in finding.said


ALL_MAY = {topic.full("p."): frozenset({"READ", "WRITE", "DESCRIBE"}) for topic in ALL_TOPICS}


def test_a_broker_without_an_authoriser_lets_everybody() -> None:
    assert checks.access("p.", False, {}) == Finding(
        "ACLs", "ok", "the broker has no authoriser: everybody may do everything"
    )


@pytest.mark.parametrize(
    ("topic", "may", "verdict", "said"),
    [
        (CALLS, {"READ", "DESCRIBE"}, "ok", f"{len(ALL_TOPICS)} topics"),
        (CALLS, {"WRITE", "DESCRIBE"}, "fail", f"{CALLS}: no READ"),
        (STATE, {"DESCRIBE"}, "fail", f"{STATE}: no READ, WRITE"),
        (PARKED, {"WRITE", "DESCRIBE"}, "ok", "has the rights"),
    ],
)
def test_each_topic_must_allow_what_it_is_used_for(topic: str, may: set[str], verdict: str, said: str) -> None:
    finding = checks.access("p.", True, ALL_MAY | {f"p.{topic}": frozenset(may)})
    assert (finding.verdict, said in finding.said) == (verdict, True), finding


def test_what_the_broker_does_not_say_is_no_refusal() -> None:
    told = {name: may for name, may in ALL_MAY.items() if not name.endswith(STATE)}
    finding = checks.access("p.", True, told)
    assert finding.verdict == "ok"
    assert "for 1 topic the broker does not say" in finding.said


def test_transactional_ids_that_may_not_be_used_are_named() -> None:
    assert checks.transactional_ids(["a-0", "a-1"], []).verdict == "ok"
    finding = checks.transactional_ids(["a-0", "a-1"], ["a-1"])
    assert (finding.verdict, "lacks DESCRIBE on 1 of 2 transactional ids: a-1" in finding.said) == ("fail", True)


def test_a_retention_that_was_lengthened_is_to_be_put_back() -> None:
    (finding,) = checks.retention(AS_THE_TABLE, {"p.telecom.calls.v1": {}})
    assert (finding.verdict, "holdfast topics restore" in finding.advice) == ("warn", True)


@pytest.mark.parametrize(("ahead_ms", "verdict"), [(-60_000, "ok"), (500, "ok"), (2_000, "warn"), (6 * 60_000, "fail")])
def test_a_record_from_the_future_is_a_clock_that_is_behind(ahead_ms: int, verdict: str) -> None:
    record = TailRecord(0, 0, NOW + ahead_ms, None, None, ())
    assert checks.clock({0: record}, NOW).verdict == verdict


def versions(*published: tuple[str, int]) -> ModelVersions:
    made = ModelVersions()
    for offset, (version, ts) in enumerate(published):
        raw = encode(msgspec.structs.replace(prior(), version=version))
        made.take(version.encode(), raw, offset, ts)
    return made


@pytest.mark.parametrize(
    ("published", "lanes", "verdict"),
    [
        ([], ["prior-1", "prior-1"], "ok"),
        ([("m-1", NOW)], ["m-1", "m-1"], "ok"),
        ([("m-1", NOW)], ["m-1", "prior-1"], "warn"),
        ([("m-1", NOW - 20 * DAY_MS)], ["m-1"], "warn"),
        ([], [], "ok"),
    ],
)
def test_lanes_serve_what_was_published_last(published: list[tuple[str, int]], lanes: list[str], verdict: str) -> None:
    history = {at: HistoryRecord(at, [], model, "p-1") for at, model in enumerate(lanes)}
    assert verdicts(checks.model(Settings(), versions(*published), history, NOW)) == [verdict]


@pytest.mark.parametrize(
    ("published", "lanes", "verdict"),
    [
        ([], ["p-1", "p-1"], "ok"),
        ([], ["p-1", "p-2"], "warn"),
        (["p-2"], ["p-2", "p-2"], "ok"),
        (["p-2"], ["p-1", "p-1"], "warn"),
        ([], [], "ok"),
    ],
)
def test_lanes_decide_by_what_was_published_last(published: list[str], lanes: list[str], verdict: str) -> None:
    history = {at: HistoryRecord(at, [], "prior-1", version) for at, version in enumerate(lanes)}
    policies = Policies(None)
    for offset, version in enumerate(published):
        record = policy_record(msgspec.structs.replace(Policy(), version=version), None)
        policies.take(record.key, record.value, record.headers, offset, NOW)
    assert verdicts(checks.policy(Settings(), policies, history)) == [verdict]


def test_a_policy_that_is_refused_is_named() -> None:
    policies = Policies(None)
    policies.take(b"p-9/0", b"{}", (), 0, NOW)
    findings = checks.policy(Settings(), policies, {})
    assert verdicts(findings) == ["warn", "ok"]
    assert "p-9 is refused" in findings[0].said


def test_a_model_that_is_refused_is_named() -> None:
    made = versions()
    made.take(b"m-9", b"{}", 0, NOW)
    findings = checks.model(Settings(), made, {}, NOW)
    assert verdicts(findings) == ["warn", "ok"]
    assert "m-9 is refused" in findings[0].said


def test_dead_letters_are_counted_by_reason() -> None:
    assert checks.dead_letters(Counter()).verdict == "ok"
    assert checks.dead_letters(Counter(not_json=3)).said == "3 not_json in 24 h"


@pytest.mark.parametrize(
    ("newest", "verdict"),
    [
        ({}, "ok"),
        ({0: NOW, 1: NOW - HOUR_MS // 2}, "ok"),
        ({0: NOW, 1: NOW - 2 * HOUR_MS}, "warn"),
        ({0: NOW}, "warn"),
    ],
)
def test_a_partition_is_quiet_beside_others_that_are_not(newest: dict[int, int], verdict: str) -> None:
    assert checks.quiet(CALLS, newest, 2).verdict == verdict


@pytest.mark.parametrize(
    ("faults", "lanes", "verdict", "advice"),
    [
        ([], 8, "ok", ""),
        ([], 4, "warn", "export HOLDFAST_PARTITIONS=4"),
        (["missing: a"], 8, "fail", "holdfast topics check"),
    ],
)
def test_topics_that_are_in_order_but_for_another_count(
    faults: list[str], lanes: int, verdict: str, advice: str
) -> None:
    (finding,) = checks.topics(faults, lanes, 8)
    assert (finding.verdict, finding.advice) == (verdict, advice)


def test_an_old_broker_is_too_old() -> None:
    assert checks.broker(3, "3.9").verdict == "ok"
    assert checks.broker(3, None).verdict == "fail"


@pytest.mark.parametrize(("free", "verdict"), [(50e9, "ok"), (5e9, "warn"), (0.5e9, "fail")])
def test_a_disk_that_fills_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: float, verdict: str) -> None:
    monkeypatch.setattr("psutil.disk_usage", lambda _: SimpleNamespace(free=free, total=100e9))
    assert machine_checks.disk(tmp_path / "not" / "there", embedded=True).verdict == verdict


def test_a_policy_that_cannot_be_read(tmp_path: Path) -> None:
    wrong = tmp_path / "policy.toml"
    wrong.write_text("[tiers]\nbudgte = 1\n")
    assert machine_checks.policy(Settings(policy=wrong)).verdict == "fail"
    assert machine_checks.policy(Settings()).verdict == "ok"


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def plant(*findings: Finding) -> None:
        monkeypatch.setattr("app.doctor.command._cluster", lambda _: list(findings))
        monkeypatch.setattr("app.doctor.command.on_this_machine", lambda _: [])

    return plant


@pytest.mark.parametrize(("verdict", "code"), [("ok", 0), ("warn", 0), ("fail", ExitCode.NOT_FOUND)])
def test_only_a_failure_is_not_ready(found: Any, verdict: Any, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    found(Finding("group", verdict, "h: 0 members", "" if verdict == "ok" else "holdfast worker"))
    assert cli.main(["doctor", "--brokers", "127.0.0.1:1"]) == code
    told = capsys.readouterr().out
    assert told.split()[:2] == [verdict, "group"]
    assert ("-> holdfast worker" in told) is (verdict != "ok")
    cli.main(["doctor", "--brokers", "127.0.0.1:1", "--json"])
    assert json.loads(capsys.readouterr().out)["verdict"] == verdict


def test_a_broker_that_does_not_answer_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--brokers", "127.0.0.1:1", "--json"]) == ExitCode.NOT_FOUND
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["check"], line["verdict"]) for line in lines[:1]] == [("broker", "fail")]
    assert {"disk", "policy"} <= {line["check"] for line in lines}, "this machine is checked all the same"


@pytest.mark.parametrize(("silent", "verdict"), [(2, "ok"), (99, "fail")])
async def test_a_fresh_broker_is_given_time_to_have_a_coordinator(
    monkeypatch: pytest.MonkeyPatch, silent: int, verdict: str
) -> None:
    looks = iter([None] * silent + [GroupProgress({}, {}, {}, 1)] * 2)

    async def look(*_: object) -> GroupProgress | None:
        return next(looks)

    monkeypatch.setattr(checks, "group_progress", look)
    monkeypatch.setattr(checks, "_LOOK_S", 0.0)
    assert (await checks._group(Settings(brokers=("127.0.0.1:1",)))).verdict == verdict
