"""The end of a replay says what it waits for, and what to do where that does not come."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from app.config.settings import Settings
from app.publishing.prepared_topics import put_back
from streams.model_topic import retention
from streams.model_topic.retention import Applied


@pytest.mark.parametrize(
    ("end", "restored", "last"),
    [
        (Applied.ALL, True, "b.calls: has its own retention back"),
        (Applied.NO_WORKER, False, "no worker runs. When one has applied all of it:  holdfast topics restore"),
        (Applied.NO_PROGRESS, False, "read the topics of another prefix? When one has applied all of it:  holdfast t"),
    ],
)
def test_a_wait_says_what_it_waits_for_and_how_it_ended(
    monkeypatch: pytest.MonkeyPatch, end: Applied, restored: bool, last: str
) -> None:
    done: list[str] = []

    async def noted(*_: object) -> dict[str, dict[str, str]]:
        return {"b.calls": {}}

    async def applied(*given: object) -> Applied:
        tell: Callable[[int], None] = given[-1]  # type: ignore[assignment]
        for left in (1_234, 1_200):
            tell(left)
        return end

    async def restore(*_: object) -> list[str]:
        done.append("restored")
        return ["b.calls"]

    monkeypatch.setattr(retention, "noted", noted)
    monkeypatch.setattr(retention, "applied", applied)
    monkeypatch.setattr(retention, "put_back", restore)
    said: list[str] = []
    asyncio.run(put_back(Settings(brokers=("127.0.0.1:1",), group="g"), said.append))
    assert said[1:-1] == ["waiting for group g: 1,234 records are not applied yet"], "twice a minute is enough"
    assert last in said[-1]
    assert bool(done) == restored
