"""Leavers who are known sooner than those who stayed beside them, until those are known too.

A leaver is labelled the day he leaves, a stayer when his horizon has passed. Taken as they come, the leavers of this
month stand beside the stayers of the last one, and whatever tells the months apart, season or the age of a feed, tells
leavers from stayers: on clean simulated rows the guard against inverted labels stopped learning for a tenth of them.
So a positive example waits until the horizon after its vector has passed, and each week is learned as a whole.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from typing import Final, Self

import msgspec
import numpy as np
from msgspec import Struct

from models.events import DAY_MS
from models.example import Example

STEADY_DAYS: Final = 1
"""After the horizon: a stayer is looked at once a day, so he is known up to a day after it."""


class HeldExample(Struct, frozen=True, kw_only=True):
    """An example with its vector as little-endian float32."""

    example: Example
    x: bytes


class Held:
    """See the module.

    Parameters
    ----------
    most
        Examples; one more, and the one whose time comes next goes before its time.
    horizon_days
        Of the label.
    """

    def __init__(self, most: int, horizon_days: float) -> None:
        self._most = most
        self._wait_ms = round((horizon_days + STEADY_DAYS) * DAY_MS)
        self._waiting: list[Example] = []

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)

    def waits(self, example: Example, watermark: int) -> bool:
        """Whether an example is about somebody whose companions are not known yet, at this time of the stream."""
        return example.label == "positive" and example.ts + self._wait_ms > watermark

    def hold(self, example: Example) -> None:
        """Keep it until its time has come."""
        # In single precision here as in the checkpoint: the same bits with a restart as without.
        x = np.array(example.numbers(), dtype="<f4").astype(np.float64).tolist()
        kept = msgspec.structs.replace(example, x=[None if v != v else v for v in x])  # noqa: PLR0124 - NaN
        insort(self._waiting, kept, key=_by_time)

    def due(self, watermark: int) -> Iterator[Example]:
        """Let go those whose time has come, in the order of their vectors; and those for whom there is no room."""
        while self._waiting and (len(self._waiting) > self._most or self._waiting[0].ts + self._wait_ms <= watermark):
            yield self._waiting.pop(0)

    def state(self) -> list[HeldExample]:
        """Everything that is needed to go on."""
        return [
            HeldExample(
                example=msgspec.structs.replace(each, x=[]),
                x=np.array(each.numbers(), dtype="<f4").tobytes(),
            )
            for each in self._waiting
        ]

    @classmethod
    def resume(cls, state: Sequence[HeldExample], most: int, horizon_days: float) -> Self:
        """Go on from :meth:`state`."""
        held = cls(most, horizon_days)
        for each in state:
            x = np.frombuffer(each.x, dtype="<f4").astype(np.float64).tolist()
            found = [None if v != v else v for v in x]  # noqa: PLR0124 - NaN
            held._waiting.append(msgspec.structs.replace(each.example, x=found))
        return held


def _by_time(example: Example) -> tuple[int, str]:
    return example.ts, example.example_id
