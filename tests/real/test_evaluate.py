"""The floors of ``holdfast evaluate`` on real and public data, which are not in this repository."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from support.real_data import data, needed

from app import cli

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800), needed]
Record = Callable[[str, object], None]


def evaluated(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, Any]:
    assert cli.main(["evaluate", *args, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("file", "label", "floor", "ece"),
    [
        ("cell2cell_train70.csv.gz", "Churn", 0.670, 0.015),
        ("ibm_telco.csv.gz", "Churn", 0.850, 0.04),
        ("mlc_churn.csv.gz", "churn", 0.88, 0.06),
    ],
)
def test_tables_with_no_option_but_the_label(
    file: str, label: str, floor: float, ece: float, record_property: Record, capsys: pytest.CaptureFixture[str]
) -> None:
    told = evaluated(capsys, "table", str(data(file)), "--label", label, "--against-batch")
    for name in ("frozen", "batch", "frozen_over_batch"):
        record_property(f"{file}, {name}", str(told[name]))
        sys.stdout.write(f"{file}, {name}: {told[name]}\n")
    assert told["frozen"]["roc_auc"] >= floor
    assert told["frozen"]["ece"] <= ece


def test_college_messages_as_calls(record_property: Record, capsys: pytest.CaptureFixture[str]) -> None:
    calls = ["--as", "calls", "--map", "subscriber_id=src", "--map", "ts=time", "--set", "direction=outgoing"]
    more = ["--set", "duration_s=60", "--set", "peer_network=on_net", "--inactive-days", "14", "--base-rate", "0.5"]
    told = evaluated(capsys, "events", str(data("collegemsg.csv.gz")), *calls, *more, "--against-batch")
    for part in (told["whole"], told["late"], *told["spans"]):
        record_property(f"CollegeMsg, {part.get('from_day', '')}", str(part))
        sys.stdout.write(f"CollegeMsg: {part}\n")
    late = told["late"]
    assert late["served"]["roc_auc"] >= 0.80
    assert late["served_over"]["silence"]["low"] > 0.0
    # Learned from labels known by then; the first span has few of them, and levels that move.
    assert all(p["served"]["roc_auc"] >= p["silence"]["roc_auc"] for p in told["spans"][1:] if "served" in p)
