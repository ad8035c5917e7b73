"""The schemas of the last release, in ``deploy/contract/released``, and how the present ones would break them."""

from __future__ import annotations

import json
from typing import Any, Final

from app.generate.contract.breaking import breaking
from app.generate.contract.schemas import DIRECTORY, rendered, schemas
from models.contract.events import INPUTS

RELEASED: Final = DIRECTORY / "released"


def breaks() -> list[str]:
    """Changes since the last release that break a producer or a reader, in plain words, with the topic in front."""
    present = schemas()
    return [f"{topic}: {each}" for topic, was in released().items() for each in _of_topic(topic, was, present)]


def _of_topic(topic: str, was: dict[str, Any], present: dict[str, dict[str, Any]]) -> list[str]:
    if topic not in present:
        return ["the topic is gone"]
    return breaking(was, present[topic], "input" if topic in INPUTS else "output")


def released() -> dict[str, dict[str, Any]]:
    """The released schemas by topic."""
    return {
        path.name.removesuffix(".schema.json"): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(RELEASED.glob("*.schema.json"))
    }


def release() -> None:
    """Make the present schemas the released ones; a topic that exists no more keeps its released schema."""
    RELEASED.mkdir(exist_ok=True)
    for topic, body in schemas().items():
        (RELEASED / f"{topic}.schema.json").write_text(rendered(body), encoding="utf-8")
