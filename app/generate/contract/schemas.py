"""The contract as JSON Schemas, made from the types; the types are the only source."""

from __future__ import annotations

import json
from inspect import cleandoc
from pathlib import Path
from typing import Any, Final

import msgspec

from models.analysis.daily_segments import Night
from models.contract.alerts import Alert, Receipt, Score, Suppression
from models.contract.events import INPUTS
from models.contract.policy import Policy
from models.contract.work_orders import WorkOrder
from streams.model_topic.versions import SEGMENTS
from streams.records.topics import ALERTS, MODELS, POLICY, RECEIPTS, SCORES, SUPPRESSIONS, WORK_ORDERS

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
NIGHT: Final = f"{MODELS}.{SEGMENTS}"
"""Schema of one of the several keys of that topic: the nightly segments, which other programs may show."""
OUTPUTS: Final[dict[str, type[msgspec.Struct]]] = {
    ALERTS: Alert,
    SCORES: Score,
    SUPPRESSIONS: Suppression,
    WORK_ORDERS: WorkOrder,
    RECEIPTS: Receipt,
    NIGHT: Night,
    POLICY: Policy,
}
DIRECTORY: Final = Path(__file__).parents[3] / "deploy" / "contract"
_NULL: Final = {"type": "null"}


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
    body: dict[str, Any] = _dedented(msgspec.json.schema(kind))
    if topic in INPUTS:
        for each in body["$defs"].values():
            _allow_null(each)
    return {"$schema": DIALECT, "$id": f"urn:holdfast:{topic}", **body}


def rendered(body: dict[str, Any]) -> str:
    """A document as its file holds it."""
    return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def _dedented(node: Any) -> Any:
    """Docstrings without their indentation, which Python itself takes away from 3.13 on: one file for all."""
    match node:
        case dict():
            return {k: cleandoc(v) if k == "description" else _dedented(v) for k, v in node.items()}
        case list():
            return [_dedented(each) for each in node]
        case _:
            return node


def _allow_null(struct: dict[str, Any]) -> None:
    """Null in an optional field of an input, or in a map, means absent: the decoder takes it whatever the type.

    Examples
    --------
    >>> call = {"properties": {"ts": {"type": "integer"}, "kind": {"enum": ["sms", "voice"], "default": "voice"}},
    ...         "required": ["ts"]}
    >>> _allow_null(call)
    >>> call["properties"]["kind"]
    {'anyOf': [{'enum': ['sms', 'voice']}, {'type': 'null'}], 'default': 'voice'}
    """
    optional = struct.get("properties", {}).keys() - struct.get("required", [])
    for name in optional:
        field = struct["properties"][name]
        if isinstance(field.get("additionalProperties"), dict):
            field["additionalProperties"] = {"anyOf": [field["additionalProperties"], _NULL]}
        if _NULL not in field.get("anyOf", []):
            default = field.pop("default")
            struct["properties"][name] = {"anyOf": [field, _NULL], "default": default}
