"""A detector on a bench: events in by a line each, alerts out, and a restart whenever one is wanted."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from support.desk_rig import NO_CAPS, DeskBench, heard

from models.contract import events
from models.contract.alerts import Alert, Receipt, Score, Suppression
from models.contract.breaches import Governed, Mark
from models.contract.events import Arrival, Deletion
from models.contract.policy import ContactPolicy, Policy, TierPolicy
from models.detection.detector import Detector
from models.detection.outbox import Counts, Output
from models.features.catalogue import INDEX, NAMES, catalogue_hash
from models.scoring.scorer import Scorer
from models.scoring.snapshot import Curve, Cutoff, Snapshot
from models.state.lane_time import Clock
from models.state.population import StateRecord

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_780_000_000_000 // DAY * DAY
"""Midnight UTC, so that ticks and slices of a day are round numbers."""
LETTERS = {
    "call": events.CALLS,
    "data": events.DATA_USAGE,
    "visit": events.SITE_VISITS,
    "care": events.CARE_CONTACTS,
    "bill": events.BILLING,
    "contact": events.CONTACTS,
    "profile": events.SUBSCRIBERS,
    "outcome": events.OUTCOMES,
    "erasure": events.ERASURES,
    "feedback": events.FEEDBACK,
}
_REQUIRED: dict[str, dict[str, Any]] = {
    "call": {"direction": "outgoing", "duration_s": 60, "peer_network": "on_net"},
    "data": {"bytes": 1_000_000},
    "visit": {"operator": "China Unicom", "dwell_s": 20},
    "care": {"reason": "inquiry"},
    "bill": {"kind": "accrual", "amount": 1.0},
    "contact": {"channel": "sms"},
    "profile": {
        "arpu": 138.0,
        "unit": "tianhe-03",
        "manager": "manager-7",
        "consent": {"behaviour": True},
    },
    "outcome": {"outcome": "ported_out"},
    "erasure": {"request_id": "r-1"},
    "feedback": {"status": "accepted"},
}


def snapshot(intercept: float = -4.0, **curves: tuple[list[float], list[float]]) -> Snapshot:
    """A model of a few named curves; all the other features say nothing."""
    flat: tuple[list[float], list[float]] = ([0.0, 1.0], [0.0, 0.0])
    assert set(curves) <= set(NAMES), set(curves) - set(NAMES)
    return Snapshot(
        version="m-test",
        curves=[
            Curve(feature=name, knots=curves.get(name, flat)[0], values=curves.get(name, flat)[1], usual=0.0)
            for name in NAMES
        ],
        intercept=intercept,
        base_rate=0.015,
        cutoffs=[Cutoff(0.02, 0.075), Cutoff(0.10, 0.03)],
        catalogue_hash=catalogue_hash(),
    )


CARE_MODEL = snapshot(-5.0, complaints_open=([0.0, 1.0, 2.0], [0.0, 1.8, 4.0]))
"""Healthy, warning, high risk with no, one, two open complaints: a risk of 0.7 %, 3.9 %, 27 %."""


ROOMY = Policy(tiers=TierPolicy(budget=1000.0, smoothing=1.0), contact=ContactPolicy(**NO_CAPS))
"""A tier is what two daily looks see, and there is an alert a day for everybody: what a life needs to be told."""


def event(kind: str, /, subscriber: str, ts: int, **fields: Any) -> Any:
    """An event of a kind, with whatever is required filled in."""
    values = {"subscriber_id": subscriber, "ts": ts} | _REQUIRED[kind] | fields
    if kind == "profile":
        values.setdefault("customer_id", f"c-{subscriber}")  # each number is a person of its own
    return msgspec.convert(values, events.INPUTS[LETTERS[kind]])


class Bench:
    """One lane's detector, its topic offsets, what it and the desk published, and its state as the topic would hold it.

    The desk hears of each transaction at once, with a mark, as of a lane that is alone. ``outputs`` has what others may
    read, ``told`` what the lane itself wrote.
    """

    def __init__(
        self, model: Snapshot = CARE_MODEL, policy: Policy | None = None, recorded_until: int | None = None
    ) -> None:
        self.policy = policy or ROOMY
        self.model = model
        self.state: dict[bytes, bytes] = {}
        self.outputs: list[Output] = []
        self.told: list[Output] = []
        self.counts: list[Counts] = []
        self._offsets = dict.fromkeys(events.INPUTS, 0)
        self.detector = self._new()
        self.desk = DeskBench(self.policy)
        if recorded_until is not None:
            self.detector.resume(Clock(recorded_until=recorded_until))

    def _new(self) -> Detector:
        return Detector(Scorer(self.model, self.policy.base_rate), self.policy, 3)

    def arrival(self, kind: str, /, subscriber: str, ts: int, **fields: Any) -> Arrival:
        topic = LETTERS[kind]
        offset = self._offsets[topic] = self._offsets[topic] + 1
        if fields.pop("deleted", False):
            return Arrival(topic, offset, ts, Deletion(subscriber))
        return Arrival(topic, offset, ts, event(kind, subscriber, ts, **fields))

    def send(self, kind: str, /, subscriber: str, ts: int, **fields: Any) -> list[Output]:
        """Apply one event, and give back what came of it."""
        return self.apply([self.arrival(kind, subscriber, ts, **fields)])

    def apply(self, arrivals: Sequence[Arrival]) -> list[Output]:
        """Apply them all, in as many transactions as it takes."""
        before, rest = len(self.outputs), list(arrivals)
        while True:
            rest = rest[self.detector.apply(rest) :]
            self.commit()
            if not rest and not self.detector.owed:
                return self.outputs[before:]

    def commit(self) -> None:
        changes = self.detector.take()
        self._write(changes.records)
        self.counts.append(changes.counts)
        self.told += changes.outputs
        if self.desk.desk.context.policy != self.detector.policy:
            self.outputs += self.desk.hear(Governed(policy=self.detector.policy))
        for output in changes.outputs:
            self.outputs += self.desk.hear(*heard([output])) if output.kind == "heard" else [output]
        tick = self.detector.clock.last_tick
        if tick is not None:
            self.outputs += self.desk.hear(Mark(lane=self.detector.partition, tick=tick))

    def _write(self, records: Iterable[StateRecord]) -> None:
        for key, value in records:
            if value is None:
                self.state.pop(key, None)
            else:
                self.state[key] = value

    def restart(self) -> None:
        """What a crash and a restore do: nothing is left but the state's records and the ledger's clock."""
        clock, (_, policy) = msgspec.json.decode(msgspec.json.encode(self.detector.clock)), self.detector.versions
        self.detector = self._new()
        self.detector.load(self.state.items())
        self.detector.resume(clock, policy)
        if not self.detector.settled:
            self.detector.switch()
        self.desk.restart()

    def life(self, kind: str | None = None) -> list[str]:
        """The published steps, in short: ``risk_tier raised``, ``competitor_browsing suppressed cooldown``."""
        return [said for said in map(say, self.outputs) if said and (kind is None or said.startswith(kind))]

    def alerts(self) -> list[Alert]:
        return [o.body for o in self.outputs if isinstance(o.body, Alert)]

    def suppressions(self) -> list[Suppression]:
        return [o.body for o in self.outputs if isinstance(o.body, Suppression)]

    def scores(self) -> list[Score]:
        return [o.body for o in self.outputs if isinstance(o.body, Score)]

    def receipts(self) -> list[Receipt]:
        return [o.body for o in self.outputs if isinstance(o.body, Receipt)]

    def breaches(self) -> int:
        return self.desk.breaches() + sum(n for counts in self.counts for n in counts.breaches.values())

    def week(self, subscriber: str, start: int = START, days: int = 8, **fields: Any) -> int:
        """A steady week of calls, three a day; the time of the last one."""
        times = [start + d * DAY + h * HOUR for d, h in itertools.product(range(days), (9, 13, 20))]
        self.apply([self.arrival("call", subscriber, ts, **fields) for ts in times])
        return times[-1]


def say(output: Output) -> str:
    """One output in a few words; nothing for a score or a receipt."""
    body = output.body
    if isinstance(body, Alert):
        return f"{body.kind} {body.event}" + (f" {body.close_reason}" if body.close_reason else "")
    if isinstance(body, Suppression):
        return f"{body.kind} suppressed {body.reason}"
    return ""


assert "complaints_open" in INDEX
