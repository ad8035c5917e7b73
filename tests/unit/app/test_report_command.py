"""``report`` over records in memory: what it prints, and the exit codes; and its store over several nights."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.report_rig import LONG_AGO, MIDNIGHT, Told, at

from app import cli
from app.config.governing_policy import Governing
from app.report import command
from app.report.indicators import INDICATORS, LEFT_OUT
from app.report.record_rows import READ
from models.contract.events import BILLING, ERASURES, FEEDBACK, OUTCOMES, SUBSCRIBERS
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from streams.kafka.partition_read import RestoreStalledError
from streams.kafka.topic_tail import TopicMissingError
from streams.kafka.whole_topics import Chunk, Place, RecreatedError

ARGUMENTS = ["report", "--brokers", "127.0.0.1:1", "--lang", "en"]
Plant = Callable[..., None]
Body = tuple[str, str, int, dict[str, Any]]


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Plant:
    """The next read finds these records, or ends with this error."""

    def planted(*told: Body, error: Exception | None = None, topic_id: str = "id") -> None:
        async def read_chunks(
            client: Mapping[str, Any],
            prefix: str,
            topics: Sequence[str],
            places: Mapping[Place, tuple[str, int]],
            update: object,
        ) -> AsyncGenerator[Chunk, None]:
            assert tuple(topics) == READ
            if error is not None:
                raise error
            for topic in topics:
                known, reached = places.get((topic, 0), (topic_id, 0))
                assert known == topic_id
                records = [
                    Told(who.encode(), msgspec.json.encode({"subscriber_id": who, "ts": ts, **body}), ts)
                    for name, who, ts, body in told
                    if name == topic
                ][reached:]
                yield Chunk(topic, topic_id, 0, records, 0, reached + len(records))

        monkeypatch.setattr(command, "read_chunks", read_chunks)

    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(command, "governing", lambda _: Governing(Policy(), "shipped"))
    monkeypatch.setattr(command.time, "time", lambda: (MIDNIGHT + DAY_MS + 7 * HOUR_MS) / 1000)  # in the morning after
    return planted


DAY_OF_ONE: tuple[Body, ...] = (
    (SUBSCRIBERS, "a", LONG_AGO, {"unit": "tianhe-03", "arpu": 138.0}),
    (SUBSCRIBERS, "b", LONG_AGO, {"unit": "yuexiu-01"}),
    (OUTCOMES, "a", at(0, 12), {"outcome": "ported_out"}),
    (FEEDBACK, "b", at(-1, 6), {"status": "unreachable", "alert_id": "x"}),
)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_json_has_a_line_an_indicator_scope_and_period(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    plant(*DAY_OF_ONE)
    assert cli.main([*ARGUMENTS, "--json"]) == 0
    found = lines(capsys)
    assert [(line["indicator"], line["period"]) for line in found] == [
        (indicator.key, period) for indicator in INDICATORS for period in ("day", "month")
    ]
    churn = next(line for line in found if line["indicator"] == "active_churn")
    assert churn == {
        "indicator": "active_churn", "part": None, "by": "total", "scope": "total", "period": "day",
        "day": "2026-11-29", "cases_from": "2026-11-29", "cases_to": "2026-11-29", "numerator": 1, "denominator": 1.5,
        "unknown": 0, "value": 0.666667, "low": None, "high": None, "as_of": "2026-11-30T00:00:00+08:00",
        "matured": True, "why": None, "before": 0.0, "change": 0.666667,
    }  # fmt: skip


def test_table_is_in_both_languages_and_nothing_of_nothing_is_a_dash(
    plant: Plant, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(*DAY_OF_ONE)
    assert cli.main([*ARGUMENTS, "--by", "unit", "--indicator", "active_churn", "--indicator", "reach"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert re.split(r"\s{2,}", shown[0]) == [
        "indicator", "unit", "11-29", "num / den", "vs day", "11/29 to date", "num / den", "vs month"
    ]  # fmt: skip
    assert re.split(r"\s{2,}", shown[1])[:5] == ["Active churn", "tianhe-03", "200.0%", "1 / 0.5", "+200.00 pt"]
    assert re.split(r"\s{2,}", shown[-1])[:4] == ["Reach", "-", "-", "0 / 0"]
    plant(*DAY_OF_ONE)
    assert cli.main([*ARGUMENTS, "--lang", "zh", "--indicator", "active_churn"]) == 0
    assert "主动离网率" in capsys.readouterr().out


def test_the_queue_without_a_unit_is_found_by_the_word_in_which_it_is_shown(
    plant: Plant, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for name in ("unassigned", "未归属", "tianhe-03"):
        plant(*DAY_OF_ONE, (SUBSCRIBERS, "c", LONG_AGO, {}), (OUTCOMES, "c", at(0, 12), {"outcome": "lapsed"}))
        assert cli.main([*ARGUMENTS, "--by", "unit", "--unit", name, "--indicator", "active_churn", "--json"]) == 0
        told.append([(line["scope"], line["numerator"]) for line in lines(capsys)])
    assert told[0] == told[1] == [("unassigned", 1)] * 2
    assert told[2] == [("tianhe-03", 1)] * 2


def test_a_narrow_terminal_shows_the_figures_whole(
    plant: Plant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(*DAY_OF_ONE)
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main([*ARGUMENTS, "--indicator", "active_churn"]) == 0
    shown = capsys.readouterr().out
    assert "vs day" not in shown
    assert "66.7%" in shown
    assert "…" not in shown


def test_what_is_open_and_what_cannot_be_read_is_said_beside_the_data(
    plant: Plant, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(*DAY_OF_ONE, (BILLING, "a", at(0), {"kind": "gift", "amount": 1.0}))
    assert cli.main([*ARGUMENTS, "--day", "2026-11-30", "--indicator", "active_churn"]) == 0
    said = capsys.readouterr()
    assert "not over" in said.out
    assert "Records end at 2026-11-30 06:00" in said.err
    assert "telecom.billing.v1: 1 records could not be read" in said.err


@pytest.mark.parametrize(
    ("arguments", "error", "code", "said"),
    [
        ([], None, 3, "nothing is recorded of 2026-11-29"),
        ([], TopicMissingError("telecom.erasures.v1"), 3, "holdfast topics create"),
        ([], RestoreStalledError("stalled"), 3, "stalled"),
        ([], RecreatedError("telecom.outcomes.v1"), 1, "created anew"),
        (["--day", "yesterday"], None, 2, "is no date"),
        (["--day", "2026-12-01"], None, 2, "ahead of us"),
        (["--base", "2026-11"], None, 2, "not before the month"),
        (["--base", "november"], None, 2, "is no date"),
        (["--indicator", "luck"], None, 2, "luck"),
        (["--by", "weather"], None, 2, "weather"),
    ],
)
def test_ends(
    arguments: list[str],
    error: Exception | None,
    code: int,
    said: str,
    plant: Plant,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plant(error=error)
    assert cli.main([*ARGUMENTS, *arguments]) == code
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_a_day_before_all_records_is_not_found(plant: Plant, capsys: pytest.CaptureFixture[str]) -> None:
    plant(*DAY_OF_ONE)
    assert cli.main([*ARGUMENTS, "--day", "2020-01-01"]) == 3
    assert "the newest record is of 2026-11-30 06:00" in capsys.readouterr().err


def test_legend_and_help_name_what_is_in_and_what_is_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", "--legend"]) == 0
    legend = capsys.readouterr().out
    assert all(f"{indicator.key}  " in legend for indicator in INDICATORS)
    assert cli.main(["report", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name, _ in LEFT_OUT)


def test_a_store_reads_each_record_once_and_keeps_what_kafka_deletes(
    plant: Plant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "figures.db"
    arguments = [*ARGUMENTS, "--store", str(store), "--json", "--indicator", "active_churn"]
    plant(*DAY_OF_ONE)
    assert cli.main(arguments) == 0
    first = lines(capsys)
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    forgotten: Body = (OUTCOMES, "forgotten-4711", at(0, 13), {"outcome": "lapsed"})
    plant(*DAY_OF_ONE, forgotten)
    assert cli.main(arguments) == 0
    second = lines(capsys)
    assert [line["numerator"] for line in (first[0], second[0])] == [1, 2]
    assert b"forgotten-4711" in store.read_bytes()
    plant(*DAY_OF_ONE, forgotten, (ERASURES, "forgotten-4711", at(-1), {"request_id": "r"}))
    assert cli.main(arguments) == 0
    assert lines(capsys)[0]["numerator"] == 1
    assert b"forgotten-4711" not in store.read_bytes()


def test_a_store_is_of_one_cluster_and_a_file_of_another_kind_is_left_alone(
    plant: Plant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(*DAY_OF_ONE)
    store = str(tmp_path / "figures.db")
    assert cli.main([*ARGUMENTS, "--store", store, "--json"]) == 0
    capsys.readouterr()
    assert cli.main([*ARGUMENTS, "--store", store, "--topic-prefix", "other."]) == 2
    assert "another prefix" in capsys.readouterr().err
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Mei, the figures of yesterday are not a database." * 40)
    before = letter.read_bytes()
    assert cli.main([*ARGUMENTS, "--store", str(letter)]) == 2
    assert letter.read_bytes() == before
    assert cli.main([*ARGUMENTS, "--store", str(tmp_path / "no" / "folder.db")]) == 2
