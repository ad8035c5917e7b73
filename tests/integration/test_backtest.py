"""``backtest`` over the run of a real worker: the policy in force gives that run again, another one what it would."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType
from msgspec.structs import replace
from support.black_box import World
from support.black_box_worker import clean_environment, until
from support.history_check import Log, read_log
from support.warm_start import ROOT

from app.backtest.rerun import Recorded, rerun
from app.config.policy_file import read_policy
from app.config.settings import Settings
from app.publishing.record import TimedRecord
from app.simulator.rates import Rates
from app.simulator.stream import simulate
from models.contract.events import CALLS, FEEDBACK, INPUTS, SUBSCRIBERS, Channel
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from streams.embedded_kafka.broker import EmbeddedBroker
from streams.records.out_records import out_records
from streams.records.topics import ALERTS, HISTORY, SUPPRESSIONS, WORK_ORDERS

pytestmark = pytest.mark.timeout(240)

LANES, SUBSCRIBERS_THERE, DAYS = 3, 400, 6
UNIT = "tianhe-03"
POLICY = """\
[tiers]
budget = 30.0
smoothing = 1.0
raises = "warning"
min_history_days = 1.0
[silence]
min_history_days = 1.0
"""
LATER = f"""{POLICY}
[[units]]
name = "{UNIT}"
team = {{ caller = ["li", "wang"] }}
capacity = {{ outbound_call = 1, sms = 1, app_push = 1, wechat = 1 }}
"""
Rows = dict[tuple[str, int], list[tuple[Any, ...]]]


class Lived(NamedTuple):
    """A world with a run behind it, and what was published there."""

    world: World
    settings: Settings
    log: Log
    directory: Path


@pytest.fixture(scope="module")
def lived(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Four days, a restart amid them, feedback, another policy, and two days more."""
    directory = tmp_path_factory.mktemp("backtest")
    with World(broker.bootstrap, "backtest.", directory, LANES) as world:
        del world.settings["HOLDFAST_POLICY"], world.settings["HOLDFAST_MODEL"]
        world.settings["HOLDFAST_BASE_RATE"] = "0.1"
        start = int(time.time() * 1000) // DAY_MS * DAY_MS - DAYS * DAY_MS
        rates = Rates(churn_per_month=0.3)
        every = [_of_two_units(r) for r in simulate(11, SUBSCRIBERS_THERE, start, DAYS, rates=rates)]
        parts = [[r for r in every if lo <= (r[3] - start) / DAY_MS < hi] for lo, hi in ((0, 2), (2, 4), (4, DAYS))]
        _publish(world, directory, POLICY)
        for part in parts:
            world.send_all(part)
            worker = world.new_worker()
            for lane in range(LANES):
                world.settle(lane)
            if part is parts[1]:
                world.send_all(_answers(world, start + 4 * DAY_MS - 1))
                _publish(world, directory, LATER)
                for lane in range(LANES):
                    world.settle(lane)
            worker.discard()
        settings = Settings(
            brokers=(broker.bootstrap,), topic_prefix=world.prefix, group=world.group, partitions=LANES, base_rate=0.1
        )
        log = asyncio.run(read_log({"bootstrap_servers": broker.bootstrap}, world.prefix, LANES))
        yield Lived(world, settings, log, directory)


def _of_two_units(record: TimedRecord) -> tuple[str, bytes, bytes, int]:
    """Units large enough for some to wait."""
    unit = b'"unit":"%s"' % (UNIT if record.key[-1] % 2 else "yuexiu-01").encode()
    value = re.sub(rb'"unit":"[^"]*"', unit, record.value) if record.topic == SUBSCRIBERS else record.value
    return record.topic, record.key, value, record.ts


def _publish(world: World, directory: Path, text: str) -> None:
    file = directory / "applied.toml"
    file.write_text(text)
    done = world.holdfast("policy", "apply", str(file))
    assert done.returncode == 0, done.stderr


def _answers(world: World, ts: int) -> Iterator[tuple[str, bytes, bytes, int]]:
    raised = [r.body for r in world.outputs.records[ALERTS] if r.body["event"] == "raised"]
    raised = [body for body in raised if body["subscriber_id"]]  # without accounts
    for number, alert in enumerate(sorted(raised, key=lambda body: str(body["alert_id"]))):
        status = ("contacted", "unreachable", "refused", "snoozed")[number % 4]
        body = {"subscriber_id": alert["subscriber_id"], "ts": ts, "status": status, "alert_id": alert["alert_id"]}
        yield FEEDBACK, alert["subscriber_id"].encode(), json.dumps(body).encode(), ts


def again(lived: Lived, *policies: Policy) -> tuple[Recorded, list[Rows]]:
    """The records that each policy would publish, by topic and lane."""
    found: list[Rows] = [defaultdict(list) for _ in policies]

    def sink(rows: Rows) -> Any:
        def taken(lane: int, output: Any) -> None:
            for topic, key, value, headers in out_records([output], lived.settings.group):
                rows[topic, lane].append((key, value, tuple(headers)))

        return taken, lambda *_: None

    said = asyncio.run(rerun(lived.settings, policies, [sink(rows) for rows in found], lambda *_: None))
    return said, found


def policy(text: str) -> Policy:
    found = read_policy(text)
    assert isinstance(found, Policy)
    return found


def backtest(lived: Lived, *arguments: str, text: str | None = None) -> dict[str, Any]:
    """The verb's one object, with the figures by what they are of."""
    if text is not None:
        file = lived.directory / "other.toml"
        file.write_text(text)
        arguments = ("--policy", str(file), *arguments)
    done = lived.world.holdfast("backtest", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    found: dict[str, Any] = json.loads(done.stdout)
    found["figures"] = {(row["name"], row["by"], row["of"]): row for row in found["figures"]}
    return found


def published(lived: Lived, topic: str) -> dict[int, list[tuple[Any, ...]]]:
    return {lane: [(r.key, r.value, r.headers) for r in records] for lane, records in lived.log[topic].items()}


def test_policy_in_force_gives_the_live_run_row_by_row(lived: Lived) -> None:
    said, [rows] = again(lived, policy(LATER))
    assert (said.order, said.differ, said.complete_from, said.versions_gone) == ("recorded", 0, None, [])
    for topic in (ALERTS, WORK_ORDERS):
        live = published(lived, topic)
        assert {lane: rows[topic, lane] for lane in live} == live
    # Lane and desk write these side by side.
    live = published(lived, SUPPRESSIONS)
    assert {lane: Counter(rows[SUPPRESSIONS, lane]) for lane in live} == {lane: Counter(r) for lane, r in live.items()}

    steps = Counter(
        json.loads(value)["step"] for lines in published(lived, WORK_ORDERS).values() for _, value, _ in lines
    )
    versions = {json.loads(value)["policy_version"] for lines in live.values() for _, value, _ in lines}
    reasons = {json.loads(value)["reason"] for lines in live.values() for _, value, _ in lines}
    assert sum(steps.values()) > 100, "the run has shown something"
    assert {"dispatched", "contacted", "archived"} <= set(steps)
    assert versions == {policy(POLICY).version, policy(LATER).version}
    assert len(reasons) >= 3


def test_another_policy_beside_it_changes_nothing_of_the_policy_in_force(lived: Lived) -> None:
    other = replace(policy(LATER), version="p-same")
    said, [alone] = again(lived, policy(LATER))
    _, [beside, same] = again(lived, policy(LATER), other)
    assert beside == alone
    assert said.events == sum(
        len(records) for topic in lived.log if topic in INPUTS for records in lived.log[topic].values()
    )
    assert same
    assert same != alone, "it decides what the first policy has decided, too"


def test_no_budget_raises_no_tier_alert_and_says_how_many_it_withholds(lived: Lived) -> None:
    found = backtest(lived, text=LATER.replace("budget = 30.0", "budget = 0"))
    tiers = found["figures"]["alerts_a_day", "kind", "risk_tier"]
    assert tiers["in_force"] > 1
    assert tiers["policy"] == 0
    assert tiers["difference"] == -tiers["in_force"]
    withheld = found["figures"]["withheld", "reason", "low_priority"]
    days = (found["until"] - found["since"]) / DAY_MS
    assert withheld["policy"] >= tiers["in_force"] * days
    assert withheld["policy"] > withheld["in_force"]
    live = [json.loads(r.value or b"") for records in lived.log[ALERTS].values() for r in records]
    raised = sum(body["event"] == "raised" and found["since"] <= body["ts"] < found["until"] for body in live)
    assert round(found["figures"]["alerts_a_day", "", ""]["in_force"] * days) == raised


def test_unit_with_one_hand_a_day_lets_the_others_wait(lived: Lived) -> None:
    others = ", ".join(f"{name} = 0" for name in get_args(Channel) if name != "outbound_call")
    capacity = f'[[units]]\nname = "{UNIT}"\ncapacity = {{ outbound_call = 1, {others} }}\n'
    found = backtest(lived, text=POLICY + capacity)["figures"]

    def of(name: str, by: str = "unit", what: str = UNIT) -> tuple[float, float]:
        row = found.get((name, by, what), {"in_force": 0, "policy": 0})
        return row["in_force"], row["policy"]

    # The policy in force is, at the end, the later one.
    assert of("capacity_a_day") == (4, 1)
    for name, sign in (("waiting_at_most", 1), ("contacts_a_day", -1)):
        before, after = of(name)
        assert sign * (after - before) > 0, name
    assert of("waiting_at_most")[1] > 1
    assert of("waiting_at_the_end")[1] + of("withheld", "reason", "capacity")[1] > 0, "who waits for three days is told"


def test_only_the_time_asked_for_is_counted(lived: Lived) -> None:
    live = [json.loads(r.value or b"") for records in lived.log[ALERTS].values() for r in records]
    raised = sorted(body["ts"] for body in live if body["event"] == "raised")
    since, until = (raised[len(raised) * share // 4] // 1000 * 1000 for share in (1, 3))
    found = backtest(lived, "--since", _iso(since), "--until", _iso(until), "--timezone", "UTC")
    assert (found["since"], found["until"]) == (since, until)
    counted = found["figures"]["alerts_a_day", "", ""]["in_force"] * (until - since) / DAY_MS
    assert round(counted) == sum(since <= ts < until for ts in raised) < len(raised)


def _iso(ms: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(ms // 1000))


def test_ends_that_say_why(lived: Lived) -> None:
    bad = lived.directory / "bad.toml"
    bad.write_text("[tiers]\nbudgt = 2.0\n")
    for arguments, code, words in (
        (("--policy", str(bad)), 1, "line 2: tiers.budgt: unknown; did you mean budget?"),
        (("--since", "2199-01-01"), 3, "nothing is recorded of that time"),
        (("--since", "3d", "--until", "4d"), 2, "--until is not after --since"),
        (("--topic-prefix", "nobody."), 3, "there is no topic nobody.churn"),
    ):
        done = lived.world.holdfast("backtest", *arguments)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert words in done.stderr
    shown = lived.world.holdfast("backtest", "--lang", "zh", "--policy", str(lived.directory / "applied.toml"))
    assert shown.returncode == 0, shown.stderr
    assert "每日预警" in shown.stdout
    assert "每日触达" in shown.stdout


INTERRUPTED = """\
import os, signal, sys
from app import cli
from app.backtest import rerun
from streams.history import recorded_log

def interrupted(owner, name):
    was = getattr(owner, name)
    def now(*given):
        os.kill(os.getpid(), signal.SIGINT)
        return was(*given)
    setattr(owner, name, now)

interrupted({owner}, "{name}")
sys.exit(cli.main(["backtest"]))
"""


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        ("recorded_log.Cluster", "topics"),
        ("recorded_log.RecordedLog", "breaches"),
        ("rerun.PolicyRun", "finish"),
        ("rerun.PolicyRun", "decide"),
    ],
    ids=["opening", "reading", "folding", "deciding"],
)
def test_ctrl_c_ends_it_with_130_and_says_nothing(lived: Lived, owner: str, name: str) -> None:
    environment = clean_environment(lived.world.settings)
    script = INTERRUPTED.format(owner=owner, name=name)
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.strip()) == (130, "", "")


def test_what_retention_has_taken_is_said_with_the_time_from_when_on_all_is_there(lived: Lived) -> None:
    """The last one: it deletes."""
    strangers = ("withheld", "reason", "no_profile")
    whole = backtest(lived)
    assert whole["whole"]
    before = whole["figures"].get(strangers, {"in_force": 0})["in_force"]
    history = lived.log[HISTORY][2]
    kept = history[len(history) // 2]
    _trim(lived, HISTORY, 2, kept.offset)
    found = backtest(lived)
    assert (found["whole"], found["gone"], found["lanes_order"]) == (False, {}, "by_time")
    assert found["since"] < found["complete_from"] < found["until"]
    assert found["figures"].get(strangers, {"in_force": 0})["in_force"] <= before, "their profiles are still there"

    calls = lived.log[CALLS][0]
    cut = calls[len(calls) * 9 // 10]
    _trim(lived, CALLS, 0, cut.offset)
    found = backtest(lived)
    assert set(found["gone"]) == {CALLS}
    assert cut.timestamp <= found["complete_from"] < found["until"]
    assert found["judged_from"] == found["complete_from"] + DAY_MS
    assert found["figures"]["alerts_a_day", "", ""]["in_force"] > 0

    profiles = lived.log[SUBSCRIBERS][1]
    _trim(lived, SUBSCRIBERS, 1, profiles[len(profiles) // 2].offset)
    after = backtest(lived)
    assert set(after["gone"]) == {SUBSCRIBERS, CALLS}
    assert after["complete_from"] == found["complete_from"], "a profile that is gone was superseded"


def _trim(lived: Lived, topic: str, partition: int, before: int) -> None:
    """Delete the records before an offset, as retention does, or compaction."""
    admin, name = lived.world.admin(), lived.world.prefix + topic
    entry = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    for done in admin.incremental_alter_configs(
        [ConfigResource(ResourceType.TOPIC, name, incremental_configs=[entry])]
    ).values():
        done.result()

    def deleted() -> bool:
        [asked] = admin.delete_records([TopicPartition(name, partition, before)]).values()
        try:
            asked.result()
        except KafkaException as error:
            # The partition's own log hears a moment later than the controller that it is no longer compacted.
            if error.args[0].code() != KafkaError.POLICY_VIOLATION:
                raise
            return False
        return True

    until(deleted, f"{name} trimmed")
