"""``alerts`` and ``dlq`` over records in memory: what is printed, where, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import msgspec
import pytest
from support.alerts_made import an_alert

from app import cli
from app.errors import ExitCode
from streams.cluster.topic_tail import TailRecord, TopicMissingError
from streams.records.dead_letters import dead_letter
from streams.records.wire import Poison, Rejected

pytestmark = pytest.mark.usefixtures("wide")
BROKERS = ["--brokers", "127.0.0.1:1", "--topic-prefix", "p."]
FIRST, SECOND = "1" * 32, "2" * 32


class Asked:
    """The last call of the fake tail."""

    topic = ""
    from_beginning = follow = False
    closed = False


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[..., type[Asked]]:
    def planted(*records: TailRecord, missing: bool = False) -> type[Asked]:
        class Call(Asked):
            pass

        async def tail(
            client: Mapping[str, Any], topic: str, *, from_beginning: bool, follow: bool
        ) -> AsyncGenerator[TailRecord, None]:
            Call.topic, Call.from_beginning, Call.follow = topic, from_beginning, follow
            try:
                if missing:
                    raise TopicMissingError(topic)
                for record in records:
                    yield record
            finally:
                Call.closed = True

        monkeypatch.setattr("app.alerts.command.tail", tail)
        monkeypatch.setattr("app.kafka.dlq_command.tail", tail)
        return Call

    return planted


def record(value: bytes | None, offset: int = 0, headers: Any = ()) -> TailRecord:
    return TailRecord(3, offset, 1_780_000_000_000 + offset, b"s-1", value, tuple(headers))


def of_alert(offset: int = 0, **changed: Any) -> TailRecord:
    return record(msgspec.json.encode(an_alert(**{"alert_id": FIRST, **changed})), offset)


def of_poison(offset: int, value: bytes | None, reason: Poison) -> TailRecord:
    letter = dead_letter("p.telecom.calls.v1", 3, record(value, offset + 100), Rejected(reason, "where it broke"))
    return record(letter.value, offset, letter.headers)


def test_tail_shows_the_first_as_a_card_and_the_others_as_lines(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call = plant(of_alert(), of_alert(1, alert_id=SECOND), of_alert(2, event="closed", action=None, reasons=None))
    assert cli.main(["alerts", "tail", "--from-beginning", *BROKERS]) == 0
    told = capsys.readouterr().out
    assert told.count("╭") == 1
    assert SECOND[:8] in told.splitlines()[-2]
    assert (call.topic, call.from_beginning, call.follow) == ("p.churn.retention-alerts.v1", True, True)


def test_tail_ends_at_the_limit_and_closes_the_connection(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call = plant(*(of_alert(number) for number in range(5)))
    assert cli.main(["alerts", "tail", "--from-beginning", "--limit", "2", "--json", *BROKERS]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert call.closed


def test_tail_json_prints_the_values_as_they_stand(plant: Any, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    value = of_alert().value
    plant(record(value), record(b'{"from": "a later version"}', 1))
    cli.main(["alerts", "tail", "--from-beginning", "--limit", "2", "--json", *BROKERS])
    assert value is not None
    assert capsysbinary.readouterr().out == value + b'\n{"from": "a later version"}\n'


def test_tail_passes_over_what_it_cannot_read_and_says_so(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(record(b"{}"), record(None, 1), of_alert(2))
    assert cli.main(["alerts", "tail", "--from-beginning", "--limit", "1", *BROKERS]) == 0
    told = capsys.readouterr()
    assert "3:0 is not an alert" in told.err
    assert "3:1 is not an alert" in told.err
    assert told.out.count("╭") == 1


def test_tail_speaks_the_language_it_is_told(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(of_alert())
    cli.main(["alerts", "tail", "--from-beginning", "--limit", "1", "--lang", "zh", *BROKERS])
    assert "高危" in capsys.readouterr().out


def test_show_prints_the_card_and_the_life_of_one(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call = plant(
        of_alert(2, seq=2, event="closed", close_reason="expired", action=None, reasons=None),
        of_alert(1, alert_id=SECOND),
        of_alert(0),
    )
    assert cli.main(["alerts", "show", FIRST[:8], *BROKERS]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "first contact by" in "".join(lines)
    assert "closed (expired)" in lines[-1]
    assert SECOND[:8] not in "".join(lines)
    assert not call.follow


def test_show_json_is_one_record_a_line_in_order(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(of_alert(2, seq=2, event="eased"), of_alert(0))
    assert cli.main(["alerts", "show", FIRST, "--json", *BROKERS]) == 0
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == [1, 2]


def test_show_of_nothing_is_3_and_of_too_many_is_2(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(of_alert(alert_id="1234a"), of_alert(1, alert_id="1234b"))
    assert cli.main(["alerts", "show", "ffff", *BROKERS]) == ExitCode.NOT_FOUND
    assert cli.main(["alerts", "show", "1234", *BROKERS]) == ExitCode.USAGE
    told = capsys.readouterr()
    assert "1234a" in told.err
    assert told.out == ""


@pytest.mark.parametrize(
    "args", [["alerts", "tail"], ["alerts", "show", "ffff"], ["dlq", "list"], ["dlq", "show", "0:0"]]
)
def test_a_topic_that_is_missing_is_3_and_names_the_remedy(
    plant: Any, args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    plant(missing=True)
    assert cli.main([*args, *BROKERS]) == ExitCode.NOT_FOUND
    assert "holdfast topics create" in capsys.readouterr().err


def test_dlq_list_has_places_and_reasons_and_no_content(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(of_poison(0, b'{"number": "13812348000"', "not_json"), of_poison(1, b"x" * 300_000, "too_large"))
    assert cli.main(["dlq", "list", "--json", *BROKERS]) == 0
    told = capsys.readouterr().out
    first, second = map(json.loads, told.splitlines())
    assert (first["id"], first["reason"], first["topic"], first["partition"], first["offset"]) == (
        "3:0",
        "not_json",
        "p.telecom.calls.v1",
        3,
        100,
    )
    assert second["bytes"] == 300_000
    assert "13812348000" not in told


def test_dlq_list_can_be_narrowed(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(of_poison(0, b"{", "not_json"), of_poison(1, b"\xff", "not_utf8"), of_poison(2, b"}", "not_json"))
    assert cli.main(["dlq", "list", "--json", "--reason", "not_json", "--limit", "1", *BROKERS]) == 0
    assert [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()] == ["3:2"]
    assert cli.main(["dlq", "list", "--reason", "too_deep", *BROKERS]) == ExitCode.NOT_FOUND


def test_dlq_list_for_people_sums_up_on_stderr(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(of_poison(0, b"{", "not_json"), of_poison(1, b"}", "not_json"))
    assert cli.main(["dlq", "list", *BROKERS]) == 0
    told = capsys.readouterr()
    assert "p.telecom.calls.v1-3@100" in told.out
    assert "2 not_json" in told.err


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b'{"a": 1', ("value", '{"a": 1')),
        (b"\xff\xfe", ("value_base64", "//4=")),
        (b"\x1b[2J", ("value_base64", "G1sySg==")),
        (None, ("value", None)),
    ],
)
def test_dlq_show_prints_text_as_text_and_the_rest_in_base64(
    plant: Any, value: bytes | None, expected: tuple[str, str | None], capsys: pytest.CaptureFixture[str]
) -> None:
    plant(of_poison(7, value, "not_json"))
    assert cli.main(["dlq", "show", "3:7", "--json", *BROKERS]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told[expected[0]] == expected[1]
    assert told["key"] == "s-1"


def test_dlq_show_refuses_an_id_that_is_none(plant: Any) -> None:
    plant(of_poison(7, b"{", "not_json"))
    assert cli.main(["dlq", "show", "seven", *BROKERS]) == ExitCode.USAGE
    assert cli.main(["dlq", "show", "3:8", *BROKERS]) == ExitCode.NOT_FOUND
