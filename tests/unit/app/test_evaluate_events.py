"""``holdfast evaluate events`` from outside: habits are found, the future stays unknown, poison is counted."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import cli
from app.errors import ExitCode
from app.evaluate.log import events_of
from app.evaluate.moments import moments
from app.evaluate.sheet import Sheet
from app.evaluate.stream import calendar, known_labels, replay
from app.replay.moments import First
from models.quality import roc_auc

DAY = 86_400
START = 1_700_000_000
Event = tuple[str, float, float]
"""Who, seconds since 1970, how much."""
OPTIONS = ("--id", "who", "--ts", "when", "--inactive-days", "10", "--every-days", "2")


def habits(people: int = 120, days: int = 120, seed: int = 3) -> list[Event]:
    """Everybody comes at a pace of his own, slows down at some time, and is gone."""
    chance = np.random.default_rng(seed)
    events: list[Event] = []
    for person in range(people):
        at, end, pace = chance.uniform(0, days / 2), chance.uniform(days / 3, days * 1.3), chance.uniform(0.5, 3.0)
        while at < min(end, days):
            events.append((f"p{person}", START + at * DAY, float(chance.gamma(2.0, 5.0))))
            at += chance.exponential(pace) * (2.5 if at > end - 12.0 else 1.0)
    return sorted(events, key=lambda event: event[1])


def memoryless(seed: int = 7) -> list[Event]:
    """All come at the same pace, so that nothing of the past tells anything of the future."""
    chance = np.random.default_rng(seed)
    events: list[Event] = []
    for person in range(150):
        times = np.cumsum(chance.exponential(8.0, 60))
        events += [(f"p{person}", START + at * DAY, 0.0) for at in times[times < 200.0].tolist()]
    return sorted(events, key=lambda event: event[1])


def written(path: Path, events: list[Event]) -> Path:
    lines = ["who,when,amount", *(f"{who},{at:.0f},{amount}" for who, at, amount in events)]
    text = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def evaluated(capsys: pytest.CaptureFixture[str], *args: str | Path) -> dict[str, Any]:
    assert cli.main(["evaluate", "events", *map(str, args), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *args: str | Path) -> str:
    assert cli.main(["evaluate", "events", *map(str, args), "--json"]) == ExitCode.FAILED
    told = capsys.readouterr()
    assert told.out == ""
    return told.err


def scored(path: Path) -> dict[tuple[str, str], tuple[str, str]]:
    with path.open() as file:
        return {(row["id"], row["at"]): (row["label"], row["score"]) for row in csv.DictReader(file)}


def sheet_of(events: list[Event]) -> Sheet:
    who, at, amount = zip(*events, strict=True)
    return Sheet("log", {"who": list(who), "when": [f"{v:.3f}" for v in at], "amount": [f"{v:.6f}" for v in amount]})


def test_who_comes_less_often_is_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = evaluated(capsys, written(tmp_path / "log.csv.gz", habits()), *OPTIONS, "--value", "amount")
    assert told["frozen"].keys() == told["prequential"].keys()
    assert told["prequential"]["roc_auc"] > 0.7
    assert told["prequential"]["lift_top_decile"] > 1.5
    assert told["whole"].keys() == told["frozen"].keys()
    assert told["rows"]["all"] > told["rows"]["scored"] > 0


def test_labels_are_what_the_log_says_a_horizon_later(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events = habits()
    evaluated(capsys, written(tmp_path / "log.csv", events), *OPTIONS, "--scores", tmp_path / "s.csv")
    times: dict[str, list[float]] = {}
    for who, at, _ in events:
        times.setdefault(who, []).append(round(at))
    rows = scored(tmp_path / "s.csv")
    assert len(rows) > 200
    for (who, at), (label, _) in rows.items():
        now = datetime.fromisoformat(at).timestamp()
        came = [t for t in times[who] if now + 1 < t < now + 10 * DAY - 1]
        assert label == ("0" if came else "1"), (who, at)
        assert sum(t <= now + 1 for t in times[who]) >= 3


def test_risks_of_a_day_do_not_change_with_what_comes_after_it() -> None:
    events = habits()
    changed_from = START + 80 * DAY
    after = [event for event in habits(seed=99) if event[1] >= changed_from]
    other = sorted([event for event in events if event[1] < changed_from] + after, key=lambda event: event[1])
    told = []
    for these in (events, other):
        log = events_of(sheet_of(these), "who", "when", "amount")
        names = log.people
        told.append(
            {
                (round(s.at, 6), names[who]): risk
                for s in replay(log, 10.0, 2.0, lambda _: None)
                for who, risk in zip(s.who.tolist(), s.told.tolist(), strict=True)
                if s.at < changed_from / DAY
            }
        )
    assert len(told[0]) > 500
    assert told[0] == told[1]


@pytest.mark.parametrize("seed", [7, 8])
def test_a_feature_that_only_the_future_knows_stays_at_chance(seed: int) -> None:
    # How long somebody will be silent stands on the event that ends the silence: known afterwards only.
    last: dict[str, float] = {}
    marked: list[Event] = []
    for who, at, _ in memoryless(seed):
        marked.append((who, at, 1000.0 if at - last.get(who, at) > 10 * DAY else 1.0))
        last[who] = at
    log = events_of(sheet_of(marked), "who", "when", "amount")
    late = [s for s in replay(log, 10.0, 2.0, lambda _: None) if s.frozen is not None]
    left, told = np.concatenate([s.left for s in late]), np.concatenate([s.told for s in late])
    assert len(left) > 1000
    assert abs(roc_auc(told, left) - 0.5) < 0.06


def test_the_counterpart_is_found_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chance = np.random.default_rng(1)
    events = habits()
    lines = ["who,note,to,when", *(f"{w},n{k},p{chance.integers(120)},{a:.0f}" for k, (w, a, _) in enumerate(events))]
    (tmp_path / "calls.csv").write_text("\n".join(lines))
    assert evaluated(capsys, tmp_path / "calls.csv", *OPTIONS)["counterpart"] == "to"
    assert evaluated(capsys, written(tmp_path / "log.csv", events), *OPTIONS)["counterpart"] is None


def test_poison_is_counted_and_breaks_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "log.csv", habits())
    poison = ["p1,not a time,1", ",1700000000,1", "p2,nan,1", "p3,inf,2", "p4,1700100000,inf", "p5,1700100000,nan"]
    rows = file.read_text().splitlines()
    # The same events twice, out of order, and one from the next century.
    file.write_text("\n".join([rows[0], *rows[:0:-1], *rows[1:200], *poison, "p6,4102444800,5"]))
    told = evaluated(capsys, file, *OPTIONS, "--value", "amount")
    assert told["unreadable"] == 4
    assert told["prequential"]["roc_auc"] > 0.65
    assert all(np.isfinite(list(told[part].values())).all() for part in ("frozen", "prequential", "whole"))


def test_a_hole_in_the_recording_makes_no_leavers() -> None:
    hole = [event for event in habits() if not START + 50 * DAY < event[1] < START + 65 * DAY]
    log = events_of(sheet_of(hole), "who", "when", None)
    days = calendar(log, 10.0, 2.0)
    known = known_labels(log, days, 10.0)
    start, end = (START + 50 * DAY) / DAY, (START + 65 * DAY) / DAY
    assert not known[(days + 10.0 > start + 0.5) & (days < end - 0.5)].any()
    assert known.sum() > 20


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--id", "nobody", "--ts", "when", "--inactive-days", "10", "--every-days", "2"), "no column 'nobody'"),
        (("--id", "who", "--ts", "who", "--inactive-days", "10", "--every-days", "2"), "column 'who' is no time"),
        ((*OPTIONS, "--value", "who"), "column 'who' holds no number"),
        (("--id", "who", "--ts", "when", "--inactive-days", "100", "--every-days", "20"), "labels would be known"),
        (("--id", "who", "--ts", "when", "--inactive-days", "10", "--every-days", "0.00001"), "too many"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    options: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told in refused(capsys, written(tmp_path / "log.csv", habits(40, 100)), *options)


def test_dates_that_do_not_tell_the_day_are_asked_about(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"p{k},01/{month:02d}/2026" for k in range(12) for month in range(1, 13)]
    (tmp_path / "log.csv").write_text("\n".join(["who,when", *rows]))
    args = ["evaluate", "events", str(tmp_path / "log.csv"), *OPTIONS]
    assert cli.main(args) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "row 3 '01/02/2026'" in told
    assert "--day-first" in told
    assert cli.main([*args, "--day-first"]) == ExitCode.FAILED
    assert "334.0 days" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("values", "first", "days"),
    [
        (["01/01/2026"] * 300 + ["13/01/2026"], None, 12),
        (["01/01/2026"] * 300 + ["01/13/2026"], None, 12),
        (["01.01.2026", "05.02.26 12:00"], None, 35.5),
        (["01/01/2026", "01/02/2026"], "month", 1),
    ],
)
def test_dates_tell_over_the_whole_log(values: list[str], first: First | None, days: float) -> None:
    found = moments(values, "when", first)
    assert found[-1] - found[0] == days


def test_a_log_in_which_nobody_has_a_habit_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    once = [(f"p{k}", START + k * DAY / 10, 1.0) for k in range(600)]
    assert "nobody has three events" in refused(capsys, written(tmp_path / "log.csv", once), *OPTIONS)


@pytest.mark.parametrize("days", ["0", "-1", "often"])
def test_days_that_are_none_are_a_usage_error(days: str, tmp_path: Path) -> None:
    file = str(written(tmp_path / "log.csv", habits(10, 60)))
    args = ["evaluate", "events", file, "--id", "who", "--ts", "when", "--inactive-days", days, "--every-days", "1"]
    assert cli.main(args) == ExitCode.USAGE


@pytest.mark.parametrize(
    "values",
    [
        [f"{START + k * DAY}" for k in range(3)],
        [f"{(START + k * DAY) * 1000}" for k in range(3)],
        [f"{(START + k * DAY) * 10**6}" for k in range(3)],
        [f"{(START + k * DAY) * 10**9}" for k in range(3)],
        ["2023-11-14 22:13:20", "2023-11-15 22:13:20", "2023-11-16 22:13:20"],
        ["2023-11-14T22:13:20Z", "2023-11-15T22:13:20Z", "2023-11-16T22:13:20Z"],
        ["2023-11-15T06:13:20+08:00", "2023-11-16T06:13:20+08:00", "2023-11-17T06:13:20+08:00"],
        ["20231114221320", "20231115221320", "20231116221320"],
        ["2023/11/14 22:13:20", "2023/11/15 22:13:20", "2023/11/16 22:13:20"],
    ],
)
def test_the_same_moment_in_every_writing(values: list[str]) -> None:
    assert moments(values, "when") == pytest.approx(np.array([START / DAY + k for k in range(3)]), abs=1e-6)
