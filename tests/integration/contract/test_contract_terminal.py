"""The terminal against a running worker: feedback that a lane applies, and what is read from the topics alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from support.black_box import World
from support.black_box_events import FEEDBACK
from support.black_box_subscriber import Subscriber
from support.black_box_worker import ROOT, clean_environment, until

RAISED = ("raised", None)
CLOSED = ("closed", "feedback")


def feed_back(world: World, someone: Subscriber, *arguments: str) -> dict[str, Any]:
    """Say it on the command line, and wait until the lane has applied it; returns the record, as it is in the topic."""
    done = world.holdfast("alerts", *arguments, "--json")
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


def test_a_watcher_sees_the_last_then_what_comes_and_that_quiet_is_not_broken(
    world: World, customer: Subscriber
) -> None:
    customer.care("leave_intent")
    earlier = customer.alerts()[0]["alert_id"]
    script = "import app.alerts.tail_command as t; t._QUIET_S = 2.0; from app.cli import main; raise SystemExit(main())"
    watcher = subprocess.Popen(
        [sys.executable, "-c", script, "alerts", "tail", "--last", "1", "--where", f'subscriber == "{customer.name}"'],
        cwd=ROOT, env=clean_environment(world.settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert watcher.stdout is not None
        assert watcher.stderr is not None
        os.set_blocking(watcher.stdout.fileno(), False)
        os.set_blocking(watcher.stderr.fileno(), False)
        out, err = "", ""

        def told(what: str) -> bool:
            nonlocal out, err
            out += watcher.stdout.read() or ""  # type: ignore[union-attr]
            err += watcher.stderr.read() or ""  # type: ignore[union-attr]
            return what in out + err

        until(lambda: told(f"show {earlier}"), "the last one as a card")
        until(lambda: told("Waiting for alerts"), "caught up")
        customer.browses()
        newer = customer.alerts("competitor_browsing")[0]["alert_id"]
        until(lambda: told(newer[:8]), "the new one as a line")
        until(lambda: told("events/s, lag 0"), "the heartbeat")
        assert "no worker" not in err
        watcher.send_signal(signal.SIGINT)
        assert watcher.wait(10) == 130
        told("")
        assert "Traceback" not in out + err
    finally:
        watcher.kill()
        watcher.communicate()
