"""``alerts`` and ``dlq`` over records in memory: what is printed, where, and the exit codes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, get_args

import msgspec
import pytest
from support.alerts_made import NUMBER, RAISED_MS, a_suppression, an_action, an_alert

from app import cli
from app.alerts.card_and_line import Card
from app.alerts.pulse import Beat, Pulse
from app.errors import ExitCode
from app.publishing.record import TimedRecord
from models.contract.vocabulary import SuppressionReason
from streams.kafka.topic_tail import Poll, TailRecord, TopicMissingError
from streams.records.dead_letters import dead_letter
from streams.records.wire import DeadLetterReason, Rejected

pytestmark = pytest.mark.usefixtures("wide")
BROKERS = ["--brokers", "127.0.0.1:1", "--topic-prefix", "p."]
FIRST, SECOND = "1" * 32, "2" * 32


class Asked:
    """The last call of the fake tail."""

    topic = ""
    follow = False
    newest: int | None = -1
    closed = False


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[..., type[Asked]]:
    def planted(*records: TailRecord, live: Sequence[TailRecord] = (), missing: bool = False) -> type[Asked]:
        class Call(Asked):
            pass

        async def polls(
            client: Mapping[str, Any], topic: str, *, newest: int | None, follow: bool, places: object = None
        ) -> AsyncGenerator[Poll, None]:
            Call.topic, Call.newest, Call.follow = topic, newest, follow
            try:
                if missing:
                    raise TopicMissingError(topic)
                for record in records:
                    yield Poll((record,), False, {})
                if follow:
                    yield Poll((), True, {3: 0})
                    yield Poll(live, True, {3: 0})
            finally:
                Call.closed = True

        async def tail(
            client: Mapping[str, Any], topic: str, *, from_beginning: bool, follow: bool
        ) -> AsyncGenerator[TailRecord, None]:
            async with aclosing(polls(client, topic, newest=None if from_beginning else 0, follow=follow)) as polled:
                async for poll in polled:
                    for record in poll.records:
                        yield record

        async def beat(pulse: Pulse) -> Beat:
            return Beat(None, None, None, {})

        monkeypatch.setattr("app.alerts.topic_reading.polls", polls)
        monkeypatch.setattr(Pulse, "beat", beat)
        monkeypatch.setattr("app.alerts.topic_reading.tail", tail)
        monkeypatch.setattr("app.alerts.top_command.tail", tail)
        monkeypatch.setattr("app.kafka.dlq_command.tail", tail)
        return Call

    return planted


def record(value: bytes | None, offset: int = 0, headers: Any = ()) -> TailRecord:
    return TailRecord(3, offset, 1_780_000_000_000 + offset, b"s-1", value, tuple(headers))


def of_alert(offset: int = 0, **changed: Any) -> TailRecord:
    return record(msgspec.json.encode(an_alert(**{"alert_id": FIRST, **changed})), offset)


def of_poison(offset: int, value: bytes | None, reason: DeadLetterReason) -> TailRecord:
    letter = dead_letter("p.telecom.calls.v1", 3, record(value, offset + 100), Rejected(reason, "where it broke"))
    return record(letter.value, offset, letter.headers)


def test_tail_shows_the_first_as_a_card_and_the_others_as_lines(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call = plant(of_alert(), of_alert(1, alert_id=SECOND), of_alert(2, event="closed", action=None, reasons=None))
    assert cli.main(["alerts", "tail", "--from-beginning", *BROKERS]) == 0
    told = capsys.readouterr().out
    assert told.count("╭") == 1
    assert SECOND[:8] in told.splitlines()[-2]
    assert (call.topic, call.newest, call.follow) == ("p.churn.retention-alerts.v1", None, True)


def test_the_card_is_the_first_that_can_be_acted_on(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(of_alert(0, alert_id=SECOND, event="closed", action=None, reasons=None), of_alert(1))
    cli.main(["alerts", "tail", "--from-beginning", *BROKERS])
    told = capsys.readouterr().out
    assert told.index(SECOND[:8]) < told.index("╭")
    assert f"show {FIRST}" in told


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


def of_decision(offset: int = 0, **changed: Any) -> TailRecord:
    return record(msgspec.json.encode(a_suppression(**changed)), offset)


def test_tail_shows_what_was_withheld_and_why_a_line_each(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call = plant(
        of_decision(reason="no_consent"),
        of_decision(1, reason="no_profile", risk=None, value=None, reasons=None, action=None, priority=None),
        of_decision(2, kind="silence"),
        of_alert(3, alert_id=SECOND),
    )
    assert cli.main(["alerts", "tail", "--suppressed", "--no-follow", *BROKERS]) == 0
    told = capsys.readouterr()
    assert call.topic == "p.churn.suppressions.v1"
    lines = told.out.splitlines()
    assert len(lines) == 3
    assert "no consent" in lines[0]
    assert "24 minutes on competitor sites" in lines[0]
    assert "no profile" in lines[1]
    assert NUMBER not in told.out
    assert "3:3 is not a decision" in told.err
    cli.main(["alerts", "tail", "--suppressed", "--no-follow", "--kind", "silence", "--lang", "zh", *BROKERS])
    (line,) = capsys.readouterr().out.splitlines()
    assert "静默期" in line
    cli.main(["alerts", "tail", "--suppressed", "--from-beginning", "--no-follow", "--json", *BROKERS])
    assert [json.loads(each)["reason"] for each in capsys.readouterr().out.splitlines()[:2]] == [
        "no_consent",
        "no_profile",
    ]


@pytest.mark.parametrize("reason", get_args(SuppressionReason))
def test_each_reason_has_a_word_that_fits_its_column(reason: SuppressionReason) -> None:
    for lang in ("en", "zh"):
        line = Card(lang).withheld(a_suppression(reason=reason), 120)
        assert line.cell_len == 120
        assert f" {Card(lang).word(f'withheld_{reason}')} " in line.plain, line.plain


def test_a_condition_on_alerts_is_refused_for_what_was_withheld(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant()
    assert cli.main(["alerts", "tail", "--suppressed", "--where", "risk > 0.5", *BROKERS]) == ExitCode.USAGE
    assert "--where is of alerts" in capsys.readouterr().err


def lines_of(text: str) -> list[str]:
    """The beginnings of the ids of the lines below the card."""
    rows = [line for line in text.splitlines() if line[:1].isdecimal()]
    return [re.sub(r"^(\d\d-\d\d )?(\d\d:\d\d )?", "", row).split()[0] for row in rows]


def test_tail_starts_with_the_last_so_many_and_goes_on(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    earlier = [of_alert(number, alert_id=f"{number:08}") for number in range(5)]
    call = plant(*earlier, live=[of_alert(9, alert_id="00000009")])
    assert cli.main(["alerts", "tail", "--last", "2", *BROKERS]) == 0
    told = capsys.readouterr().out
    assert "show 00000003" in told, "the first of them is the card"
    assert lines_of(told) == ["00000004", "00000009"]
    assert call.newest is not None
    assert call.newest >= 2 * 2, "a transaction of one alert takes two offsets"


def test_tail_json_starts_with_what_is_new(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(of_alert(1, alert_id=FIRST), live=[of_alert(2, alert_id=SECOND)])
    cli.main(["alerts", "tail", "--json", *BROKERS])
    assert [json.loads(line)["alert_id"] for line in capsys.readouterr().out.splitlines()] == [SECOND]


def test_tail_that_follows_nothing_ends_and_shows_the_last(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    call = plant(*(of_alert(number, alert_id=f"{number:08}") for number in range(3)), live=[of_alert(9)])
    assert cli.main(["alerts", "tail", "--no-follow", "--last", "2", "--json", *BROKERS]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert not call.follow


@pytest.mark.parametrize(
    ("flags", "kept"),
    [
        (["--kind", "silence"], ["c"]),
        (["--kind", "silence", "--kind", "port_out"], ["b", "c"]),
        (["--tier", "warning"], ["b"]),
        (["--unit", "panyu-01"], ["b", "d"]),
        (["--since", "2026-05-29 04:26:41"], ["c", "d"]),
        (["--until", "2026-05-29 04:26:41"], ["a", "b"]),
        (["--where", "times > 10"], ["c"]),
        (["--where", 'tier in ("warning", "healthy") or unit == "tianhe-03"'], ["a", "b", "c"]),
        (["--where", '"contract_days_left" in reasons and channel != "sms"'], ["a", "b", "c"]),
        (["--where", "not assignee", "--kind", "port_out"], ["b"]),
        (["--where", "1 / (risk - 0.3) < 0"], ["a", "b", "d"]),
    ],
)
def test_tail_keeps_what_is_asked_for(
    plant: Any, flags: list[str], kept: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The last is the end of the second: it has no action, but it is the same unit's."""
    plant(
        of_alert(0, alert_id="a" * 8),
        of_alert(1, alert_id="b" * 8, kind="port_out", tier="warning", action=an_action(unit="panyu-01")),
        of_alert(2, alert_id="c" * 8, kind="silence", risk=0.3, ts=RAISED_MS + 2_000),
        of_alert(
            3, alert_id="b" * 8, seq=2, event="closed", close_reason="expired", action=None, reasons=None,
            ts=RAISED_MS + 3_000,
        ),
    )  # fmt: skip
    assert cli.main(["alerts", "tail", "--from-beginning", "--no-follow", "--json", *flags, *BROKERS]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ["d" if alert["seq"] == 2 else alert["alert_id"][0] for alert in found] == kept


def test_tail_that_finds_nothing_says_so(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(of_alert())
    flags = ["--no-follow", "--from-beginning", "--kind", "silence"]
    assert cli.main(["alerts", "tail", *flags, *BROKERS]) == ExitCode.NOT_FOUND
    assert "no such alerts" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("rsk > 1", "Did you mean risk?"),
        ("risk >", "invalid syntax"),
        ("risk > 1; tier", "invalid syntax"),
        ("open('/etc/passwd')", "an alert has no open"),
        ("(1).__class__", "--where"),
        ("unit.upper() == 'A'", "--where"),
        ("risk > 'high'", "not supported"),
        ("9 ** 9 ** 9 > risk", "--where"),
    ],
)
def test_a_condition_that_is_none_is_a_usage_error(
    plant: Any, where: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(of_alert())
    assert cli.main(["alerts", "tail", "--from-beginning", "--where", where, *BROKERS]) == ExitCode.USAGE
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


@pytest.mark.parametrize("flag", ["--since", "--until"])
@pytest.mark.parametrize("text", ["yesterday", ""])
def test_a_time_that_is_none_is_a_usage_error(
    plant: Any, flag: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(of_alert())
    assert cli.main(["alerts", "tail", "--from-beginning", flag, text, *BROKERS]) == ExitCode.USAGE
    assert f"{flag} {text} is no time" in capsys.readouterr().err


def test_a_connection_that_is_lost_is_taken_up_where_it_was(
    monkeypatch: pytest.MonkeyPatch, plant: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    plant()
    asked: list[Mapping[int, int] | None] = []

    async def polls(
        client: object, topic: str, *, newest: int | None, follow: bool, places: Mapping[int, int] | None = None
    ) -> AsyncGenerator[Poll, None]:
        asked.append(None if places is None else dict(places))
        if places is None:
            yield Poll((), True, {3: 7})
            yield Poll((of_alert(7, alert_id="00000007"),), True, {3: 8})
            raise ConnectionError
        yield Poll((of_alert(8, alert_id="00000008"),), False, {})
        if len(asked) == 2:
            raise ConnectionError
        yield Poll((), True, {3: 9})

    monkeypatch.setattr("app.alerts.topic_reading.polls", polls)
    monkeypatch.setattr("app.alerts.topic_reading._AGAIN_S", 0.0)
    assert cli.main(["alerts", "tail", "--json", "--limit", "3", *BROKERS]) == 0
    assert asked == [None, {3: 8}, {3: 9}]
    assert "trying again" in capsys.readouterr().err


def test_a_client_that_stays_stuck_is_replaced_and_nothing_is_missed(
    monkeypatch: pytest.MonkeyPatch, plant: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """The topic holds more than the client has given (aiokafka#1154): the heartbeat sees it."""
    plant()
    asked: list[Mapping[int, int] | None] = []

    async def polls(
        client: object, topic: str, *, newest: int | None, follow: bool, places: Mapping[int, int] | None = None
    ) -> AsyncGenerator[Poll, None]:
        asked.append(None if places is None else dict(places))
        if places is not None:
            yield Poll((of_alert(7, alert_id="00000007"),), False, {})
            return
        for _ in range(100):
            yield Poll((), True, {3: 7})

    async def beat(pulse: Pulse) -> Beat:
        return Beat(3120.0, 0, 1, {3: 9})

    monkeypatch.setattr("app.alerts.topic_reading.polls", polls)
    monkeypatch.setattr("app.alerts.tail_command._QUIET_S", 0.0)
    monkeypatch.setattr(Pulse, "beat", beat)
    assert cli.main(["alerts", "tail", "--json", *BROKERS]) == 0
    assert asked == [None, {3: 7}]
    told = capsys.readouterr()
    assert json.loads(told.out)["alert_id"] == "00000007"
    assert told.err.count("3,120 events/s, lag 0") == 1


def test_a_burst_is_folded_on_a_terminal_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, plant: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    burst = [of_alert(number, alert_id=f"{number:08}") for number in range(20)]
    plant(live=burst)
    cli.main(["alerts", "tail", *BROKERS])
    assert len(lines_of(capsys.readouterr().out)) == 19
    monkeypatch.setattr("app.alerts.tail_command._on_terminal", lambda: True)
    plant(live=burst)
    cli.main(["alerts", "tail", *BROKERS])
    told = capsys.readouterr().out
    assert lines_of(told) == [f"{number:08}" for number in range(1, 6)]
    assert told.splitlines()[-1] == "+14 more: tianhe-03 14"


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


def test_top_without_a_terminal_says_what_to_use(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(of_alert())
    assert cli.main(["alerts", "top", *BROKERS]) == ExitCode.USAGE
    told = capsys.readouterr()
    assert "holdfast alerts top --json" in told.err
    assert told.out == ""


def test_top_json_is_what_is_open_by_priority(plant: Any, capsys: pytest.CaptureFixture[str]) -> None:
    plant(
        of_alert(0, alert_id="low", priority=1.0),
        of_alert(1, alert_id="gone", priority=9.0),
        of_alert(2, alert_id="first", priority=5.0),
        of_alert(3, alert_id="gone", seq=2, event="closed", close_reason="expired", action=None, reasons=None),
        of_alert(4, alert_id="low", seq=2, event="eased", priority=7.0, action=None, reasons=None),
    )
    assert cli.main(["alerts", "top", "--json", *BROKERS]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(alert["alert_id"], alert["seq"]) for alert in found] == [("low", 1), ("first", 1)]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["ack"], {"status": "accepted", "by": "mei"}),
        (
            ["ack", "--by", "li", "--reason", "rings at noon"],
            {"status": "accepted", "by": "li", "note": "rings at noon"},
        ),
        (
            ["snooze", "--until", "2099-12-01 18:00"],
            {"status": "snoozed", "by": "mei", "until_ts": 4_099_802_400_000},
        ),
        (["close"], {"status": "dismissed", "by": "mei"}),
        (["close", "--status", "retained"], {"status": "retained", "by": "mei"}),
    ],
)
def test_feedback_is_an_event_of_the_subscriber_about_the_alert(
    plant: Any,
    written: list[TimedRecord],
    args: list[str],
    expected: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    plant(of_alert(), of_alert(1, alert_id=SECOND))
    assert cli.main(["alerts", args[0], FIRST[:6], *args[1:], *BROKERS]) == 0
    (record,) = written
    assert (record.topic, record.key) == ("churn.alert-feedback.v1", NUMBER.encode())
    body = json.loads(record.value)
    assert abs(body.pop("ts") - time.time() * 1000) < 60_000
    assert body == {"subscriber_id": NUMBER, "alert_id": FIRST, **expected}
    told = capsys.readouterr()
    assert told.out.startswith(expected["status"])
    assert f"by {expected['by']}" in told.out
    assert "138****8000" in told.out
    assert NUMBER not in told.out + told.err
    assert f"holdfast alerts show {FIRST[:8]}" in told.err


def test_feedback_json_is_the_record(plant: Any, written: list[TimedRecord], capsysbinary: Any) -> None:
    plant(of_alert())
    assert cli.main(["alerts", "close", FIRST, "--json", *BROKERS]) == 0
    assert capsysbinary.readouterr().out == written[0].value + b"\n"


def test_feedback_on_an_accounts_alert_goes_by_one_of_its_lines(plant: Any, written: list[TimedRecord]) -> None:
    account = {"subscriber_id": None, "account_id": "a-1", "members": ["l-1", "l-2"]}
    plant(of_alert(alert_id="abcde", kind="account_exodus", **account))
    assert cli.main(["alerts", "ack", "abcd", "--by", "li", *BROKERS]) == 0
    assert (written[0].key, json.loads(written[0].value)["alert_id"]) == (b"l-1", "abcde")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["close", "ffff"], ExitCode.NOT_FOUND, "no alert ffff"),
        (["ack", "1234"], ExitCode.USAGE, "1234b"),
        (["close", "1234a"], ExitCode.NOT_FOUND, "alert 1234a is closed (expired)"),
        (["ack", "123"], ExitCode.USAGE, "at least 4"),
        (["snooze", "1234b", "--until", "2020-01-01"], ExitCode.USAGE, "not ahead"),
        (["snooze", "1234b"], ExitCode.USAGE, "--until"),
        (["close", "1234b", "--status", "accepted"], ExitCode.USAGE, "accepted"),
        (["ack", "1234b", "--reason", "x" * 5000], ExitCode.USAGE, "would be refused"),
    ],
)
def test_feedback_that_nobody_would_apply_is_not_written(
    plant: Any,
    written: list[TimedRecord],
    args: list[str],
    code: ExitCode,
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plant(
        of_alert(alert_id="1234a"),
        of_alert(1, alert_id="1234a", seq=2, event="closed", close_reason="expired", action=None, reasons=None),
        of_alert(2, alert_id="1234b"),
    )
    assert cli.main(["alerts", *args, *BROKERS]) == code
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert written == []


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
