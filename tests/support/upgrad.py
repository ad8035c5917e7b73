"""The upGrad sample as records: calls, data sessions, recharges, profiles, and who was not there in the fourth month.

Real: every monthly total of a subscriber (minutes to and from, by network; MB by bearer; recharges and their sum), his
age on the network, his ARPU by month, date and amount of the last recharge of a month. Made up, seeded by subscriber
and month and never by what became of him: days and times within a month, the cutting of minutes into calls, of MB into
sessions, of a month's recharges into single ones; that incoming calls, whose network the totals do not tell, come from
other networks. Amounts are whole hundredths, so that sums match the file to the unit.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import random
from calendar import monthrange
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from app.publishing.record import TimedRecord, encode
from models.contract.events import BILLING, CALLS, DATA_USAGE, OUTCOMES, SUBSCRIBERS
from streams.records.topics import RANK

YEAR: Final = 2014
MONTHS: Final = (6, 7, 8, 9)
SYNTHESISED: Final = (
    "days and times within a month, the cutting of monthly totals into calls, sessions and recharges, the network of "
    "incoming calls, the telling of a lapse at the end of the fourth month"
)
_CALL: Final = 180
_SESSION: Final = 2_500
Row = Mapping[str, str]


def at(month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0, ms: int = 0) -> int:
    """A moment of that year, epoch ms; month 13 is the next January."""
    year, month = YEAR + (month - 1) // 12, (month - 1) % 12 + 1
    return round(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp() * 1000) + ms


def rows(path: Path) -> list[dict[str, str]]:
    """The file's rows."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def left(row: Row) -> bool:
    """Whether he used nothing in the fourth month: what the data set calls churn."""
    return not any(_hundredths(row[f"{what}_9"]) for what in ("total_og_mou", "total_ic_mou", "vol_2g_mb", "vol_3g_mb"))


def records(of: list[dict[str, str]]) -> list[TimedRecord]:
    """All of it, by time."""
    found = [record for row in of for record in _life(row)]
    return sorted(found, key=lambda r: (r.ts, RANK[r.topic]))


def _life(row: Row) -> Iterator[TimedRecord]:
    who, used = row["mobile_number"], []
    yield from _profiles(row)
    for month in MONTHS:
        draw = random.Random(int(hashlib.sha1(f"{who}:{month}".encode()).hexdigest()[:12], 16))  # noqa: S324 - a seed
        usage = [*_calls(row, month, draw), *_sessions(row, month, draw)]
        used += [record.ts for record in usage]
        yield from usage
        yield from _recharges(row, month, draw)
    if left(row) and used:
        yield _record(OUTCOMES, who, at(10, 1) - 1, outcome="lapsed", last_activity_ts=max(used))


def _profiles(row: Row) -> Iterator[TimedRecord]:
    """One as the log begins, and one a month later each, when the month's ARPU is known."""
    known: dict[str, Any] = {}
    if row["aon"]:
        known["activated_ts"] = at(10, 1) - int(float(row["aon"])) * 86_400_000
    yield _record(SUBSCRIBERS, row["mobile_number"], at(6, 1), **known)
    for month in MONTHS[:-1]:
        if row[f"arpu_{month}"]:
            known["arpu"] = float(row[f"arpu_{month}"])
        yield _record(SUBSCRIBERS, row["mobile_number"], at(month + 1, 1), **known)


def _calls(row: Row, month: int, draw: random.Random) -> Iterator[TimedRecord]:
    kinds = (
        ("onnet_mou", "outgoing", "on_net"),
        ("offnet_mou", "outgoing", "off_net"),
        ("total_ic_mou", "incoming", ""),
    )
    for column, direction, network in kinds:
        total = _hundredths(row[f"{column}_{month}"])
        for part in _cut(draw, total, max(1, total // _CALL)):
            told = {"direction": direction, "duration_s": part * 60 / 100, "peer_network": network or "off_net"}
            yield _record(CALLS, row["mobile_number"], _moment(draw, month), **told)


def _sessions(row: Row, month: int, draw: random.Random) -> Iterator[TimedRecord]:
    for bearer in ("2g", "3g"):
        total = _hundredths(row[f"vol_{bearer}_mb_{month}"])
        for part in _cut(draw, total, max(1, total // _SESSION)):
            yield _record(DATA_USAGE, row["mobile_number"], _moment(draw, month), bytes=part * 10_000, rat=bearer)


def _recharges(row: Row, month: int, draw: random.Random) -> Iterator[TimedRecord]:
    count, total = int(row[f"total_rech_num_{month}"]), _hundredths(row[f"total_rech_amt_{month}"])
    date = row[f"date_of_last_rech_{month}"]
    if not count or not date:
        return
    day = int(date.split("/")[1])
    last = min(_hundredths(row[f"last_day_rch_amt_{month}"]), total)
    before = [0] * (count - 1) if total == last else _cut(draw, total - last, count - 1) if count > 1 else []
    for part in before:
        yield _recharge(row, _moment(draw, month, day), part)
    yield _recharge(row, _moment(draw, month, day, first=day, begin=22), last if before else total)


def _recharge(row: Row, ts: int, hundredths: int) -> TimedRecord:
    return _record(BILLING, row["mobile_number"], ts, kind="recharge", amount=hundredths / 100)


def _moment(draw: random.Random, month: int, last: int | None = None, first: int = 1, begin: int = 7) -> int:
    day = draw.randint(first, last or monthrange(YEAR, month)[1])
    hour = draw.randint(begin, 23 if begin > 7 else 22)
    return at(month, day, hour, draw.randint(0, 59), draw.randint(0, 59), draw.randint(0, 999))


def _cut(draw: random.Random, total: int, parts: int) -> list[int]:
    """Whole positive parts that add up to the total."""
    if total <= 0:
        return []
    parts = max(1, min(parts, total))
    cuts = sorted(draw.sample(range(1, total), parts - 1)) if parts > 1 else []
    return [after - before for before, after in zip([0, *cuts], [*cuts, total], strict=True)]


def _hundredths(cell: str) -> int:
    return round(float(cell) * 100) if cell else 0


def _record(topic: str, who: str, ts: int, **fields: Any) -> TimedRecord:
    return TimedRecord(topic, who.encode(), encode({"subscriber_id": who, "ts": ts, **fields}), ts)
