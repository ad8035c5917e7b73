"""The published schemas are what the types give."""

from __future__ import annotations

import json

import pytest

from app.generate.contract import DIRECTORY, schemas


@pytest.mark.parametrize("topic", sorted(schemas()))
def test_schema_file_is_what_the_types_give(topic: str) -> None:
    path = DIRECTORY / f"{topic}.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == schemas()[topic], "run `python -m app.generate.contract`"


def test_no_schema_file_is_left_over() -> None:
    assert {path.name for path in DIRECTORY.glob("*.json")} == {f"{topic}.schema.json" for topic in schemas()}
