"""One piece of a lane's arrivals: folded and scored at once, decided one by one where anything can change.

The scan is vectorised and may say yes too often, never too seldom. What it says yes to is decided in the order of the
arrivals, each as if the batch had been cut right after it.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import Final

import numpy as np

from models import features
from models.alerts import Trigger
from models.asof import AsOf
from models.batch import CARE, CONTACT, DATA, VISIT, Batch
from models.columns import ACTIVITY, OUTCOME, OUTCOME_CODES, PROFILE, RISK
from models.events import (
    Arrival,
    Call,
    CareContact,
    DataUsage,
    Deletion,
    Feedback,
    Outcome,
    Profile,
    SiteVisit,
)
from models.fold import Trace
from models.lane_state import LaneState
from models.moment import Moment
from models.rounds import Bools, Ints
from models.signals import CARE_TRIGGERS, UNUSED_VISIT, browsing, care

_FIRST: Final = ACTIVITY.index["first_ts"]
_LEFT: Final = OUTCOME.index["left"]
_CODE: Final = OUTCOME.index["code"]
_LEFT_TS: Final = OUTCOME.index["left_ts"]
_BEHAVIOUR: Final = PROFILE.index["behaviour"]
_INVOLUNTARY: Final = float(OUTCOME_CODES.index("involuntary"))
_GONE: Final = frozenset({"ported_out", "disconnected", "lapsed", "involuntary"})


class Piece:
    """See the module.

    Parameters
    ----------
    lane
        State and instruments of the lane.
    arrivals, batch, trace
        The piece, in numbers, and what folding it did.
    asof
        Made before the fold.
    """

    def __init__(self, lane: LaneState, arrivals: Sequence[Arrival], batch: Batch, trace: Trace, asof: AsOf) -> None:
        self._lane = lane
        self._arrivals = arrivals
        self._trace = trace
        self._asof = asof
        self._clocks = clocks = batch.clocks
        # What is told about a subscriber does not move his own clock. He is then looked at from the lane's time, or
        # a sweep that scored him as silent would be contradicted by a profile.
        self._now = np.where(batch.kinds >= CONTACT, np.fmax(trace.now, clocks), trace.now)
        self._x = features.compute(trace.state, self._now)
        self._risk = lane.scorer.score(self._x).risk
        self._history = self._now - trace.state[ACTIVITY.name][:, _FIRST]
        self._live = trace.applied & (trace.rows >= 0)
        self._flags = self._scan(batch.kinds)
        self._heap: list[int] = np.flatnonzero(self._flags).tolist()

    def _scan(self, kinds: Ints) -> Bools:
        lane, trace = self._lane, self._trace
        # One subscriber's tier can move within the piece: decide() then flags the rest of his arrivals.
        scored = lane.may_move(trace.rows, self._risk, self._history, self._now)
        waking = (kinds <= DATA) & lane.is_silent(trace.rows)
        rare = (kinds >= VISIT) & (kinds != CARE) & (kinds != CONTACT)
        for i in np.flatnonzero(kinds == CARE).tolist():
            event = self._arrivals[i].event
            rare[i] = isinstance(event, CareContact) and event.reason in CARE_TRIGGERS
        flags: Bools = self._live & (rare | (~trace.late & (scored | waking)))
        return flags

    def decide(self) -> None:
        """Walk through the arrivals that were flagged, in their order."""
        heap = self._heap
        while heap:
            i = heapq.heappop(heap)
            if self._decide(i):
                self._flag_rest(i)

    def _flag_rest(self, i: int) -> None:
        """His state moved: whatever comes of him later in the piece is looked at anew."""
        later = i + 1 + np.flatnonzero(self._trace.rows[i + 1 :] == self._trace.rows[i])
        for j in later.tolist():
            if self._live[j] and not self._flags[j]:
                self._flags[j] = True
                heapq.heappush(self._heap, j)

    def clock_of(self, i: int) -> float:
        """The lane's time right after the arrival `i`; NaN before it began."""
        return float(self._clocks[i])

    def moment(self, i: int) -> Moment:
        """Everything known right after the arrival `i`."""
        lane, arrival = self._lane, self._arrivals[i]
        event, row = arrival.event, int(self._trace.rows[i])
        subscriber_id = event.subscriber_id
        ts = arrival.record_ts if isinstance(event, Deletion) else event.ts
        clock = ts if np.isnan(self._clocks[i]) else int(self._clocks[i])
        if isinstance(event, Profile | Deletion):
            # A profile may be dated long ago; what it sets free happens now.
            ts = clock
        profile = self._asof.profile(row, subscriber_id)
        outcome = self._trace.state[OUTCOME.name][i].tolist()
        tier = lane.population.blocks[RISK.name].data[row, RISK.index["tier"]]
        book = lane.population.books.get(row)
        return Moment(
            row=row,
            subscriber_id=subscriber_id,
            ts=ts,
            clock=clock,
            now=float(self._now[i]),
            profile=profile,
            refused_ts=self._asof.refused_ts(row, subscriber_id),
            involuntary=left_involuntarily(outcome, profile),
            gone=left_willingly(outcome, profile),
            tier=int(tier),
            previous=None if book is None else book.previous_tier,
            risk=float(self._risk[i]),
            profiled=profile is None or profile.consent.profiling,
            columns=self._x,
            column=i,
            trigger=Trigger(topic=arrival.topic, partition=lane.partition, offset=arrival.offset, tick=None),
            record_ts=arrival.record_ts,
        )

    def _decide(self, i: int) -> bool:
        """Whether the subscriber's tier, or what was last published of his risk, moved."""
        lane, arrival, event = self._lane, self._arrivals[i], self._arrivals[i].event
        refused = self._trace.state[PROFILE.name][i, _BEHAVIOUR] == 0.0
        self._asof.pass_by(arrival, behaviour_refused=bool(refused))
        moment = self.moment(i)
        episodes = lane.episodes
        if isinstance(event, Outcome):
            lane.labels.outcome(moment, event)
        if isinstance(event, Outcome) and event.outcome in _GONE and self._trace.state[OUTCOME.name][i, _LEFT] == 1.0:
            episodes.close_all(moment, "outcome")
        elif isinstance(event, Profile) and moment.profile is event:
            self._profile_came(moment, event)
        elif isinstance(event, Feedback):
            episodes.fed_back(moment, event.alert_id, event.status, event.until_ts)
        changed = False
        if not self._trace.late[i]:
            changed = lane.rescore(moment, float(self._history[i]))
            if not moment.gone:
                self._signal(i, moment, event, refused=bool(refused))
        if moment.profile is event and not moment.gone:
            episodes.reconsider(moment)
        return changed

    def _profile_came(self, moment: Moment, profile: Profile) -> None:
        if profile.status in ("suspended_arrears", "suspended_fraud"):
            self._lane.episodes.close_all(moment, "suspended")
        elif profile.status == "left":
            self._lane.episodes.close_all(moment, "outcome")

    def _signal(self, i: int, moment: Moment, event: object, *, refused: bool) -> None:
        lane = self._lane
        match event:
            case SiteVisit():
                visits = self._asof.visits(moment.row, moment.subscriber_id)
                policy = lane.policy.browsing
                signal = UNUSED_VISIT if refused else browsing(visits, event, moment.now, policy)
                if refused and event.page in policy.excluded_pages:
                    signal = None
            case CareContact():
                signal = care(event)
            case Call() | DataUsage():
                if lane.wakes(moment.row, event.ts):
                    lane.episodes.recovered(moment)
                return
            case _:
                return
        if signal is not None:
            lane.episodes.breach(moment, signal)


def left_involuntarily(outcome: list[float], profile: Profile | None) -> bool:
    """Whether the last word on the subscriber is that we let him go; an active profile that is newer takes it back."""
    if not (outcome[_LEFT] == 1.0 and outcome[_CODE] == _INVOLUNTARY):
        return False
    return profile is None or profile.status != "active" or profile.ts <= outcome[_LEFT_TS]


def left_willingly(outcome: list[float], profile: Profile | None) -> bool:
    """Whether the subscriber is gone; `returned`, or an activation after he left, takes it back."""
    if outcome[_LEFT] != 1.0 or outcome[_CODE] == _INVOLUNTARY:
        return False
    return profile is None or profile.activated_ts is None or profile.activated_ts <= outcome[_LEFT_TS]
