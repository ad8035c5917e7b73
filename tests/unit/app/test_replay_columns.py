"""From columns to fields: what is guessed, what is told, and what is refused."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.errors import Refused
from app.replay.conversion import Conversion, Rejects, RowCount, converted
from app.tables.column_guess import ColumnMap, ColumnMapper, Told
from app.tables.column_names import NAMES, SUMMED, bare
from app.tables.contract_words import WORDS, words_for
from app.tables.fields import TOPICS, fields_of
from app.tables.recording import Recording
from app.tables.reject import Reject, RejectReason
from app.tables.times import LocalTime
from models.contract.events import INPUTS

HOUR = 3_600_000
NOW = 1_800_000_000_000


def written(path: Path, *rows: Sequence[str]) -> Recording:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return Recording(path)


def mapped(recording: Recording, topic: str, told: Told | None = None) -> ColumnMap:
    return ColumnMapper(recording, TOPICS[topic], told or Told(), LocalTime(8 * HOUR)).map()


def events(recording: Recording, mapping: ColumnMap) -> list[dict[str, Any] | Reject]:
    conversion = Conversion(mapping, NOW)
    found = [[made] if isinstance(made := conversion.records(row), Reject) else made for row in recording.rows()]
    return [
        each if isinstance(each, Reject) else msgspec.json.decode(each.value) for of_row in found for each in of_row
    ]


def columns(recording: Recording, mapping: ColumnMap) -> dict[str, str]:
    return {s.field.name: "+".join(recording.columns[p] for p in s.columns) for s in mapping.sources}


@pytest.mark.parametrize("topic", TOPICS.values())
def test_names_and_words_are_of_the_contract(topic: str) -> None:
    fields = fields_of(topic)
    assert set(NAMES[topic]) <= set(fields)
    assert {name for name, field in fields.items() if field.required} <= set(NAMES[topic])
    for name, names in NAMES[topic].items():
        known = [bare(each) for each in names.split()]
        assert bare(name) == known[0], f"{name}: the contract's own name stands first"
    for name, field in fields.items():
        assert set(words_for(topic, name, field.words).values()) == set(field.words)


def test_every_table_of_words_belongs_to_a_field_and_no_word_means_two_things() -> None:
    allowed: dict[str, set[str]] = {}
    for topic in TOPICS.values():
        for name, field in fields_of(topic).items():
            allowed.setdefault(name, set()).update(field.words)
            allowed[f"{name}@{topic}"] = set(field.words)
    for name, table in WORDS.items():
        assert set(table) <= allowed[name], name
        words = [word for value in table for word in table[value].split()]
        assert len(words) == len(set(words)), name
    assert set(SUMMED) <= set(INPUTS)


@pytest.mark.parametrize(
    ("topic", "rows", "event"),
    [
        (
            "calls",
            [
                ["手机号", "通话时间", "通话时长", "主被叫", "对端网络", "是否漫游"],
                ["13800138000", "2026/05/01 08:00:00", "65", "主叫", "异网", "否"],
            ],
            {
                "subscriber_id": "13800138000", "ts": 1777593600000, "direction": "outgoing", "duration_s": 65,
                "peer_network": "off_net", "roaming": False,
            },
        ),
        (
            "calls",
            [
                ["MSISDN", "Call Start Time", "Duration (min)", "Call-Type", "Network_Type", "Record ID"],
                ["13800138000", "2026-05-01T08:00:00+08:00", "1.5", "MTC", "on-net", "r-7"],
            ],
            {
                "subscriber_id": "13800138000", "ts": 1777593600000, "direction": "incoming", "duration_s": 90,
                "peer_network": "on_net", "event_id": "r-7",
            },
        ),
        (
            "data-usage",
            [["用户ID", "开始时间", "流量(KB)", "制式"], ["u-1", "1777593600", "2.5", "LTE"]],
            {"subscriber_id": "u-1", "ts": 1777593600000, "bytes": 2560, "rat": "4g"},
        ),
        (
            "data-usage",
            [["号码", "时间", "流量GB"], ["u-1", "1777593600000", "0.5"]],
            {"subscriber_id": "u-1", "ts": 1777593600000, "bytes": 1 << 29},
        ),
        (
            "site-visits",
            [
                ["号码", "访问时间", "竞对", "停留时长(秒)", "页面", "PV"],
                ["u", "1777593600", "联通", "40", "携号转网", "3"],
            ],
            {
                "subscriber_id": "u", "ts": 1777593600000, "operator": "联通", "dwell_s": 40, "pages": 3,
                "page": "number_portability",
            },
        ),
        (
            "care-contacts",
            [["号码", "受理时间", "诉求类型", "渠道", "满意度评分"], ["u", "1777593600", "投诉", "热线", "3"]],
            {"subscriber_id": "u", "ts": 1777593600000, "reason": "complaint", "channel": "hotline", "score": 3},
        ),
        (
            "billing",
            [["号码", "交易时间", "类型", "金额(分)", "账期"], ["u", "1777593600", "充值", "5000", "202605"]],
            {"subscriber_id": "u", "ts": 1777593600000, "kind": "recharge", "amount": 50, "period": "2026-05"},
        ),
        (
            "contacts",
            [["号码", "接触时间", "触达渠道", "活动"], ["u", "1777593600", "短信", "春节"]],
            {"subscriber_id": "u", "ts": 1777593600000, "channel": "sms", "purpose": "春节"},
        ),
        (
            "subscribers",
            [
                ["号码", "数据日期", "入网时间", "ARPU", "合约到期日", "状态", "免打扰", "客户ID"],
                ["u", "2026-05-01", "2020-05-01", "88.5", "2026-06-01", "欠费停机", "是", "c-9"],
            ],
            {
                "subscriber_id": "u", "ts": 1777564800000, "activated_ts": 1588262400000, "arpu": 88.5,
                "customer_id": "c-9", "do_not_contact": True, "status": "suspended_arrears",
                "products": [{"product": "mobile", "contract_end_ts": 1780243200000}],
            },
        ),
        (
            "outcomes",
            [["号码", "离网时间", "离网类型", "离网原因"], ["u", "2026-05-01 08:00", "携出", "资费"]],
            {"subscriber_id": "u", "ts": 1777593600000, "outcome": "ported_out", "leave_reason": "资费"},
        ),
    ],
)  # fmt: skip
def test_columns_are_guessed(tmp_path: Path, topic: str, rows: list[list[str]], event: dict[str, Any]) -> None:
    recording = written(tmp_path / "log.csv", *rows)
    assert events(recording, mapped(recording, topic)) == [event]


def test_the_subscribers_own_number_is_not_guessed_from_the_other_partys(tmp_path: Path) -> None:
    recording = written(tmp_path / "log.csv", ["对端号码", "被叫号码", "通话时间"], ["138", "139", "1777593600"])
    assert "subscriber_id" in mapped(recording, "calls").missing


def test_of_two_columns_of_times_the_one_that_holds_times_is_taken(tmp_path: Path) -> None:
    recording = written(tmp_path / "log.csv", ["号码", "通话时间", "开始时间"], ["u", "三分钟", "2026-05-01 08:00"])
    assert columns(recording, mapped(recording, "calls"))["ts"] == "开始时间"


@pytest.mark.parametrize("header", [["日期", "时间"], ["通话日期", "通话时间"], ["date", "time"]])
def test_date_and_time_of_day_are_read_together(tmp_path: Path, header: list[str]) -> None:
    constants = {"direction": "mo", "duration_s": "1", "peer_network": "网内"}
    recording = written(tmp_path / "log.csv", ["号码", *header], ["u", "2026-05-01", "08:00:00"])
    mapping = mapped(recording, "calls", Told(constants=constants))
    assert columns(recording, mapping)["ts"] == "+".join(header)
    (event,) = events(recording, mapping)
    assert not isinstance(event, Reject)
    assert event["ts"] == 1777593600000


def test_up_and_down_are_added(tmp_path: Path) -> None:
    recording = written(
        tmp_path / "log.csv", ["号码", "时间", "上行流量(MB)", "下行流量(MB)"], ["u", "1777593600", "1", "2"]
    )
    assert events(recording, mapped(recording, "data-usage"))[0]["bytes"] == 3 << 20  # type: ignore[index]


def test_a_column_of_the_name_but_not_the_kind_is_left_out_where_nobody_needs_it(tmp_path: Path) -> None:
    recording = written(
        tmp_path / "log.csv",
        ["号码", "时间", "主被叫", "时长", "对端网络", "业务类型", "漫游"],
        ["u", "1777593600", "主叫", "1", "网内", "全球通", "省内"],
    )
    mapping = mapped(recording, "calls")
    assert not {"kind", "roaming"} & set(columns(recording, mapping))
    assert any("全球通" in note for note in mapping.notes)
    assert not isinstance(events(recording, mapping)[0], Reject)
    taught = mapped(recording, "calls", Told(words={"roaming": {"省内": "no"}}))
    assert columns(recording, taught)["roaming"] == "漫游"


def test_a_column_is_judged_by_all_of_its_cells(tmp_path: Path) -> None:
    row = ["u", "1777593600", "主叫", "1", "网内"]
    header = ["号码", "时间", "主被叫", "时长", "对端网络", "漫游"]
    late = written(tmp_path / "log.csv", header, *[[*row, "省内"]] * 1_100, *[[*row, "是"]] * 1_101)
    assert "roaming" in columns(late, mapped(late, "calls")), "more than half of them fit"
    strange = written(tmp_path / "log.csv", header, *[[*row, "是"]] * 1_100, *[[*row, "省内"]] * 1_101)
    assert "roaming" not in columns(strange, mapped(strange, "calls"))


def test_the_column_of_times_is_the_one_whose_cells_are_mostly_times(tmp_path: Path) -> None:
    rows = [["u", f"{n} min", "2026-05-01 08:00"] for n in range(2_000)]
    recording = written(tmp_path / "log.csv", ["号码", "通话时间", "开始时间"], ["u", "20260501", ""], *rows)
    assert columns(recording, mapped(recording, "calls"))["ts"] == "开始时间"


def test_a_field_that_comes_late_is_none_the_less_read(tmp_path: Path) -> None:
    call = {"号码": "u", "时间": 1777593600, "主被叫": "主叫", "时长": 1, "对端网络": "网内"}
    sms = {name: value for name, value in call.items() if name != "时长"} | {"业务类型": "短信"}
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*[call] * 1_200, sms]), encoding="utf-8")
    recording = Recording(path)
    found = events(recording, mapped(recording, "calls"))
    assert found[-1] == {
        "subscriber_id": "u",
        "ts": 1777593600000,
        "direction": "outgoing",
        "duration_s": 0,
        "peer_network": "on_net",
        "kind": "sms",
    }


def test_types_of_parquet_become_the_contracts(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    table = {
        "用户ID": pa.array([13800138000.0, None]),  # a gap makes floats of numbers
        "开始时间": pa.array([datetime(2026, 5, 1, 8)] * 2, pa.timestamp("us")),  # noqa: DTZ001 - local, as exports are
        "流量MB": pa.array([Decimal("1.50"), Decimal(2)], pa.decimal128(10, 2)),
        "是否漫游": pa.array([True, False]),
    }
    files.write_table(pa.table(table), tmp_path / "log.parquet")
    recording = Recording(tmp_path / "log.parquet")
    first, second = events(recording, mapped(recording, "data-usage"))
    assert first == {"subscriber_id": "13800138000", "ts": 1777593600000, "bytes": 1572864, "roaming": True}
    assert second == Reject(RejectReason.EMPTY, "subscriber_id")


@pytest.mark.parametrize(
    ("column", "seconds"),
    [
        ("通话时长", 2), ("通话时长(秒)", 2), ("通话时长(分钟)", 120), ("通话分钟数", 120), ("时长/小时", 7200),
        ("mou", 120), ("Duration_Min", 120), ("DurationMinutes", 120), ("duration_ms", 0.002), ("length", 2),
    ],
)  # fmt: skip
def test_the_unit_is_the_columns(tmp_path: Path, column: str, seconds: float) -> None:
    recording = written(tmp_path / "log.csv", ["号码", "时间", column], ["u", "1777593600", "2"])
    told = Told(constants={"direction": "mo", "peer_network": "网内"})
    assert events(recording, mapped(recording, "calls", told))[0]["duration_s"] == seconds  # type: ignore[index]


def test_columns_in_different_units_are_not_added(tmp_path: Path) -> None:
    recording = written(
        tmp_path / "log.csv", ["号码", "时间", "上行流量KB", "下行流量MB"], ["u", "1777593600", "1", "2"]
    )
    with pytest.raises(Refused, match="different units"):
        mapped(recording, "data-usage")


def test_what_is_told_goes_over_what_is_guessed(tmp_path: Path) -> None:
    recording = written(
        tmp_path / "log.csv",
        ["手机号", "客户", "通话时间", "主被叫", "时长", "对端运营商"],
        ["138", "c-1", "1777593600", "1", "2", "联通"],
    )
    told = Told(
        columns={"subscriber_id": "客户", "peer_operator": ""},
        constants={"peer_network": "网内"},
        units={"duration_s": "MIN"},
        words={"direction": {"1": "outgoing"}},
    )
    assert events(recording, mapped(recording, "calls", told)) == [
        {
            "subscriber_id": "c-1",
            "ts": 1777593600000,
            "direction": "outgoing",
            "duration_s": 120,
            "peer_network": "on_net",
        }
    ]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (Told(columns={"durations": "时长"}), "duration_s"),
        (Told(columns={"duration_s": "时长s"}), "时长"),
        (Told(constants={"direction": "sideways"}), "outgoing, incoming"),
        (Told(constants={"ts": "yesterday"}), "is no time"),
        (Told(units={"duration_s": "GB"}), "seconds"),
        (Told(units={"direction": "s"}), "no duration"),
        (Told(words={"direction": {"1": "sideways"}}), "outgoing, incoming"),
        (Told(words={"duration_s": {"1": "2"}}), "no fixed words"),
        (Told(words={"kind": {"1": "sms"}}), "--map kind=COLUMN"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(tmp_path: Path, told: Told, says: str) -> None:
    recording = written(tmp_path / "log.csv", ["号码", "时间", "时长"], ["u", "1777593600", "2"])
    with pytest.raises(Refused) as refused:
        mapped(recording, "calls", told)
    assert says in " ".join((refused.value.message, *refused.value.advice))


def test_every_row_is_a_record_or_a_counted_reject(tmp_path: Path) -> None:
    good = ["u", "1777593600", "主叫", "5", "网内"]
    recording = written(
        tmp_path / "log.csv",
        ["号码", "时间", "主被叫", "时长", "对端网络"],
        good,
        ["", *good[1:]],
        ["1.38E+10", *good[1:]],
        [good[0], "昨天", *good[2:]],
        [*good[:2], "外星", *good[3:]],
        [*good[:3], "x", good[4]],
        [*good[:3], "-5", good[4]],
        [good[0], "1900000000", *good[2:]],
        good[:3],
        ["u" * 300, *good[1:]],
    )
    tally, kept = RowCount(), tmp_path / "rejects.csv"
    with kept.open("w", encoding="utf-8", newline="") as out:
        rejects = Rejects(out, recording.columns)
        found = list(converted(recording, Conversion(mapped(recording, "calls"), NOW), tally, rejects))
    assert [record.ts for record in found] == [1777593600000]
    assert tally.rejected == {
        RejectReason.EMPTY: 1,
        RejectReason.MANGLED_ID: 1,
        RejectReason.NOT_A_TIME: 1,
        RejectReason.UNKNOWN_WORD: 1,
        RejectReason.NOT_A_NUMBER: 1,
        RejectReason.INVALID: 2,
        RejectReason.FUTURE: 1,
        RejectReason.WRONG_WIDTH: 1,
    }
    assert tally.rows == tally.converted + tally.rejected.total() == 10
    assert tally.examples[RejectReason.NOT_A_TIME] == [(5, "ts: '昨天' is no time")]
    lines = list(csv.reader(kept.read_text("utf-8").splitlines()))
    assert [line[0] for line in lines] == ["row", "3", "4", "5", "6", "7", "8", "9", "10", "11"]
    assert lines[3][1] == "not_a_time"
    assert lines[3][3:] == ["u", "昨天", "主叫", "5", "网内"]
