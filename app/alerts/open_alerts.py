"""Open alerts as read from the topics, and the number of tier alerts raised, to compare with the budget."""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

import msgspec

from models.contract.alerts import Alert, AlertId
from models.contract.time_units import DAY_MS
from models.contract.vocabulary import Tier


class _Scored(msgspec.Struct, frozen=True):
    """The fields that are read of a score record."""

    tier: Tier


_scored: Final = msgspec.json.Decoder(_Scored).decode


class OpenAlerts:
    """Takes the records of alerts and scores, in the order of each topic.

    Attributes
    ----------
    now
        Time of the newest alert, ms.
    """

    def __init__(self) -> None:
        self.now = 0
        self._open: dict[AlertId, Alert] = {}
        self._raised: deque[int] = deque()
        self._tiers: dict[bytes | None, Tier] = {}

    def take(self, alert: Alert) -> None:
        """Add a step of an alert."""
        self.now = max(self.now, alert.ts)
        if alert.event == "raised" and alert.kind == "risk_tier":
            self._raised.append(alert.ts)
        if alert.event == "closed":
            self._open.pop(alert.alert_id, None)
            return
        before = self._open.get(alert.alert_id)
        if alert.action is None and before is not None:  # an eased alert keeps its action
            alert = msgspec.structs.replace(alert, action=before.action, reasons=before.reasons)
        self._open[alert.alert_id] = alert

    def score(self, key: bytes | None, value: bytes | None) -> None:
        """Add the newest risk of a subscriber, or a tombstone."""
        try:
            tier = None if value is None else _scored(value).tier
        except msgspec.MsgspecError:
            return
        if tier is None:
            self._tiers.pop(key, None)
        else:
            self._tiers[key] = tier

    def by_priority(self) -> list[Alert]:
        """All open alerts, most urgent first."""
        return sorted(self._open.values(), key=lambda alert: (-alert.priority, alert.ts, alert.alert_id))

    def kinds(self) -> Counter[str]:
        """Number of open alerts by kind."""
        return Counter(alert.kind for alert in self._open.values())

    def tiers(self) -> Counter[str]:
        """Number of subscribers in each tier, of those with a published risk."""
        return Counter(self._tiers.values())

    def raised_today(self) -> int:
        """Tier alerts raised within a day before the newest alert.

        Lanes differ in time, so alerts are not in order and all are checked, not only the oldest.
        """
        self._raised = deque(ts for ts in self._raised if ts > self.now - DAY_MS)
        return len(self._raised)
