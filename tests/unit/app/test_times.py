"""Times and quantities as files write them. All of these are one moment, or one amount."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from app.tables.quantities import BYTES, KIB, MONEY, SECONDS, number, quantity
from app.tables.reject import Reject, RejectReason
from app.tables.times import LocalTime, moment, of_day

CHINA = LocalTime(8 * 3_600_000)
AT = 1_777_595_400_000
"""2026-05-01 08:30:00 in China."""


def ms(cell: object, local: LocalTime = CHINA) -> int | RejectReason:
    read = moment(cell, local)
    return read.reason if isinstance(read, Reject) else read.ms


@pytest.mark.parametrize(
    "cell",
    [
        "2026-05-01 08:30:00",
        "2026/05/01 08:30:00",
        "2026/5/1 8:30",
        "2026.05.01 08:30",
        "2026-05-01T08:30:00+08:00",
        "2026-05-01T00:30:00Z",
        "2026-05-01T00:30:00.000000Z",
        "2026-05-01 00:30:00 UTC",
        "2026-04-30 20:30:00-0400",
        "2026年5月1日 8时30分",
        "2026年05月01日08:30:00",
        "2026年5月1日 上午8:30",
        "2026-05-01 8:30:00 AM",
        "5/1/26 8:30 a. m.",
        "5/1/2026 08:30",
        "05/01/2026, 8:30 AM",
        "01-MAY-26 08.30.00.000000 AM",
        "01-May-2026 08:30:00",
        "01-5月 -26 08.30.00 上午",
        "20260501083000",
        "202605010830",
        "20260501 08:30:00",
        "20260501T083000",
        "２０２６-０５-０１ 08:30:00".translate({ord("０") + n: ord("0") + n for n in range(10)}),
        "1777595400",
        "1777595400.0",
        "1777595400000",
        "1777595400000000",
        "1777595400000000000",
        "1.7775954E12",
        1777595400,
        1777595400.0,
        1777595400000,
        1777595400000000123,
        Decimal(1777595400),
        datetime(2026, 5, 1, 8, 30),  # noqa: DTZ001 - as Parquet gives a time without a zone
        datetime(2026, 5, 1, 0, 30, tzinfo=UTC),
        datetime(2026, 5, 1, 2, 30, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_a_time_is_read_however_it_is_written(cell: object) -> None:
    assert ms(cell) == AT


def test_days_of_a_spreadsheet_and_dates_alone_are_local() -> None:
    assert ms("46143") == ms("2026-05-01") == ms("20260501") == ms(date(2026, 5, 1)) == AT - 8 * 3_600_000 - 1_800_000
    assert ms("46143.5") == ms("46143,5") == ms("2026-05-01 12:00")


def test_afternoon_and_midnight() -> None:
    assert ms("2026-05-01 下午8:30") == ms("2026-05-01 8:30 pm") == AT + 12 * 3_600_000
    assert ms("2026-05-01 12:05 am") == ms("2026-05-01 00:05")
    assert ms("2026-05-01 12:05 pm") == ms("2026-05-01 中午12:05") == ms("2026-05-01 12:05")
    assert ms("2026-04-30 24:00:00") == ms("2026-05-01 00:00:00")


def test_fractions_of_a_second_are_kept_to_the_millisecond() -> None:
    assert ms("2026-05-01 08:30:00.1239") == ms("1777595400.123") == AT + 123


@pytest.mark.parametrize(
    "cell",
    [
        "yesterday",
        "",
        "2026-13-01",
        "2026-02-30 08:00",
        "25:00",
        "2026-05-01 25:00",
        "2026-05-01 24:01",
        "7",
        "-5",
        "1e400",
        True,
    ],
)
def test_what_is_no_time_says_so(cell: object) -> None:
    assert ms(cell) is RejectReason.NOT_A_TIME


def test_day_and_month_as_told() -> None:
    assert ms("2/5/2026", LocalTime(0, "day")) == ms("2026-05-02", LocalTime(0))
    assert ms("2/5/2026", LocalTime(0)) == ms("2026-02-05", LocalTime(0))
    assert ms("26/5/02", LocalTime(0, "year")) == ms("2/5/26", LocalTime(0, "day")) == ms("2026-05-02", LocalTime(0))
    assert ms("2/5/2026", LocalTime(0, "year")) is RejectReason.NOT_A_TIME
    assert ms("1/5/68", LocalTime(0)) > ms("1/5/69", LocalTime(0))
    assert of_day("08:30")
    assert not of_day("1777595400")


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("88", 88),
        ("1,234.5", 1234.5),
        ("￥1,234", 1234),
        ("-3.5", -3.5),
        ("0.07", 0.07),
        ("1 234 567.5", 1234567.5),
        ("−1’234", -1234),
        (".5", 0.5),
        ("１２", 12),
        (2.0, 2),
        ("3e2", 300),
    ],
)
def test_a_number_is_read_however_it_is_written(cell: object, found: float) -> None:
    assert number(cell) == found


@pytest.mark.parametrize(
    "cell", ["x", "1-2", "inf", float("inf"), True, "1,23,4", "12 34x", "12 34", "12,5", "0,125", "1.250.000"]
)
def test_what_is_no_number_says_so(cell: object) -> None:
    assert isinstance(number(cell), Reject)


def test_units_of_the_column_and_of_the_cell() -> None:
    assert quantity("1.5", BYTES, KIB) == 1536
    assert quantity("1.5GB", BYTES, KIB) == 1.5 * KIB**3
    assert quantity("1G512M", BYTES, 1) == 1.5 * KIB**3
    assert quantity("1小时2分3秒", SECONDS, 60) == quantity("1:02:03", SECONDS, 60) == 3723
    assert quantity("62:03", SECONDS, 60) == 3723
    assert quantity("1m30s", SECONDS, 1) == 90
    assert quantity("12.5元", MONEY, 0.01) == 12.5
    assert quantity("1,235", MONEY, 0.01) == 12.35
    assert quantity("1,5", MONEY, 0.01, "comma") == 0.015
    assert quantity("1.234,5 MB", BYTES, 1, "comma") == 1234.5 * KIB**2
    assert quantity("1:02:03,5", SECONDS, 1) == 3723.5
    assert isinstance(quantity("12 apples", BYTES, 1), Reject)
