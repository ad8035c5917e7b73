"""Whatever a file holds, a row becomes an event that the contract's decoder takes, or a reject; never a crash."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Refused
from app.replay.conversion import Conversion
from app.tables.column_guess import ColumnMapper, Told
from app.tables.column_names import NAMES
from app.tables.decimals_and_dates import Evidence
from app.tables.encoding import encoding_of
from app.tables.fields import TOPICS, Field, Reading, Sort, fields_of, is_nothing, reader
from app.tables.quantities import number
from app.tables.recording import Recording, TableRow
from app.tables.reject import Reject
from app.tables.times import LocalTime, moment
from streams.records.wire import Rejected, decode

NOW = 1_800_000_000_000
TEXTS = [
    "138",
    "1777593600",
    "2026-05-01 08:00",
    "主叫",
    "60",
    "网内",
    "1.5GB",
    "投诉",
    "充值",
    "是",
    "sms",
    "2026-05",
    "[]",
    "-1",
]
CELLS = st.one_of(
    st.sampled_from(TEXTS),
    st.text(max_size=20),
    st.text("0123456789-/:. eE年月日,", max_size=20),
    st.integers(),
    st.floats(),
    st.decimals(allow_nan=False),
    st.booleans(),
    st.none(),
    st.datetimes(),
    st.dates(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.binary(max_size=3),
)


class Stored(NamedTuple):
    key: bytes | None
    value: bytes | None
    timestamp: int
    offset: int = 0


def conversion(tmp_path: Path, topic: str) -> tuple[Conversion, int]:
    """Of a file that has a column for every field."""
    columns = [NAMES[topic][name].split()[0] for name in fields_of(topic) if name in NAMES[topic]]
    path = tmp_path / "log.jsonl"
    path.write_text(json.dumps(dict.fromkeys(columns, None)) + "\n")
    mapping = ColumnMapper(Recording(path), topic, Told(), LocalTime()).map()
    assert len(mapping.sources) == len(columns)
    return Conversion(mapping, NOW), len(columns)


@pytest.mark.parametrize("topic", TOPICS.values())
def test_any_row_is_an_event_or_a_reject(topic: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    convert, width = conversion(tmp_path_factory.mktemp("rows"), topic)

    @given(st.lists(CELLS, min_size=width, max_size=width))
    def holds(cells: list[Any]) -> None:
        made = convert.records(TableRow(1, cells))
        for found in [made] if isinstance(made, Reject) else made:
            if isinstance(found, Reject):
                continue
            assert not isinstance(decode(topic, Stored(found.key, found.value, found.ts), NOW), Rejected)

    holds()


@pytest.mark.parametrize("topic", TOPICS.values())
def test_any_cell_is_read_or_rejected_by_every_field(topic: str) -> None:
    readers = [reader(field, Reading(topic, LocalTime(0))) for field in fields_of(topic).values()]

    @given(CELLS)
    def holds(cell: object) -> None:
        if not is_nothing(cell) and not isinstance(cell, list | dict | bytes):
            for read in readers:
                read(cell)

    holds()


@pytest.mark.parametrize("sort", [Sort.TIME, Sort.SECONDS, Sort.BYTES, Sort.MONEY, Sort.NUMBER])
def test_any_cells_show_how_they_are_written_or_are_asked_about(sort: Sort) -> None:
    shown = st.one_of(st.text(max_size=12), st.text("0123456789-/:. ,'", max_size=12), st.sampled_from(TEXTS))

    @given(st.lists(shown, max_size=5))
    def holds(cells: list[str]) -> None:
        said = []
        for order in (cells, cells[::-1]):
            evidence = Evidence(Field("amount", sort, required=True), "log.csv", cells, commas=False)
            for row, cell in enumerate(order, 2):
                evidence.look(row, cell)
            try:
                said.append(evidence.settled())
            except Refused:
                said.append("?")
        assert said[0] == said[1]

    holds()


@given(st.lists(st.decimals(-(10**7), 10**7, places=2), min_size=1, max_size=20), st.sampled_from([".", " ", "'", ""]))
def test_decimal_commas_are_told_from_thousands(amounts: list[Decimal], grouping: str) -> None:
    evidence = Evidence(Field("amount", Sort.MONEY, required=True), "log.csv", [])
    cells = [f"{amount:,}".replace(".", "|").replace(",", grouping).replace("|", ",") for amount in amounts]
    for row, cell in enumerate(cells, 2):
        evidence.look(row, cell)
    assert evidence.settled() == "comma"
    assert [number(cell, "comma") for cell in cells] == [float(amount) for amount in amounts]


@given(st.one_of(st.binary(max_size=60), st.text(max_size=30).map(lambda text: text.encode("gb18030", "ignore"))))
def test_any_bytes_are_text_or_are_asked_about(content: bytes) -> None:
    try:
        name = encoding_of("log.csv", lambda: BytesIO(content))
    except Refused:
        return
    content.decode(name)


FORMS = ["%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y年%m月%d日 %H:%M:%S", "%m/%d/%Y %I:%M:%S %p"]
TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1))  # noqa: DTZ001 - as files have them


@given(TIMES, st.sampled_from(FORMS))
def test_every_way_of_writing_a_time_gives_that_time(at: datetime, form: str) -> None:
    read = moment(at.strftime(form), LocalTime(0))
    assert not isinstance(read, Reject)
    days = at.date().toordinal() - date(1970, 1, 1).toordinal()
    assert read.ms == (days * 86_400 + at.hour * 3600 + at.minute * 60 + at.second) * 1000
