"""Conversion of a recording's rows into records of its topic, with counts of the results."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Final, NamedTuple

from app.publishing.record import TimedRecord, encode
from app.tables.column_guess import CALLED, ColumnMap, Source
from app.tables.fields import Sort, is_nothing, is_sentinel, whole
from app.tables.recording import Recording, TableRow
from app.tables.reject import Reject, RejectReason, is_sum
from models.contract.events import CALLS, SUBSCRIBERS
from streams.records.wire import Rejected, decode

SHOWN: Final = 5
"""Rows that a report names for each reason."""
_OWN: Final = frozenset({"roaming", "forwarded", "event_id"})
"""Fields that hold for the caller only, not for the called party."""
_COMPOUND: Final = (dict, list, tuple, bytes)


class Stored(NamedTuple):
    """A record in the form in which a worker reads it."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[()] = ()


class Conversion:
    """Converts rows into records.

    Parameters
    ----------
    now_ms
        Later records are rejected: a worker would dead-letter them.
    """

    def __init__(self, mapping: ColumnMap, now_ms: int) -> None:
        self._topic = mapping.topic
        self._now_ms = now_ms
        self._constants = {s.field.name: s.constant for s in mapping.sources if not s.columns}
        self._sources = [source for source in mapping.sources if source.columns]

    def records(self, row: TableRow) -> list[TimedRecord] | Reject:
        """Convert one row to a record, or to one for each of two parties."""
        if row.reject is not None:
            return row.reject
        event: dict[str, Any] = dict(self._constants)
        no_duration: Reject | None = None
        for source in self._sources:
            name, value = source.field.name, _given(source, row.cells)
            if isinstance(value, Reject):
                if name != "duration_s":
                    return value
                no_duration = value
            elif value is not None:
                event[name] = value
        if self._topic == CALLS and event.get("kind") == "sms":
            event.setdefault("duration_s", 0)  # an SMS has none, whatever the cell holds: nothing, a dash, "1 item"
        elif no_duration is not None:
            return no_duration
        if self._topic == SUBSCRIBERS:
            _hold_product(event)
        called = event.pop(CALLED, None)
        first = self._checked(event)
        # The party is on another network, so they are no subscriber and get no record.
        if called is None or isinstance(first, Reject) or event["peer_network"] != "on_net":
            return first if isinstance(first, Reject) else [first]
        turned = "incoming" if event["direction"] == "outgoing" else "outgoing"
        theirs = {name: value for name, value in event.items() if name not in _OWN}
        second = self._checked(theirs | {"subscriber_id": called, "direction": turned})
        return second if isinstance(second, Reject) else [first, second]

    def _checked(self, event: dict[str, Any]) -> TimedRecord | Reject:
        """The record, if the workers' decoder accepts it as an event."""
        ts = event["ts"]
        if is_sum(event["subscriber_id"]):
            return Reject(RejectReason.SUM, "subscriber_id: a sum or a count, and no subscriber")
        if isinstance(ts, int) and ts > self._now_ms:
            return Reject(RejectReason.FUTURE, f"ts: {ts} is later than now")
        key, value = str(event["subscriber_id"]).encode(), encode(event)
        read = decode(self._topic, Stored(0, ts, key, value), None)
        if isinstance(read, Rejected):
            return Reject(RejectReason.INVALID, f"{read.reason}: {read.detail}")
        return TimedRecord(self._topic, key, value, ts)


def _given(source: Source, cells: Sequence[object]) -> object:
    """A field's value from a row, or the reason to reject the row."""
    value = value_of(source, cells)
    if is_sentinel(source.field, value):
        return None
    if value is None and source.field.required:
        return Reject(RejectReason.EMPTY, source.field.name)
    return value._replace(detail=f"{source.field.name}: {value.detail}") if isinstance(value, Reject) else value


def value_of(source: Source, cells: Sequence[object]) -> object:
    """A field's value from a row, None if the row has none, or the reason why it cannot be read."""
    if len(source.columns) == 1:
        cell = cells[source.columns[0]]
        if isinstance(cell, _COMPOUND) and source.field.sort is not Sort.NESTED:
            return Reject(RejectReason.INVALID, "a list, an object or bytes, where one value is wanted")
        return None if is_nothing(cell) else whole(source.field, source.read(cell))
    given = [cell for place in source.columns if not is_nothing(cell := cells[place])]
    if not given:
        return None
    if source.field.sort is not Sort.BYTES:
        return source.read(" ".join(str(cell) for cell in given))
    total = 0.0
    for cell in given:
        read: Any = source.read(cell)
        if isinstance(read, Reject):
            return read
        total += read
    return whole(source.field, total)


def _hold_product(event: dict[str, Any]) -> None:
    """Put the product and contract end of a row, as files have them, into the event's list of products."""
    end, product = event.pop("contract_end_ts", None), event.pop("product", None)
    if (end is not None or product is not None) and "products" not in event:
        event["products"] = [{"product": product or "mobile", **({} if end is None else {"contract_end_ts": end})}]


@dataclass(slots=True)
class RowCount:
    """Counts of rows by result: ``rows`` = ``converted`` + the sum of ``rejected``."""

    rows: int = 0
    converted: int = 0
    records: int = 0
    """Records made of the converted rows; more than one a row with ``--both-parties``."""
    latest: int = 0
    """Time of the latest record, ms."""
    rejected: Counter[RejectReason] = field(default_factory=Counter)
    examples: dict[RejectReason, list[tuple[int, str]]] = field(default_factory=dict)

    def convert(self, records: Sequence[TimedRecord]) -> None:
        """Count one row that became records."""
        self.converted += 1
        self.records += len(records)
        self.latest = max(self.latest, records[0].ts)

    def reject(self, row: TableRow, why: Reject) -> None:
        """Count a rejected row, and keep the first few."""
        self.rejected[why.reason] += 1
        told = self.examples.setdefault(why.reason, [])
        if len(told) < SHOWN:
            told.append((row.number, why.detail))

    def facts(self) -> dict[str, Any]:
        """The counts as plain data for JSON."""
        return {
            "rows": self.rows,
            "converted": self.converted,
            "rejected": self.rejected.total(),
            "reasons": {
                reason.value: {"rows": count, "first": [{"row": n, "detail": d} for n, d in self.examples[reason]]}
                for reason, count in self.rejected.most_common()
            },
        }


class Rejects:
    """The rows that did not convert, as CSV: number, reason, detail, and the row as the file has it.

    Parameters
    ----------
    out
        An open text file, or None to keep none.
    """

    def __init__(self, out: IO[str] | None, columns: Iterable[str]) -> None:
        self._out = csv.writer(out) if out is not None else None
        if self._out is not None:
            self._out.writerow(["row", "reason", "detail", *columns])

    def write(self, row: TableRow, why: Reject) -> None:
        """Write one row."""
        if self._out is not None:
            cells = [c if isinstance(c, str) else json.dumps(c, ensure_ascii=False, default=str) for c in row.cells]
            # A byte that is invalid in the file's encoding would end the writing.
            clean = [cell.encode("utf-8", "backslashreplace").decode() for cell in cells]
            self._out.writerow([row.number, why.reason.value, why.detail, *clean])


def converted(
    recording: Recording,
    conversion: Conversion,
    tally: RowCount,
    rejects: Rejects,
    *,
    limit: int | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[TimedRecord]:
    """Records of the rows, in the file's order; each row is counted in `tally` before the next is read."""
    for row in recording.rows():
        if limit is not None and tally.rows >= limit:
            return
        tally.rows += 1
        found = conversion.records(row)
        if isinstance(found, Reject):
            tally.reject(row, found)
            rejects.write(row, found)
        else:
            tally.convert(found)
            yield from found
        if tally.rows % 4_096 == 0:
            progress(tally.rows)
    progress(tally.rows)
