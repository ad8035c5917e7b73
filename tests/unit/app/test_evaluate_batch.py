"""``holdfast evaluate ... --against-batch``: the rival gets the same rows, knows no more, and wins where it should."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import cli
from app.errors import ExitCode
from app.evaluate import boosted
from app.evaluate.boosted import Boosted
from app.evaluate.log import events_of
from app.evaluate.refitted import EVERY, Refitted
from app.evaluate.sheet import Sheet
from app.evaluate.stream import replay

FIGURES = {"roc_auc", "pr_auc", "lift_top_decile", "precision_top_5pct", "log_loss", "ece"}


@pytest.fixture(autouse=True)
def _loads() -> None:
    try:
        import lightgbm  # noqa: F401
    except OSError as broken:  # the wheel is there, since `dev` brings it; the system's OpenMP is not
        pytest.skip(f"NOT TESTED: the batch rival: {broken}")


def exclusive(count: int = 1200, seed: int = 1) -> tuple[dict[str, list[str]], np.ndarray]:
    """Heavy users of the one plan leave, and light ones of the other: no column says anything alone."""
    chance = np.random.default_rng(seed)
    minutes, metered = chance.random(count), chance.random(count) < 0.5
    left = (minutes > 0.5) ^ metered
    columns = {"minutes": [f"{v:.4f}" for v in minutes], "plan": np.where(metered, "metered", "flat").tolist()}
    return columns, left


def written(path: Path, columns: dict[str, list[str]], left: np.ndarray) -> Path:
    rows = zip(*columns.values(), np.where(left, "yes", "no").tolist(), strict=True)
    path.write_text("\n".join([",".join([*columns, "left"]), *map(",".join, rows)]))
    return path


def table(capsys: pytest.CaptureFixture[str], *args: str | Path) -> dict[str, Any]:
    assert cli.main(["evaluate", "table", *map(str, args), "--label", "left", "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_trees_win_where_curves_cannot_follow(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "t.csv", *exclusive())
    told = table(capsys, file, "--learner", "curves", "--against-batch")
    assert told["batch"].keys() >= FIGURES
    assert told["batch"]["compared_with"] == "frozen"
    assert told["batch"]["library"].startswith("lightgbm ")
    assert told["frozen"]["roc_auc"] < 0.6
    assert told["batch"]["roc_auc"] > 0.9
    gain = told["batch"]["gain_over_batch"]["roc_auc"]
    assert gain["value"] == pytest.approx(told["frozen"]["roc_auc"] - told["batch"]["roc_auc"])
    assert gain["low"] < gain["value"] < gain["high"] < -0.2


def test_ours_is_the_same_with_a_rival_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "t.csv", *exclusive(400))
    beside, alone = table(capsys, file, "--against-batch"), table(capsys, file)
    assert "batch" not in alone
    del beside["batch"]
    assert beside == alone


def test_the_rival_does_not_know_the_labels_of_the_rows_it_is_asked_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = written(tmp_path / "a.csv", *exclusive(600))
    columns, left = exclusive(300, seed=2)
    said = []
    for labels in (left, ~left):
        test = written(tmp_path / "b.csv", columns, labels)
        said.append(table(capsys, train, "--test", test, "--against-batch")["batch"]["roc_auc"])
    assert said[0] == pytest.approx(1.0 - said[1], abs=1e-12)


def test_rows_of_one_answer_grow_no_tree() -> None:
    trees = Boosted(np.zeros((60, 2)), np.ones(60, dtype=bool))
    assert (trees.count, trees.risk(np.zeros((2, 2))).tolist()) == (0, [1.0, 1.0])


def events(days: int = 60, people: int = 80, seed: int = 3) -> Sheet:
    chance = np.random.default_rng(seed)
    found: list[tuple[float, str]] = []
    for person in range(people):
        at, end, pace = chance.uniform(0, days / 3), chance.uniform(days / 3, days * 1.3), chance.uniform(0.5, 3.0)
        while at < min(end, days):
            found.append((20_000.0 + at, f"p{person}"))
            at += chance.exponential(pace)
    found.sort()
    return Sheet("log", {"who": [who for _, who in found], "when": [f"{at:.5f}" for at, _ in found]})


def test_events_are_measured_against_a_refitted_rival_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = events()
    lines = ["who,when", *map(",".join, zip(*log.columns.values(), strict=True))]
    (tmp_path / "log.csv").write_text("\n".join(lines))
    args = ["--id", "who", "--ts", "when", "--inactive-days", "6", "--every-days", "2", "--against-batch"]
    assert cli.main(["evaluate", "events", str(tmp_path / "log.csv"), *args, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["batch"].keys() >= FIGURES
    assert told["batch"]["compared_with"] == "prequential"
    assert told["batch"]["roc_auc"] != told["prequential"]["roc_auc"]
    assert cli.main(["evaluate", "events", str(tmp_path / "log.csv"), *args]) == 0
    shown = capsys.readouterr()
    assert "batch" in shown.out.splitlines()[0]
    assert "than batch (95 %: " in shown.out
    assert "every 4 snapshots" in shown.err


def test_a_rival_on_a_stream_knows_nothing_of_later_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted, "MOST_TREES", 5)
    log, other = events(), events()
    cut = 20_045.0
    late = [k for k, at in enumerate(other.columns["when"]) if float(at) >= cut]
    names = [other.columns["who"][k] for k in late]
    for k, name in zip(late, reversed(names), strict=True):
        other.columns["who"][k] = name
    told = []
    for sheet in (log, other):
        found = events_of(sheet, "who", "when", None)
        days = replay(found, 6.0, 2.0, lambda _: None, Refitted())
        early = (day for day in days if day.at < cut and day.batch is not None)
        told.append({(round(day.at, 3), tuple(day.batch.tolist())) for day in early if day.batch is not None})
    assert len(told[0]) > 15
    assert told[0] == told[1]


def test_trees_are_grown_anew_every_four_snapshots_and_from_the_first_label_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosted, "MOST_TREES", 3)
    chance = np.random.default_rng(5)
    rival, fits = Refitted(), []
    rows = chance.random((50, 2))
    assert rival.risk(rows).tolist() == [0.5] * 50
    for _ in range(2 * EVERY + 1):
        rival.learn(rows, rows[:, 0] > 0.5)
        rival.risk(rows)
        fits.append(rival.fits)
    assert fits == [1] * EVERY + [2] * EVERY + [3]


@pytest.mark.parametrize("verb", [["table", "--label", "left"], ["events", "--id", "a", "--ts", "b"]])
def test_without_the_extra_the_line_to_install_it_is_told_before_anything_is_read(
    verb: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    more = ["--inactive-days", "9", "--every-days", "2"] if verb[0] == "events" else []
    assert cli.main(["evaluate", verb[0], "none.csv", *verb[1:], *more, "--against-batch"]) == ExitCode.FAILED
    told = capsys.readouterr().err
    assert "needs LightGBM, which is not installed" in told
    assert boosted.INSTALL in told
