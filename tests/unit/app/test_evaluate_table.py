"""``holdfast evaluate table`` from outside: what it prints, what it refuses, what it bears."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app import cli
from app.errors import ExitCode
from app.evaluate.sheet import answers

FIGURES = {"roc_auc", "roc_auc_95", "pr_auc", "lift_top_decile", "precision_top_5pct", "log_loss", "ece"}
Table = dict[str, Sequence[object]]


def people(count: int, seed: int = 5) -> Table:
    """Who stays long and pays little stays; one in ten of the prices is missing."""
    chance = np.random.default_rng(seed)
    months, price = chance.integers(1, 60, count), chance.gamma(3.0, 10.0, count).round(2)
    plan = chance.choice(["gold", "silver", "tin"], count)
    logit = 1.5 - 0.08 * months + 0.03 * price + (plan == "tin")
    left = chance.random(count) < 1.0 / (1.0 + np.exp(-logit))
    told = [("" if chance.random() < 0.1 else value) for value in price.tolist()]
    return {
        "id": [f"c{k}" for k in range(count)],
        "months": months.tolist(),
        "price": told,
        "plan": plan.tolist(),
        "left": ["yes" if answer else "no" for answer in left],
    }


def written(path: Path, table: Table, encoding: str = "utf-8") -> Path:
    lines = [",".join(table), *(",".join(map(str, row)) for row in zip(*table.values(), strict=True))]
    text = ("\n".join(lines) + "\n").encode(encoding)
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def evaluated(capsys: pytest.CaptureFixture[str], *args: str | Path) -> dict[str, Any]:
    assert cli.main(["evaluate", "table", *map(str, args), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *args: str | Path) -> str:
    assert cli.main(["evaluate", "table", *map(str, args), "--json"]) == ExitCode.FAILED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("holdfast: ")
    return told.err


def test_a_table_is_learned_in_one_pass_and_measured_on_rows_it_never_learned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = evaluated(capsys, written(tmp_path / "t.csv", people(3000)), "--label", "left")
    assert set(told["frozen"]) == set(told["prequential"]) == FIGURES
    assert told["frozen"]["roc_auc"] > 0.8
    assert told["frozen"]["ece"] < 0.08
    assert told["rows"]["learned"] == 2100
    assert told["rows"]["scored"] == 900
    assert told["columns"] == {"number": ["months", "price"], "category": ["plan"], "identity": ["id"]}


def test_a_test_table_is_scored_and_written_row_by_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = people(2000), people(700, seed=6)
    told = evaluated(
        capsys, written(tmp_path / "a.csv.gz", train), "--test", written(tmp_path / "b.csv.gz", test),
        "--label", "left", "--id", "id", "--scores", tmp_path / "scores.csv",
    )  # fmt: skip
    assert told["rows"]["learned"] == 2000
    with (tmp_path / "scores.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == test["id"]
    assert [row["label"] for row in rows] == ["1" if word == "yes" else "0" for word in test["left"]]
    assert all(0.0 <= float(row["score"]) <= 1.0 for row in rows)


def test_frozen_risks_do_not_know_the_labels_of_the_test_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, test = written(tmp_path / "a.csv", people(1500)), people(400, seed=8)
    risks = []
    for labels in (test["left"], list(reversed(test["left"]))):
        file = written(tmp_path / "b.csv", test | {"left": labels})
        evaluated(capsys, train, "--test", file, "--label", "left", "--scores", tmp_path / "s.csv")
        risks.append([line.split(",")[2] for line in (tmp_path / "s.csv").read_text().splitlines()])
    assert risks[0] == risks[1]


def test_the_same_table_gives_the_same_figures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path / "t.csv", people(800))
    assert evaluated(capsys, file, "--label", "left") == evaluated(capsys, file, "--label", "left")


def test_labels_by_chance_are_told_to_be_chance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = people(4000)
    chance = np.random.default_rng(11)
    told = evaluated(
        capsys, written(tmp_path / "t.csv", table | {"left": chance.integers(0, 2, 4000).tolist()}), "--label", "left"
    )
    assert 0.44 < told["frozen"]["roc_auc"] < 0.56


def test_a_chinese_table_in_gbk_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = people(900)
    chinese: Table = {
        "客户编号": table["id"],
        "在网月数": table["months"],
        "当月话费": table["price"],
        "套餐": ["金卡" if plan == "gold" else "银卡" for plan in table["plan"]],
        "是否流失": ["是" if left == "yes" else "否" for left in table["left"]],
    }
    file = written(tmp_path / "客户.csv", chinese, encoding="gbk")
    told = evaluated(capsys, file, "--label", "是否流失", "--id", "客户编号")
    assert told["frozen"]["roc_auc"] > 0.75
    assert told["columns"]["category"] == ["套餐"]


def test_flipped_labels_cost_a_little_and_break_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train, test = people(3000), written(tmp_path / "b.csv", people(1500, seed=9))
    chance = np.random.default_rng(2)
    flipped = [{"yes": "no", "no": "yes"}[str(word)] if chance.random() < 0.1 else word for word in train["left"]]
    clean = evaluated(capsys, written(tmp_path / "a.csv", train), "--test", test, "--label", "left")
    dirty = evaluated(capsys, written(tmp_path / "c.csv", train | {"left": flipped}), "--test", test, "--label", "left")
    assert dirty["frozen"]["roc_auc"] > clean["frozen"]["roc_auc"] - 0.03


@pytest.mark.parametrize("name", ["", "index", "Unnamed: 0", "序号"])
def test_the_number_of_a_row_is_not_learned_though_the_file_is_sorted_by_the_label(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance = np.random.default_rng(4)
    table: Table = {name: range(1000), "x": chance.random(1000).tolist(), "left": ["no"] * 600 + ["yes"] * 400}
    told = evaluated(capsys, written(tmp_path / "t.csv", table), "--label", "left")
    assert told["columns"]["identity"] == [name]
    assert told["frozen"]["roc_auc"] < 0.65


def test_poisoned_values_and_repeated_rows_break_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = {name: list(values) for name, values in people(2000).items()}
    for row, poison in enumerate(["nan", "inf", "-inf", "1e308", "-1e308", "1e999", "NULL", "?", "千", "0x1f"] * 3):
        table["price"][row * 11] = poison
        table["months"][row * 17] = poison
    for values in table.values():
        values.extend(values[:500])
    told = evaluated(capsys, written(tmp_path / "t.csv", table), "--label", "left", "--id", "id")
    assert told["frozen"]["roc_auc"] > 0.75
    assert all(np.isfinite(np.hstack(list(told[part].values()))).all() for part in ("frozen", "prequential"))


def test_levels_and_values_that_only_the_test_has_are_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = people(400, seed=3)
    strange = test | {"plan": ["platinum"] * 400, "price": [1e12] * 200 + ["-5"] * 200}
    told = evaluated(
        capsys, written(tmp_path / "a.csv", people(1500)), "--test", written(tmp_path / "b.csv", strange),
        "--label", "left",
    )  # fmt: skip
    assert told["frozen"]["roc_auc"] > 0.6


def test_only_categories_only_numbers_and_only_one_column_will_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = people(1500)
    for names in (["plan"], ["months"], ["months", "price"], ["plan", "id"]):
        part = {name: table[name] for name in [*names, "left"]}
        assert evaluated(capsys, written(tmp_path / "t.csv", part), "--label", "left")["frozen"]["roc_auc"] > 0.5


def test_a_missing_column_is_named_with_those_that_are_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "t.csv", people(200))
    told = refused(capsys, file, "--label", "churn")
    assert "no column 'churn'" in told
    assert "months, price, plan" in told
    assert "no column 'nobody'" in refused(capsys, file, "--label", "left", "--id", "nobody")


def test_a_test_table_without_a_column_of_the_train_table_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = people(100)
    short = {name: values for name, values in short.items() if name != "price"}
    told = refused(
        capsys, written(tmp_path / "a.csv", people(300)), "--test", written(tmp_path / "b.csv", short),
        "--label", "left",
    )  # fmt: skip
    assert "b.csv has no column 'price'" in told


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (["yes"] * 200, "one class only: 200 of 200 left"),
        (["no"] * 200, "one class only: 0 of 200 left"),
        (["perhaps"] * 200, "is no label: 'perhaps'"),
        (["yes"] * 100 + [""] * 100, "one class only: 100 of 100 left"),
    ],
)
def test_labels_that_are_none_are_refused(
    labels: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told in refused(capsys, written(tmp_path / "t.csv", people(200) | {"left": labels}), "--label", "left")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"a,left\n", "no rows"),
        (b"a,a,left\n1,2,yes\n", "names a column twice: 'a'"),
        (b"a,left\n1,yes\n1,2,no\n", "row 3: 3 fields where the header has 2"),
        (b"\x1f\x8b\x08\x00broken", "cannot be read"),
        (b"left\n" + b"yes\nno\n" * 50, "nothing to learn from"),
        (b"a,left\n" + b"1,yes\n1,no\n" * 50, "nothing to learn from in its first rows: a (constant)"),
        (b"a,left\n" + b"1,yes\n2,no\n" * 5, "too few"),
    ],
)
def test_files_that_are_no_table_are_refused(
    content: bytes, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    assert told in refused(capsys, tmp_path / "t.csv", "--label", "left")


def test_an_encoding_that_is_not_to_be_found_out_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,left\n" + b"\xff\xff\xff,yes\n1,no\n" * 60)
    args = ["evaluate", "table", str(tmp_path / "t.csv"), "--label", "left"]
    assert cli.main(args) == ExitCode.USAGE
    assert "--encoding cp1252" in capsys.readouterr().err
    assert cli.main([*args, "--encoding", "cp1252"]) == 0


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "cannot be read" in refused(capsys, tmp_path / "none.csv", "--label", "left")


def test_for_people_there_is_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["evaluate", "table", str(written(tmp_path / "t.csv", people(400))), "--label", "left"]) == 0
    told = capsys.readouterr()
    assert "roc_auc" in told.out
    assert "never learned" in told.err


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = {name: list(values) for name, values in people(1000).items()}
    blanks = ["", "NULL", "n/a", " "]
    table["left"][::10] = [blanks[k % 4] for k in range(100)]
    file = written(tmp_path / "t.csv", table)
    told = evaluated(capsys, file, "--label", "left", "--id", "id", "--scores", tmp_path / "s.csv")
    assert told["rows"] | {"left_among_scored": 0} == {
        "learned": 630, "scored": 270, "blank_label": 100, "left_among_scored": 0,
    }  # fmt: skip
    ids = [line.split(",")[0] for line in (tmp_path / "s.csv").read_text().splitlines()[1:]]
    assert not set(ids) & set(table["id"][::10])
    assert cli.main(["evaluate", "table", str(file), "--label", "left"]) == 0
    out = capsys.readouterr().out
    assert "100 rows without a label are left out" in out
    assert "in column" in out.split("left: ")[1].splitlines()[0]


@pytest.mark.parametrize("positive", ["1", "1.0"])
def test_a_label_that_became_a_float_is_the_same_label(positive: str) -> None:
    found = answers(["1", "0", "1.0", "0.0", "1,0", "", "nan"], "left", positive)
    assert found.left.tolist() == [True, False, True, False, True, False, False]
    assert found.words == ["1", "1,0", "1.0"]


def test_the_word_of_those_who_left_can_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = people(900)
    words = {"yes": "Gekündigt", "no": "Bestand"}
    file = written(tmp_path / "t.csv", table | {"left": [words[str(word)] for word in table["left"]]})
    advice = refused(capsys, file, "--label", "left")
    assert "say which of them left" in advice
    assert "--positive VALUE" in advice, "an example would be the wrong word half of the time"
    plain = evaluated(capsys, written(tmp_path / "u.csv", table), "--label", "left")
    assert evaluated(capsys, file, "--label", "left", "--positive", "gekündigt")["frozen"] == plain["frozen"]
    assert cli.main(["evaluate", "table", str(file), "--label", "left", "--positive", "gone"]) == ExitCode.USAGE
    assert "'Bestand'" in capsys.readouterr().err


def in_europe(price: object) -> str:
    return "" if price == "" else f"{price:,.2f}".replace(",", " ").replace(".", ",")


def test_decimal_commas_and_days_are_read_over_the_whole_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = people(1500)
    since = [date(2026, 11, 1) - timedelta(days=30 * int(str(months))) for months in table["months"]]
    found = []
    for name, price, form, separator in (("a", str, "%Y-%m-%d", ","), ("b", in_europe, "%d/%m/%Y", ";")):
        dressed = table | {"price": [price(p) for p in table["price"]], "since": [f"{day:{form}}" for day in since]}
        rows = [
            separator.join(dressed),
            *(separator.join(map(str, row)) for row in zip(*dressed.values(), strict=True)),
        ]
        (tmp_path / f"{name}.csv").write_text("\n".join(rows) + "\n")
        found.append(evaluated(capsys, tmp_path / f"{name}.csv", "--label", "left"))
    assert found[0]["frozen"] == found[1]["frozen"]
    assert found[1]["columns"] == {
        "number": ["months", "price"],
        "category": ["plan"],
        "date": ["since"],
        "identity": ["id"],
    }
    early = written(tmp_path / "c.csv", table | {"since": [f"0{k % 9 + 1}/0{k % 7 + 1}/2026" for k in range(1500)]})
    assert cli.main(["evaluate", "table", str(early), "--label", "left"]) == ExitCode.USAGE
    assert "--day-first" in capsys.readouterr().err
    evaluated(capsys, early, "--label", "left", "--day-first")


def test_a_thousand_or_one_and_three_decimals_is_asked_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = {name: values for name, values in people(600).items() if name != "price"}
    file = written(tmp_path / "t.csv", table | {"fee": [f'"1,{k % 900 + 100}"' for k in range(600)]})
    assert cli.main(["evaluate", "table", str(file), "--label", "left"]) == ExitCode.USAGE
    assert "--decimal fee=comma" in capsys.readouterr().err
    assert "fee" in evaluated(capsys, file, "--label", "left", "--decimal", "fee=comma")["columns"]["number"]
    assert cli.main(["evaluate", "table", str(file), "--label", "left", "--decimal", "plan=comma"]) == ExitCode.USAGE


@pytest.mark.parametrize("preamble", ["Customers of March\nmade on 2026-11-01\n\n", "Customers of March,,,,\n,,,,\n\n"])
def test_lines_in_front_of_the_header_are_pointed_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], preamble: str
) -> None:
    file = written(tmp_path / "t.csv", people(600))
    file.write_text(preamble + file.read_text())
    assert "row 4 looks like the header:  --skip 3" in refused(capsys, file, "--label", "left")
    assert evaluated(capsys, file, "--label", "left", "--skip", "3")["rows"]["learned"] == 420
    assert "--skip" not in refused(capsys, file, "--label", "leaving")


def test_a_sum_under_the_table_and_the_header_once_more_are_no_customers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (written(tmp_path / f"{n}.csv", people(500, seed=n)) for n in (5, 6))
    clean = tmp_path / "clean.csv"
    clean.write_text(one.read_text() + two.read_text().partition("\n")[2])
    both = tmp_path / "both.csv"
    both.write_text(one.read_text() + two.read_text() + "Total,30000,28000,tin,yes\nAverage,30,28,tin,no\n")
    found, same = (evaluated(capsys, file, "--label", "left") for file in (both, clean))
    assert found.pop("left_out") == [
        "row 502 is left out: the header once more",
        "row 1003 is left out: a sum or a count under the table",
        "row 1004 is left out: a sum or a count under the table",
    ]
    assert same.pop("left_out") == []
    assert {**found, "scored": 0} == {**same, "scored": 0}


@pytest.mark.parametrize(
    "words", ["ja nein", "oui non", "sí no", "sim não", "да нет", "はい いいえ", "예 아니오", "TAK NIE"]
)
def test_yes_and_no_in_other_languages_are_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str
) -> None:
    table, (yes, no) = dict(people(300)), words.split()
    table["left"] = [yes if each == "yes" else no for each in table["left"]]
    file = written(tmp_path / "t.csv", table)
    assert evaluated(capsys, file, "--label", "left")["label"]["left"] == [yes]
