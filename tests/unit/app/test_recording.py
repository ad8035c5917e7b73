"""One log in every dress that a file can have: the rows are the same."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from app.errors import Refused
from app.publishing.record import TimedRecord
from app.replay.playback import in_time_order
from app.tables.recording import Recording
from app.tables.reject import Reject, RejectReason
from models.contract.events import CALLS, OUTCOMES, SUBSCRIBERS
from streams.records.topics import RANK

HEADER = ["号码", "时间", "备注"]
ROWS = [["138", "1777593600", '说"好"'], ["139", "1777593601", "a,b;c\td"]]


def csv_text(separator: str = ",") -> str:
    def field(text: str) -> str:
        quoted = text.replace('"', '""')
        return f'"{quoted}"' if any(c in text for c in ',;\t|"') else text

    return "".join(separator.join(map(field, row)) + "\r\n" for row in [HEADER, *ROWS])


def json_text() -> str:
    return "".join(json.dumps(dict(zip(HEADER, row, strict=True)), ensure_ascii=False) + "\n" for row in ROWS)


def parquet(path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    columns = {name: pa.array([row[n] for row in ROWS]) for n, name in enumerate(HEADER)}
    files.write_table(pa.table(columns), path)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(csv_text().encode()),
        lambda path: path.write_bytes(csv_text().encode("utf-8-sig")),
        lambda path: path.write_bytes(csv_text().encode("gbk")),
        lambda path: path.write_bytes(csv_text().encode("gb18030")),
        lambda path: path.write_bytes(csv_text("\t").encode("utf-16")),
        lambda path: path.write_bytes(csv_text(";").encode()),
        lambda path: path.write_bytes(csv_text("|").encode()),
        lambda path: path.write_bytes(csv_text("\x01").encode()),
        lambda path: path.write_bytes(gzip.compress(csv_text().encode("gbk"))),
        lambda path: path.write_bytes(json_text().encode()),
        lambda path: path.write_bytes(json_text().encode("gbk")),
        lambda path: path.write_bytes(gzip.compress(json_text().encode())),
        parquet,
    ],
)
def test_the_rows_are_the_same_in_every_dress(tmp_path: Path, write: Callable[[Path], object]) -> None:
    write(path := tmp_path / "log")
    recording = Recording(path)
    assert list(recording.columns) == HEADER
    assert [list(row.cells) for row in recording.rows()] == ROWS
    assert all(row.reject is None for row in recording.rows())
    assert recording.position == recording.size


def test_gbk_that_begins_like_ascii_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"a,b\n" + b"1,x\n" * 600_000 + "2,北京\n".encode("gbk"))
    assert [*Recording(path).rows()][-1].cells == ["2", "北京"]


def test_types_of_parquet_and_json_come_as_they_are(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as files

    at = datetime(2026, 5, 1, tzinfo=UTC)
    files.write_table(pa.table({"n": [1, None], "t": [at, at]}), tmp_path / "log.parquet")
    assert [row.cells for row in Recording(tmp_path / "log.parquet").rows()] == [(1, at), (None, at)]
    (tmp_path / "log.jsonl").write_text('{"n": 1}\n\n{"t": [2]}\n[]\n{"n"\n')
    rows = list(Recording(tmp_path / "log.jsonl").rows())
    assert [(row.number, row.reject and row.reject.reason) for row in rows] == [
        (1, None),
        (3, None),
        (4, RejectReason.UNREADABLE),
        (5, RejectReason.UNREADABLE),
    ]
    assert rows[1].cells == [None, [2]]


def test_without_the_library_parquet_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log.parquet").write_bytes(b"PAR1....")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(Refused) as refused:
        Recording(tmp_path / "log.parquet")
    assert refused.value.advice == ("pip install 'holdfast[files]'",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\n\n", "empty"),
        (b"a,b\n", "no rows"),
        (b"a,a\n1,2\n", "twice"),
        (b"PK\x03\x04rest", "workbook"),
        (b'[{"a": 1}]', "one object a line"),
        (b"PAR1 and no more", "Parquet"),
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-20], "cannot be read"),
        (b"a,b\n\xff\xff,1\n", "--encoding"),
        (b"\xff\xfea\x00,\x00b", "--encoding"),
        (b"sep=;\n", "no rows"),
    ],
)
def test_what_is_no_log_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(Refused) as refused:
        Recording(tmp_path / "log")
    assert says in " ".join((refused.value.message, *refused.value.advice))


def test_the_advice_for_json_never_empties_the_file_itself(tmp_path: Path) -> None:
    for content in ('{\n "a": 1\n}\n', '[{"a": 1}]'):
        for name in ("log.jsonl", "log.json", "log.lines.jsonl"):
            (tmp_path / name).write_text(content)
            with pytest.raises(Refused) as refused:
                Recording(tmp_path / name)
            *_, source, target = refused.value.advice[0].replace(">", "").split()
            assert (source, source != target) == (name, True)


def test_a_name_that_comes_with_the_last_object_is_a_column(tmp_path: Path) -> None:
    rows = [{"a": n} for n in range(5_000)]
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in [*rows, {"b": 1}]))
    told: list[float] = []
    recording = Recording(tmp_path / "log.jsonl", progress=lambda done, total, count: told.append(total - done))
    assert recording.columns == ("a", "b")
    assert told, "there is a bar"
    assert [row.cells for row in recording.rows()][-1] == [None, 1]
    names = "".join(f'{{"{n}": 1}}\n' for n in range(10_001))
    (tmp_path / "log.jsonl").write_text(names)
    with pytest.raises(Refused, match="10,000 different names"):
        Recording(tmp_path / "log.jsonl")


def test_a_number_of_json_with_an_exponent_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text(
        '{"a": 1.38E+10, "b": 0.5, "c": "x: 1e5", "d": {"e": 1e3}, "f": 1e99999999999999999999}\n'
    )
    (row,) = Recording(tmp_path / "log.jsonl").rows()
    assert row.cells == [Decimal("1.38E+10"), 0.5, "x: 1e5", {"e": 1000.0}, float("inf")]
    assert [str(row.cells[0]), type(row.cells[3]["e"])] == ["1.38E+10", float]  # type: ignore[index]


def test_lines_that_break_the_encoding_told_are_rejected_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes("名,b\n一,1\n".encode() + b"\xff\xff,2\n" + "二,3\n".encode())
    rows = list(Recording(tmp_path / "log", encoding="utf-8").rows())
    assert [row.reject and row.reject.reason for row in rows] == [None, RejectReason.UNREADABLE, None]


def test_half_of_a_surrogate_pair_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('{"a": "\\ud83d"}\n{"a": "\\ud83d\\ude00"}\n')
    rows = list(Recording(tmp_path / "log").rows())
    assert [row.reject and row.reject.reason for row in rows] == [RejectReason.UNREADABLE, None]


def test_a_quote_that_is_never_closed_costs_its_own_lines_only(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('a,b\n1,"x\n' + "2,y\n" * 100_000)
    rows = list(Recording(tmp_path / "log").rows())
    assert rows[0].number == 2
    assert rows[0].reject == Reject(RejectReason.UNREADABLE, "a quote opened in row 2 is not closed")
    assert rows[0].cells == ['1,"x\n']
    assert [row.cells for row in rows[1:]] == [["2", "y"]] * 100_000


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ('1,"x\r\ny"\n2,"a ""b""\n, c"\n', [(2, ["1", "x\r\ny"]), (4, ["2", 'a "b"\n, c'])]),
        ('1,"x\n2,y\n3,"z\n4,w\n', [(2, None), (3, ["2", "y"]), (4, None), (5, ["4", "w"])]),
        ('1,"x\n2,"y, y"\n3,"z\nz"\n', [(2, None), (3, ["2", "y, y"]), (4, ["3", "z\nz"])]),
        ('"1,x\n2,y\n', [(2, None), (3, ["2", "y"])]),
        ('1,x\n2,"y', [(2, ["1", "x"]), (3, None)]),
        ('1,x\n2,"y"', [(2, ["1", "x"]), (3, ["2", "y"])]),
        ('1,"x\n\n2,"",y\n3,y\n', [(2, None), (4, None), (5, ["3", "y"])]),
        ('1,5" x\n2,"y" z\n', [(2, ["1", '5" x']), (3, ["2", "y z"])]),
    ],
)
def test_lines_in_quotes_are_a_cell_where_the_quote_is_closed(
    tmp_path: Path, text: str, rows: list[tuple[int, list[str] | None]]
) -> None:
    (tmp_path / "log").write_bytes(b"a,b\n" + text.encode())
    found = Recording(tmp_path / "log").rows()
    assert [(row.number, None if row.reject else row.cells) for row in found] == rows


def test_a_header_whose_quote_is_not_closed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log").write_text('"a,b\n1,2\n')
    with pytest.raises(Refused, match="a quote opened in row 1 is not closed"):
        Recording(tmp_path / "log")


def test_a_file_without_a_header_has_numbered_columns(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("138,5\n139,6\n")
    recording = Recording(tmp_path / "log", header=False)
    assert recording.columns == ("1", "2")
    assert [(row.number, row.cells) for row in recording.rows()] == [(1, ["138", "5"]), (2, ["139", "6"])]


@pytest.mark.parametrize("run", [1, 7, 100, 1000])
def test_records_go_out_in_time_order_and_of_one_time_as_they_came(run: int) -> None:
    topics = (CALLS, SUBSCRIBERS, OUTCOMES)
    given = [TimedRecord(topics[n % 3], b"k%d" % n, b"%d" % n, (n * 37) % 50) for n in range(300)]
    assert list(in_time_order(given, run)) == sorted(given, key=lambda record: (record.ts, RANK[record.topic]))
