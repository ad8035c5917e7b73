"""Which file of a folder is what, when a history is the same, and whether it may be written."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from app.config.settings import Settings
from app.errors import ExitCode, Refused
from app.publishing.publisher import PublishCount
from app.replay.folder import files_of, identity
from app.replay.history_backfill import History, InputLogs, PrefixFound, objection
from app.replay.playback import Part, Playback
from app.tables.column_guess import ColumnMapper, Told
from app.tables.fields import TOPICS
from app.tables.recording import Recording
from app.tables.times import LocalTime
from streams.kafka.membership import Group
from streams.model_topic.recorded_history import Backfill
from streams.records.topics import INPUT_TOPICS

NAMES = tuple(topic.name for topic in INPUT_TOPICS)
CALLS = "telecom.calls.v1"
PROFILES = "telecom.subscribers.v1"


def logs(**ends: int) -> InputLogs:
    """Empty topics of one partition, but for some that end here."""
    return InputLogs({name: [0] for name in NAMES}, {name: [ends.get(name.split(".")[1], 0)] for name in NAMES})


def told(history: str = "same") -> Backfill:
    return Backfill(history=history, now=9, until=5, starts={name: [0] for name in NAMES})


def test_files_are_known_by_their_names_or_their_folders(tmp_path: Path) -> None:
    for name in ("calls/2026-01.csv.gz", "data-usage.csv", "profiles_2026.jsonl", ".DS_Store", "care/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [(file.name, kind) for file, kind in files_of(tmp_path)] == [
        ("2026-01.csv.gz", "calls"),
        ("data-usage.csv", "data-usage"),
        ("profiles_2026.jsonl", "subscribers"),
    ]


@pytest.mark.parametrize("name", ["readme.txt", "callsigns.csv", None])
def test_what_is_not_known_is_refused(tmp_path: Path, name: str | None) -> None:
    if name is not None:
        (tmp_path / name).touch()
    with pytest.raises(Refused, match=name or "no files") as refused:
        files_of(tmp_path)
    assert refused.value.exit_code == ExitCode.USAGE


def calls(path: Path, text: str, separator: str | None = None) -> Part:
    path.write_text("subscriber_id,ts,direction,duration_s,peer_network\n" + text)
    recording = Recording(path, separator=separator)
    return Part(recording, ColumnMapper(recording, TOPICS["calls"], Told(), LocalTime()).map())


def test_a_history_is_its_files_and_how_they_are_read(tmp_path: Path) -> None:
    rows = "".join(f"s-{n},{1_700_000_000 + n},outgoing,60,on_net\n" for n in range(2_000))
    first = calls(tmp_path / "calls.csv", rows)
    known = identity([first], 8, None)
    assert identity([calls(tmp_path / "renamed.csv", rows)], 8, None) == known
    assert identity([first], 9, None) != known
    assert identity([first], 8, 10) != known
    assert identity([first, first], 8, None) != known
    # Beyond the sample that the mapping was made of.
    assert identity([calls(tmp_path / "other.csv", rows.replace("s-1999,", "s-1998,"))], 8, None) != known


@pytest.mark.parametrize(
    ("ground", "said"),
    [
        (PrefixFound(None, logs(), 0, {}, 0), None),
        (PrefixFound(None, logs(calls=7), 0, {}, 0), "p.telecom.calls.v1 has 7 records"),
        (PrefixFound(None, logs(), 3, {}, 0), "p.churn.state.v1 has 3 records"),
        (PrefixFound(told(), logs(calls=7), 3, {}, 2), None),
        (PrefixFound(told("other"), logs(calls=7), 0, {}, 0), "another history was begun here"),
    ],
)
def test_it_goes_into_nothing_or_on_with_itself(ground: PrefixFound, said: str | None) -> None:
    refused = objection(ground, "same", "p.")
    assert (refused is None) == (said is None)
    if refused is not None:
        assert said is not None
        assert said in refused.message
        assert refused.advice


@pytest.mark.parametrize(("topic", "applied", "lost"), [(CALLS, 0, 5), (CALLS, 3, 2), (CALLS, 5, 0), (PROFILES, 0, 0)])
def test_what_was_deleted_unread_is_not_passed_over(topic: str, applied: int, lost: int) -> None:
    """A topic that was kept for its own time only: what a worker has applied may go, and superseded profiles."""
    found = logs(calls=9, subscribers=9)
    found.starts[topic] = [5]
    refused = objection(PrefixFound(told(), found, 0, {("p." + topic, 0): applied}, 0), "same", "p.")
    assert (None if refused is None else f"deleted {lost} records" in refused.message) is (None if not lost else True)


def test_a_history_that_no_worker_reads_ends_as_not_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All is written, and for a while nobody has come to apply it."""
    written = replace(told(), ends={name: [0] for name in NAMES})

    async def look(_: History) -> PrefixFound:
        return PrefixFound(written, logs(), 0, {}, 0)

    async def go(*_: object) -> tuple[PublishCount, bool]:
        return PublishCount(), False

    monkeypatch.setattr(History, "_look", look)
    monkeypatch.setattr(History, "_go", go)
    history = History((), "same", Settings(brokers=("127.0.0.1:1",)), Console())
    with pytest.raises(Refused, match="no worker has applied any") as refused:
        history.run(Playback((), 9), as_json=True)
    assert refused.value.exit_code == ExitCode.NOT_FOUND
    assert "run this again" in refused.value.advice[0]
    assert json.loads(capsys.readouterr().out)["applied"] is False


@pytest.mark.parametrize("members", [{}, {"of another prefix": frozenset({0})}])
def test_the_wait_for_workers_ends_where_none_applies_anything(
    monkeypatch: pytest.MonkeyPatch, members: dict[str, frozenset[int]]
) -> None:
    class View:
        async def group(self, _: str) -> Group:
            return Group("Stable", members)

        async def close(self) -> None:
            pass

    class Ignored(View):
        async def __aenter__(self) -> None:
            pass

        async def __aexit__(self, *_: object) -> None:
            pass

    async def left(*_: object) -> int:
        return 7

    monkeypatch.setattr("app.replay.history_backfill.BrokerView", lambda *_: View())
    monkeypatch.setattr("app.replay.history_backfill.Cluster", lambda *_: Ignored())
    monkeypatch.setattr("app.replay.history_backfill._POLL_S", 0.001)
    monkeypatch.setattr("app.replay.history_backfill._ALONE_S", 0.01)
    monkeypatch.setattr("app.replay.history_backfill.PATIENCE_S", 0.01)
    monkeypatch.setattr(History, "_left", left)
    history = History((), "same", Settings(brokers=("127.0.0.1:1",)), Console())
    written = replace(told(), ends={name: [7] for name in NAMES})
    assert asyncio.run(asyncio.wait_for(history._applied(written), 20)) is False
