"""Decoding of records into events: the only place where poison is distinguished from an event.

msgspec decodes and validates in one pass, at half the cost of a plain JSON parse. Only a refused record is examined
again, slowly, to give the reason in one of the contract's words, a closed vocabulary.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple, Protocol, get_args

import msgspec

from models.contract.events import INPUTS, SUBSCRIBERS, AnyEvent, Consent, Deletion, Product

DeadLetterReason = Literal[
    "not_json",
    "not_utf8",
    "null_key",
    "null_value",
    "key_mismatch",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "unknown_enum",
    "non_finite",
    "future_ts",
    "too_large",
    "too_deep",
]
DEAD_LETTER_REASONS: Final[tuple[DeadLetterReason, ...]] = get_args(DeadLetterReason)


FUTURE_MS: Final = 5 * 60_000
"""How far a ``ts`` may be after its record's timestamp, and that after the broker's time."""
MAX_VALUE_BYTES: Final = 1 << 20
MAX_KEY_BYTES: Final = 1024
MAX_DEPTH: Final = 32
UNDATED: Final = -1


class Rejected(NamedTuple):
    """Reason why a record is no event. ``detail`` names the field or the place, never the content."""

    reason: DeadLetterReason
    detail: str


class RawRecord(Protocol):
    """The needed attributes of a consumed record; aiokafka's ``ConsumerRecord`` has them."""

    @property
    def offset(self) -> int:
        """Offset in the partition."""

    @property
    def timestamp(self) -> int:
        """Milliseconds, set by the producer or, on topics configured so, by the broker; negative if absent."""

    @property
    def key(self) -> bytes | None:
        """Subscriber id in UTF-8."""

    @property
    def value(self) -> bytes | None:
        """One JSON object."""


Decoded = AnyEvent | Deletion | Rejected
_DECODERS: Final[dict[str, Callable[[bytes], Any]]] = {
    topic: msgspec.json.Decoder(kind).decode for topic, kind in INPUTS.items()
}
_NESTED: Final[dict[str, Any]] = {"consent": Consent, "products": Product, "marketing": None}
"""Fields that hold an object of the contract, a list of them, or a map; no other field has one of these names."""


def dated(topic: str, record: RawRecord, broker_ms: int | None) -> int:
    """Date of a record for the lane's order: its timestamp, or its ``ts`` if it has none.

    ``UNDATED``, which is before all dates, if it has neither, or if it lies after `broker_ms`.

    Examples
    --------
    >>> class Fake(NamedTuple):
    ...     timestamp: int; offset: int = 0; headers: tuple = ()
    ...     key: bytes = b"s-1"; value: bytes = b'{"subscriber_id":"s-1","ts":1780000000000,"request_id":"r"}'
    >>> dated("telecom.erasures.v1", Fake(1_790_000_000_000), None), dated("telecom.erasures.v1", Fake(-1), None)
    (1790000000000, 1780000000000)
    >>> dated("telecom.erasures.v1", Fake(1_790_000_000_000), 1_780_000_000_000) == UNDATED
    True
    """
    at = record.timestamp
    if at < 0:
        at = getattr(decode(topic, record, None), "ts", UNDATED)
    return UNDATED if broker_ms is not None and at > broker_ms + FUTURE_MS else at


def decode(topic: str, record: RawRecord, broker_ms: int | None) -> Decoded:
    """One record of `topic` (without prefix) as an event, or the reason why it is none.

    Parameters
    ----------
    broker_ms
        The broker's time, or None if not known: then neither the record's timestamp is checked, nor the ``ts`` of a
        record without one.

    Examples
    --------
    >>> class Fake(NamedTuple):
    ...     key: bytes | None; value: bytes | None
    ...     offset: int = 0; timestamp: int = 1_780_000_000_000; headers: tuple = ()
    >>> value = b'{"subscriber_id":"s-1","ts":1780000000000,"request_id":"r"}'
    >>> decode("telecom.erasures.v1", Fake(b"s-1", value), None)
    Erasure(subscriber_id='s-1', ts=1780000000000, event_id=None, request_id='r')
    >>> decode("telecom.erasures.v1", Fake(b"s-1", b'{"subscriber_id":"s-1","ts":1780000000000}'), None)
    Rejected(reason='missing_field', detail='Object missing required field `request_id`')
    """
    value = record.value
    key = record.key
    if value is None or key is None:
        return _decode_null(topic, record, broker_ms)
    if len(value) > MAX_VALUE_BYTES or len(key) > MAX_KEY_BYTES:
        return Rejected("too_large", f"key {len(key)} and value {len(value)} bytes")
    try:
        event = _read(topic, value)
        if event.subscriber_id.encode() != key:
            return Rejected("key_mismatch", "the record's key is not its subscriber_id")
        if _skips_poison(value):
            return Rejected("too_deep", f"nested deeper than {MAX_DEPTH}")
    except Exception as error:  # noqa: BLE001 - one of the two doors of style.md: any failure to decode is the record's
        return explain(value, error)
    stamped = record.timestamp
    if stamped < 0:
        return _ahead("ts", event.ts, broker_ms) or event
    if event.ts > stamped + FUTURE_MS:
        return Rejected("future_ts", "ts is more than 5 min past the record's timestamp")
    return _ahead("the record's timestamp", stamped, broker_ms) or event


def _ahead(name: str, at: int, broker_ms: int | None) -> Rejected | None:
    if broker_ms is None or at <= broker_ms + FUTURE_MS:
        return None
    return Rejected("future_ts", f"{name} is more than 5 min past the broker's time")


def _read(topic: str, value: bytes) -> Any:
    """Decode; null in an optional field means absent, even if the field's type does not allow null."""
    decode_strictly = _DECODERS[topic]
    try:
        return decode_strictly(value)
    except msgspec.ValidationError as refused:
        if not str(refused).partition(" - at ")[0].endswith("got `null`"):
            raise
        # Decoding twice is fine, as it is rare: most producers leave out unknown fields.
        try:
            return decode_strictly(msgspec.json.encode(_without_nulls(msgspec.json.decode(value), INPUTS[topic])))
        except msgspec.ValidationError:
            raise
        except (msgspec.MsgspecError, ValueError, RecursionError):
            raise refused from None  # another fault beside the null: the first error stands


def _without_nulls(found: Any, kind: Any) -> Any:
    """An object without nulls in optional fields, also in nested objects of the contract.

    Examples
    --------
    >>> _without_nulls({"subscriber_id": None, "consent": {"behaviour": None}, "plan": None}, INPUTS[SUBSCRIBERS])
    {'subscriber_id': None, 'consent': {}}
    """
    if isinstance(found, list):
        return [_without_nulls(each, kind) for each in found]
    if not isinstance(found, dict):
        return found
    required = {field.name for field in msgspec.structs.fields(kind) if field.required} if kind else set()
    return {
        name: _without_nulls(each, _NESTED[name]) if name in _NESTED else each
        for name, each in found.items()
        if each is not None or name in required
    }


def _skips_poison(value: bytes) -> bool:
    """Whether an unknown field, which the decoder skips, is nested too deep; bytes that are not UTF-8 raise.

    Without this the verdict on a deep record would depend on the stack left where it is decoded, and could differ in a
    replay.
    """
    if not value.isascii():
        value.decode()
    if value.rfind(b"{") <= 0 and value.rfind(b"[") < 0:
        return False  # nearly every event is flat, and a search from the end is the cheapest check
    return value.count(b"{") + value.count(b"[") > MAX_DEPTH and _depth(value.decode()) > MAX_DEPTH


def _decode_null(topic: str, record: RawRecord, broker_ms: int | None) -> Decoded:
    key, stamped = record.key, record.timestamp
    if key is None:
        return Rejected("null_key", "the record has no key")
    if topic != SUBSCRIBERS:
        return Rejected("null_value", "the record has no value")
    if not 0 < len(key) <= MAX_KEY_BYTES:
        return Rejected("too_large" if key else "out_of_range", f"key of {len(key)} bytes")
    if stamped < 0:
        # Without a date, the profiles that it deletes cannot be known.
        return Rejected("null_value", "the record has no value, and no timestamp to date a deletion by")
    try:
        return _ahead("the record's timestamp", stamped, broker_ms) or Deletion(key.decode())
    except UnicodeDecodeError:
        return Rejected("not_utf8", "the key is not UTF-8")


class _NonFiniteError(ValueError):
    """A literal NaN, Infinity or -Infinity, which JSON does not know but Python writes."""


def explain(value: bytes, error: Exception) -> Rejected:
    """Reason why msgspec refused, in the contract's words.

    Examples
    --------
    >>> explain(b'{"ts": NaN}', msgspec.DecodeError("JSON is malformed")).reason
    'non_finite'
    """
    try:
        text = value.decode()
    except UnicodeDecodeError as bad:
        return Rejected("not_utf8", f"byte {bad.start} is not UTF-8")
    if isinstance(error, RecursionError) or _depth(text) > MAX_DEPTH:
        return Rejected("too_deep", f"nested deeper than {MAX_DEPTH}")
    if isinstance(error, msgspec.ValidationError):
        return Rejected(_validation_reason(str(error)), _place(str(error)))
    try:
        json.loads(text, parse_constant=_refuse_constant)
    except _NonFiniteError:
        return Rejected("non_finite", "NaN or Infinity")
    except ValueError:
        pass
    return Rejected("not_json", _place(str(error)))


def _refuse_constant(name: str) -> float:
    raise _NonFiniteError(name)


def _validation_reason(message: str) -> DeadLetterReason:
    if "missing required field" in message:
        return "missing_field"
    if message.startswith("Invalid enum value"):
        return "unknown_enum"
    if message.startswith("Number out of range"):
        return "non_finite"
    if message.startswith("Expected `") and (", got `" not in message):
        # "Expected `int` >= 0", "Expected `str` of length <= 256", "Expected `str` matching regex ..."
        return "out_of_range"
    if message.startswith("Integer value out of range"):
        return "out_of_range"
    return "wrong_type"


def _place(message: str) -> str:
    """Reduce the message to its structure: an enum's wrong value is content, and may be a person's number."""
    if message.startswith("Invalid enum value"):
        value, at, place = message.rpartition(" - at ")
        return f"Invalid enum value{at}{place}" if value else "Invalid enum value"
    return message[:300]


def _depth(text: str) -> int:
    """Deepest nesting of brackets outside strings, counted without recursion."""
    depth = deepest = 0
    quoted = escaped = False
    for char in text:
        if quoted:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"':
            quoted = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest
