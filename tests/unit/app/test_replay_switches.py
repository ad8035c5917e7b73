"""Logs as switches, databases and spreadsheets write them: columns, clocks, numbers, and whose a call is."""

from __future__ import annotations

import bz2
import json
import lzma
from datetime import UTC, datetime
from itertools import islice, product
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.replay import replay

HEADER = "subscriber_id;ts;direction;duration_s;peer_network"
NETWORK = ("--set", "peer_network=on_net")


@pytest.fixture(autouse=True)
def late_in_2026(monkeypatch: pytest.MonkeyPatch) -> None:
    now = round(datetime(2026, 11, 29, tzinfo=UTC).timestamp() * 1000)
    monkeypatch.setattr("app.replay.command.now_ms", lambda: now)
    monkeypatch.setattr("app.replay.files.now_ms", lambda: now)


def played(tmp_path: Path, content: str | bytes, *flags: str, topic: str = "calls", name: str = "log.csv") -> Result:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CliRunner().invoke(replay, [str(path), "--as", topic, "--dry-run", "--json", *flags])


def file_of(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)["files"][0]
    return found


def values(result: Result, field: str) -> list[Any]:
    assert result.exit_code == 0, result.output
    found = file_of(result)
    assert found["counts"]["rejected"] == 0, found["counts"]
    return [each["value"].get(field) for each in found["records"]]


def utc(result: Result) -> list[str]:
    return [f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M}" for ms in values(result, "ts")]


@pytest.mark.parametrize(
    ("header", "row", "columns"),
    [
        (
            "caller_id,destination_number,start_stamp,billsec,direction",
            "138,10086,2026-05-01 09:00:00,63,outbound",
            {"subscriber_id": "caller_id", "ts": "start_stamp", "duration_s": "billsec", "direction": "direction"},
        ),
        (
            "dateTimeOrigination,callingPartyNumber,finalCalledPartyNumber,duration",
            "1777593600,138,10086,60",
            {"subscriber_id": "callingPartyNumber", "ts": "dateTimeOrigination", "duration_s": "duration"},
        ),
        (
            "CALL_TYPE,A_PARTY_NO,B_PARTY_NO,CALL_DATE,CALL_TIME,DURATION_SEC",
            "MOC,138,139,20260501,83000,60",
            {"subscriber_id": "A_PARTY_NO", "ts": "CALL_DATE+CALL_TIME", "direction": "CALL_TYPE"},
        ),
        (
            "CALL_TYPE,A_PARTY_NO,B_PARTY_NO,START_TIME,DURATION",
            "VOICE,138,139,2026-05-01 08:30:00,60",
            {"subscriber_id": "A_PARTY_NO", "ts": "START_TIME", "kind": "CALL_TYPE"},
        ),
        (
            "src,dst,start,answer,end,duration,billsec,uniqueid",
            "138,10086,2026-05-01 09:00:00,2026-05-01 09:00:05,2026-05-01 09:01:00,60,55,17.1",
            {"subscriber_id": "src", "ts": "start", "duration_s": "billsec", "event_id": "uniqueid"},
        ),
        (
            "主叫号码,被叫号码,通话类型,开始时间,时长",
            "138,139,主叫,2026-05-01 08:30:00,60",
            {"subscriber_id": "主叫号码", "direction": "通话类型"},
        ),
        (
            "callingPartyNumber,calledPartyNumber,dateForStartOfCharge,timeForStartOfCharge,chargeableDuration",
            "138,139,20261101,120000,60",
            {"ts": "dateForStartOfCharge+timeForStartOfCharge", "duration_s": "chargeableDuration"},
        ),
        (
            "calling_num,dialed_num,call_date,call_time,sec_dur",
            "138,139,2026-11-01,12:00:00,60",
            {"subscriber_id": "calling_num", "ts": "call_date+call_time", "duration_s": "sec_dur"},
        ),
    ],
)
def test_headers_of_switches_are_known(tmp_path: Path, header: str, row: str, columns: dict[str, str]) -> None:
    direction = () if "direction" in columns else ("--set", "direction=outgoing")
    result = played(tmp_path, f"{header}\n{row}\n", *NETWORK, *direction)
    assert result.exit_code == 0, result.output
    found = {each["field"]: each["column"] for each in file_of(result)["mapping"]}
    assert columns.items() <= found.items()


def test_a_log_without_an_id_says_so_though_it_has_incoming_calls(tmp_path: Path) -> None:
    content = "number,start,direction,duration_s,peer_network\n1,2026-11-01,incoming,1,on_net\n"
    result = played(tmp_path, content)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no column gives subscriber_id" in result.stderr
    assert "--map subscriber_id=COLUMN" in result.stderr
    assert values(played(tmp_path, content, "--set", "subscriber_id=s"), "subscriber_id") == ["s"]


def test_a_record_of_3gpp_is_of_the_served_party(tmp_path: Path) -> None:
    content = (
        "recordType,callingNumber,servedMSISDN,calledNumber,answerTime,callDuration\n"
        "moCallRecord,491,491,492,2026-11-01,60\nmtCallRecord,491,492,492,2026-11-01,60\n"
    )
    result = played(tmp_path, content, *NETWORK)
    assert values(result, "subscriber_id") == ["491", "492"]
    assert values(result, "direction") == ["outgoing", "incoming"]
    both = played(tmp_path, content, *NETWORK, "--both-parties", "--map", "direction=")
    assert values(both, "subscriber_id") == ["491", "492", "491"], "here the caller, and not the served party"


@pytest.mark.parametrize("sms", [0, 1])
def test_a_record_of_an_sms_in_3gpp_is_no_call(tmp_path: Path, sms: int) -> None:
    rows = ["moCallRecord,491,2026-11-01,60\n", *["moSMSRecord,491,2026-11-01,\n"] * sms]
    result = played(tmp_path, "".join(["recordType,servedMSISDN,answerTime,callDuration\n", *rows]), *NETWORK)
    assert file_of(result)["counts"]["rejected"] == sms


def test_a_time_of_day_in_digits_is_no_day_of_a_spreadsheet(tmp_path: Path) -> None:
    rows = "138,20260501,083000,outgoing,5,on_net\n138,20260501,93001,outgoing,5,on_net\n"
    header = "msisdn,CALL_DATE,CALL_TIME,direction,duration,peer_network"
    assert utc(played(tmp_path, f"{header}\n{rows}", "--utc-offset", "0")) == ["2026-05-01 08:30", "2026-05-01 09:30"]


def test_a_kind_of_call_is_no_direction_and_the_missing_one_is_named_with_its_words(tmp_path: Path) -> None:
    content = "CALL_TYPE,A_PARTY_NO,START_TIME,DURATION\nVOICE,138,2026-05-01 08:30:00,60\n"
    result = played(tmp_path, content)
    assert result.exit_code == 2
    assert "no column gives direction, peer_network" in result.stderr
    assert "--set direction=outgoing|incoming" in result.stderr
    assert "--set peer_network=on_net|off_net|" in result.stderr
    assert "--both-parties" in result.stderr


def test_incoming_calls_of_two_parties_are_asked_about(tmp_path: Path) -> None:
    content = "CALL_TYPE,A_PARTY_NO,B_PARTY_NO,START_TIME,DURATION\nMOC,1,2,2026-05-01,6\nMTC,1,2,2026-05-02,6\n"
    result = played(tmp_path, content, *NETWORK)
    assert result.exit_code == 2
    assert "whose calls are the incoming ones?" in result.stderr
    assert values(played(tmp_path, content, *NETWORK, "--map", "subscriber_id=A_PARTY_NO"), "subscriber_id") == [
        "1",
        "1",
    ]
    alone = content.replace("B_PARTY_NO", "SITE")
    assert values(played(tmp_path, alone, *NETWORK), "direction") == ["outgoing", "incoming"]


def test_a_row_of_both_parties_makes_two_events(tmp_path: Path) -> None:
    content = (
        "callingPartyNumber,calledPartyNumber,start,duration,peer_network,roaming,record_id\n"
        "1,2,2026-05-01,60,on_net,yes,r-1\n3,4,2026-05-02,60,off_net,no,r-2\n"
    )
    result = played(tmp_path, content, "--both-parties")
    assert values(result, "subscriber_id") == ["1", "2", "3"], "4 is a subscriber of somebody else"
    assert values(result, "direction") == ["outgoing", "incoming", "outgoing"]
    assert values(result, "roaming") == [True, None, False], "the caller roams"
    mailbox = content.replace("1,2,", "1,,")
    assert values(played(tmp_path, mailbox, "--both-parties"), "subscriber_id") == ["1", "3"]
    named = content.replace("calledPartyNumber", "other")
    asked = played(tmp_path, named, "--both-parties")
    assert (asked.exit_code, "--map called_id=COLUMN" in asked.stderr) == (2, True)
    assert values(played(tmp_path, named, "--both-parties", "--map", "called_id=other"), "subscriber_id")[:2] == [
        "1",
        "2",
    ]
    assert played(tmp_path, content, "--both-parties", topic="billing").exit_code == 2


def test_a_direction_that_contradicts_both_parties_is_refused(tmp_path: Path) -> None:
    rows = ["outgoing"] * 1_001 + ["incoming"]
    content = "caller_number,called_number,direction,start,billsec,peer_network\n" + "".join(
        f"1,2,{direction},2026-05-01,5,on_net\n" for direction in rows
    )
    for flags in ([], ["--map", "direction=direction"]):
        result = played(tmp_path, content, "--both-parties", *flags)
        assert (result.exit_code, result.stdout) == (2, "")
        for said in ("direction says 'incoming'", "without --both-parties", "--map direction="):
            assert said in result.stderr
    agreeing = content.replace("incoming", "outgoing")
    for told in (
        played(tmp_path, agreeing, "--both-parties"),
        played(tmp_path, content, "--both-parties", "--map", "direction="),
    ):
        assert values(told, "direction") == ["outgoing", "incoming", "outgoing"]


def test_numbers_of_both_parties_have_one_form(tmp_path: Path) -> None:
    content = (
        "caller_number,called_number,start,billsec,peer_network\n13800138000,+8613900139000,2026-05-01,5,on_net\n"
        "13900139000,13700137000,2026-05-01,5,on_net\n"
    )
    result = played(tmp_path, content, "--both-parties")
    assert (result.exit_code, "'13900139000' and '+8613900139000' are one number" in result.stderr) == (2, True)
    assert played(tmp_path, content, "--set", "direction=outgoing").exit_code == 0, "only callers are subscribers here"


def test_times_of_a_zone_follow_its_summer(tmp_path: Path) -> None:
    rows = "s;01.07.2026 12:00;outgoing;5;on_net\ns;01.01.2026 12:00;outgoing;5;on_net\n"
    assert utc(played(tmp_path, f"{HEADER}\n{rows}", "--timezone", "Europe/Berlin")) == [
        "2026-07-01 10:00",
        "2026-01-01 11:00",
    ]
    rows = "s;29.03.2026 02:30;outgoing;5;on_net\ns;25.10.2026 02:30;outgoing;5;on_net\n" + rows
    result = played(tmp_path, f"{HEADER}\n{rows}", "--timezone", "Europe/Berlin")
    assert file_of(result)["counts"]["reasons"]["not_a_time"]["first"] == [
        {"row": 2, "detail": "ts: the clocks of Europe/Berlin skip 2026-03-29 02:30"},
        {"row": 3, "detail": "ts: the clocks of Europe/Berlin show 2026-10-25 02:30 twice"},
    ]
    assert file_of(result)["mapping"][1]["how"].startswith(("no time", "local time, Europe/Berlin"))


@pytest.mark.parametrize("flags", [["--timezone", "Europe/Atlantis"], ["--timezone", "UTC", "--utc-offset", "1"]])
def test_a_zone_that_cannot_be_is_usage(tmp_path: Path, flags: list[str]) -> None:
    assert played(tmp_path, f"{HEADER}\ns;2026-05-01;outgoing;5;on_net\n", *flags).exit_code == 2


def test_dates_ahead_say_that_they_are_read_in_the_wrong_order(tmp_path: Path) -> None:
    days = "".join(f"s;{day:02d}/11/2026;outgoing;5;on_net\n" for day in (1, 2, 3, 12, 12))
    result = played(tmp_path, f"{HEADER}\n{days}", "--utc-offset", "0")
    assert utc(result) == ["2026-11-01 00:00", "2026-11-02 00:00", "2026-11-03 00:00"]
    assert file_of(result)["mapping"][1]["how"] == "date, UTC+0, day first: row 5 '12/11/2026'"


def test_an_end_of_contract_may_lie_ahead_and_tells_nothing(tmp_path: Path) -> None:
    content = "subscriber_id;ts;contract_end\ns;2026-05-01;05/12/2026\n"
    result = played(tmp_path, content, topic="subscribers")
    assert (result.exit_code, "--day-first" in result.stderr) == (2, True)


def test_lines_in_front_of_the_header_are_skipped_when_told_and_pointed_at(tmp_path: Path) -> None:
    content = f"Report of calls\nmade on;01.05.2026\n\n{HEADER}\ns;2026-05-01;outgoing;5;on_net\n"
    assert "row 4 looks like the header:  --skip 3" in played(tmp_path, content).stderr
    assert values(played(tmp_path, content, "--skip", "3"), "subscriber_id") == ["s"]
    bad = content + "s;yesterday;outgoing;5;on_net\n"
    found = file_of(played(tmp_path, bad, "--skip", "3"))
    assert found["counts"]["reasons"]["not_a_time"]["first"][0]["row"] == 6, "rows are those of the file"


@pytest.mark.parametrize("number", ["13800138000.0", "13800138000,00", "13800138000.", "'13800138000.0"])
def test_ids_that_became_floats_are_refused_with_their_column(tmp_path: Path, number: str) -> None:
    rows = "13800138001;2026-05-01;outgoing;5;on_net\n" * 1_001 + f"{number};2026-05-01;outgoing;5;on_net\n"
    result = played(tmp_path, f"{HEADER}\n{rows}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"numbers with decimals of ids: row 1003 {number!r}" in result.stderr


@pytest.mark.parametrize(
    "number",
    [
        *("1.38E+10", "1,38E+10", "1E10", "13800138000.5", "13,800,138,000", "13.800.138.000", "13 800 138 000"),
        *("138\u202f001\u202f380\u202f000", '="1.38E+10"'),
    ],
)
def test_numbers_that_are_no_ids_are_rejected(tmp_path: Path, number: str) -> None:
    result = played(tmp_path, f"{HEADER}\n{number};2026-05-01;outgoing;5;on_net\n")
    assert result.exit_code == 1, "nothing converts"
    assert file_of(result)["counts"]["reasons"]["mangled_id"]["rows"] == 1


@pytest.mark.parametrize("cell", ['="013800138000"', '"=""013800138000"""', "'013800138000", "013800138000"])
def test_the_marks_that_make_an_id_text_for_a_spreadsheet_are_no_part_of_it(tmp_path: Path, cell: str) -> None:
    content = f"{HEADER}\n{cell};2026-05-01;outgoing;5;on_net\n"
    assert values(played(tmp_path, content), "subscriber_id") == ["013800138000"]


@pytest.mark.parametrize("name", ["start_time_utc", "Start Time (UTC)", "startTimeUTC", "时间(GMT)"])
def test_a_column_in_utc_by_its_name_is_not_read_at_the_offset_of_the_policy(tmp_path: Path, name: str) -> None:
    content = f"号码;{name};主被叫;时长;对端网络\n138;13/05/2026 08:00;主叫;5;网内\n"
    given = ["--map", f"ts={name}"]
    asked = played(tmp_path, content, *given)
    assert asked.exit_code == 2
    assert "--utc-offset 0" in asked.stderr
    (utc,) = values(played(tmp_path, content, *given, "--utc-offset", "0"), "ts")
    (local,) = values(played(tmp_path, content, *given, "--utc-offset", "8"), "ts")
    assert utc - local == 8 * 3_600_000


@pytest.mark.parametrize(
    ("name", "cell"), [("ts_utc", "1778659200"), ("ts_utc", "2026-05-13T08:00Z"), ("gmt+8", "2026-05-13")]
)
def test_a_name_with_utc_asks_nothing_where_the_times_say_it_all(tmp_path: Path, name: str, cell: str) -> None:
    content = f"号码;{name};主被叫;时长;对端网络\n138;{cell};主叫;5;网内\n"
    assert played(tmp_path, content, "--map", f"ts={name}").exit_code == 0


def test_a_float_that_has_lost_digits_is_no_id(tmp_path: Path) -> None:
    row = '{"subscriber_id":%s,"ts":"2026-05-01","direction":"out","duration_s":5,"peer_network":"on"}\n'
    result = played(tmp_path, row % "13800138000.0" + row % "89860112345678901234.0", name="log.jsonl")
    found = file_of(result)["counts"]
    assert (found["converted"], found["reasons"]["mangled_id"]["rows"]) == (1, 1)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "gbk"])
@pytest.mark.parametrize("name", ["log.csv", "log.jsonl"])
def test_text_is_found_out_in_every_encoding(tmp_path: Path, encoding: str, name: str) -> None:
    row = {"subscriber_id": "张三", "ts": "2026-05-01", "direction": "主叫", "duration_s": 5, "peer_network": "网内"}
    lines = (
        [",".join(row), ",".join(map(str, row.values()))]
        if name == "log.csv"
        else [json.dumps(row, ensure_ascii=False)]
    )
    assert values(played(tmp_path, ("\r\n".join(lines) + "\r\n").encode(encoding), name=name), "subscriber_id") == [
        "张三"
    ]


def test_columns_without_a_name_are_no_column_twice(tmp_path: Path) -> None:
    content = f"{HEADER};;\ns;2026-05-01;outgoing;5;on_net;;\n"
    assert values(played(tmp_path, content), "subscriber_id") == ["s"]


def test_a_dry_run_of_which_nothing_converts_fails(tmp_path: Path) -> None:
    assert played(tmp_path, f"{HEADER}\ns;yesterday;outgoing;5;on_net\n").exit_code == 1


def test_what_tells_the_decimals_is_shown(tmp_path: Path) -> None:
    content = "subscriber_id;ts;kind;amount\ns;2026-05-01;bill;7\ns;2026-05-01;bill;1.234,50\n"
    how = {each["field"]: each["how"] for each in file_of(played(tmp_path, content, topic="billing"))["mapping"]}
    assert how["amount"] == "as it is, decimal comma: row 3 '1.234,50'"


def test_a_time_that_was_rounded_is_none(tmp_path: Path) -> None:
    result = played(tmp_path, f"{HEADER}\ns;1,7776E+09;outgoing;5;on_net\n")
    assert (result.exit_code, list(file_of(result)["counts"]["reasons"])) == (1, ["not_a_time"])
    assert "none of 1 rows of log.csv converted" in result.stderr


def test_dates_of_which_a_spreadsheet_has_read_some_itself_are_asked_about(tmp_path: Path) -> None:
    """Of 1/5 and 13/5 an American Excel takes the first for the fifth of January, and leaves the second a text."""
    rows = "s;46027;outgoing;5;on_net\ns;13/05/2026;outgoing;5;on_net\n"
    for content in (rows, "".join(reversed(rows.splitlines(keepends=True)))):
        result = played(tmp_path, f"{HEADER}\n{content}")
        assert (result.exit_code, "has read some of the dates itself" in result.stderr) == (2, True)
    assert len(values(played(tmp_path, f"{HEADER}\n{rows}", "--day-first"), "ts")) == 2


def test_ids_of_which_a_spreadsheet_has_kept_fifteen_digits_are_refused(tmp_path: Path) -> None:
    row = "{};2026-05-01;outgoing;5;on_net\n"
    cut = "".join(row.format(number) for number in ("8986011234567890000", "8986011234560000000"))
    result = played(tmp_path, f"{HEADER}\n{cut}")
    assert (result.exit_code, "lost their last digits" in result.stderr) == (2, True)
    whole = cut + row.format("8986011234567890001")
    assert len(values(played(tmp_path, f"{HEADER}\n{whole}"), "ts")) == 3


def test_blank_lines_in_front_of_the_header_are_none(tmp_path: Path) -> None:
    content = f"\n\n{HEADER}\n\ns;yesterday;outgoing;5;on_net\ns;2026-05-01;outgoing;5;on_net\n"
    found = file_of(played(tmp_path, content))
    assert (found["counts"]["rows"], found["counts"]["converted"]) == (2, 1)
    assert found["counts"]["reasons"]["not_a_time"]["first"][0]["row"] == 5


@pytest.mark.parametrize(
    ("name", "zone", "advice"),
    [
        ("timezone", "Europe/Berlin", "--timezone Europe/Berlin"),
        ("utc_offset", "+02:00", "--map ts=ts+utc_offset"),
        ("时区", "GMT+8", "--map ts=ts+时区"),
        ("TZ", "CEST", "--utc-offset HOURS"),
        ("utcOffset", "7200", "--utc-offset HOURS"),
        ("zone", "America/New_York", "--timezone America/New_York"),
    ],
)
def test_a_column_with_the_zone_is_not_passed_over(tmp_path: Path, name: str, zone: str, advice: str) -> None:
    content = f"{HEADER};{name}\ns;2026-05-01 08:00;outgoing;5;on_net;{zone}\n"
    result = played(tmp_path, content)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert zone in result.stderr
    assert advice in result.stderr
    assert played(tmp_path, content, "--timezone", "Europe/Berlin").exit_code == 0


def test_a_zone_that_comes_late_is_not_passed_over(tmp_path: Path) -> None:
    said = "s;2026-05-01T08:00Z;outgoing;5;on_net;\n" * 1_001
    local = "s;2026-05-01 08:00;outgoing;5;on_net;Europe/Berlin\n"
    result = played(tmp_path, f"{HEADER};tz\n{said}{local}")
    assert (result.exit_code, "tz says Europe/Berlin" in result.stderr) == (2, True)
    rows = "s;2026-05-01 08:00;outgoing;5;on_net;+02:00\n" * 1_001
    result = played(tmp_path, f"{HEADER};tz\n{rows}s;2026-05-01 08:00;outgoing;5;on_net;\n", "--map", "ts=ts+tz")
    assert (result.exit_code, "say no zone" in result.stderr) == (2, True)


def test_a_column_with_the_zone_asks_nothing_where_nothing_hangs_on_it(tmp_path: Path) -> None:
    said = f"{HEADER};timezone\ns;2026-05-01T08:00Z;outgoing;5;on_net;Europe/Berlin\n"
    assert utc(played(tmp_path, said)) == ["2026-05-01 08:00"]
    town = f"{HEADER};zone\ns;2026-05-01T08:00;outgoing;5;on_net;north\n"
    assert utc(played(tmp_path, town)) == ["2026-05-01 00:00"]


def test_each_row_may_have_its_own_offset(tmp_path: Path) -> None:
    rows = ["+02:00", "-0330", "GMT+8", "UTC"]
    content = f"{HEADER};tz\n" + "".join(f"s;2026-05-01 08:00;outgoing;5;on_net;{zone}\n" for zone in rows)
    result = played(tmp_path, content, "--map", "ts=ts+tz")
    assert utc(result) == ["2026-05-01 06:00", "2026-05-01 11:30", "2026-05-01 00:00"]


@pytest.mark.parametrize("name", ["TOTAL", "Total:", "合计", "Summe", "小计：", "Grand Total", "Average", "TOTAL (2)"])
def test_a_sum_under_a_table_is_no_subscriber(tmp_path: Path, name: str) -> None:
    bills = f"号码;日期;类型;金额\n138;2026-05-01;账单;5\n{name};2026-05-01;账单;5\n139;2026-05-01;账单;5\n"
    found = file_of(played(tmp_path, f"{bills}{name};2026-05-01;账单;15\n", topic="billing"))
    assert [record["key"] for record in found["records"]] == ["138", "139"]
    assert found["counts"]["reasons"]["sum"]["rows"] == 2
    people = f"region;号码;日期\nnorth;138;2026-05-01\n{name};139;2026-05-01\nsouth;140;2026-05-01\n"
    found = file_of(played(tmp_path, f"{people}{name};141;2026-05-01\n", topic="subscribers"))
    assert [record["key"] for record in found["records"]] == ["138", "139", "140"], "a region of that name"
    found = file_of(
        played(tmp_path, f"region;号码;日期\nnorth;138;2026-05-01\n{name};2;2026-05-01\n", topic="subscribers")
    )
    assert (len(found["records"]), found["counts"]["reasons"]["sum"]["rows"]) == (1, 1)


def test_the_header_once_more_is_no_row(tmp_path: Path) -> None:
    part = "号码;套餐\n138;gold\n"
    found = file_of(played(tmp_path, part * 2, "--set", "ts=2026-05-01", topic="subscribers"))
    assert [record["key"] for record in found["records"]] == ["138", "138"]
    assert found["counts"]["reasons"]["header"]["first"] == [{"row": 3, "detail": "the header once more"}]


@pytest.mark.parametrize(
    ("content", "advice"),
    [
        (bz2.compress(b"a,b\n1,2\n"), "bunzip2"),
        (lzma.compress(b"a,b\n1,2\n"), "unxz"),
        (b"\x28\xb5\x2f\xfd1234", "unzstd"),
        (b"7z\xbc\xaf\x27\x1c", "unpack"),
        (b"PK\x03\x04abcd", "unpack"),
        (b"\xef\xbb\xbf\n<html><table><tr><td>a", "spreadsheet"),
        (b'<?xml version="1.0"?>', "spreadsheet"),
        (b"%PDF-1.7", "CSV"),
        (b"SQLite format 3\0", "sqlite3"),
        (b'{\n "msisdn": "1"\n}\n', "jq -c"),
    ],
)
def test_what_is_no_log_is_refused_with_what_to_do(tmp_path: Path, content: bytes, advice: str) -> None:
    result = played(tmp_path, content)
    assert (result.exit_code, result.stdout) == (2, "")
    assert advice in result.stderr
    assert "--encoding" not in result.stderr


def test_thirteen_in_the_morning_is_no_time(tmp_path: Path) -> None:
    times = ["11/15/2025 13:05 AM", "11/15/2025 12:05 AM", "11/15/2025 13:05 PM"]
    content = f"{HEADER}\n" + "".join(f"s;{time};outgoing;5;on_net\n" for time in times)
    found = file_of(played(tmp_path, content, "--utc-offset", "0"))
    assert found["counts"]["reasons"]["not_a_time"]["first"][0]["row"] == 2
    assert [record["value"]["ts"] % 86_400_000 // 60_000 for record in found["records"]] == [5, 785]


@pytest.mark.parametrize("cell", ["\ufeff138", "138\0\0", "\u200b138", "１３８", "138\u00a0", "\u202a138\u202c"])
def test_what_nobody_sees_in_an_id_is_no_part_of_it(tmp_path: Path, cell: str) -> None:
    content = f"{HEADER}\ns;2026-05-01;outgoing;5;on_net\n{cell};2026-05-01;outgoing;5;on_net\n"
    assert values(played(tmp_path, content), "subscriber_id") == ["s", "138"]


@pytest.mark.parametrize("other", ["138 0013 8000", "+8613800138000", "0086-138-0013-8000", "013800138000"])
def test_a_number_in_two_forms_is_refused(tmp_path: Path, other: str) -> None:
    rows = [f"{number};2026-05-01;outgoing;5;on_net\n" for number in ("13800138000", "13900138000", other)]
    result = played(tmp_path, "".join([f"{HEADER}\n", *rows]))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"'13800138000' and {other!r} are one number" in result.stderr
    assert played(tmp_path, "".join([f"{HEADER}\n", *rows[1:]])).exit_code == 0
    assert played(tmp_path, "".join([f"{HEADER}\n", *rows[:2] * 2])).exit_code == 0
    cards = [f"{number};2026-05-01;outgoing;5;on_net\n" for number in ("460001234567890", "460011234567890", "1-1-11")]
    assert played(tmp_path, "".join([f"{HEADER}\n", *cards])).exit_code == 0, "these have only their ends in common"


LATE = "n{};2026-05-01;outgoing;5;on_net\n"


def test_what_the_last_ids_show_counts_as_well(tmp_path: Path) -> None:
    begun = f"{HEADER}\n" + "".join(LATE.format(n) for n in range(1_500))
    row = "{};2026-05-01;outgoing;5;on_net\n"
    cut = played(tmp_path, begun + row.format("8986011234567890000"))
    assert (cut.exit_code, "lost their last digits" in cut.stderr) == (2, True)
    forms = played(tmp_path, begun + "".join(map(row.format, ["13800138000"] * 2_000 + ["+86 138 0013 8000"])))
    assert (forms.exit_code, "'13800138000' and '+86 138 0013 8000' are one" in forms.stderr) == (2, True)
    letters = "".join(row.format("".join(c)) for c in islice(product("abcdefghij", repeat=5), 11_000))
    many = played(tmp_path, f"{HEADER}\n{letters}" + row.format("13800138000") + row.format("+8613800138000"))
    assert (many.exit_code, "'13800138000' and '+8613800138000' are one" in many.stderr) == (2, True)


def test_events_and_their_times_are_no_numbers_that_were_cut(tmp_path: Path) -> None:
    content = f"{HEADER};uniqueid\n"
    content += "".join(f"s;2026-05-01;outgoing;5;on_net;{i}\n" for i in ("1777593600000000000", "1777593600.0", "17.5"))
    assert values(played(tmp_path, content), "event_id") == ["1777593600000000000", "1777593600.0", "17.5"]


@pytest.mark.parametrize("cell", ["#N/A", " #REF!", "########", "#VALUE!", "#DIV/0!", "#NAME?", "#n/a"])
def test_errors_of_a_spreadsheet_are_blank(tmp_path: Path, cell: str) -> None:
    rows = f"{cell};2026-05-01;outgoing;5;on_net;x\ns;2026-05-01;outgoing;5;on_net;{cell}\n"
    found = file_of(played(tmp_path, f"{HEADER};operator\n{rows}"))
    assert found["counts"]["reasons"] == {"empty": {"rows": 1, "first": [{"row": 2, "detail": "subscriber_id"}]}}
    assert "peer_operator" not in found["records"][0]["value"]


def test_a_rounded_id_of_json_is_rejected(tmp_path: Path) -> None:
    row = '{"subscriber_id":%s,"ts":"2026-05-01","direction":"out","duration_s":1e2,"peer_network":"on"}\n'
    found = file_of(played(tmp_path, row % "1.38E+10" + row % "13800138001", name="log.jsonl"))
    assert [each["detail"] for each in found["counts"]["reasons"]["mangled_id"]["first"]] == [
        "subscriber_id: a number that was rounded (1.38E+10): export ids as text"
    ]
    assert [each["value"]["duration_s"] for each in found["records"]] == [100]


def test_a_telephone_number_in_groups_of_three_is_one(tmp_path: Path) -> None:
    content = f"{HEADER}\n612 345 678;2026-05-01;outgoing;5;on_net\n"
    assert values(played(tmp_path, content), "subscriber_id") == ["612 345 678"]


def test_a_quote_marked_by_a_backslash_is_not_read_wrongly(tmp_path: Path) -> None:
    names = ['"a \\"b\\" c"', '"a ""b"" c"', '"ends in \\"', '5\\" long']
    content = f"{HEADER};peer_operator\n" + "".join(f"s;2026-05-01;outgoing;5;on_net;{name}\n" for name in names)
    found = file_of(played(tmp_path, content))
    assert found["counts"]["reasons"]["unreadable"]["first"][0]["row"] == 2
    assert [each["value"]["peer_operator"] for each in found["records"]] == ['a "b" c', "ends in \\", '5\\" long']


@pytest.mark.parametrize("end", ["9999-12-31", "31/12/9999", "2099-12-31 23:59:59", "1900-01-01", "0001-01-01"])
def test_a_date_that_stands_for_none_is_none(tmp_path: Path, end: str) -> None:
    content = f"subscriber_id;ts;contract_end;activated_at\ns;2026-05-01;{end};2020-05-01\n"
    (record,) = file_of(played(tmp_path, content, topic="subscribers"))["records"]
    assert "products" not in record["value"]
    assert record["value"]["activated_ts"] == 1_588_262_400_000


def test_two_columns_that_are_called_alike_are_asked_about(tmp_path: Path) -> None:
    content = f"{HEADER};Subscriber ID\n138;2026-05-01;outgoing;5;on_net;139\n".replace(
        "subscriber_id", "subscriber-id"
    )
    result = played(tmp_path, content)
    assert (result.exit_code, result.stdout) == (2, "")
    for name in ("subscriber-id", "Subscriber ID"):
        assert f"--map subscriber_id={name}" in result.stderr
    assert values(played(tmp_path, content, "--map", "subscriber_id=Subscriber ID"), "subscriber_id") == ["139"]
