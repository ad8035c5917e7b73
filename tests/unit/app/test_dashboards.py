"""Dashboards: as the program makes them, over all that the product exposes, and with links that lead somewhere."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from app.generate.dashboards.rendering import DASHBOARDS, DIRECTORY, LEFT_OUT, PREFIX, rendered
from app.learner.metrics import LearnerMetrics
from app.process.series import Series
from app.relay.metrics import RelayMetrics
from app.worker.metrics import Metrics

RUNBOOKS = DIRECTORY.parent / "runbooks"


def panels(text: str) -> list[dict[str, Any]]:
    return [each for each in json.loads(text)["panels"] if each["type"] != "row"]


def queries(text: str) -> list[str]:
    return [target["expr"] for panel in panels(text) for target in panel["targets"]]


def exposed(series: Series) -> set[str]:
    return {family.name for family in series.registry.collect()}


def family(name: str) -> str:
    return re.sub("_(total|bucket|count|sum)$", "", name)


def test_committed_files_are_what_the_program_makes() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.json")}
    assert committed == rendered(), "run `python -m app.generate.dashboards`"


def test_every_metric_is_on_a_panel_or_left_out_for_a_reason() -> None:
    shown = {
        family(name)
        for text in rendered().values()
        for query in queries(text)
        for name in re.findall(r"holdfast_\w+", query.replace(PREFIX, "holdfast"))
    }
    assert shown | set(LEFT_OUT) == exposed(Metrics()) | exposed(LearnerMetrics()) | exposed(RelayMetrics([], []))
    assert not shown & set(LEFT_OUT)
    assert all(LEFT_OUT.values())


@pytest.mark.parametrize("name", [f"{plan.title.lower()}.json" for plan in DASHBOARDS])
def test_source_and_prefix_are_variables_and_panels_say_what_good_is(name: str) -> None:
    text = rendered()[name]
    said = json.loads(text)
    assert said["uid"] == f"holdfast-{name.removesuffix('.json')}"
    assert [each["name"] for each in said["templating"]["list"]] == ["datasource", "prefix", "runbooks"]
    assert not re.search(r"\bholdfast_", text)
    for panel in panels(text):
        assert panel["datasource"]["uid"] == "${datasource}", panel["title"]
        assert re.fullmatch(r"Good: .{3,}\.", panel["description"]), panel["title"]
    numbers = [panel["id"] for panel in panels(text)]
    assert len(numbers) == len(set(numbers))


def test_links_lead_to_runbooks() -> None:
    links = [link["url"] for text in rendered().values() for panel in panels(text) for link in panel["links"]]
    assert links
    for link in links:
        assert (RUNBOOKS / link.removeprefix("${runbooks}/")).is_file(), link
