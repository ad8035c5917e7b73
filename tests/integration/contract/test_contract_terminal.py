"""The terminal against a running worker: feedback that a lane applies, and what is read from the topics alone."""

from __future__ import annotations

import json
import math
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from support.black_box import World
from support.black_box_events import FEEDBACK
from support.black_box_subscriber import Subscriber
from support.black_box_worker import clean_environment, until
from support.warm_start import ROOT

RAISED = ("raised", None)
CLOSED = ("closed", "feedback")


def feed_back(world: World, someone: Subscriber, *arguments: str, verb: str = "alerts") -> dict[str, Any]:
    """Say it on the command line, and wait until the lane has applied it; returns the record, as it is in the topic."""
    done = world.holdfast(verb, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": "none", "enable.auto.commit": False})
    place = TopicPartition(world.prefix + FEEDBACK, someone.lane)
    _, end = consumer.get_watermark_offsets(place)
    consumer.assign([TopicPartition(place.topic, place.partition, end - 1)])
    message = consumer.poll(10)
    consumer.close()
    assert message is not None
    value, key = message.value(), message.key()
    assert isinstance(value, bytes)
    assert (key, json.loads(value)) == (someone.name.encode(), json.loads(done.stdout))
    world.sent[someone.lane][FEEDBACK] = end - 1
    world._unread.add(someone.lane)
    found: dict[str, Any] = json.loads(value)
    return found


def test_the_lane_applies_what_is_said_on_the_command_line(world: World, customer: Subscriber) -> None:
    """A record in another partition than the subscriber's would change nothing."""
    customer.care("leave_intent")
    alert_id = customer.alerts()[0]["alert_id"]
    body = feed_back(world, customer, "ack", alert_id[:10], "--by", "mei", "--reason", "rings at noon")
    assert (body["status"], body["by"], body["note"]) == ("accepted", "mei", "rings at noon")
    assert customer.steps() == [RAISED]
    assert re.search(r"accepted +mei +rings at noon$", world.holdfast("alerts", "show", alert_id).stdout, re.MULTILINE)
    body = feed_back(world, customer, "close", alert_id, "--by", "mei")
    assert (body["status"], body["alert_id"]) == ("dismissed", alert_id)
    assert customer.steps() == [RAISED, CLOSED]
    again = world.holdfast("alerts", "close", alert_id, "--by", "mei")
    assert again.returncode == 3
    assert f"alert {alert_id} is closed (feedback)" in again.stderr


def test_a_snooze_closes_and_a_loss_closes_everything(world: World, customer: Subscriber) -> None:
    customer.care("leave_intent")
    customer.browses()
    intent, browsing = (customer.alerts(kind)[0]["alert_id"] for kind in ("leave_intent", "competitor_browsing"))
    body = feed_back(world, customer, "snooze", browsing, "--until", "3d", "--by", "mei")
    assert abs(body["until_ts"] - (time.time() + 3 * 86_400) * 1000) < 120_000
    assert customer.steps("competitor_browsing") == [RAISED, CLOSED]
    assert customer.steps("leave_intent") == [RAISED]
    feed_back(world, customer, "close", intent, "--status", "lost", "--by", "mei")
    assert customer.steps("leave_intent") == [RAISED, CLOSED]


def test_who_is_blocked_on_the_command_line_is_listed_and_contacted_when_released(
    world: World, customer: Subscriber
) -> None:
    customer.care("leave_intent")
    assert customer.order_steps() == ["dispatched"]
    feed_back(world, customer, "block", customer.name, "--by", "mei", "--reason", "in court", verb="contacts")
    assert customer.order_steps() == ["dispatched", "withdrawn"]
    listed = [json.loads(line) for line in world.holdfast("contacts", "list", "--json").stdout.splitlines()]
    assert [each for each in listed if customer.name in each["subscriber_ids"]] == [
        {
            "status": "blocked",
            "account_id": None,
            "customer_id": f"c-{customer.name}",
            "subscriber_ids": [customer.name],
            "until_ts": None,
            "by": "mei",
            "note": "in court",
        }
    ]
    feed_back(world, customer, "release", customer.name, "--by", "mei", verb="contacts")
    assert customer.order_steps() == ["dispatched", "withdrawn", "dispatched"]
    assert customer.name not in world.holdfast("contacts", "list").stdout


def test_an_alert_is_explained_from_the_topics_alone(world: World, customer: Subscriber, someone: Subscriber) -> None:
    customer.care("leave_intent")
    someone.care("leave_intent")
    raised, withheld = customer.alerts()[0], someone.suppressions()[0]
    done = world.holdfast("alerts", "explain", raised["alert_id"][:10], "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert math.isclose(found["terms"][-1]["risk"], raised["risk"])
    assert [term["code"] for term in found["terms"]][-1] == "leave_intent"
    assert (found["begins_with"], {step["verdict"] for step in found["policy"]}) == ("average customer", {"passed"})
    assert "it is no longer in the topic" in " ".join(found["not_recorded"]), "this worker's model comes from a file"
    found = json.loads(world.holdfast("alerts", "explain", withheld["alert_id"], "--json").stdout)
    assert [step["name"] for step in found["policy"] if step["verdict"] == "objected"] == ["no_profile"]
    page = world.holdfast("alerts", "explain", withheld["alert_id"], "--lang", "zh")
    assert "有客户档案: 否决" in page.stdout


def test_a_watcher_sees_the_last_then_what_comes_and_that_quiet_is_not_broken(
    world: World, customer: Subscriber, tmp_path: Path
) -> None:
    customer.care("leave_intent")
    earlier = customer.alerts()[0]["alert_id"]
    script = "import app.alerts.tail_command as t; t._QUIET_S = 2.0; from app.cli import main; raise SystemExit(main())"
    log, whom = tmp_path / "watcher", f"subscriber == '{customer.name}'"
    with log.open("w") as out:
        watcher = subprocess.Popen(
            [sys.executable, "-c", script, "alerts", "tail", "--last", "1", "--where", whom],
            cwd=ROOT, env=clean_environment(world.settings), stdout=out, stderr=out,
        )  # fmt: skip
    try:
        until(lambda: f"show {earlier}" in log.read_text(), "the last one as a card")
        until(lambda: "Waiting for alerts" in log.read_text(), "caught up")
        customer.browses()
        newer = customer.alerts("competitor_browsing")[0]["alert_id"]
        until(lambda: newer[:8] in log.read_text(), "the new one as a line")
        until(lambda: "events/s, lag 0" in log.read_text(), "the heartbeat")
        assert "no worker" not in log.read_text()
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(10) == 130
        assert "Traceback" not in log.read_text()
    finally:
        watcher.kill()
        watcher.wait()


def test_a_watcher_ends_when_its_reader_has_gone_before_there_is_anything_to_say(world: World) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "alerts", "tail", "--json"],
        cwd=ROOT, env=clean_environment(world.settings), stdout=theirs, stderr=subprocess.PIPE, timeout=30, check=False,
    )  # fmt: skip
    os.close(theirs)
    assert done.returncode == 0
    assert done.stderr.startswith(b"Waiting for alerts")
    assert b"Traceback" not in done.stderr


def test_the_doctor_finds_a_world_that_works_well_and_one_that_is_not_there(world: World, customer: Subscriber) -> None:
    customer.care("leave_intent")
    assert customer.steps() == [RAISED]
    found = world.holdfast("doctor", "--json")
    lines = {line["check"]: line for line in map(json.loads, found.stdout.splitlines())}
    failed = [line for line in lines.values() if line["verdict"] == "fail"]
    assert (found.returncode, failed) == (0, []), found.stderr
    assert "1 member," in lines["group"]["said"]
    assert lines["broker"]["said"].startswith("1 broker, Kafka 4")
    assert "in 4 lanes" in lines["model"]["said"]
    page = world.holdfast("doctor")
    assert page.stdout.split()[:4] == ["ok", "broker", "1", "broker,"]
    absent = world.holdfast("doctor", "--topic-prefix", "nobody.", "--json")
    assert absent.returncode == 3
    assert "holdfast topics create" in absent.stdout


@pytest.mark.parametrize(("ends", "code"), [("q", 0), ("SIGINT", 130)])
def test_the_full_screen_is_left_clean(world: World, customer: Subscriber, ends: str, code: int) -> None:
    customer.care("leave_intent")
    alert_id = customer.alerts()[0]["alert_id"]
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    watcher = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "alerts", "top"], cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs,
        env=clean_environment(world.settings) | {"TERM": "xterm", "COLUMNS": "100", "LINES": "60"},
    )  # fmt: skip
    seen = bytearray()

    def shows(what: bytes) -> bool:
        if select.select([ours], [], [], 0.05)[0]:
            seen.extend(os.read(ours, 1 << 16))
        return what in seen

    try:
        until(lambda: shows(alert_id[:8].encode()), "the alert on the screen")
        until(lambda: shows(b"events/s, lag"), "the heartbeat")
        if ends == "q":
            os.write(ours, b"q")
        else:
            watcher.send_signal(signal.SIGINT)
        until(lambda: shows(b"\x1b[?1049l"), "the terminal's own screen again")
        assert watcher.wait(10) == code
        assert termios.tcgetattr(theirs) == before
        assert b"Traceback" not in seen
    finally:
        watcher.kill()
        watcher.wait()
        os.close(ours)
        os.close(theirs)
