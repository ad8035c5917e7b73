"""Logs: one JSON object a line, and no field that is not on the list."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from app.process import logs

NUMBER = "13800138000"


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in (*logs.LOUD, *logs.MUTE)}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, former in levels.items():
        logging.getLogger(name).setLevel(former)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    logs.set_up("info", stream=stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_line_of_json(stream: io.StringIO) -> None:
    structlog.get_logger("app.test").info("lane_opened", partition=3, records=12)
    (line,) = lines(stream)
    assert (line["event"], line["partition"], line["level"]) == ("lane_opened", 3, "info")
    assert line["logger"] == "app.test"
    assert "timestamp" in line


def test_a_field_that_is_not_on_the_list_is_dropped_and_named(stream: io.StringIO) -> None:
    structlog.get_logger().warning("poison", subscriber_id=NUMBER, value={"x": NUMBER}, partition=1)
    assert NUMBER not in stream.getvalue()
    assert lines(stream)[0]["dropped"] == ["subscriber_id", "value"]


def test_records_of_others_carry_no_extra_field(stream: io.StringIO) -> None:
    logging.getLogger("aiokafka.consumer").warning("Heartbeat failed", extra={"key": NUMBER, "topic": "t"})
    assert NUMBER not in stream.getvalue()
    assert lines(stream)[0]["topic"] == "t"


@pytest.mark.parametrize("name", ["faust", "aiokafka.conn", "mode", "aiohttp.access"])
def test_others_speak_only_when_they_warn(stream: io.StringIO, name: str) -> None:
    logging.getLogger(name).info("chatter")
    assert stream.getvalue() == ""
    logging.getLogger(name).warning("trouble")
    assert lines(stream)[0]["event"] == "trouble"


def test_others_are_quiet_even_when_they_set_their_own_level(stream: io.StringIO) -> None:
    logging.getLogger("faust.transport.drivers.aiokafka").setLevel(logging.DEBUG)
    logs.quiet()
    logging.getLogger("faust.transport.drivers.aiokafka").debug("chatter")
    assert not logging.getLogger("faust.transport.drivers.aiokafka").isEnabledFor(logging.INFO)
    assert stream.getvalue() == ""


def test_faust_topics_never_speaks_because_it_prints_the_message(stream: io.StringIO) -> None:
    logging.getLogger("faust.topics").error("could not send %r", {"msisdn": NUMBER})
    assert stream.getvalue() == ""


def test_a_traceback_shows_no_local_variables(stream: io.StringIO) -> None:
    def fail() -> None:
        number = NUMBER
        raise RuntimeError("no progress" if number else "")

    try:
        fail()
    except RuntimeError:
        structlog.get_logger().exception("crashed")
    assert "RuntimeError: no progress" in str(lines(stream)[0]["exception"])
    assert NUMBER not in stream.getvalue()


def test_a_line_of_others_is_told_once_in_a_while_with_the_number_kept_back() -> None:
    now = [0.0]
    repeats = logs.Repeats(lambda: now[0])

    def told(name: str) -> object:
        record = logging.LogRecord(name, logging.WARNING, "conn.py", 12, "no broker", (), None)
        return repeats.filter(record) and getattr(record, "count", 0)

    assert [told("aiokafka.conn") for _ in range(3)] == [0, False, False]
    now[0] = logs.REPEAT_S
    assert told("aiokafka.conn") == 2
    assert [told("app.worker.watchdog") for _ in range(2)] == [0, 0]


def fields_logged(tree: ast.AST) -> Iterator[str]:
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            owner = call.func.value
            if isinstance(owner, ast.Name) and owner.id in {"log", "_log", "logger"}:
                yield from (keyword.arg for keyword in call.keywords if keyword.arg)


def test_every_field_that_the_product_logs_is_on_the_list() -> None:
    root = Path(logs.__file__).parents[2]
    used = {
        field: str(path)
        for package in ("app", "streams")
        for path in (root / package).rglob("*.py")
        for field in fields_logged(ast.parse(path.read_text()))
    }
    assert "partition" in used
    assert {field: path for field, path in used.items() if field not in logs.FIELDS} == {}


def test_level_is_kept() -> None:
    stream = io.StringIO()
    logs.set_up("error", stream=stream)
    structlog.get_logger().warning("poison")
    assert stream.getvalue() == ""
