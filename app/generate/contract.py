"""The contract as JSON Schemas, made from the types: ``python -m app.generate.contract`` writes ``deploy/contract/``.

The types are the only source; a test fails when the files differ from what they give.
"""

from __future__ import annotations

import json
import sys
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

import msgspec

from models.analysis.daily_segments import Night
from models.contract.alerts import Alert, Receipt, Score, Suppression
from models.contract.events import INPUTS
from streams.model_topic.versions import SEGMENTS
from streams.records.topics import ALERTS, MODELS, RECEIPTS, SCORES, SUPPRESSIONS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
OUTPUTS: Final[dict[str, type[msgspec.Struct]]] = {
    ALERTS: Alert,
    SCORES: Score,
    SUPPRESSIONS: Suppression,
    RECEIPTS: Receipt,
    # One key of several of that topic: what other programs may show of a night.
    f"{MODELS}.{SEGMENTS}": Night,
}
DIRECTORY: Final = Path(__file__).parents[2] / "deploy" / "contract"


def schemas() -> dict[str, dict[str, Any]]:
    """A schema for each topic, by its name without prefix."""
    return {topic: schema(topic, kind) for topic, kind in {**INPUTS, **OUTPUTS}.items()}


def schema(topic: str, kind: type[Any]) -> dict[str, Any]:
    """The schema of one topic's value. Unknown fields are allowed: additions within a ``v1`` break nobody.

    Examples
    --------
    >>> from models.contract.events import Erasure
    >>> schema("telecom.erasures.v1", Erasure)["$defs"]["Erasure"]["required"]
    ['subscriber_id', 'ts', 'request_id']
    """
    return {"$schema": DIALECT, "$id": f"urn:holdfast:{topic}", **_dedented(msgspec.json.schema(kind))}


def _dedented(node: Any) -> Any:
    """Docstrings without their indentation, which Python itself takes away from 3.13 on: one file for all."""
    match node:
        case dict():
            return {k: cleandoc(v) if k == "description" else _dedented(v) for k, v in node.items()}
        case list():
            return [_dedented(each) for each in node]
        case _:
            return node


def main() -> None:
    """Write a file for each topic."""
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for topic, body in schemas().items():
        path = DIRECTORY / f"{topic}.schema.json"
        path.write_text(json.dumps(body, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        sys.stdout.write(f"{path.name}\n")


if __name__ == "__main__":
    main()
