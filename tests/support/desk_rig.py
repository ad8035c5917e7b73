"""A desk beside a bench: what lanes tell it goes in, what it publishes comes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.contract.breaches import Governed, Heard, Joined, Mark, OfSubscriber
from models.contract.policy import Policy
from models.decisions.outbox import Output
from models.desk.desk import Desk, DeskCounts

NO_CAPS = {"caps": (), "sms_caps": ()}
"""Contact terms under which only a lane's own decisions and cooldowns withhold anything."""


class DeskBench:
    """The desk of some lanes, its outputs, its counts, and its state as the topic would hold it."""

    def __init__(self, policy: Policy | None, lanes: int = 1) -> None:
        self.lanes = lanes
        self.state: dict[bytes, bytes] = {}
        self.outputs: list[Output] = []
        self.counts: list[DeskCounts] = []
        self.desk = Desk(lanes)
        if policy is not None:
            self.hear(Governed(policy=policy), *(Joined(lane=lane) for lane in range(lanes)))

    @classmethod
    def unopened(cls, lanes: int) -> DeskBench:
        """A desk that knows neither lanes nor a policy."""
        return cls(None, lanes)

    def hear(self, *records: Heard) -> list[Output]:
        """Apply them all, in as many transactions as it takes."""
        before, rest = len(self.outputs), list(records)
        while True:
            rest = rest[self.desk.apply(rest) :]
            self.commit()
            if not rest and not self.desk.owed:
                return self.outputs[before:]

    def commit(self) -> None:
        changes = self.desk.take()
        for key, value in changes.records:
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        self.outputs += [placed.output for placed in changes.outputs]
        self.counts.append(changes.counts)

    def restart(self) -> None:
        """What a crash and a restore do: nothing is left but the state's records."""
        self.desk = Desk(self.lanes)
        self.desk.load(self.state.items())
        self.desk.resume()

    def breaches(self) -> int:
        return sum(counts.breaches.total() for counts in self.counts)


def heard(outputs: Iterable[Output]) -> list[Heard]:
    """What a lane tells the desk."""
    return [output.body for output in outputs if output.kind == "heard"]  # type: ignore[misc]


def published(bodies: Iterable[object], policy: Policy) -> Iterator[object]:
    """What others may read of what one lane writes: breaches go to a desk, and what it makes of them comes out."""
    desk = DeskBench(policy)
    for body in bodies:
        if isinstance(body, OfSubscriber):
            outputs = desk.hear(body, Mark(lane=body.lane, tick=body.clock))  # type: ignore[arg-type]
            yield from (output.body for output in outputs)
        else:
            yield body
