"""A lane's decisions: arrivals in, state records and outputs out.

The result depends on the order of the arrivals alone. Where a batch is cut, when the caller takes the changes, and
whether the lane was restarted in between makes no difference: everything that matters is in the state records and in
the clock, and pieces are cut by event time at every tick that can bring anything about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from models.asof import AsOf
from models.batch import CARE, DATA, ERASURE, TOPICS, Batch
from models.clock import Clock
from models.erasure import Mark, StopMarks, receipt, request_hash
from models.events import Arrival, Erasure
from models.features import NAMES, catalogue_hash
from models.fold import Trace, fold
from models.lane_state import LaneState
from models.outbox import Changes, Output
from models.piece import Piece
from models.policy import DAY_MS, Policy
from models.population import Population, StateRecord
from models.risk import Scorer
from models.snapshot import check_features
from models.sweep import Sweep


class Detector:
    """See the module.

    Parameters
    ----------
    scorer, policy
        In force until :meth:`switch`.
    partition
        Of the lane: part of the coordinates that alerts are named by.

    Raises
    ------
    models.snapshot.SnapshotRefusedError
        If the scorer's model was trained on other features.
    """

    def __init__(self, scorer: Scorer, policy: Policy, partition: int) -> None:
        check_features(scorer.snapshot, NAMES, catalogue_hash())
        self._lane = LaneState(scorer, policy, partition)
        self._marks = StopMarks()
        self._sweep = Sweep(self._lane, self._marks)

    @property
    def population(self) -> Population:
        """The subscribers of the lane."""
        return self._lane.population

    @property
    def clock(self) -> Clock:
        """The lane's time, a copy: it belongs into the ledger of the transaction that writes the changes."""
        clock = self._sweep.clock
        return msgspec.structs.replace(clock, feeds=dict(clock.feeds))

    @property
    def owed(self) -> bool:
        """Whether a sweep is under way that did not fit: take, commit, and apply again, if need be nothing."""
        return self._sweep.owed

    @property
    def scorer(self) -> Scorer:
        """The model in force."""
        return self._lane.scorer

    @property
    def versions(self) -> tuple[str, str]:
        """Model and policy in force."""
        return self._lane.scorer.version, self._lane.policy.version

    def load(self, records: Iterable[StateRecord]) -> None:
        """Take up state records, in their order on the topic; called before :meth:`resume`, as often as needed.

        Raises
        ------
        models.population.StateMalformedError
            If a record cannot be read.
        """
        self.population.load(self._marks.load(records))

    def resume(self, clock: Clock | Mapping[str, Any]) -> None:
        """Go on from the clock of the ledger; after this the lane stands where the ledger's transaction left it."""
        held = clock if isinstance(clock, Clock) else msgspec.convert(clock, Clock)
        self._lane.loaded(held)
        self._sweep.resume(msgspec.structs.replace(held, feeds=dict(held.feeds)))

    def switch(self, scorer: Scorer | None = None, policy: Policy | None = None) -> None:
        """Take another model or policy into force; only between :meth:`take` and the next :meth:`apply`."""
        scorer = scorer or self._lane.scorer
        check_features(scorer.snapshot, NAMES, catalogue_hash())
        self._lane.switch(scorer, policy or self._lane.policy, self._sweep.clock)
        self._sweep.resume(self._sweep.clock)

    def tiers_count(self) -> dict[str, int]:
        """Subscribers by tier."""
        return self._lane.tiers_count()

    def apply(self, arrivals: Sequence[Arrival]) -> int:
        """Fold, score and decide in order; returns how many were consumed.

        Fewer than given means that the transaction is full: take, commit, and call again with the rest.
        """
        self._sweep.run()
        done = base = 0
        marks = self._marks.version
        batch = self._batch(arrivals)
        while done < len(arrivals) and not self.owed:
            last, live = self._sweep.clock.last_tick, self._sweep.next_live()
            end = base + batch.piece_end(done - base, last, live, self._lane.outbox.room)
            if end == done:
                break
            self._apply_piece(arrivals[done:end], batch.part(slice(done - base, end - base)))
            done = end
            self._sweep.run()
            if self._marks.version != marks:
                # A mark that was set or has ended decides about what comes behind it.
                marks, base = self._marks.version, done
                batch = self._batch(arrivals[done:])
        return done

    def take(self) -> Changes:
        """What changed and was decided since the last call; the caller writes it with :attr:`clock`, all or nothing."""
        outputs, counts = self._lane.outbox.take()
        return Changes(self.population.take_changes() + self._marks.take_changes(), outputs, counts)

    def _batch(self, arrivals: Sequence[Arrival]) -> Batch:
        return Batch.of(arrivals, self._sweep.clock.watermark, self._marks)

    def _apply_piece(self, arrivals: Sequence[Arrival], view: Batch) -> None:
        lane, clock = self._lane, self._sweep.clock
        counts = lane.outbox.counts
        if not view.applied.all():
            for arrival, applied in zip(arrivals, view.applied.tolist(), strict=True):
                if not applied:
                    counts.add("ignored", arrival.topic)
            arrivals = [a for a, applied in zip(arrivals, view.applied.tolist(), strict=True) if applied]
            view = view.part(view.applied)
            if not arrivals:
                return
        asof = AsOf(lane.population, arrivals, view.kinds)
        trace = fold(lane.population, arrivals, np.nan if clock.watermark is None else float(clock.watermark))
        piece = Piece(lane, arrivals, view, trace, asof)
        piece.decide()
        if view.kinds[-1] == ERASURE:
            self._erase(arrivals[-1], piece, len(arrivals) - 1, trace)
        self._account(arrivals, view, trace)

    def _account(self, arrivals: Sequence[Arrival], view: Batch, trace: Trace) -> None:
        clock, outbox = self._sweep.clock, self._lane.outbox
        counts = outbox.counts
        outbox.wrote(int(view.sizes.sum()))
        for kind in np.unique(view.kinds).tolist():
            mine = view.kinds == kind
            topic, applied = TOPICS[kind], int(np.count_nonzero(mine & trace.applied))
            late, repeated = int(np.count_nonzero(mine & trace.applied & trace.late)), np.count_nonzero(mine) - applied
            counts.add("applied", topic, applied)
            if repeated:
                counts.add("duplicates", topic, int(repeated))
            if late:
                counts.add("late", topic, late)
            if kind <= CARE:
                clock.feeds[topic] = max(clock.feeds.get(topic, 0), int(view.times[mine].max()))
        usage = view.times[view.kinds <= DATA]
        if len(usage):
            self._sweep.used(float(usage.min()))
        if not np.isnan(view.clocks[-1]):
            clock.watermark = int(view.clocks[-1])

    def _erase(self, arrival: Arrival, piece: Piece, i: int, trace: Trace) -> None:
        """Forget a subscriber: end his alerts, delete what is kept, and mark him, by his hash, as erased."""
        lane, event = self._lane, arrival.event
        assert isinstance(event, Erasure)  # noqa: S101 - the topic has no other
        held, request = self._marks.get(event.subscriber_id), request_hash(event.request_id)
        if held is not None and held.request == request and held.erased_ts >= event.ts:
            # The same request, delivered twice: it was done and its receipt was given.
            trace.applied[i] = False
            return
        row = int(trace.rows[i])
        moment = piece.moment(i) if row >= 0 else None
        if moment is not None:
            lane.episodes.close_all(moment, "erased")
            lane.forget(moment)
            self._sweep.forgotten(row)
        clock = event.ts if np.isnan(piece.clock_of(i)) else int(piece.clock_of(i))
        retention = lane.policy.retention
        until = max(clock, event.ts) + round(retention.stop_mark_days * DAY_MS)
        self._marks.set(event.subscriber_id, Mark(event.ts, until, request))
        body = receipt(event, clock, moment is not None, retention)
        coordinates = f"{arrival.topic}:{lane.partition}:{arrival.offset}"
        lane.outbox.put(Output("receipt", body.subscriber_hash, body, event.ts, coordinates, arrival.record_ts))
