"""The AsyncAPI 3.0 document: a channel for each topic that others write or read, seen from Holdfast.

Values are the JSON Schemas beside it, which it refers to. They use what draft 07 and 2020-12 have in common, so that
AsyncAPI's own schema format holds for them.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple, get_args

from app.config.settings import Settings
from app.generate.contract.examples import examples
from app.generate.contract.schemas import NIGHT
from models.contract.events import FEEDBACK, INPUTS, SUBSCRIBERS
from streams.kafka.parking import ANSWER, ATTEMPTS, ENDPOINT, REASON, STATUS, ParkedFor
from streams.model_topic.versions import SEGMENTS
from streams.policy_topic import SIGNATURE
from streams.records import dead_letters
from streams.records.dead_letters import MESSAGE, OFFSET, PARTITION, REDRIVEN, TIMESTAMP, TOPIC
from streams.records.topics import (
    ALERTS,
    BY_NAME,
    DEAD_LETTERS,
    MODELS,
    PARKED,
    POLICY,
    RECEIPTS,
    SCORES,
    SUPPRESSIONS,
    WORK_ORDERS,
)
from streams.records.wire import DEAD_LETTER_REASONS

_BINDING: Final = {"bindingVersion": "0.5.0"}
_SUBSCRIBER: Final = {"type": "string", "minLength": 1, "maxLength": 256, "description": "`subscriber_id`, in UTF-8."}
_TEXT: Final = {"type": "string"}
_NUMBER: Final = {**_TEXT, "pattern": "^-?[0-9]+$"}
_PLACE: Final = {TOPIC: {**_TEXT, "description": "Full name, prefix included."}, PARTITION: _NUMBER, OFFSET: _NUMBER}

_IDS: Final = {"alert": " `alert_id:seq`.", "work_order": " `order_id:seq`."}

_TITLES: Final = {
    "telecom.calls.v1": "A call or a short message",
    "telecom.data-usage.v1": "A data session",
    "telecom.site-visits.v1": "A visit to a competitor's site",
    "telecom.care-contacts.v1": "A contact with hotline, store, app, web or account manager",
    "telecom.billing.v1": "An accrual, a bill, a recharge or a change of plan",
    "telecom.contacts.v1": "A contact made by another department",
    SUBSCRIBERS: "A subscriber's profile",
    "telecom.outcomes.v1": "What became of a subscriber",
    "telecom.erasures.v1": "A request to forget a subscriber",
    FEEDBACK: "What the front line says about an alert",
}


class _Message(NamedTuple):
    """A message of a channel; ``schema`` names the file of its value, None where a value has none."""

    name: str
    title: str
    key: dict[str, Any]
    schema: str | None
    headers: dict[str, Any] | None = None
    empty: bool = False


def asyncapi() -> dict[str, Any]:
    """The document."""
    messages = _messages()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Holdfast",
            "version": "1",
            "description": "Churn risk in real time: events of a telecom operator in, retention alerts and work orders"
            " out. Within a major (the v1 in a topic's name) only additions: readers ignore fields that they do not"
            " know, and enums are closed. All topics of lanes have the same partition count. Keys are placed by Kafka's"
            " murmur2. Read with `isolation.level=read_committed`.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, of_topic) for topic, of_topic in messages.items()},
        "operations": {
            f"{_verb(topic)}.{topic}": {
                "action": _verb(topic),
                "channel": {"$ref": f"#/channels/{topic}"},
                "messages": [{"$ref": f"#/channels/{topic}/messages/{each.name}"} for each in of_topic],
                **_group(topic),
            }
            for topic, of_topic in messages.items()
        },
    }


def _verb(topic: str) -> Literal["receive", "send"]:
    return "receive" if topic in INPUTS else "send"


def _group(topic: str) -> dict[str, Any]:
    """The consumer group that reads an input."""
    if topic not in INPUTS:
        return {}
    return {"bindings": {"kafka": {"groupId": {**_TEXT, "default": Settings().group}, **_BINDING}}}


def _messages() -> dict[str, list[_Message]]:
    found = {topic: [_Message(kind.__name__, _TITLES[topic], _SUBSCRIBER, topic)] for topic, kind in INPUTS.items()}
    found[SUBSCRIBERS].append(
        _Message("Deletion", "Delete a profile; the history stays", _SUBSCRIBER, None, empty=True)
    )
    whose = {**_TEXT, "description": "`subscriber_id`; of an `account_exodus` the `account_id`."}
    hashed = {**_TEXT, "description": "`subscriber_hash`."}
    score = _cloud_event("score")
    return found | {
        ALERTS: [_Message("Alert", "A step in the life of a retention alert", whose, ALERTS, _cloud_event("alert"))],
        SCORES: [
            _Message("Score", "A subscriber's latest risk", _SUBSCRIBER, SCORES, score),
            _Message("Withdrawal", "Forget a subscriber's risk", _SUBSCRIBER, None, score, empty=True),
        ],
        SUPPRESSIONS: [
            _Message("Suppression", "A decision not to contact", whose, SUPPRESSIONS, _cloud_event("suppression"))
        ],
        WORK_ORDERS: [
            _Message(
                "WorkOrder",
                "A step in the life of a work order",
                _SUBSCRIBER,
                WORK_ORDERS,
                _cloud_event("work_order"),
            )
        ],
        RECEIPTS: [_Message("Receipt", "An erasure that is done", hashed, RECEIPTS, _cloud_event("receipt"))],
        DEAD_LETTERS: [
            _Message(
                "DeadLetter",
                "The bytes of a record that is no event, and why",
                {**_TEXT, "description": "The poison's own."},
                None,
                _dead_letter_headers(),
            ),
            _Message(
                "Redriven",
                "A note that `holdfast dlq redrive` has sent a letter's bytes again, and where they now stand",
                {"type": "null"},
                None,
                _redriven_headers(),
                empty=True,
            ),
        ],
        PARKED: [
            _Message(
                "Parked", "An alert that an endpoint of the relay refused for good", whose, ALERTS, _parked_headers()
            )
        ],
        MODELS: [_Message("Night", "A night's groups of who was at risk", {"const": SEGMENTS}, NIGHT)],
        POLICY: [_Message("Policy", "What the operator decides, whole", _policy_key(), POLICY, _policy_headers())],
    }


def _channel(topic: str, messages: list[_Message]) -> dict[str, Any]:
    said = examples(NIGHT if topic == MODELS else topic)
    about, lanes = BY_NAME[topic], Settings().partitions
    config = {
        "cleanup.policy": [about.config["cleanup.policy"]],
        **({"retention.ms": int(about.config["retention.ms"])} if "retention.ms" in about.config else {}),
    }
    return {
        "address": f"{{prefix}}{topic}",
        "parameters": {
            "prefix": {"description": "`HOLDFAST_TOPIC_PREFIX`; in values names go without.", "default": ""}
        },
        "messages": {each.name: _body(each, said) for each in messages},
        "bindings": {
            "kafka": {
                "topic": topic,
                "partitions": about.partitions(lanes),
                "topicConfiguration": config,
                **_BINDING,
            }
        },
    }


def _body(message: _Message, said: list[dict[str, Any]]) -> dict[str, Any]:
    """A message, with those of the channel's examples that are of its kind."""
    of_kind = [each for each in said if ("payload" in each and each["payload"] is None) == message.empty]
    body: dict[str, Any] = {"name": message.name, "title": message.title}
    if message.headers is not None:
        body["headers"] = message.headers
    if message.empty:
        body["payload"] = {"type": "null"}
    elif message.schema is None:
        body["contentType"] = "application/octet-stream"
    else:
        body["payload"] = {"$ref": f"./{message.schema}.schema.json"}
    body["bindings"] = {"kafka": {"key": message.key, **_BINDING}}
    if of_kind:
        body["examples"] = of_kind
    return body


def _cloud_event(kind: str) -> dict[str, Any]:
    """CloudEvents 1.0 in Kafka's binary mode, as ``streams.records.out_records`` writes it."""
    properties = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {
            **_TEXT,
            "description": "Unique: the key for dropping what comes again." + _IDS.get(kind, ""),
        },
        "ce_source": {**_TEXT, "pattern": "^/holdfast/", "description": "`/holdfast/<consumer group>`."},
        "ce_type": {"const": f"holdfast.{kind}.v1"},
        "ce_subject": {**_TEXT, "description": "The record's key."},
        "ce_time": {**_TEXT, "format": "date-time", "description": "`ts`, when it happened."},
        "content-type": {"const": "application/json"},
    }
    return {"type": "object", "required": list(properties), "properties": properties}


def _policy_key() -> dict[str, Any]:
    said = "`version`, a digest of the value, and from the second time on how often the same was published before."
    return {**_TEXT, "pattern": "^.+/[0-9a-f]{16}(/[0-9]+)?$", "description": said}


def _policy_headers() -> dict[str, Any]:
    said = (
        "HMAC-SHA256 by `HOLDFAST_POLICY_KEY` of the key, a zero byte and the value; workers with the key require it."
    )
    signature = {**_TEXT, "pattern": "^sha256=[0-9a-f]{64}$", "description": said}
    return {"type": "object", "properties": {SIGNATURE: signature}}


def _dead_letter_headers() -> dict[str, Any]:
    """Kafka Connect's headers, as ``streams.records.dead_letters`` writes them."""
    always = {
        **_PLACE,
        "__connect.errors.stage": _TEXT,
        "__connect.errors.exception.class.name": _TEXT,
        MESSAGE: _TEXT,
        dead_letters.REASON: {"enum": list(DEAD_LETTER_REASONS)},
        TIMESTAMP: {**_NUMBER, "description": "The poison's, in ms; -1 is none."},
    }
    of_large = {f"holdfast.{part}.{what}": _TEXT for part in ("key", "value") for what in ("length", "sha256")}
    return {"type": "object", "required": list(always), "properties": always | of_large}


def _redriven_headers() -> dict[str, Any]:
    letter = {**_TEXT, "pattern": "^[0-9]+:[0-9]+$", "description": "The letter's partition and offset."}
    return {"type": "object", "required": [REDRIVEN, *_PLACE], "properties": {REDRIVEN: letter, **_PLACE}}


def _parked_headers() -> dict[str, Any]:
    """The alert's own headers, and what ``app.relay`` adds."""
    alert, number = _cloud_event("alert"), {**_TEXT, "pattern": "^[0-9]+$"}
    added = {
        ENDPOINT: {**_TEXT, "description": "Name of the endpoint; never its address."},
        REASON: {"enum": list(get_args(ParkedFor))},
        STATUS: {**number, "description": "HTTP status of the last answer, if there was one."},
        ANSWER: {**_TEXT, "description": "How the answer began."},
        ATTEMPTS: number,
    }
    return {"type": "object", "required": [ENDPOINT, REASON], "properties": alert["properties"] | added}
