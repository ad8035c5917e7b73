"""Finds one alert by the beginning of its id, for the verbs about one alert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from app.alerts.topic_reading import all_of, long_enough, one_of
from app.config.settings import Settings
from models.contract.alerts import Alert, Suppression
from models.contract.events import FEEDBACK, Feedback
from streams.kafka.topic_tail import as_alert, as_feedback, as_suppression
from streams.records.topics import ALERTS, SUPPRESSIONS

Decided = TypeVar("Decided", Alert, Suppression, Feedback)


class AlertRecord(NamedTuple):
    """One record of an alert: decoded, and as in the topic."""

    alert: Alert
    value: bytes


def life_of(settings: Settings, alert_id: str) -> list[AlertRecord]:
    """All records in the topic of the alert whose id begins so, in order.

    Raises
    ------
    app.errors.Refused
        If there is none (exit 3), or if several ids begin so (exit 2; they are named).
    """
    found = _read(settings, ALERTS, as_alert, alert_id)
    _one_of(found, alert_id)
    return sorted((AlertRecord(alert, value) for alert, value in found), key=lambda step: step.alert.seq)


def alert_and_withheld(settings: Settings, alert_id: str) -> tuple[list[Alert], list[Suppression]]:
    """Records of the alert whose id begins so, and its suppressions; there may be only suppressions.

    Raises
    ------
    app.errors.Refused
        As :func:`life_of`.
    """
    life = _read(settings, ALERTS, as_alert, alert_id)
    withheld = _read(settings, SUPPRESSIONS, as_suppression, alert_id)
    _one_of([*life, *withheld], alert_id)
    return sorted((alert for alert, _ in life), key=lambda alert: alert.seq), [each for each, _ in withheld]


def answers_to(settings: Settings, alert_id: str) -> list[Feedback]:
    """Feedback on the alert with this id, by time, as far as the topic still has it."""
    return sorted((said for said, _ in _read(settings, FEEDBACK, as_feedback, alert_id)), key=lambda said: said.ts)


def _read(
    settings: Settings, topic: str, decode: Callable[[bytes | None], Decided | None], alert_id: str
) -> list[tuple[Decided, bytes]]:
    long_enough(alert_id)
    return all_of(settings, topic, decode, lambda decided: (decided.alert_id or "").startswith(alert_id))


def _one_of(found: Sequence[tuple[Alert | Suppression, bytes]], alert_id: str) -> None:
    recent = "recent ones:  holdfast alerts tail --from-beginning"
    one_of((each.alert_id for each, _ in found), alert_id, "alert", recent)
