"""Pages of deploy/docs: the generated ones as the code has it, and the one by hand naming all that it must."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from app.config.settings import KEYS
from app.generate.docs import DIRECTORY, pages
from app.learner.metrics import LearnerMetrics
from app.relay.metrics import RelayMetrics
from app.worker.metrics import Metrics
from models.contract.events import INPUTS, Channel, FeedbackStatus
from models.contract.vocabulary import KINDS, ORDER_STEPS, AlertEvent, CloseReason, Role

SUBSCRIBE = (DIRECTORY / "subscribe.md").read_text(encoding="utf-8")


def test_generated_pages_are_what_the_code_gives() -> None:
    committed = {name: (DIRECTORY / name).read_text(encoding="utf-8") for name in pages()}
    assert committed == pages(), "run `python -m app.generate.docs`"


def test_every_setting_that_is_not_hidden_has_a_row() -> None:
    rows = re.findall(r"^\| `HOLDFAST_(\w+)` \| .+ \| .* \| .{5,} \|$", pages()["settings.md"], re.MULTILINE)
    assert [name.lower() for name in rows] == [key for key, about in KEYS.items() if not about.hidden]


def test_every_metric_has_a_row_with_its_labels() -> None:
    rows = re.findall(r"^\| `(holdfast_\w+)` \| (\w+) \| (.*) \| .{5,} \|$", pages()["metrics.md"], re.MULTILINE)
    processes = (Metrics(), LearnerMetrics(), RelayMetrics(["A"], ["B"]))
    exposed = [family for series in processes for family in series.registry.collect()]
    assert [name.removesuffix("_total") for name, *_ in rows] == [family.name for family in exposed]
    assert ("holdfast_dead_letters_total", "counter", "`topic` `reason`") in rows
    assert ("holdfast_lag_records", "gauge", "`topic` `partition`") in rows


@pytest.mark.parametrize(
    "word",
    [
        *KINDS,
        *get_args(AlertEvent),
        *get_args(CloseReason),
        *get_args(FeedbackStatus),
        *ORDER_STEPS,
        *get_args(Role),
    ],
)
def test_subscribe_names_every_word(word: str) -> None:
    assert f"`{word}`" in SUBSCRIBE


@pytest.mark.parametrize("channel", get_args(Channel))
def test_subscribe_names_every_channel(channel: str) -> None:
    assert f"`{channel}`" in SUBSCRIBE


def test_subscribe_names_every_input() -> None:
    assert all(f"`{topic}`" in SUBSCRIBE for topic in INPUTS)


@pytest.mark.parametrize("page", sorted(DIRECTORY.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
