"""``holdfast evaluate events`` from outside: what is served is measured, and no label is known before its time."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from app import cli
from app.errors import ExitCode
from app.evaluate.events import evaluate_events, lived, with_lapses
from app.publishing.record import TimedRecord, encode
from models.contract.events import CALLS
from models.contract.policy import LabelPolicy, Policy
from models.contract.time_units import DAY_MS
from models.contract.training_example import Example, WeeklyLabel
from models.learning.admission import Lesson
from models.learning.learner import Learner, LearnerSettings
from models.scoring.prior import prior

START = 1_700_000_000_000
POLICY = Policy(base_rate=0.3, labels=LabelPolicy(horizon_days=10, lapse_days=10))
SETTINGS = LearnerSettings(horizon_days=10.0, warm_rows=200)
Event = tuple[str, int]
CALLING = ("--as", "calls", "--map", "subscriber_id=who", "--map", "ts=when", "--set", "direction=outgoing")
OPTIONS = (
    *CALLING,
    "--set",
    "duration_s=60",
    "--set",
    "peer_network=on_net",
    "--inactive-days",
    "10",
    "--base-rate",
    "0.3",
)


def habits(people: int = 120, days: int = 120, seed: int = 3) -> list[Event]:
    """Everybody calls at a pace of their own, slows down at some time, and is gone."""
    chance = np.random.default_rng(seed)
    events: list[Event] = []
    for person in range(people):
        at, end, pace = chance.uniform(0, days / 2), chance.uniform(days / 3, days * 1.3), chance.uniform(0.5, 3.0)
        while at < min(end, days):
            events.append((f"p{person}", START + int(at * DAY_MS)))
            at += chance.exponential(pace) * (2.5 if at > end - 12.0 else 1.0)
    return sorted(events, key=lambda event: event[1])


def calls(events: list[Event]) -> list[TimedRecord]:
    fields = {"direction": "outgoing", "duration_s": 60, "peer_network": "on_net"}
    return [TimedRecord(CALLS, w.encode(), encode({"subscriber_id": w, "ts": ts, **fields}), ts) for w, ts in events]


def told(records: Iterable[TimedRecord], learner: Learner) -> list[Example | WeeklyLabel]:
    return [body for body in lived(records, POLICY, learner) if isinstance(body, Example | WeeklyLabel)]


def written(path: Path, events: list[Event]) -> Path:
    text = ("\n".join(["who,when", *(f"{who},{ts}" for who, ts in events)]) + "\n").encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def evaluated(capsys: pytest.CaptureFixture[str], *args: str | Path) -> dict[str, Any]:
    assert cli.main(["evaluate", "events", *map(str, args), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], code: ExitCode, *args: str | Path) -> str:
    assert cli.main(["evaluate", "events", *map(str, args), "--json"]) == code
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


def test_what_was_served_stands_beside_silence_and_prior(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = evaluated(capsys, written(tmp_path / "log.csv.gz", habits()), *OPTIONS, "--scores", tmp_path / "s.csv")
    whole = told["whole"]
    assert whole["served"]["roc_auc"] > 0.6
    low, high = whole["served"]["roc_auc_95"]
    assert low < whole["served"]["roc_auc"] < high
    gain = whole["served_over"]["silence"]["value"]
    assert gain == pytest.approx(whole["served"]["roc_auc"] - whole["silence"]["roc_auc"])
    assert told["models"] > 2
    assert sum(span["rows"] for span in told["spans"]) == whole["rows"]
    assert sum(span["left"] for span in told["spans"]) == whole["left"]
    with (tmp_path / "s.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == whole["rows"]
    assert sum(row["label"] == "1" for row in rows) == whole["left"]
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)


def test_outcomes_of_the_files_are_the_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = habits()
    last = dict(events)
    gone = [f"{who},{ts + 2 * DAY_MS},ported_out" for who, ts in last.items() if ts < events[-1][1] - 20 * DAY_MS]
    (tmp_path / "left.csv").write_text("\n".join(["who,when,outcome", *gone]))
    files = written(tmp_path / "log.csv", events), tmp_path / "left.csv"
    both = ["--as", "calls", "--as", "outcomes", "--map", "subscriber_id=who", "--map", "ts=when"]
    more = [
        "--set",
        "direction=outgoing",
        "--set",
        "calls.duration_s=60",
        "--set",
        "peer_network=on_net",
        "--base-rate",
        "0.3",
    ]
    told = evaluated(capsys, *files, *both, *more)
    assert told["whole"]["left"] > len(gone)
    assert [part["converted"] for part in told["files"]] == [len(events), len(gone)]


class Watched(Learner):
    """Knows how far the log was read when something was learned."""

    now = 0

    def learn(self, told: Example | WeeklyLabel) -> Lesson:
        known = told.known_ts if isinstance(told, WeeklyLabel) else told.labelled_ts
        assert told.ts < known <= Watched.now
        return super().learn(told)


def test_no_label_is_learned_before_it_is_known() -> None:
    def read() -> Iterator[TimedRecord]:
        for record in with_lapses(calls(habits()), 10.0):
            Watched.now = record.ts
            yield record

    learner = Watched(SETTINGS, prior())
    assert len(told(read(), learner)) > 2_000
    assert learner.served.version != prior().version


def test_what_comes_after_changes_nothing_that_was_served_before() -> None:
    events, changed_from = habits(), START + 80 * DAY_MS
    after = [event for event in habits(seed=99) if event[1] >= changed_from]
    other = [event for event in events if event[1] < changed_from] + after
    served = []
    for these in (events, other):
        found = told(with_lapses(calls(these), 10.0), Learner(SETTINGS, prior()))
        served.append({(e.subscriber_id, e.ts): (e.risk, e.model_version) for e in found if e.ts < changed_from})
    both = served[0].keys() & served[1].keys()
    assert len(both) > 600
    assert all(served[0][look] == served[1][look] for look in both)
    assert len({served[0][look][1] for look in both}) > 2


def test_learning_moves_what_is_served_and_nothing_else() -> None:
    """The same log with the learner's labels turned round: other risks, the same looks and labels."""

    class Misled(Learner):
        def learn(self, each: Example | WeeklyLabel) -> Lesson:
            if isinstance(each, WeeklyLabel):
                each = replace(each, left=not each.left, outcome=None if each.left else "lapsed")
            return super().learn(each)

    records = list(with_lapses(calls(habits()), 10.0))
    right, wrong = (told(records, made(SETTINGS, prior())) for made in (Learner, Misled))
    assert [(e.subscriber_id, e.ts) for e in right] == [(e.subscriber_id, e.ts) for e in wrong]
    assert [e.risk for e in right] != [e.risk for e in wrong]


def test_a_hole_in_the_recording_is_no_flood_of_leavers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hole = [e for e in habits() if not START + 50 * DAY_MS < e[1] < START + 65 * DAY_MS]
    assert "the log has a gap" in refused(capsys, ExitCode.FAILED, written(tmp_path / "log.csv", hole), *OPTIONS)


def test_poison_is_counted_and_breaks_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "log.csv", habits())
    rows = file.read_text().splitlines()
    poison = ["p1,not a time", ",1700000000000", "p6,4102444800000"]
    file.write_text("\n".join([rows[0], *rows[:0:-1], *poison]))
    told = evaluated(capsys, file, *OPTIONS)
    assert told["files"][0]["rejected"] == 3
    assert told["whole"]["served"]["roc_auc"] > 0.6


@pytest.mark.parametrize(
    ("content", "options", "code", "told"),
    [
        ("who,when\np1,1700000000000\n", CALLING, ExitCode.USAGE, "labels come from outcomes or from silence"),
        ("who,when\np1,1700000000000\n", OPTIONS, ExitCode.FAILED, "no outcome becomes known within the log"),
        ("who,then\np1,1700000000000\n", OPTIONS, ExitCode.USAGE, "has no column 'when'"),
        ("", OPTIONS, ExitCode.FAILED, "is empty"),
        ("who,when\n", OPTIONS, ExitCode.FAILED, "has no rows"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    content: str, options: tuple[str, ...], code: ExitCode, told: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "log.csv").write_text(content)
    assert told in refused(capsys, code, tmp_path / "log.csv", *options)


def test_a_log_of_one_class_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steady = [(f"p{person}", START + day * DAY_MS + person) for day in range(60) for person in range(20)]
    assert "nothing to tell apart" in refused(capsys, ExitCode.FAILED, written(tmp_path / "log.csv", steady), *OPTIONS)


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    assert cli.main(["evaluate", "events", str(tmp_path / "none.csv"), *OPTIONS]) == ExitCode.USAGE


@pytest.mark.parametrize("days", ["0", "-1", "often"])
def test_days_that_are_none_are_a_usage_error(days: str, tmp_path: Path) -> None:
    file = str(written(tmp_path / "log.csv", habits(10, 60)))
    assert cli.main(["evaluate", "events", file, *CALLING, "--inactive-days", days]) == ExitCode.USAGE


def test_for_people_there_is_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", "events", str(written(tmp_path / "log.csv", habits())), *OPTIONS]) == 0
    told = capsys.readouterr()
    first, *rest = told.out.splitlines()
    assert first.split()[-3:] == ["silence", "prior", "served"]
    assert [line.split()[0] for line in rest[:3]] == ["whole", "last", "days"]
    assert "AUC, served over silence: " in told.out


def test_outcomes_and_silence_together_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "log.csv", habits(10, 60))
    options = ("--as", "calls", "--as", "outcomes", "--inactive-days", "10")
    assert "not from both" in refused(capsys, ExitCode.USAGE, file, file, *options)


def test_the_library_gives_what_the_verb_gives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = habits()
    _, learner = evaluate_events(calls(events), Policy(base_rate=0.3), LearnerSettings(), 10.0)
    told = evaluated(capsys, written(tmp_path / "log.csv", events), *OPTIONS)
    assert told["leavers_learned"] == learner.report().leavers


def test_an_interrupt_ends_it_without_a_traceback(tmp_path: Path) -> None:
    file = written(tmp_path / "log.csv", habits(2_000, 200))
    command = [sys.executable, "-m", "app.cli", "evaluate", "events", str(file), *OPTIONS]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    assert process.stderr is not None
    process.stderr.readline()  # the mapping: it reads
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert out == b""
    assert b"Traceback" not in err
