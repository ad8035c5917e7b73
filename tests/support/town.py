"""A town without end: its people call, and are asked how satisfied they are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice
from typing import Any

from support.known_model import AT_RISK, HEALTHY, WARNED
from support.rig import Rig, event

from models.contract.events import CALLS, CARE_CONTACTS, SUBSCRIBERS
from models.contract.time_units import DAY_MS

BEGIN = 1_780_000_000_000 // DAY_MS * DAY_MS
PEOPLE = 24
STEP_MS = 20 * 60_000


class Town:
    """People who call three times an hour and are asked twice a day how satisfied they are, for ever.

    An answer is theirs for three days, or no two daily looks would agree.
    """

    def __init__(self, rig: Rig) -> None:
        self.sent = 0
        self._rig = rig
        self._events = self._forever()

    def _forever(self) -> Iterator[tuple[str, int, str, int, dict[str, Any]]]:
        for person in range(PEOPLE):
            yield SUBSCRIBERS, person % self._rig.partitions, f"s-{person}", BEGIN, {"unit": "tianhe-03", "arpu": 88.0}
        step = 0
        while True:
            step += 1
            ts = BEGIN + step * STEP_MS
            for person in range(PEOPLE):
                who, partition = f"s-{person}", person % self._rig.partitions
                if (step + person) % 36 == 1:
                    answer = (HEALTHY, WARNED, AT_RISK)[(step // 216 + person) % 3]
                    yield CARE_CONTACTS, partition, who, ts, {"reason": "satisfaction", "score": answer}
                else:
                    yield CALLS, partition, who, ts, {}

    async def live(self, events: int) -> None:
        """Send so many more; returns when all are acknowledged."""
        for chunk in range(0, events, 500):
            ours = list(islice(self._events, min(500, events - chunk)))
            await asyncio.gather(
                *(
                    self._rig.send(topic, partition, event(topic, who, ts, **fields), who.encode(), ts)
                    for topic, partition, who, ts, fields in ours
                )
            )
            self.sent += len(ours)

    async def live_on(self, until_told: asyncio.Event) -> None:
        """Send until told to stop."""
        while not until_told.is_set():
            await self.live(20)
            await asyncio.sleep(0.03)
