"""Nights between two checkpoints: the last is made, once, of the rows before it, by the model that was served then."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import pytest
from support.detecting import DAY, START
from support.examples_made import example, model

from app.learner import nightly_segments as night_module
from app.learner.nightly_segments import NightlySegments
from models.analysis.daily_segments import MOST
from models.contract.training_example import Example

MIDNIGHT = (START + 90 * DAY) // DAY * DAY


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The stretches of the log that were read."""
    asked: list[tuple[int, int]] = []

    async def example_rows(client: Mapping[str, Any], prefix: str, start: int, end: int) -> list[Example]:
        assert prefix == "trial."
        asked.append((start, end))
        return [example("s", tier="healthy", labelled_ts=MIDNIGHT - 2)]

    monkeypatch.setattr(night_module, "example_rows", example_rows)
    return asked


async def test_of_several_nights_the_last_is_made_once(read: list[tuple[int, int]]) -> None:
    nights = NightlySegments({}, "trial.", UTC)
    assert await nights.made() is None
    nights.learned(70_000, MIDNIGHT - DAY - 1, MIDNIGHT - DAY, model())
    nights.learned(70_001, MIDNIGHT - DAY, MIDNIGHT - 1, model())
    nights.learned(70_002, MIDNIGHT - 1, MIDNIGHT, model())
    made = await nights.made()
    assert made is not None
    assert made.night.until == MIDNIGHT - 1
    assert made.night.model_version == "m-test"
    assert made.night.groups.examples == 1
    assert read == [(70_002 - MOST, 70_002)], "the example at which it fell is of the new day"
    assert await nights.made() is None


async def test_it_is_made_beside_the_loop(read: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Probes are answered by the loop's thread."""
    threads = []
    whole = night_module.night

    def night(*given: Any) -> Any:
        threads.append(threading.current_thread())
        return whole(*given)

    monkeypatch.setattr(night_module, "night", night)
    nights = NightlySegments({}, "trial.", UTC)
    nights.learned(1, MIDNIGHT - 1, MIDNIGHT, model())
    assert await nights.made() is not None
    assert threads
    assert threads[0] is not threading.main_thread()
