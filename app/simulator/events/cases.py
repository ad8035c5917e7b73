"""Contacts with care, and the cases that some of them open: a promised limit, and a resolution in time or late."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from app.simulator.events.agenda import Agenda
from models.contract.events import CARE_CONTACTS
from models.contract.time_units import HOUR_MS

LIMIT_MS: Final = 48 * HOUR_MS
"""What the hotline promises for a complaint, a fault or a dispute."""
CASE_REASONS: Final = frozenset({"complaint", "fault", "billing_dispute"})
_DEPARTMENTS: Final = {"complaint": "service", "fault": "network", "billing_dispute": "billing"}
_IN_TIME: Final = 0.88


class Cases:
    """Numbers the cases and settles their two ends in the agenda.

    >>> agenda = Agenda()
    >>> Cases(np.random.default_rng(1), agenda).open(0, 7, "fault", "hotline", late=True)
    >>> opened, resolved = agenda.until(10**12)
    >>> opened.fields["case_id"] == resolved.fields["case_id"], resolved.ts > opened.fields["due_ts"]
    (True, True)
    """

    __slots__ = ("_agenda", "_number", "_rng")

    def __init__(self, rng: np.random.Generator, agenda: Agenda) -> None:
        self._rng = rng
        self._agenda = agenda
        self._number = 0

    def contact(self, ts: int, who: int, reason: str, channel: str, **more: Any) -> None:
        """A contact without a case."""
        self._agenda.put(ts, who, CARE_CONTACTS, {"reason": reason, "channel": channel, **more})

    def open(self, ts: int, who: int, reason: str, channel: str, *, late: bool) -> None:
        """A contact that opens a case; one in eight is resolved after its limit, all of them when ``late``."""
        self._number += 1
        case = {"case_id": f"case-{self._number:06d}", "department": _DEPARTMENTS[reason], "due_ts": ts + LIMIT_MS}
        self.contact(ts, who, reason, channel, **case)
        in_time = not late and self._rng.random() < _IN_TIME
        took = self._rng.uniform(0.05, 0.95) if in_time else self._rng.uniform(1.1, 4.0)
        self.contact(ts + int(LIMIT_MS * took), who, reason, channel, status="resolved", **case)
