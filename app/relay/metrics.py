"""Metric series of the relay, by endpoint. No label carries a URL or a subscriber."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Final, Literal, get_args

from app.process.series import Series, at_zero
from streams.kafka.parking import ParkedFor

Failure = Literal["unreachable", "timeout", "server_error", "throttled", "denied", "unexpected", "service"]
"""Why an attempt failed and is repeated: no connection, no answer in time, 5xx, 408 425 429, 401 403 404 405 407 410,
1xx 3xx; and a failure that apprise reports, without a reason."""
_DELAYS_S: Final = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 43_200)


class RelayMetrics(Series):
    """Metric series of the relay, in a registry of its own.

    Parameters
    ----------
    webhooks, chats
        Names of the endpoints of either sort.
    """

    def __init__(self, webhooks: Iterable[str], chats: Iterable[str]) -> None:
        super().__init__()
        by_hook, by_chat = list(webhooks), list(chats)
        everyone = [*by_hook, *by_chat]
        self.delivered = self._counter("relay_delivered", "Alerts that an endpoint has accepted.", "endpoint")
        self.digests = self._counter("relay_digests", "Digests that a chat or mail service has accepted.", "endpoint")
        self.failed = self._counter(
            "relay_failed_attempts", "Attempts that failed and are repeated, by reason.", "endpoint", "reason"
        )
        self.parked = self._counter("relay_parked", "Alerts put on the parked topic, by reason.", "endpoint", "reason")
        self.left_out = self._counter("relay_left_out", "Alerts that the filters do not want there.", "endpoint")
        self.past = self._counter(
            "relay_past_contact_by",
            "Alerts that came to their turn after their contact_by: delivered and marked so, or left out of a digest.",
            "endpoint",
        )
        self.missed = self._counter("relay_missed", "Records deleted by age before they were read.", "endpoint")
        self.lag_records = self._gauge("relay_lag_records", "Offsets between what is done and the end.", "endpoint")
        self.lag_seconds = self._gauge("relay_lag_seconds", "Age of the alert that has waited longest.", "endpoint")
        self.delay = self._histogram(
            "relay_delay_seconds", "From an alert's timestamp to its acceptance by an endpoint.", _DELAYS_S
        )
        self.last_progress = self._gauge("last_progress_timestamp_seconds", "Wall clock of the last commit.")
        at_zero(
            {
                self.delivered: product(everyone),
                self.digests: product(by_chat),
                self.failed: product(everyone, get_args(Failure)),
                self.parked: product(by_hook, get_args(ParkedFor)),
                self.left_out: product(everyone),
                self.past: product(everyone),
                self.missed: product(everyone),
                self.lag_records: product(everyone),
                self.lag_seconds: product(everyone),
            }
        )
