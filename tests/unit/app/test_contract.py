"""The contract package: made from the types, valid by the official schema, its examples true, and its release kept."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import msgspec
import pytest

from app.generate.contract.__main__ import files
from app.generate.contract.asyncapi import asyncapi
from app.generate.contract.breaking import breaks, released
from app.generate.contract.examples import TS
from app.generate.contract.schemas import DIRECTORY, OUTPUTS, schemas
from models.contract.events import INPUTS, Consent, Deletion
from streams.records.topics import ALERTS, ALL_TOPICS, DEAD_LETTERS, POLICY, WORK_ORDERS
from streams.records.wire import Rejected, decode

OFFICIAL = Path(__file__).parents[2] / "support" / "asyncapi-3.0.0.schema.json.gz"
"""Of the npm package @asyncapi/specs 6.11.1, Apache-2.0; the parser that goes with it runs in .ci/long."""
SCHEMAS = schemas()
MESSAGES = [
    (topic, name, message)
    for topic, channel in asyncapi()["channels"].items()
    for name, message in channel["messages"].items()
]


class Record(NamedTuple):
    key: bytes | None
    value: bytes | None
    offset: int = 0
    timestamp: int = TS


def payload_schema(message: dict[str, Any]) -> dict[str, Any]:
    """The schema of a message's value; one that is referred to must be a file beside the document."""
    said = message["payload"]
    if "$ref" in said:
        return json.loads((DIRECTORY / said["$ref"]).read_text(encoding="utf-8"))
    return said


def test_committed_files_are_what_the_types_give() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.json")}
    assert committed == files(), "run `python -m app.generate.contract`"


def test_document_is_asyncapi() -> None:
    with gzip.open(OFFICIAL) as opened:
        jsonschema.Draft7Validator(json.load(opened)).validate(asyncapi())


def test_document_speaks_of_every_topic_and_schema_once() -> None:
    inner = {
        "churn.state.v1",
        "churn.history.v1",
        "churn.training-examples.v1",
        "churn.breaches.v1",
        "churn.desk-state.v1",
    }
    assert set(asyncapi()["channels"]) == {topic.name for topic in ALL_TOPICS} - inner
    referred = [message["payload"]["$ref"] for *_, message in MESSAGES if "$ref" in message.get("payload", {})]
    parked = f"./{ALERTS}.schema.json"  # an alert again, on a topic of its own
    assert sorted(referred) == sorted([parked, *(f"./{topic}.schema.json" for topic in SCHEMAS)])


@pytest.mark.parametrize("topic", SCHEMAS)
def test_schema_is_one(topic: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[topic])


@pytest.mark.parametrize(("topic", "name", "message"), MESSAGES, ids=[f"{t}-{n}" for t, n, _ in MESSAGES])
def test_examples_are_valid(topic: str, name: str, message: dict[str, Any]) -> None:
    assert message.get("examples") or name == "Deletion"
    for example in message.get("examples", ()):
        assert ("headers" in example) == ("headers" in message)
        if "headers" in example:
            jsonschema.validate(example["headers"], message["headers"])
        if "payload" in message:
            jsonschema.validate(example["payload"], payload_schema(message))
            jsonschema.validate(key_of(topic, example), message["bindings"]["kafka"]["key"])


def key_of(topic: str, example: dict[str, Any]) -> str | None:
    if topic == DEAD_LETTERS:
        return None  # of the note about a letter; the letter has no payload to be held against a schema
    if topic in INPUTS:
        return example["payload"]["subscriber_id"]
    if topic == POLICY:
        return "p-7/0123456789abcdef"
    return example["headers"]["ce_subject"] if "headers" in example else "segments"


@pytest.mark.parametrize("topic", INPUTS)
def test_a_worker_reads_the_examples_of_inputs(topic: str) -> None:
    said = [e["payload"] for of, _, m in MESSAGES if of == topic for e in m.get("examples", ())]
    for payload in said:
        event = decode(topic, Record(payload["subscriber_id"].encode(), json.dumps(payload).encode()), TS)
        assert isinstance(event, INPUTS[topic]), event
        assert {field: value for field, value in msgspec.to_builtins(event).items() if field in payload} == {
            **payload,
            **({"products": list(payload["products"])} if "products" in payload else {}),
            **({"consent": {**msgspec.to_builtins(Consent()), **payload["consent"]}} if "consent" in payload else {}),
        }


@pytest.mark.parametrize("topic", OUTPUTS)
def test_a_reader_with_our_types_reads_the_examples_of_outputs(topic: str) -> None:
    channel = topic.removesuffix(".segments")
    for example in [e for of, _, m in MESSAGES if of == channel for e in m["examples"] if e["payload"] is not None]:
        body = msgspec.convert(example["payload"], OUTPUTS[topic])
        assert json.loads(msgspec.json.encode(body)) == example["payload"]


def test_the_example_of_a_work_order_is_a_life() -> None:
    said = [e for of, _, m in MESSAGES if of == WORK_ORDERS for e in m["examples"]]
    assert [each["payload"]["step"] for each in said] == [
        "dispatched",
        "accepted",
        "reminded",
        "contacted",
        "fed_back",
        "archived",
    ]
    (order,) = {each["payload"]["order_id"] for each in said}
    assert [each["headers"]["ce_id"] for each in said] == [f"{order}:{seq}" for seq in range(1, 7)]
    assert {each["headers"]["ce_type"] for each in said} == {"holdfast.work_order.v1"}
    times = [each["payload"]["ts"] for each in said]
    assert times == sorted(times)


def test_a_deletion_is_a_profile_without_a_value() -> None:
    assert decode("telecom.subscribers.v1", Record(b"s-1", None), TS) == Deletion("s-1")


@pytest.mark.parametrize("topic", INPUTS)
def test_schema_and_decoder_take_null_for_every_optional_field(topic: str) -> None:
    schema = SCHEMAS[topic]
    struct = schema["$defs"][INPUTS[topic].__name__]
    (example,) = [e["payload"] for of, _, m in MESSAGES if of == topic for e in m.get("examples", ())]
    for name in struct["properties"].keys() - set(struct["required"]):
        changed = example | {name: None}
        jsonschema.validate(changed, schema)
        assert not isinstance(decode(topic, Record(b"s-10086", json.dumps(changed).encode()), TS), Rejected), name


@pytest.mark.parametrize("marketing", [{"sms": None}, {"sms": True}, {"telegram": True}, {"sms": "yes"}])
def test_schema_and_decoder_agree_on_consent(marketing: dict[str, Any]) -> None:
    value = {"subscriber_id": "s-1", "ts": TS, "consent": {"marketing": marketing}}
    event = decode("telecom.subscribers.v1", Record(b"s-1", json.dumps(value).encode()), TS)
    valid = jsonschema.Draft202012Validator(SCHEMAS["telecom.subscribers.v1"]).is_valid(value)
    assert valid == (not isinstance(event, Rejected))


def test_nothing_of_the_last_release_is_broken() -> None:
    assert released()
    assert breaks() == []
