"""What tests of the verbs share."""

from __future__ import annotations

import pytest

from app.publishing.record import TimedRecord


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[TimedRecord]:
    """Feedback as it would go to the topic, by Mei."""
    records: list[TimedRecord] = []

    async def write(settings: object, record: TimedRecord) -> None:
        records.append(record)

    monkeypatch.setattr("app.publishing.feedback._write", write)
    monkeypatch.setenv("LOGNAME", "mei")
    return records
