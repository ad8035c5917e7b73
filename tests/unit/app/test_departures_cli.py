"""``model segments`` at the terminal: what it reads, what it prints, how it ends without anything to say."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from support.detecting import DAY, START
from support.examples_made import example, model, planted

from app import departures_cli
from models.example import Example
from models.snapshot import encode
from streams.model_versions import ModelVersions
from streams.tail import TailRecord


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The command over a topic that holds these examples, one it cannot read, and one that was erased."""
    snapshot = tmp_path / "model.json"
    snapshot.write_bytes(encode(model()))

    def run(examples: list[Example], *flags: str) -> Result:
        values = [b"{}", None, *map(msgspec.json.encode, examples)]

        async def tail(client: Any, topic: str, **how: bool) -> AsyncGenerator[TailRecord, None]:
            assert topic == "trial.churn.training-examples.v1"
            assert how == {"from_beginning": True, "follow": False}
            for offset, value in enumerate(values):
                yield TailRecord(0, offset, 0, b"s", value, ())

        monkeypatch.setattr(departures_cli, "tail", tail)
        monkeypatch.setattr(departures_cli, "read_models", lambda _: ModelVersions())
        place = ["--brokers", "127.0.0.1:1", "--topic-prefix", "trial.", "--model", str(snapshot)]
        return CliRunner().invoke(departures_cli.segments, [*place, *flags])

    return run


GROUPS = planted(
    {"browsing": {"competitor_dwell_7d": 1400.0}, "complaint": {"complaints_open": 2.0}},
    {"browsing": 40, "complaint": 30},
)


def test_it_tells_the_groups_in_the_language_asked_for(run: Any) -> None:
    english = run(GROUPS, "--lang", "en")
    assert english.exit_code == 0
    assert english.stdout.splitlines()[0].startswith("1. 40 customers, 57 % of those at high risk")
    assert "association, not cause" in english.stderr
    assert run(GROUPS, "--lang", "zh").stdout.splitlines()[0].startswith("1. 40位客户,占高危客户的57%")


def test_json_is_two_objects(run: Any) -> None:
    groups, offers = map(json.loads, run(GROUPS, "--json").stdout.splitlines())
    assert [each["size"] for each in groups["segments"]] == [40, 30]
    assert offers["caveat"] == {"en": "association, not cause", "zh": "仅为关联,并非因果"}


def test_since_counts_back_from_the_newest_snapshot(run: Any) -> None:
    old = [example(f"old-{n}", ts=START - 9 * DAY) for n in range(20)]
    told = json.loads(run(old + GROUPS, "--since", "8", "--json").stdout.splitlines()[0])
    assert told["examples"] == len(GROUPS)


def test_nothing_to_tell_is_not_found(run: Any) -> None:
    assert run([]).exit_code == 3
    assert run([example("s-1", tier="healthy")]).exit_code == 3


def test_offers_are_a_table(run: Any) -> None:
    offered = [example(f"s-{n}", cause="price", offer_code="R-A", label="negative") for n in range(40)]
    result = run(offered, "--lang", "en")
    assert any(line.split()[:3] == ["price", "R-A", "40"] for line in result.stdout.splitlines())
