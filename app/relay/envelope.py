"""An alert as it is sent: a CloudEvent over HTTP in structured mode, attributes and alert in one signed body.

By the signature a receiver verifies that an alert is ours and new: Standard Webhooks 1.0, HMAC-SHA256. Signed is
``id.timestamp.body``. Receivers have a library for it in most languages (standardwebhooks.com).
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final, NamedTuple

from app.errors import ExitCode, Refused
from models.contract.alerts import Alert
from streams.kafka.topic_tail import TailRecord

INSTALL: Final = "pip install 'holdfast[relay]'"
PAST: Final = "pastcontactby"
"""Extension attribute, true or false: whether the first contact was due before this was sent."""
_PREFIX: Final = "whsec_"
_LEAST: Final = 24
"""Bytes; the standard asks for 24 to 64."""
MAKE_ONE: Final = 'export HOLDFAST_RELAY_SECRET="whsec_$(openssl rand -base64 32)"'


class Envelope(NamedTuple):
    """A request's body, its type, and the idempotency key."""

    message_id: str
    content_type: str
    body: bytes


def envelope(record: TailRecord, *, past: bool) -> Envelope:
    """The CloudEvent of a record of the alerts' topic, whose attributes are its headers.

    Raises
    ------
    ValueError
        If the record is no CloudEvent.
    """
    from cloudevents.core.bindings import http, kafka
    from cloudevents.core.exceptions import CloudEventValidationError
    from cloudevents.core.formats.json import JSONFormat
    from cloudevents.core.v1.event import CloudEvent

    try:
        # Without the key, which would become an attribute `partitionkey` that repeats the subject.
        read = kafka.from_binary(kafka.KafkaMessage(dict(record.headers), None, record.value or b""), JSONFormat())
        event = CloudEvent({**read.get_attributes(), PAST: past}, read.get_data())
    except CloudEventValidationError as error:
        raise ValueError("no CloudEvent") from error
    message = http.to_structured(event, JSONFormat())
    return Envelope(event.get_id(), message.headers["content-type"], message.body)


def require() -> None:
    """Check that the library is installed, before anything else is tried.

    Raises
    ------
    app.errors.Refused
        If it is not installed.
    """
    try:
        import cloudevents.core  # noqa: F401 - only whether it is there
    except ImportError as missing:
        raise Refused("the relay needs cloudevents, which is not installed", INSTALL) from missing


def past_contact_by(alert: Alert, now_ms: int) -> bool:
    """Whether the alert's first contact was due before now; one that asks for no contact is never late."""
    return alert.action is not None and alert.event in {"raised", "escalated"} and alert.action.contact_by < now_ms


def signing_keys(text: str | None) -> tuple[bytes, ...]:
    """The keys, each of which signs: two while one replaces the other.

    Raises
    ------
    app.errors.Refused
        If there is none, or one is no such key. The message does not show it.

    Examples
    --------
    >>> [len(key) for key in signing_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [24]
    """
    found = []
    for number, word in enumerate((text or "").split(), 1):
        try:
            key = base64.b64decode(word.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if len(key) < _LEAST:
            raise Refused(
                f"relay_secret: key {number} is not whsec_ and the Base64 of {_LEAST} bytes or more",
                f"make one:  {MAKE_ONE}",
                code=ExitCode.USAGE,
            )
        found.append(key)
    if not found:
        raise Refused(
            "no key to sign with is set: receivers could not tell an alert from a forgery",
            f"make one, and give it to them:  {MAKE_ONE}",
            "or by a file:                    export HOLDFAST_RELAY_SECRET_FILE=...",
            code=ExitCode.USAGE,
        )
    return tuple(found)


def signed(keys: Sequence[bytes], message_id: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a request.

    References
    ----------
    .. [1] Standard Webhooks 1.0.0, "Signature scheme"; the example is theirs.

    Examples
    --------
    >>> keys = signing_keys("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> headers = signed(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    >>> headers["webhook-signature"]
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    content = b"%s.%d.%s" % (message_id.encode(), seconds, body)
    signatures = (base64.b64encode(hmac.digest(key, content, "sha256")).decode() for key in keys)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(f"v1,{each}" for each in signatures),
    }
