"""A recorded log onto a real topic: what is there is what was in the file, and a worker scores it."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import ConfigResource, ResourceType
from support.black_box import World
from support.black_box_worker import until

from streams.embedded_kafka.broker import EmbeddedBroker

LANES = 2
CALLS = "telecom.calls.v1"
HEADER = ["手机号", "通话时间", "通话时长(分)", "主被叫", "对端网络", "备注"]
MAY = 1_777_564_800_000
"""2026-05-01 in China."""


@pytest.fixture
def world(broker: EmbeddedBroker, prefix: str, tmp_path: Path) -> Iterator[World]:
    with World(broker.bootstrap, prefix, tmp_path, LANES) as made:
        yield made


def write_calls(path: Path, people: int, days: int) -> list[tuple[str, int, int, str]]:
    """A GBK file, sorted by customer as exports are; returns who called when, how long and which way."""
    calls = []
    with path.open("w", encoding="gbk", newline="") as file:
        out = csv.writer(file)
        out.writerow(HEADER)
        for person in range(people):
            for day in range(days):
                who, minute, minutes = f"1380013{person:04d}", (person * 37 + day) % 60, (person + day) % 9
                way, net = ("主叫", "异网") if day % 2 else ("被叫", "网内")
                out.writerow([who, f"2026/5/{day + 1} 8:{minute:02d}:00", minutes, way, net, "无"])
                ts = MAY + day * 86_400_000 + 8 * 3_600_000 + minute * 60_000
                calls.append((who, ts, minutes * 60, "outgoing" if day % 2 else "incoming"))
        out.writerow(["1380013", "不详", 1, "主叫", "网内", ""])
    return calls


def test_the_topic_holds_the_file_and_the_worker_scores_it(world: World, tmp_path: Path) -> None:
    given = write_calls(tmp_path / "话单.csv", people=40, days=25)
    done = world.holdfast("replay", str(tmp_path / "话单.csv"), "--as", "calls", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["files"][0]["rows"], facts["files"][0]["converted"], facts["written"]) == (1001, 1000, 1000)
    assert facts["files"][0]["reasons"]["not_a_time"]["first"][0]["row"] == 1002

    there = [record for lane in range(LANES) for record in _records(world, lane)]
    told = [(body["subscriber_id"], body["ts"], body["duration_s"], body["direction"]) for _, _, body in there]
    assert Counter(told) == Counter(given)
    assert all(key == body["subscriber_id"] and stamp == body["ts"] for stamp, key, body in there)
    for lane in range(LANES):
        stamps = [stamp for stamp, _, _ in _records(world, lane)]
        assert stamps == sorted(stamps)

    worker = world.new_worker().wait_open(LANES)
    until(lambda: worker.metrics().value("events_total", topic=CALLS) == 1000, "all calls are applied")
    assert worker.metrics().total("dead_letters_total") == 0
    assert worker.metrics().value("subscribers", tier="healthy") == 40


def test_dates_are_read_by_the_one_that_tells_or_not_at_all(world: World, tmp_path: Path) -> None:
    """October and no other month, though only the last row of 1,200 shows what is the day; without it, a question."""
    first, minute = 1_790_784_000_000 - 365 * 86_400_000, 60_000
    times = [first + n * 14 * minute for n in range(1_200)]
    rows = [f"s-{n},{n // 1440 + 1:02d}/10/2025 {n // 60 % 24:02d}:{n % 60:02d}" for n in range(0, 1_200 * 14, 14)]
    flags = ["--as", "calls", "--set", "direction=outgoing", "--set", "duration_s=1", "--set", "peer_network=on_net"]
    (tmp_path / "log.csv").write_text("\n".join(["subscriber_id,ts", *rows, ""]))
    asked = world.holdfast("replay", str(tmp_path / "log.csv"), *flags)
    assert (asked.returncode, "--day-first" in asked.stderr) == (2, True)
    (tmp_path / "log.csv").write_text("\n".join(["subscriber_id,ts", *rows, "s-0,13/10/2025 00:00"]))
    done = world.holdfast("replay", str(tmp_path / "log.csv"), *flags)
    assert done.returncode == 0, done.stderr
    there = sorted(int(str(body["ts"])) for lane in range(LANES) for _, _, body in _records(world, lane))
    assert there == [*times, first + 12 * 86_400_000]


def test_what_retention_would_delete_is_kept(world: World, tmp_path: Path) -> None:
    """The topic was created with a week's retention, and all of the file is older."""
    write_calls(tmp_path / "log.csv", people=2, days=3)
    log = [str(tmp_path / "log.csv"), "--as", "calls"]
    week = str(7 * 86_400_000)

    def retention() -> str:
        admin = world.admin()  # its handle dies with it
        (found,) = admin.describe_configs([ConfigResource(ResourceType.TOPIC, world.prefix + CALLS)]).values()
        return str(found.result()["retention.ms"].value)

    done = world.holdfast("replay", *log, "--keep-retention")
    assert "are deleted soon; to keep them, set retention.ms to" in done.stderr
    assert retention() == week
    done = world.holdfast("replay", *log)
    said = done.stderr.index(f"{world.prefix}{CALLS}: for records of")
    assert said < done.stderr.index("rows are on"), "before it is done"
    assert "holdfast topics restore" in done.stderr
    assert "data-usage" not in done.stderr
    assert int(retention()) > int(week)
    world.holdfast("replay", *log)
    assert world.holdfast("topics", "restore").stdout == f"{world.prefix}{CALLS}: has its own retention back\n"
    assert retention() == week, "what the first of two runs found, not the second"
    worker = world.new_worker().wait_open(LANES)
    done = world.holdfast("replay", *log)
    assert f"{world.prefix}{CALLS}: has its own retention back" in done.stderr
    assert retention() == week
    worker.stop()


def test_outcomes_label_what_was_known_before_them(world: World, tmp_path: Path) -> None:
    """Calls and outcomes in one stream, into a worker that runs: who left is positive for the month before."""
    calls, left = tmp_path / "calls.csv", tmp_path / "left.csv"
    day_of_leaving = 40
    with calls.open("w", encoding="utf-8") as out:
        out.write("号码,时间,主被叫,时长,对端网络\n")
        for person in range(12):
            for day in range(day_of_leaving if person == 0 else 130):
                out.write(f"c-{person},{MAY // 1000 + day * 86_400 + person * 600},主叫,60,网内\n")
    left.write_text(f"号码,离网时间,离网类型\nc-0,{MAY // 1000 + day_of_leaving * 86_400},携出\n", encoding="utf-8")
    people = tmp_path / "people.csv"
    people.write_text("号码,日期,ARPU\n" + "".join(f"c-{n},{MAY // 1000},88\n" for n in range(12)), encoding="utf-8")

    worker = world.new_worker().wait_open(LANES)
    files = [str(people), str(calls), str(left), "--as", "subscribers", "--as", "calls", "--as", "outcomes"]
    # A lane that keeps up learns of another topic's records half a second late: ten days at this speed.
    done = world.holdfast("replay", *files, "--json", "--speed", str(20 * 86_400))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"] == 12 + 11 * 130 + day_of_leaving + 1
    until(lambda: worker.metrics().total("events_total") == 12 + 11 * 130 + day_of_leaving + 1, "all is applied")

    told = [body for _, _, body in _records(world, 0, "churn.training-examples.v1")]
    fates = [body for body in told if "fate_id" in body]
    assert {f["subscriber_id"] for f in fates if f["left"]} == {"c-0"}
    assert {f["subscriber_id"] for f in fates if not f["left"]} == {f"c-{n}" for n in range(12)}
    weekly = [body for body in told if body.get("origin") == "weekly"]
    assert {e["subscriber_id"] for e in weekly if e["label"] == "positive"} == {"c-0"}
    assert {e["subscriber_id"] for e in weekly if e["label"] == "negative"} >= {f"c-{n}" for n in range(1, 12)}
    month = [e for e in weekly if e["subscriber_id"] == "c-0" and e["label"] == "positive"]
    assert all(0 <= MAY + day_of_leaving * 86_400_000 - int(str(e["ts"])) <= 30 * 86_400_000 for e in month)
    assert len(month) >= 2


def _records(world: World, lane: int, topic: str = CALLS) -> list[tuple[int, str, dict[str, object]]]:
    """All of a partition: timestamp, key and body."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": world.bootstrap, "group.id": "bystander", "enable.auto.commit": False})
    place = TopicPartition(world.prefix + topic, lane, 0)
    try:
        _, end = consumer.get_watermark_offsets(place, timeout=10)
        consumer.assign([place])
        found: list[tuple[int, str, dict[str, object]]] = []
        # A transaction's marker is an offset that no record has.
        while consumer.position([place])[0].offset < end:
            for message in consumer.consume(10_000, timeout=0.1):
                key, value = message.key(), message.value()
                assert isinstance(key, bytes)
                assert value is not None
                found.append((message.timestamp()[1], key.decode(), json.loads(value)))
        return found
    finally:
        consumer.close()
