"""An alert as a CloudEvent over HTTP, in structured mode: attributes and alert in one body, so that all is signed."""

from __future__ import annotations

from typing import Final, NamedTuple

from app.errors import Refused
from models.contract.alerts import Alert
from streams.cluster.topic_tail import TailRecord

INSTALL: Final = "pip install 'holdfast[relay]'"
PAST: Final = "pastcontactby"
"""Extension attribute, true or false: whether the first contact was due before this was sent."""


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
