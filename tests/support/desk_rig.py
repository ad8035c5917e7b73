"""A desk beside a bench: what lanes tell it goes in, what it publishes comes out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from models.contract.breaches import Governed, Heard, Joined, Mark, OfSubscriber
from models.contract.policy import Policy
from models.desk.desk import Desk, DeskCounts, DeskFold
from models.desk.lanes.lane_times import Progress, Written, time_of
from models.detection.outbox import Output

NO_CAPS = {"caps": (), "sms_caps": ()}
"""Contact terms under which only a lane's own decisions and cooldowns withhold anything."""


class DeskBench:
    """The desk of some lanes, its outputs, its counts, and its state and input as the topics would hold them.

    Each record is written at its lane's time, so no lane is late, unless `written_ms` is set.
    """

    def __init__(self, policy: Policy | None, lanes: int = 1) -> None:
        self.lanes = lanes
        self.state: dict[bytes, bytes] = {}
        self.outputs: list[Output] = []
        self.counts: list[DeskCounts] = []
        self.fold = DeskFold(lanes)
        self.log: list[Written] = []
        self.written_ms: int | None = None
        self.progress: Progress = Progress()
        if policy is not None:
            self.hear(Governed(policy=policy), *(Joined(lane=lane) for lane in range(lanes)))

    @classmethod
    def unopened(cls, lanes: int) -> DeskBench:
        """A desk that knows neither lanes nor a policy."""
        return cls(None, lanes)

    @property
    def desk(self) -> Desk:
        return self.fold.desk

    def hear(self, *records: Heard) -> list[Output]:
        """Apply all that can be, in as many transactions as it takes."""
        before, begin = len(self.outputs), len(self.log)
        for record in records:
            at = self.written_ms if self.written_ms is not None else time_of(record)
            self.log.append(Written(len(self.log), at, record))
        self.fold.read(self.log[begin:], len(self.log))
        while True:
            self.fold.apply()
            self.commit()
            if not self.fold.due:
                return self.outputs[before:]

    def commit(self) -> None:
        changes = self.fold.take()
        for key, value in changes.records:
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value
        self.outputs += [placed.output for placed in changes.outputs]
        self.counts.append(changes.counts)
        self.progress = self.fold.progress

    def restart(self) -> None:
        """What a crash and a restore do: nothing is left but the state's records and the topic."""
        self.fold = DeskFold(self.lanes)
        self.desk.load(self.state.items())
        self.desk.resume()
        self.fold.seek(self.progress)
        self.fold.read(self.log[self.progress.next_offset :], len(self.log))

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
