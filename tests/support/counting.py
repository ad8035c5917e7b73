"""The smallest fold that a lane can carry: it counts each subscriber's events and tells every tenth.

It serves the tests of the protocol: what the lane promises must hold whatever is folded.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

from models.events import Arrival
from streams.folding import Folded, StateRecord
from streams.report import Commit, applied
from streams.topics import ALERTS
from streams.transaction import OutRecord
from streams.wire import Decoded, RawRecord, decode


class CountingFold:
    """Counts events by subscriber; every tenth is an alert ``{subscriber, count, sum of ts}``."""

    versions = ("m-test", "p-test")

    def __init__(self) -> None:
        self.counts: dict[str, tuple[int, int]] = {}
        self._changed: dict[str, None] = {}
        self._alerts: list[OutRecord] = []
        self._applied: list[Arrival] = []
        self._seen = 0

    def load(self, records: list[StateRecord]) -> None:
        for key, value in records:
            if value is not None:
                self.counts[key[1:].decode()] = struct.unpack("<qq", value)

    def resume(self, clock: Mapping[str, Any]) -> None:
        self._seen = clock.get("seen", 0)

    def clock(self) -> dict[str, Any]:
        return {"seen": self._seen}

    def decode(self, topic: str, record: RawRecord, broker_ms: int | None) -> Decoded:
        return decode(topic, record, broker_ms)

    def apply(self, arrivals: Sequence[Arrival]) -> int:
        for arrival in arrivals:
            who = arrival.event.subscriber_id
            count, total = self.counts.get(who, (0, 0))
            self.counts[who] = count, total = count + 1, total + getattr(arrival.event, "ts", 0)
            self._changed[who] = None
            self._seen += 1
            if count % 10 == 0:
                body = json.dumps({"alert_id": f"{who}-{count}", "seq": 1, "total": total}).encode()
                self._alerts.append(OutRecord(ALERTS, who.encode(), body))
        self._applied += arrivals
        return len(arrivals)

    def take(self) -> Folded:
        state = [(b"n" + who.encode(), struct.pack("<qq", *self.counts[who])) for who in self._changed]
        folded = Folded(state, self._alerts, Commit(events=applied(self._applied)), [])
        self._changed, self._alerts, self._applied = {}, [], []
        return folded
