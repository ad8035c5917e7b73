"""The command up to the broker: what it shows, what it refuses, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.replay import replay

HEADER = "号码,通话时间,通话时长,主被叫,对端网络\n"
ROW = "138,2026-05-01 08:00:00,60,主叫,网内\n"


def run(tmp_path: Path, content: str, *flags: str) -> Result:
    path = tmp_path / "mine.csv"
    path.write_bytes(content.encode("gbk"))
    return CliRunner().invoke(replay, [str(path), "--as", "calls", *flags])


def test_a_dry_run_shows_the_mapping_and_three_records_without_a_broker(tmp_path: Path) -> None:
    result = run(tmp_path, HEADER + ROW * 5, "--dry-run")
    assert result.exit_code == 0
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(told) == 3
    assert told[0] == {
        "topic": "telecom.calls.v1",
        "key": "138",
        "ts": 1777593600000,
        "value": {
            "subscriber_id": "138",
            "ts": 1777593600000,
            "direction": "outgoing",
            "duration_s": 60,
            "peer_network": "on_net",
        },
    }
    assert "mine.csv: 5 of 5 rows convert" in result.stderr
    assert "gb18030" in result.stderr
    assert "主叫 = outgoing" in result.stderr


@pytest.mark.parametrize(("bad", "rows"), [(slice(0, 1_000), "2"), (slice(1_000, 1_500), "1002")])
def test_a_dry_run_converts_all_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: slice, rows: str) -> None:
    monkeypatch.setenv("COLUMNS", "160")  # the table has a line for each field
    lines = [ROW] * 1_500
    lines[bad] = [line.replace("主叫", "XX") for line in lines[bad]]
    wrong = len(lines[bad])
    result = run(tmp_path, HEADER + "".join(lines), "--dry-run")
    assert result.exit_code == 0
    assert f"mine.csv: {1_500 - wrong:,} of 1,500 rows convert; nothing is written" in result.stderr
    assert f"mine.csv: {wrong:,} rejected as unknown_word\n  row {rows}: direction: 'XX'" in result.stderr
    assert "XX ?, 主叫 = outgoing" in result.stderr
    assert "7 of 7 rows convert" in run(tmp_path, HEADER + ROW * 9, "--dry-run", "--limit", "7").stderr
    none = run(tmp_path, HEADER + ROW.replace("主叫", "XX") * 1_500, "--dry-run")
    assert (none.exit_code, "none of 1,500 rows" in none.stderr) == (1, True)


def test_what_fills_late_is_shown_with_its_example(tmp_path: Path) -> None:
    header, row = HEADER.replace("\n", ",漫游\n"), ROW.replace("\n", ",\n")
    result = run(tmp_path, header + row * 1_200 + ROW.replace("\n", ",是\n"), "--dry-run", "--json")
    (shown,) = (each for each in json.loads(result.stdout)["files"][0]["mapping"] if each["field"] == "roaming")
    assert (shown["example"], shown["becomes"], shown["how"]) == ("是", True, "是 = True")


def test_a_dry_run_in_json_is_one_object(tmp_path: Path) -> None:
    facts = json.loads(run(tmp_path, HEADER + ROW + ROW.replace("主叫", "?"), "--dry-run", "--json").stdout)
    assert (facts["files"][0]["counts"]["converted"], facts["files"][0]["counts"]["rejected"]) == (1, 1)
    assert [each["column"] for each in facts["files"][0]["mapping"]] == HEADER.strip().replace(
        "通话时长,主被叫", "主被叫,通话时长"
    ).split(",")
    assert len(facts["files"][0]["records"]) == 1


def test_the_utc_offset_is_the_policys_unless_told(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("[contact]\nutc_offset_hours = 0\n")

    def ts(*flags: str) -> int:
        return int(json.loads(run(tmp_path, HEADER + ROW, "--dry-run", *flags).stdout)["ts"])

    assert ts() == 1777593600000
    assert ts("--policy", str(policy)) == ts("--utc-offset", "0") == 1777593600000 + 8 * 3_600_000
    assert ts("--utc-offset", "+05:30") == 1777593600000 + 9_000_000


def test_a_required_field_that_nothing_gives_names_the_columns_and_the_syntax(tmp_path: Path) -> None:
    result = run(tmp_path, "号码,通话时间\n138,1777593600\n")
    assert result.exit_code == 2
    for said in ("direction, duration_s, peer_network", "号码, 通话时间", "--map direction=COLUMN", "--set direction="):
        assert said in result.stderr


def test_none_converted_is_a_failure_and_needs_no_broker_to_say_so(tmp_path: Path) -> None:
    result = run(tmp_path, HEADER + ROW.replace("主叫", "1"), "--brokers", "127.0.0.1:1", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["files"][0]["reasons"]["unknown_word"]["first"][0]["row"] == 2


def test_without_brokers_nothing_is_guessed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOLDFAST_BROKERS", raising=False)
    assert run(tmp_path, HEADER + ROW).exit_code == 2


def test_a_broker_that_does_not_answer_is_not_ready(tmp_path: Path) -> None:
    assert run(tmp_path, HEADER + ROW, "--brokers", "127.0.0.1:1").exit_code == 3


@pytest.mark.parametrize(
    "flags",
    [
        ["--map", "ts"],
        ["--map", "ts=x", "--set", "ts=1"],
        ["--value", "direction=1"],
        ["--utc-offset", "east"],
        ["--utc-offset", "+15"],
        ["--encoding", "klingon"],
        ["--unit", "duration_s=GB"],
        ["--limit", "0"],
        ["--speed", "-1"],
    ],
)
def test_a_nonsensical_flag_is_usage(tmp_path: Path, flags: list[str]) -> None:
    assert run(tmp_path, HEADER + ROW, "--dry-run", *flags).exit_code == 2


def test_several_files_are_each_mapped_to_their_own_topic(tmp_path: Path) -> None:
    (tmp_path / "calls.csv").write_text(HEADER + ROW, encoding="utf-8")
    (tmp_path / "left.csv").write_text("号码,离网时间,离网类型\n138,1777680000,X\n", encoding="utf-8")
    flags = [
        "--as",
        "calls",
        "--as",
        "outcomes",
        "--dry-run",
        "--value",
        "outcome:X=ported_out",
        "--set",
        "calls.kind=sms",
    ]
    result = CliRunner().invoke(replay, [str(tmp_path / "calls.csv"), str(tmp_path / "left.csv"), *flags])
    assert result.exit_code == 0, result.stderr
    first, second = map(json.loads, result.stdout.splitlines())
    assert (first["topic"], first["value"]["kind"]) == ("telecom.calls.v1", "sms")
    assert (second["topic"], second["value"]["outcome"]) == ("telecom.outcomes.v1", "ported_out")


@pytest.mark.parametrize(
    "flags",
    [
        ["--as", "calls", "--as", "outcomes", "--as", "billing"],
        ["--as", "calls", "--rejects", "x.csv"],
        ["--as", "calls", "--set", "billing.kind=bill"],
        ["--as", "calls", "--set", "colour=red"],
    ],
)
def test_what_does_not_go_with_several_files_is_usage(tmp_path: Path, flags: list[str]) -> None:
    (tmp_path / "one.csv").write_text(HEADER + ROW, encoding="utf-8")
    paths = [str(tmp_path / "one.csv")] * 2
    assert CliRunner().invoke(replay, [*paths, *flags, "--dry-run"]).exit_code == 2


def test_rejects_that_cannot_be_written_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    result = run(tmp_path, HEADER + ROW, "--brokers", "127.0.0.1:1", "--rejects", str(tmp_path / "none" / "r.csv"))
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
