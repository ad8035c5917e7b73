"""The wait for the workers ends: with all applied, with no worker, or where they apply nothing of these topics."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from streams.kafka.membership import Group
from streams.model_topic import retention
from streams.model_topic.retention import Applied, applied

ENDS = {"calls": 10, "data": 6}


class Broker:
    """A broker whose group commits one step of `commits` at each look, and then no more."""

    def __init__(self, commits: Iterable[dict[tuple[str, int], int]], members: int) -> None:
        self._commits, self._members = iter(commits), members
        self._now: dict[tuple[str, int], int] = {}

    def __call__(self, *_: object) -> Broker:
        return self

    async def __aenter__(self) -> Broker:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def committed(self, _group: str) -> dict[tuple[str, int], int]:
        self._now = next(self._commits, self._now)
        return self._now

    async def bounds(self, inputs: list[tuple[str, int]]) -> Any:
        return dict.fromkeys(inputs, 2), {place: ENDS[place[0]] for place in inputs}

    async def group(self, _name: str) -> Group:
        return Group("Stable", {f"m-{n}": frozenset({0}) for n in range(self._members)})

    async def close(self) -> None:
        pass


def wait(monkeypatch: pytest.MonkeyPatch, broker: Broker) -> tuple[Applied, list[int]]:
    async def noted(*_: object) -> dict[str, dict[str, str]]:
        return {"b.calls": {}, "b.data": {}}

    monkeypatch.setattr(retention, "noted", noted)
    monkeypatch.setattr(retention, "BrokerView", broker)
    monkeypatch.setattr(retention, "Cluster", broker)
    monkeypatch.setattr(retention, "_POLL_S", 0.001)
    monkeypatch.setattr(retention, "PATIENCE_S", 0.01)
    told: list[int] = []
    return asyncio.run(asyncio.wait_for(applied({}, "b.", "holdfast", 1, told.append), 20)), told


def steps(prefix: str, number: int) -> Iterator[dict[tuple[str, int], int]]:
    return ({(f"{prefix}calls", 0): min(10, n), (f"{prefix}data", 0): min(6, n)} for n in range(number))


def test_progress_is_waited_for_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    end, told = wait(monkeypatch, Broker(steps("b.", 11), 1))
    assert end is Applied.ALL
    assert (told[0], told[-1]) == (12, 1)
    assert sorted(told, reverse=True) == told


def test_members_that_read_another_prefix_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    end, told = wait(monkeypatch, Broker(steps("w.", 1_000_000), 2))
    assert (end, set(told)) == (Applied.NO_PROGRESS, {12})


def test_workers_that_stop_half_way_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wait(monkeypatch, Broker(steps("b.", 8), 1))[0] is Applied.NO_PROGRESS


def test_without_a_worker_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert wait(monkeypatch, Broker(steps("b.", 4), 0)) == (Applied.NO_WORKER, [])
    assert wait(monkeypatch, Broker([{("b.calls", 0): 10, ("b.data", 0): 6}], 0))[0] is Applied.ALL
