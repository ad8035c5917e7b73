"""Files that once went wrong in silence: each is read right, or asked about before anything is written.

The numbers are those of the testers' list. What came over the wire (11 to 15): ``test_wire_decode.py``,
``test_key_placement.py``, ``tests/integration/test_liveness.py``.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.evaluate import evaluate
from app.replay import replay

CALLS = "subscriber_id;ts;direction;duration_s;peer_network"
CONSTANT = ["--set", "direction=outgoing", "--set", "duration_s=1", "--set", "peer_network=on_net"]
CASES = {
    "01": "subscriber_id;ts;Volume MB\ns-1;2026-11-01 12:00:00;0,125\ns-1;2026-11-01 12:01:00;1,234\n"
    "s-1;2026-11-01 12:02:00;12,5\ns-1;2026-11-01 12:03:00;117,250\n",
    "02": "subscriber_id;ts;kind;amount\ns-1;2026-11-01 12:00:00;bill;12,50\ns-1;2026-11-01 12:01:00;bill;1.250,00\n"
    "s-1;2026-11-01 12:02:00;bill;1.250\n",
    "03": f"{CALLS}\ns-1;01.11.2026 09:05:00;outgoing;5;on_net\ns-1;12.10.2026 10:00:00;outgoing;5;on_net\n"
    "s-2;05.06.2026 10:00:00;incoming;5;on_net\n",
    "05": "subscriber_id,ts,direction,kind,duration_s,peer_network\ns-1,2026-11-01 12:00:00,outgoing,call,137,on_net\n"
    "s-1,2026-11-01 12:10:00,incoming,text,,on_net\n",
    "06": "subscriber_id,ts,direction,duration_s,peer_network\ns-1,11/13/26 0:20,outgoing,5,on_net\n"
    "s-1,11/13/26 13:05,incoming,7,on_net\n",
    "07": f"sep=;\n{CALLS}\ns-1;2026-11-01 12:00:00;outgoing;1;on_net\n",
    "08": "subscriber_id,ts,direction,duration_s,peer_network,peer_operator\n"
    "Muñoz-1,2026-11-01 12:00:00,outgoing,1,on_net,Telefónica\n",
}


@pytest.fixture(autouse=True)
def late_in_2026(monkeypatch: pytest.MonkeyPatch) -> None:
    now = round(datetime(2026, 12, 1, tzinfo=UTC).timestamp() * 1000)
    monkeypatch.setattr("app.replay.command.now_ms", lambda: now)
    monkeypatch.setattr("app.replay.files.now_ms", lambda: now)


def played(tmp_path: Path, content: str, topic: str, *flags: str, encoding: str = "utf-8") -> Result:
    path = tmp_path / "log.csv"
    path.write_bytes(content.encode(encoding))
    return CliRunner().invoke(replay, [str(path), "--as", topic, "--dry-run", "--json", *flags])


def records(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    (found,) = json.loads(result.stdout)["files"]
    assert found["counts"]["rejected"] == 0, found["counts"]
    return [each["value"] for each in found["records"]]


def local(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC) + timedelta(hours=8):%Y-%m-%d %H:%M}"


def test_01_decimal_commas_of_volumes(tmp_path: Path) -> None:
    assert [each["bytes"] for each in records(played(tmp_path, CASES["01"], "data-usage"))] == [
        131072,
        1293943,
        13107200,
    ]


def test_02_points_between_thousands_of_money(tmp_path: Path) -> None:
    assert [each["amount"] for each in records(played(tmp_path, CASES["02"], "billing"))] == [12.5, 1250, 1250]


def test_03_dotted_dates_are_day_first(tmp_path: Path) -> None:
    times = [local(each["ts"]) for each in records(played(tmp_path, CASES["03"], "calls"))]
    assert times == ["2026-11-01 09:05", "2026-10-12 10:00", "2026-06-05 10:00"]


def test_04_the_day_that_tells_comes_after_a_thousand_rows(tmp_path: Path) -> None:
    rows = [f"{k},{day:02d}/10/2026 {k % 24:02d}:00" for k, day in enumerate([1 + k * 11 // 1005 for k in range(1005)])]
    rows += [f"{k},13/10/2026 0{k}:10" for k in range(9)]
    flags = [
        "--set",
        "direction=outgoing",
        "--set",
        "duration_s=1",
        "--set",
        "peer_network=on_net",
        "--map",
        "subscriber_id=id",
    ]
    result = played(tmp_path, "\n".join(["id,ts", *rows]) + "\n", "calls", *flags)
    assert {local(each["ts"])[:10] for each in records(result)} == {"2026-10-01"}
    how = {each["field"]: each["how"] for each in json.loads(result.stdout)["files"][0]["mapping"]}
    assert how["ts"] == "local time, UTC+8, day first: row 1007 '13/10/2026'"


def test_05_an_sms_has_no_duration(tmp_path: Path) -> None:
    found = records(played(tmp_path, CASES["05"], "calls"))
    assert [(each["kind"], each["duration_s"]) for each in found] == [("voice", 137), ("sms", 0)]


def test_06_excel_writes_the_month_first(tmp_path: Path) -> None:
    times = [local(each["ts"]) for each in records(played(tmp_path, CASES["06"], "calls"))]
    assert times == ["2026-11-13 00:20", "2026-11-13 13:05"]


def test_07_the_line_in_which_excel_names_the_separator(tmp_path: Path) -> None:
    assert [each["subscriber_id"] for each in records(played(tmp_path, CASES["07"], "calls"))] == ["s-1"]


def test_08_western_letters_are_no_gbk(tmp_path: Path) -> None:
    (found,) = records(played(tmp_path, CASES["08"], "calls", encoding="latin-1"))
    assert (found["subscriber_id"], found["peer_operator"]) == ("Muñoz-1", "Telefónica")


def test_09_the_first_of_each_month_is_asked_about_and_evaluated_when_told(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    rows = [f"u{u},01/{month:02d}/2026" for u in range(60) for month in range(1, 13) if u % 3 or month < 8]
    path.write_text("\n".join(["user,time", *rows]) + "\n")
    args = ["events", str(path), "--as", "calls", *CONSTANT, "--inactive-days", "40"]
    asked = CliRunner().invoke(evaluate, args)
    assert asked.exit_code == 2
    assert "--month-first" in asked.stderr
    assert "--day-first" in asked.stderr
    told = CliRunner().invoke(evaluate, [*args, "--day-first", "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["spans"][-1]["to_day"] >= 200, "not 11 days of January"


def test_10_a_quote_that_is_not_closed_costs_one_row_and_no_screen(tmp_path: Path) -> None:
    rows = [f"s-{k},2026-11-01 12:00:00,outgoing,1,on_net" for k in range(2, 302)]
    content = "\n".join([CALLS.replace(";", ","), 's-1,2026-11-01 12:00:00,outgoing,1,"on_net', *rows]) + "\n"
    result = played(tmp_path, content, "calls")
    (found,) = json.loads(result.stdout)["files"]
    assert (found["counts"]["converted"], found["counts"]["rejected"]) == (300, 1)
    assert "row 2: a quote opened in row 2 is not closed" in result.stderr
    assert len(result.stderr) < 2_000
