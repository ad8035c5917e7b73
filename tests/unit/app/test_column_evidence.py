"""How a file writes its dates, decimals and letters is found out from all of it, or asked."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.replay import replay

MIB = 1 << 20
CALL = ["--set", "direction=outgoing", "--set", "duration_s=1", "--set", "peer_network=on_net", "--utc-offset", "0"]
HEADER = "subscriber_id,ts,direction,duration_s,peer_network"


def run(path: Path, content: str | bytes, topic: str, *flags: str) -> Result:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return CliRunner().invoke(replay, [str(path), "--as", topic, "--dry-run", *flags])


def facts(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)["files"][0]
    return found


def values(result: Result, field: str) -> list[Any]:
    """Of the first three records; the counts say whether all rows converted."""
    found = facts(result)
    assert found["counts"]["rejected"] == 0, found["counts"]
    return [record["value"].get(field) for record in found["records"]]


def asks(result: Result, *said: str) -> None:
    assert result.exit_code == 2, result.output
    for each in said:
        assert each in result.stderr
    assert result.stdout == ""


# Decimals


def billing(tmp_path: Path, amounts: list[str], *flags: str, separator: str = ";") -> Result:
    rows = [f's-1{separator}2026-05-01{separator}bill{separator}"{amount}"' for amount in amounts]
    content = "\n".join([separator.join(["subscriber_id", "ts", "kind", "amount"]), *rows]) + "\n"
    return run(tmp_path / "bills.csv", content, "billing", "--json", *flags)


@pytest.mark.parametrize(
    ("amounts", "read"),
    [
        (["12,50", "1.250,00", "1.250"], [12.5, 1250, 1250]),
        (["1.250", "1.250,00", "7"], [1250, 1250, 7]),
        (["0,125", "1,234", "12"], [0.125, 1.234, 12]),
        (["0.125", "1.234", "1,234"], [0.125, 1.234, 1234]),
        (["1.234.567", "1.234", "-1,234"], [1234567, 1234, -1.234]),
        (["1,234,567", "1,234", "1.5"], [1234567, 1234, 1.5]),
        (["1 234,5", "1 234", "1,234"], [1234.5, 1234, 1.234]),
        (["1\u202f234,50 €", "12,5€", "€ 3,00"], [1234.5, 12.5, 3]),
        (["1'234.50", "1’234", "1.234"], [1234.5, 1234, 1.234]),
        (["12,5元", "1.250,5元", "3角"], [12.5, 1250.5, 0.3]),
        (["-12,50", "+1.250,00", "12345,678"], [-12.5, 1250, 12345.678]),
        (["￥1,234.50", "￥1,234", "￥88"], [1234.5, 1234, 88]),
        (["1,5E+03", "1,250", "2"], [1500, 1.25, 2]),
    ],
)
def test_a_column_has_one_mark_for_decimals(tmp_path: Path, amounts: list[str], read: list[float]) -> None:
    assert values(billing(tmp_path, amounts), "amount") == read


def test_what_tells_the_mark_may_stand_in_the_last_rows(tmp_path: Path) -> None:
    amounts = ["1.250"] * 3_000
    assert values(billing(tmp_path, [*amounts, *["12,50"] * 15]), "amount") == [1250] * 3
    assert values(billing(tmp_path, [*amounts, *["12.50"] * 15]), "amount") == [1.25] * 3


def test_one_number_does_not_tell_the_mark_of_thousands(tmp_path: Path) -> None:
    for last in ("12,50", "12.50"):
        asks(billing(tmp_path, [*["1.250"] * 3_000, last]), f"only row 3002 {last!r} would tell, for 3,000", "=comma")
    assert values(billing(tmp_path, [*["1.250"] * 150, "12,50"]), "amount") == [1250] * 3


def test_two_marks_in_one_column_are_asked_about(tmp_path: Path) -> None:
    amounts = ["7", "12,50", "1.250", "12.75"]
    asks(billing(tmp_path, amounts), "row 3", "12,50", "row 5", "12.75", "--decimal amount=comma", "=point")
    told = facts(billing(tmp_path, amounts, "--decimal", "amount=comma"))
    assert [record["value"]["amount"] for record in told["records"]] == [7, 12.5, 1250]
    assert told["counts"]["reasons"]["not_a_number"]["first"] == [{"row": 5, "detail": "amount: '12.75'"}]


@pytest.mark.parametrize(
    ("amounts", "separator"), [(["1,234", "117,250"], ","), (["1.234", "20"], ";"), (["1.234"], "|")]
)
def test_thousands_or_three_decimals_are_asked_about(tmp_path: Path, amounts: list[str], separator: str) -> None:
    asks(billing(tmp_path, amounts, separator=separator), "row 2", amounts[0], "1.234", "1234", "--decimal amount=")
    for mark, whole in (("comma", "." in amounts[0]), ("point", "," in amounts[0])):
        told = values(billing(tmp_path, amounts, "--decimal", f"amount={mark}", separator=separator), "amount")
        assert told[0] == (1234 if whole else 1.234)


def test_a_point_between_commas_is_a_decimal_point(tmp_path: Path) -> None:
    assert values(billing(tmp_path, ["1.234", "20.500"], separator=","), "amount") == [1.234, 20.5]


def test_texts_of_json_are_told_apart_like_cells(tmp_path: Path) -> None:
    rows = [{"subscriber_id": "s", "ts": at, "arpu": arpu} for at, arpu in (("1/2/2025", "1.250"), ("13/2/2025", 7))]
    content = "".join(json.dumps(row) + "\n" for row in rows)
    result = run(tmp_path / "people.jsonl", content, "subscribers", "--json", "--utc-offset", "0")
    assert (values(result, "arpu"), at(result)[0]) == ([1.25, 7], "2025-02-01 00:00")
    result = run(tmp_path / "people.jsonl", content.replace("7", '"1.250,00"'), "subscribers", "--json")
    assert values(result, "arpu") == [1250, 1250]


def test_another_column_of_the_file_may_tell(tmp_path: Path) -> None:
    content = "subscriber_id;ts;arpu;penalty\ns;2026-05-01;1.250;\ns;2026-05-01;1.300;9,90\n"
    result = run(tmp_path / "people.csv", content, "subscribers", "--json")
    assert values(result, "arpu") == [1250, 1300]


def test_volumes_in_megabytes_with_a_decimal_comma(tmp_path: Path) -> None:
    content = "subscriber_id;ts;Volume MB\n" + "".join(
        f"s;2026-05-01;{cell}\n" for cell in ("0,125", "1,234", "117,250")
    )
    result = run(tmp_path / "data.csv", content, "data-usage", "--map", "bytes=Volume MB", "--json")
    assert values(result, "bytes") == [131_072, 1_293_943, 122_945_536]
    content = "subscriber_id;ts;Volume\n" + "".join(
        f"s;2026-05-01;{cell}\n" for cell in ("1,5 GB", "1 234,5MB", "2G512M")
    )
    result = run(tmp_path / "data.csv", content, "data-usage", "--json")
    assert values(result, "bytes") == [1536 * MIB, 1_294_467_072, 2560 * MIB]


def test_an_optional_column_with_decimal_commas_is_not_left_out(tmp_path: Path) -> None:
    content = "subscriber_id;ts;arpu\n" + "s;2026-05-01;88,50\n" * 5
    assert values(run(tmp_path / "people.csv", content, "subscribers", "--json"), "arpu") == [88.5] * 3


def test_a_mark_that_is_none_is_usage(tmp_path: Path) -> None:
    asks(billing(tmp_path, ["1"], "--decimal", "amount=dot"), "point", "comma")
    asks(billing(tmp_path, ["1"], "--decimal", "kind=comma"), "kind", "no number")


# Dates


def calls(tmp_path: Path, times: list[str], *flags: str, separator: str = ";") -> Result:
    content = f"subscriber_id{separator}ts\n" + "".join(f"{n}{separator}{at}\n" for n, at in enumerate(times))
    return run(tmp_path / "calls.csv", content, "calls", "--json", *CALL, *flags)


def at(result: Result) -> list[str]:
    return [datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%d %H:%M") for ts in values(result, "ts")]


@pytest.mark.parametrize(
    ("times", "read"),
    [
        (["01.11.2025 09:05:00", "12.10.2025", "05.06.2025 24:00"],
         ["2025-11-01 09:05", "2025-10-12 00:00", "2025-06-06 00:00"]),
        (["01.11.25 09:05", "12.10.25 9:05", "5.6.25"], ["2025-11-01 09:05", "2025-10-12 09:05", "2025-06-05 00:00"]),
        (["11/13/25 0:20", "11/12/25 13:05", "1/2/25 1:05 PM"],
         ["2025-11-13 00:20", "2025-11-12 13:05", "2025-01-02 13:05"]),
        (["13/11/25 0:20", "12/11/25 12:05 AM", "1/2/25 12:05 p. m."],
         ["2025-11-13 00:20", "2025-11-12 00:05", "2025-02-01 12:05"]),
        (["2025-11-01", "13/11/2025", "01-10-2025"], ["2025-11-01 00:00", "2025-11-13 00:00", "2025-10-01 00:00"]),
        (["05/05/2025", "6-6-2025", "07/07/25"], ["2025-05-05 00:00", "2025-06-06 00:00", "2025-07-07 00:00"]),
    ],
)  # fmt: skip
def test_a_column_has_one_order_of_day_and_month(tmp_path: Path, times: list[str], read: list[str]) -> None:
    assert at(calls(tmp_path, times)) == read


def test_a_date_that_tells_may_come_late(tmp_path: Path) -> None:
    start = datetime(2025, 10, 1, tzinfo=UTC)
    times = [(start + timedelta(minutes=n)).strftime("%d/%m/%Y %H:%M") for n in range(12 * 1440 + 10)]
    assert at(calls(tmp_path, times))[0] == "2025-10-01 00:00"
    asks(calls(tmp_path, times[: 12 * 1440]), "row 2", "01/10/2025", "--day-first", "--month-first", "2025-01-10")
    assert at(calls(tmp_path, times[:1500], "--day-first"))[0] == "2025-10-01 00:00"
    assert at(calls(tmp_path, times[:1500], "--month-first"))[0] == "2025-01-10 00:00"


def test_one_date_does_not_turn_thousands(tmp_path: Path) -> None:
    for form, other, flag in (("%d/%m/%Y", "%m/%d/%Y", "--day-first"), ("%m/%d/%Y", "%d/%m/%Y", "--month-first")):
        times = [datetime(2025, 10, 1 + n % 11, tzinfo=UTC).strftime(form) for n in range(3_000)]
        last = datetime(2025, 10, 13, tzinfo=UTC)
        wrong = last.strftime(other)
        asks(calls(tmp_path, [*times, wrong]), f"only row 3002 {wrong!r} would tell", "--day-first", "--month-first")
        told = facts(calls(tmp_path, [*times, wrong], flag))
        assert told["records"][0]["value"]["ts"] == datetime(2025, 10, 1, tzinfo=UTC).timestamp() * 1000
        assert told["counts"]["rejected"] == 1
        assert at(calls(tmp_path, [*times, last.strftime(form)]))[0] == "2025-10-01 00:00", "as the others, in October"


def test_a_date_in_the_future_does_not_turn_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = round(datetime(2025, 10, 20, tzinfo=UTC).timestamp() * 1000)
    monkeypatch.setattr("app.replay.files.now_ms", lambda: now)
    monkeypatch.setattr("app.replay.command.now_ms", lambda: now)
    unsure = ["10/02/2025", "10/03/2025", "10/05/2025"]
    asks(calls(tmp_path, [*unsure, "12/01/2025"]), "row 2", "--day-first", "--month-first")
    asks(calls(tmp_path, [*unsure * 10, "12/01/2025", "12/02/2025"]), "row 2", "--day-first", "--month-first")
    certain = [f"10/{day}/2025" for day in range(13, 19)]
    found = facts(calls(tmp_path, [*unsure, *certain, "12/01/2025"]))
    assert found["records"][0]["value"]["ts"] == datetime(2025, 10, 2, tzinfo=UTC).timestamp() * 1000
    assert list(found["counts"]["reasons"]) == ["future"], "of its row, and of no other"
    assert at(calls(tmp_path, ["10/02/2025", "11/03/2025", "12/05/2025"]))[0] == "2025-02-10 00:00", "most are late"


def test_a_date_that_puts_the_others_in_the_future_contradicts_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = round(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp() * 1000)
    monkeypatch.setattr("app.replay.files.now_ms", lambda: now)
    monkeypatch.setattr("app.replay.command.now_ms", lambda: now)
    times = ["12/10/2026 10:00", "12/11/2026 10:00", "11/30/2026 1:00"]
    said = ["row 2 '12/10/2026'", "row 4 '11/30/2026' is not day first"]
    asks(calls(tmp_path, times), *said, "2026-12-10:  --month-first", "2026-10-12:  --day-first")
    assert facts(calls(tmp_path, times, "--day-first"))["counts"]["rejected"] == 1
    assert facts(calls(tmp_path, times, "--month-first"))["counts"]["rejected"] == 2
    certain = [f"11/{day}/2026" for day in range(13, 29)]
    assert facts(calls(tmp_path, [*times, *certain]))["counts"]["rejected"] == 2, "many certain ones decide"


def test_dates_in_two_orders_are_asked_about(tmp_path: Path) -> None:
    times = ["01/10/2025", "13/10/2025", "10/14/2025"]
    asks(calls(tmp_path, times), "row 3", "13/10/2025", "row 4", "10/14/2025", "--day-first", "--month-first")
    assert facts(calls(tmp_path, times, "--day-first"))["counts"]["rejected"] == 1


def test_a_year_of_two_digits_in_front_is_asked_about(tmp_path: Path) -> None:
    for mark in "/.-":
        times = [f"25{mark}11{mark}{day}" for day in ("01", "02", "13")]
        asks(calls(tmp_path, times), times[0], "2025-11-01:  --year-first", "2001-11-25:  --day-first")
        assert at(calls(tmp_path, times, "--year-first"))[2] == "2025-11-13 00:00"


def test_a_question_is_asked_before_a_broker_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("subscriber_id,ts\n1,01/10/2025\n")
    result = CliRunner().invoke(replay, [str(path), "--as", "calls", *CALL, "--brokers", "127.0.0.1:1"])
    asks(result, "--day-first")


@pytest.mark.parametrize(
    ("header", "cells", "read"),
    [
        ("date;time", ["01.11.25;09:05", "13.11.25;09.05.07"], ["2025-11-01 09:05", "2025-11-13 09:05"]),
        ("time;date", ["09.05.00;01.11.25", "09.05.07;13.11.25"], ["2025-11-01 09:05", "2025-11-13 09:05"]),
        ("日期;时间", ["01/11/2025;24:00", "13/11/2025;9:05 PM"], ["2025-11-02 00:00", "2025-11-13 21:05"]),
        ("date;ts", ["1/11/2025;2025-11-01 09:05", "2/11/2025;2025-11-02"], ["2025-11-01 09:05", "2025-11-02 00:00"]),
    ],
)
def test_the_date_of_two_columns_is_found(tmp_path: Path, header: str, cells: list[str], read: list[str]) -> None:
    content = f"subscriber_id;{header}\n" + "".join(f"s;{cell}\n" for cell in cells)
    assert at(run(tmp_path / "calls.csv", content, "calls", "--json", *CALL)) == read


# Units


def lasting(tmp_path: Path, durations: list[str], *flags: str, name: str = "duration") -> Result:
    content = f"subscriber_id;ts;{name}\n" + "".join(f"s;2026-05-01;{each}\n" for each in durations)
    call = ["--set", "direction=outgoing", "--set", "peer_network=on_net"]
    return run(tmp_path / "calls.csv", content, "calls", "--json", *call, *flags)


@pytest.mark.parametrize(
    ("durations", "name", "units", "seconds"),
    [
        (["0.0020833", "0.0104166667", "0"], "duration", ("days", "s"), [180, 900, 0]),
        (["0,0020833", "0,5", "1,25"], "duration_s", ("days", "s"), [180, 43_200, 108_000]),
        (["180", "95", "0.0020833"], "duration", ("days", "s"), [15_552_000, 8_208_000, 180]),
        (["0:03", "12:05"], "duration", ("h", "min"), [180, 43_500]),
        (["3.05", "1.75", "12.2"], "duration", ("min", "s"), [183, 105, 732]),
        (["183000", "95000", "4000"], "duration", ("ms", "s"), [183, 95, 4]),
    ],
)
def test_durations_that_are_no_seconds_are_asked_about(
    tmp_path: Path, durations: list[str], name: str, units: tuple[str, str], seconds: list[float]
) -> None:
    asks(lasting(tmp_path, durations, name=name), *(f"--unit duration_s={unit}" for unit in units))
    assert values(lasting(tmp_path, durations, f"--unit=duration_s={units[0]}", name=name), "duration_s") == seconds
    assert facts(lasting(tmp_path, durations, f"--unit=duration_s={units[1]}", name=name))["counts"]["rejected"] == 0


@pytest.mark.parametrize(
    ("durations", "name", "seconds"),
    [
        (["0:03:10", "12:05"], "duration", [190, 725]),
        (["0:03", "75:30"], "duration", [3, 4_530]),
        (["0:03", "1:30"], "duration (hours)", [180, 5_400]),
        (["1:30", "0.5"], "minutes", [90, 30]),
        (["63.5", "0.4", "61"], "duration", [63.5, 0.4, 61]),
        (["86400", "5", "61"], "duration", [86_400, 5, 61]),
    ],
)
def test_durations_that_say_what_they_are_are_not(
    tmp_path: Path, durations: list[str], name: str, seconds: list[float]
) -> None:
    assert values(lasting(tmp_path, durations, "--map", f"duration_s={name}", name=name), "duration_s") == seconds


def test_volumes_that_are_no_bytes_are_asked_about(tmp_path: Path) -> None:
    def used(volumes: list[str], *flags: str, name: str = "volume") -> Result:
        content = f"subscriber_id;ts;{name}\n" + "".join(f"s;2026-05-01;{each}\n" for each in volumes)
        return run(tmp_path / "data.csv", content, "data-usage", "--json", *flags)

    asks(used(["12.5", "1048576"]), "row 2 '12.5'", "--unit bytes=MB", "--unit bytes=GB")
    asks(used(["12", "350", "2048"]), "12,582,912 bytes:  --unit bytes=MB", "12 bytes:  --unit bytes=bytes")
    assert values(used(["12.5"], "--unit", "bytes=KB"), "bytes") == [12_800]
    assert values(used(["12", "350"], "--unit", "bytes=bytes"), "bytes") == [12, 350]
    assert values(used(["12", "123456", "2048", "0"]), "bytes")[0] == 12
    assert values(used(["12.5"], name="volume_KByte"), "bytes") == [12_800]
    assert values(used(["8"], name="volume_kbit"), "bytes") == [1_000]


def test_numbers_of_json_are_asked_about_too(tmp_path: Path) -> None:
    rows = [{"subscriber_id": "s", "ts": "2026-05-01", "duration": 0.0020833}] * 3
    content = "".join(json.dumps(row) + "\n" for row in rows)
    call = ["--set", "direction=outgoing", "--set", "peer_network=on_net"]
    asks(run(tmp_path / "calls.jsonl", content, "calls", "--json", *call), "180 s:  --unit duration_s=days")


# SMS


@pytest.mark.parametrize(
    ("kind", "duration", "read"),
    [("text", "", 0), ("短信", "-", 0), ("点对点短信", "1条", 0), ("SMS", "3", 3), ("语音", "137", 137)],
)
def test_an_sms_needs_no_duration(tmp_path: Path, kind: str, duration: str, read: int) -> None:
    content = f"号码,时间,主被叫,业务类型,时长,对端网络\ns,2026-05-01,主叫,{kind},{duration},网内\n"
    result = run(tmp_path / "calls.csv", content, "calls", "--json")
    assert values(result, "duration_s") == [read]
    assert values(result, "kind") == ["voice" if kind == "语音" else "sms"]


def test_a_call_needs_one_and_a_log_of_sms_alone_none(tmp_path: Path) -> None:
    content = f"{HEADER}\ns,2026-05-01,outgoing,,on_net\ns,2026-05-01,outgoing,1,on_net\n"
    found = facts(run(tmp_path / "calls.csv", content, "calls", "--json"))
    assert found["counts"]["reasons"]["empty"]["first"] == [{"row": 2, "detail": "duration_s"}]
    content = "号码,时间,主被叫,对端网络\ns,2026-05-01,主叫,网内\n"
    assert values(run(tmp_path / "sms.csv", content, "calls", "--set", "kind=sms", "--json"), "duration_s") == [0]
    asks(run(tmp_path / "calls.csv", content, "calls", "--set", "kind=voice"), "no column gives duration_s")
    content = "号码,时间,主被叫,类型,对端网络\ns,2026-05-01,主叫,短信,网内\ns,2026-05-01,主叫,语音,网内\n"
    found = facts(run(tmp_path / "sms.csv", content, "calls", "--json"))
    assert found["records"][0]["value"]["duration_s"] == 0
    assert "duration_s" in found["counts"]["reasons"]["invalid"]["first"][0]["detail"]


# Letters


@pytest.mark.parametrize(
    ("text", "encoding", "found"),
    [
        ("Muñoz-1,Telefónica", "latin-1", "cp1252"),
        ("José Núñez,São Paulo Informações", "latin-1", "cp1252"),
        ("MUÑOZ,AÇÃO", "cp1252", "cp1252"),
        ("Größe 5 €,Köln", "cp1252", "cp1252"),
        ("s-1,中国电信", "gbk", "gb18030"),
        ("s-1,是", "gbk", "gb18030"),
        ("朱镕基,王珺 VIP卡", "gbk", "gb18030"),
        ("s-1,5G网 wifi流量", "gb18030", "gb18030"),
        ("Muñoz,中国电信 ñ", "utf-8", "utf-8"),
        ("D’Ávila,Straße ÖBB Œuvre", "cp1252", "cp1252"),
        ("s-1,被叫", "gbk", "gb18030"),
    ],
)
def test_letters_are_told_apart(tmp_path: Path, text: str, encoding: str, found: str) -> None:
    content = f"subscriber_id,peer_operator,ts\n{text},2026-05-01\n".encode(encoding)
    result = run(tmp_path / "calls.csv", content, "calls", "--json", *CALL)
    assert values(result, "subscriber_id") == [text.partition(",")[0]]
    assert values(result, "peer_operator") == [text.partition(",")[2]]
    assert f"{found})" in result.stderr


@pytest.mark.parametrize(
    "content",
    [
        "Mu\xf1oz,".encode("latin-1") + "中国电信".encode("gbk"),
        "Иванов,Петров".encode("cp1251"),
        "Иван,ов".encode("cp1251"),
        "中華電信,遠傳".encode("big5"),
        "中国电信,".encode() + "中".encode()[:2],
        "Muñoz,Telefónica ".encode() + "ñ".encode()[:1],
    ],
)
def test_letters_that_are_not_sure_are_asked_about(tmp_path: Path, content: bytes) -> None:
    content = b"subscriber_id,peer_operator,ts\n" + content + b",2026-05-01\n"
    result = run(tmp_path / "calls.csv", content, "calls", "--json", *CALL)
    assert result.exit_code == 2, result.output
    assert "row 2" in result.stderr
    for encoding in ("utf-8", "gb18030", "cp1252"):
        assert f"--encoding {encoding}" in result.stderr


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("한국통신,김철수", "euc-kr"), ("김철수,박영희", "cp949"), ("電話番号,東京", "euc_jp")],
)
def test_what_may_be_chinese_or_its_neighbours_is_asked_about(tmp_path: Path, text: str, encoding: str) -> None:
    content = f"subscriber_id,peer_operator,ts\n{text},2026-05-01\n".encode(encoding)
    flag = "euc_jp" if encoding == "euc_jp" else "cp949"
    asked = run(tmp_path / "calls.csv", content, "calls", "--json", *CALL)
    asks(asked, "--encoding gb18030", f"--encoding {flag}", text.partition(",")[0])
    told = run(tmp_path / "calls.csv", content, "calls", "--json", "--encoding", flag, *CALL)
    assert values(told, "peer_operator") == [text.partition(",")[2]]


@pytest.mark.parametrize(("text", "encoding"), [("Müller,Döner", "mac_roman"), ("Gölbaşı,Iğdır", "cp1254")])
def test_letters_of_other_places_are_not_western(tmp_path: Path, text: str, encoding: str) -> None:
    content = f"subscriber_id,peer_operator,ts\n{text},2026-05-01\n".encode(encoding)
    asks(run(tmp_path / "calls.csv", content, "calls", "--json", *CALL), "row 2", "--encoding")


# Dresses of a table


def test_the_line_that_excel_puts_before_the_header_is_no_header(tmp_path: Path) -> None:
    rows = f"{HEADER}\ns,2026-05-01,outgoing,1,on_net\ns,2026-05-01,outgoing,x,on_net\n"
    for first, content in (
        ("sep=;\r\n", rows.replace(",", ";")),
        ('"sep=,"\n', rows),
        ("SEP=\t\n", rows.replace(",", "\t")),
    ):
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            found = facts(run(tmp_path / "calls.csv", (first + content).encode(encoding), "calls", "--json"))
            assert found["counts"]["converted"] == 1
            assert found["counts"]["reasons"]["not_a_number"]["first"][0]["row"] == 4


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    rows = f"{HEADER}\n" + "s,2026-05-01,outgoing,1,on_net\n" * 3
    for content in (rows.encode(), gzip.compress(rows.encode())):
        result = CliRunner().invoke(replay, ["-", "--as", "calls", "--dry-run", "--json"], input=content)
        assert facts(result)["counts"]["converted"] == 3
        assert facts(result)["file"] == "stdin"
        assert "copied" in result.stderr


# What is shown


def test_a_quote_that_is_not_closed_is_named_and_costs_its_own_row(tmp_path: Path) -> None:
    good = "".join(f"s-{n},2026-05-01,outgoing,1,on_net\n" for n in range(300))
    content = f'{HEADER}\ns-1,2026-05-01,outgoing,1,"on_net\n{good}'
    result = run(tmp_path / "calls.csv", content, "calls")
    assert "row 2: a quote opened in row 2 is not closed" in result.stderr
    assert "300 of 301 rows convert" in result.stderr
    assert len(result.output) < 6_000


def test_a_cell_is_cut_wherever_it_is_shown(tmp_path: Path) -> None:
    long = "x" * 5_000 + "\x1b[31m"
    content = f"{HEADER},kind,{long}\n" + f's,2026-05-01,"{long}\n{long}",1,on_net,"{long}",1\n' * 4
    result = run(tmp_path / "calls.csv", content, "calls")
    assert max(map(len, result.output.splitlines())) <= 400
    assert len(result.output) < 6_000
    assert "\x1b" not in result.output
    missing = run(tmp_path / "calls.csv", f"{long}\n1\n", "calls")
    assert missing.exit_code == 2
    assert len(missing.output) < 3_000
