"""A recorded history as an operator would hand it over: JSON lines by kind, each sorted by customer."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

from app.publishing.record import TimedRecord
from models.contract import events

NAMES: Final = {
    events.CALLS: "calls.jsonl.gz",
    events.DATA_USAGE: "data/part-1.jsonl",
    events.SITE_VISITS: "visits.jsonl",
    events.CARE_CONTACTS: "care-contacts.jsonl",
    events.BILLING: "billing.jsonl",
    events.CONTACTS: "contacts.jsonl",
    events.SUBSCRIBERS: "profiles.jsonl",
    events.OUTCOMES: "outcomes.jsonl",
}
Row = dict[str, Any]


def write(
    records: Iterable[TimedRecord], folder: Path, profile: Callable[[Row], Row | None] = lambda row: row
) -> dict[str, int]:
    """Write the files; returns how many rows each topic has. `profile` may change a profile, or leave it out."""
    rows: dict[str, list[Row]] = {}
    for record in records:
        row = json.loads(record.value)
        kept = profile(row) if record.topic == events.SUBSCRIBERS else row
        if record.topic in NAMES and kept is not None:
            rows.setdefault(record.topic, []).append(kept)
    for topic, of_topic in rows.items():
        path = folder / NAMES[topic]
        path.parent.mkdir(parents=True, exist_ok=True)
        opened = gzip.open if path.suffix == ".gz" else open
        # Each row has all fields of the file: a column that the first rows lack would not be seen.
        fields = sorted({field for row in of_topic for field in row})
        with opened(path, "wt", encoding="utf-8") as out:
            for row in sorted(of_topic, key=lambda row: str(row["subscriber_id"])):
                out.write(json.dumps({field: row.get(field) for field in fields}) + "\n")
    return {topic: len(of_topic) for topic, of_topic in rows.items()}
