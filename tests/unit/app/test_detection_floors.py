"""The floors of detection quality on real data, which is not in this repository.

``HOLDFAST_DATA`` names the folder; without it nothing of this is tested.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.real_data import FOLDER

from app import cli

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]


@pytest.fixture
def data() -> Path:
    if not FOLDER:
        pytest.skip("NOT TESTED: the floors of detection quality need HOLDFAST_DATA, the folder with the public data")
    return Path(FOLDER)


def evaluated(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    assert cli.main(["evaluate", *args, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_cell2cell_in_one_pass(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = evaluated(capsys, "table", str(data / "cell2cell_train70.csv.gz"), "--label", "Churn")["frozen"]
    assert told["roc_auc"] >= 0.68
    assert told["lift_top_decile"] >= 1.9
    assert told["ece"] <= 0.015


def test_collegemsg_is_not_below_a_refitted_lightgbm(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = evaluated(
        capsys, "events", str(data / "collegemsg.csv.gz"), "--id", "src", "--ts", "time",
        "--inactive-days", "14", "--every-days", "2",
    )  # fmt: skip
    assert told["rows"]["all"] == 26_333
    assert told["prequential"]["roc_auc"] >= 0.762
    assert told["frozen"]["roc_auc"] >= 0.76


@pytest.mark.parametrize(
    ("file", "label", "least"), [("ibm_telco.csv.gz", "Churn", 0.84), ("mlc_churn.csv.gz", "churn", 0.915)]
)
def test_other_tables_with_no_option_but_the_label(
    file: str, label: str, least: float, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = evaluated(capsys, "table", str(data / file), "--label", label)["frozen"]
    assert told["roc_auc"] >= least
    assert told["ece"] <= 0.035
