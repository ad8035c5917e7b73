"""``model segments`` at the terminal: what it reads, what it prints, how it ends without anything to say."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from datetime import UTC
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from click.testing import CliRunner, Result
from support.detecting import DAY, START
from support.examples_made import example, model, planted

from app.config import governing_policy
from app.model import segments_command
from models.analysis.daily_segments import night
from models.contract.training_example import Example
from models.contract.vocabulary import CAUSE_TEXTS, Cause
from models.scoring.scorer import Scorer
from models.scoring.snapshot import encode
from streams.kafka.topic_tail import TailRecord
from streams.model_topic.versions import SEGMENTS, ModelVersions
from streams.policy_topic import Policies


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The command over a topic that holds these examples, one it cannot read, and one that was erased."""
    snapshot = tmp_path / "model.json"
    snapshot.write_bytes(encode(model()))

    def run(examples: list[Example], *flags: str, nightly: bytes | None = None) -> Result:
        values = [b"{}", None, *map(msgspec.json.encode, examples)]

        async def tail(client: Any, topic: str, **how: bool) -> AsyncGenerator[TailRecord, None]:
            assert topic == "trial.churn.training-examples.v1"
            assert how == {"from_beginning": True, "follow": False}
            for offset, value in enumerate(values):
                yield TailRecord(0, offset, 0, b"s", value, ())

        monkeypatch.setattr(segments_command, "tail", tail)
        versions = ModelVersions()
        if nightly is not None:
            versions.take(SEGMENTS.encode(), nightly, 0, 0)
        monkeypatch.setattr(segments_command, "read_models", lambda _: versions)
        monkeypatch.setattr(governing_policy, "read_policies", lambda _: Policies(None))
        place = ["--brokers", "127.0.0.1:1", "--topic-prefix", "trial.", "--model", str(snapshot)]
        return CliRunner().invoke(segments_command.segments, [*place, *flags])

    return run


GROUPS = planted(
    {"browsing": {"competitor_dwell_7d": 1400.0}, "complaint": {"complaints_open": 2.0}},
    {"browsing": 40, "complaint": 30},
)


def nightly(examples: list[Example]) -> bytes:
    """The record of a night."""
    return msgspec.json.encode(night(examples, Scorer(model()), START + 90 * DAY, UTC))


def test_it_tells_the_groups_in_the_language_asked_for(run: Any) -> None:
    english = run(GROUPS, "--now", "--lang", "en")
    assert english.exit_code == 0
    head, first, *_ = english.stdout.splitlines()
    assert head.startswith("Segments built now, with outcomes up to 2026-")
    assert first.startswith("1. 40 customers, 57 % of all at high risk")
    assert "association, not cause" in english.stderr
    head, first, *_ = run(GROUPS, "--now", "--lang", "zh").stdout.splitlines()
    assert head.startswith("即时分群，结果截至2026-")
    assert first.startswith("1. 40位客户，占高危客户的57%")


def test_without_now_it_tells_the_last_night_and_reads_no_examples(run: Any) -> None:
    record = nightly(GROUPS)
    told = run([], "--lang", "en", nightly=record)
    assert told.exit_code == 0
    head, first, *_ = told.stdout.splitlines()
    day = msgspec.json.decode(record)["day"]
    assert head.startswith(f"Segments of the night of {day}. Customers whose outcome became known within 30 days;")
    assert head.endswith("; risk explained by model m-test.")
    assert first.startswith("1. 40 customers, 57 % of all at high risk")
    assert run([], "--lang", "zh", nightly=record).stdout.startswith(f"{day}夜间分群。范围：")
    groups, offers = map(json.loads, run([], "--json", nightly=record).stdout.splitlines())
    assert groups["day"] == offers["day"] == day
    assert groups["model_version"] == "m-test"
    assert [each["size"] for each in groups["segments"]] == [40, 30]


def test_a_night_without_groups_says_why(run: Any) -> None:
    told = run([], "--lang", "en", nightly=nightly(GROUPS[:9]))
    assert told.exit_code == 0
    assert told.stdout.splitlines()[1] == "fewer than 10 customers with a known outcome were at high risk"


def test_before_the_first_night_it_says_when_and_what_else(run: Any) -> None:
    told = run(GROUPS)
    assert told.exit_code == 3
    assert "no nightly segments yet" in told.stderr
    assert "holdfast model segments --now" in told.stderr
    other = run(GROUPS, nightly=b'{"day": 7}')
    assert other.exit_code == 1
    assert "by another release" in other.stderr


@pytest.mark.parametrize("flag", [("--tier", "warning"), ("--since", "8"), ("--least", "5")])
def test_what_goes_with_now_is_refused_without_it(run: Any, flag: tuple[str, str]) -> None:
    told = run(GROUPS, *flag, nightly=nightly(GROUPS))
    assert told.exit_code == 2
    assert f"holdfast model segments --now {' '.join(flag)}" in told.stderr


def test_json_is_two_objects(run: Any) -> None:
    groups, offers = map(json.loads, run(GROUPS, "--now", "--json").stdout.splitlines())
    assert [each["size"] for each in groups["segments"]] == [40, 30]
    assert offers["caveat"] == {"en": "association, not cause", "zh": "仅为关联，并非因果"}


def test_since_counts_back_from_the_newest_label(run: Any) -> None:
    """By snapshots the last days would be those of leavers alone, whose labels come at once."""
    old = [example(f"old-{n}", labelled_ts=START + 81 * DAY) for n in range(20)]
    told = json.loads(run(old + GROUPS, "--now", "--since", "8", "--json").stdout.splitlines()[0])
    assert told["examples"] == len(GROUPS)


def test_nothing_to_tell_is_not_found(run: Any) -> None:
    assert run([], "--now").exit_code == 3
    assert run([example("s-1", tier="healthy")], "--now").exit_code == 3


def test_offers_are_a_table(run: Any) -> None:
    offered = [example(f"s-{n}", cause="price", offer_code="R-A", label="negative") for n in range(40)]
    result = run(offered, "--now", "--lang", "en")
    assert any(line.split()[:3] == ["price", "R-A", "40"] for line in result.stdout.splitlines())
    chinese = run(offered, "--now", "--lang", "zh").stdout.splitlines()
    assert any(line.split()[:3] == ["价格", "R-A", "40"] for line in chinese)
    assert set(CAUSE_TEXTS) == set(get_args(Cause))
