"""A lane's decisions: arrivals in, state records and outputs out.

The result depends only on the order of the arrivals, not on batch boundaries, on when the caller takes the changes, or
on restarts: all state is in the state records and the clock, arrivals are applied one at a time, and due ticks are
swept before the next one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf, isnan
from typing import Any

import msgspec
import numpy as np

from models.contract.alerts import Trigger
from models.contract.breaches import Answer, Forgotten, Heard, Left, Moved, OtherContact
from models.contract.events import (
    GONE,
    LATE_MS,
    Arrival,
    Call,
    CareContact,
    Contact,
    DataUsage,
    Deletion,
    Erasure,
    Feedback,
    Outcome,
    Profile,
    SiteVisit,
    instructs,
)
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.contract.vocabulary import LeaveReason
from models.detection.alert_body import unit_of
from models.detection.contact_rules import CHANNELS, unused_kinds
from models.detection.decision_context import DecisionContext, moment_of
from models.detection.erasure import StopMark, StopMarks, receipt, request_hash
from models.detection.handover import handed_over
from models.detection.lane_state import LaneState
from models.detection.leaving import destination, moved_revenue, reason_of
from models.detection.outbox import Changes, Output
from models.detection.signals import CARE_TRIGGERS, UNUSED_VISIT, Signal, browsing, care, downgraded
from models.detection.tick_sweep import Sweep
from models.features.catalogue import NAMES, catalogue_hash
from models.kernel import places
from models.kernel.arrivals import CLOCKED, KINDS, TOPICS, Table, table_of
from models.scoring.scorer import Scorer
from models.scoring.snapshot import check_features
from models.state.columns import OUTCOME
from models.state.lane_time import TICK_MS, Clock, floor_tick
from models.state.population import Population, StateRecord
from models.state.record_updates import COMPLAINTS, take_rare
from models.state.subscriber_record import episode_key


class Detector:
    """Applies arrivals to a lane's subscribers and decides on scores, alerts and labels.

    Parameters
    ----------
    scorer, policy
        In force until :meth:`switch`.
    partition
        The lane's partition, part of the coordinates in alert ids.

    Raises
    ------
    models.scoring.snapshot.SnapshotRefusedError
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
    def partition(self) -> int:
        """The lane's number."""
        return self._lane.partition

    @property
    def clock(self) -> Clock:
        """The lane's time, as a copy; it goes into the ledger, in the transaction that writes the changes."""
        clock = self._sweep.clock
        return msgspec.structs.replace(clock, feeds=dict(clock.feeds))

    @property
    def owed(self) -> bool:
        """Whether a sweep is unfinished: take, commit, and call :meth:`apply` again, with no arrivals if need be."""
        return self._sweep.owed

    @property
    def scorer(self) -> Scorer:
        """The model in force."""
        return self._lane.scorer

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._lane.policy

    @property
    def settled(self) -> bool:
        """Whether the state's terms follow the policy in force; if not, call :meth:`switch` before any event."""
        return self._lane.terms_of == self._lane.policy.version

    @property
    def versions(self) -> tuple[str, str]:
        """Model and policy in force."""
        return self._lane.scorer.version, self._lane.policy.version

    def load(self, records: Iterable[StateRecord]) -> None:
        """Read state records in topic order; called before :meth:`resume`, as often as needed.

        Raises
        ------
        models.state.population.StateMalformedError
            If a record cannot be read.
        """
        self.population.load(self._lane.budget.load(self._marks.load(records)))

    def resume(self, clock: Clock | Mapping[str, Any], policy: str = "") -> None:
        """Set the clock from the ledger; after this the lane stands where the ledger's transaction left it.

        Parameters
        ----------
        policy
            The ledger's version; if it is not the one in force, the first :meth:`switch` is one from that to this.
        """
        held = clock if isinstance(clock, Clock) else msgspec.convert(clock, Clock)
        self._lane.terms_of = policy or self._lane.policy.version
        self._lane.loaded(held)
        self._sweep.resume(msgspec.structs.replace(held, feeds=dict(held.feeds)))

    def switch(self, scorer: Scorer | None = None, policy: Policy | None = None) -> None:
        """Put another model or policy into force; only between :meth:`take` and the next :meth:`apply`."""
        scorer = scorer or self._lane.scorer
        check_features(scorer.snapshot, NAMES, catalogue_hash())
        policy = policy or self._lane.policy
        changed = policy != self._lane.policy or not self.settled
        self._lane.switch(scorer, policy, self._sweep.clock)
        if changed:
            # Terms and silences have changed, also for subscribers that an unfinished sweep has yet to reach.
            self._sweep.resume(self._sweep.clock)

    def handed_over(self) -> list[Heard]:
        """Records for the desk about state of a release without one; call before any other record is sent."""
        return list(handed_over(self._lane, self._sweep.clock.watermark or 0))

    def tiers_count(self) -> dict[str, int]:
        """Subscribers by tier."""
        return self._lane.tiers_count()

    def apply(self, arrivals: Sequence[Arrival]) -> int:
        """Fold, score and decide in order; returns how many arrivals were consumed.

        If not all were, the transaction is full: take, commit, and call again with the rest.
        """
        lane, sweep = self._lane, self._sweep
        sweep.run()
        table, done = table_of(arrivals), 0
        table.seat(lane.population)
        marks = self._mark(table, done)
        while done < len(table) and not self.owed and lane.outbox.room:
            done = self._walk(table, done)
            why = int(lane.engine.lane[places.WHY])
            if why and not why & places.REPEATED:
                self._decide(table[done - 1], why)
            if why & places.TICKS:
                sweep.run()
            if marks != self._marks.version:
                # A stop mark that was set or ended applies to the arrivals after it.
                marks = self._mark(table, done)
        sweep.take_time()
        self._account()
        if done == len(table):
            # Not earlier: arrivals not applied yet still use their rows.
            lane.population.settle_rows()
        return done

    def take(self) -> Changes:
        """Changes and outputs since the last call; the caller writes them with :attr:`clock`, all or nothing."""
        outputs, counts = self._lane.outbox.take()
        records = self.population.take_changes()
        records.put(self._marks.take_changes() + self._lane.budget.take_changes())
        return Changes(records, outputs, counts)

    def _mark(self, table: Table, begin: int) -> int:
        table.mark(begin, self._marks.stops if self._marks else None)
        return self._marks.version

    def _walk(self, table: Table, begin: int) -> int:
        """Walk from an arrival until one needs a decision; returns the place after it."""
        engine, outbox = self._lane.engine, self._lane.outbox
        numbers, room, last = engine.lane, float(outbox.room), float(engine.lane[places.LAST_TICK])
        numbers[places.NEXT_TICK] = inf if isnan(last) else self._sweep.next_live(int(last))
        numbers[places.ROOM] = room
        done = engine.walk(table, begin)
        outbox.wrote(int(room - numbers[places.ROOM]))
        self._sweep.heard()
        return done

    def _account(self) -> None:
        counted = self._lane.engine.counts
        counts = self._lane.outbox.counts
        for kind, topic in enumerate(TOPICS):
            applied, repeated, late, away = counted[:, kind].tolist()
            for name, n in (("applied", applied), ("duplicates", repeated), ("late", late), ("ignored", away)):
                if n:
                    counts.add(name, topic, n)  # type: ignore[arg-type]  # one of the four
        counted[:] = 0

    def _decide(self, arrival: Arrival, why: int) -> None:
        """Finish the arrival at which the walk stopped, and decide on it."""
        lane, event = self._lane, arrival.event
        row = lane.population.find(event.subscriber_id)
        late = lane.engine.lane[places.IS_LATE] == 1.0
        if isinstance(event, Erasure):
            self._erase(arrival, event, row)
        elif row < 0:
            return  # deletion of the profile of an unknown subscriber
        elif why & places.RARE:
            take_rare(lane.population, row, event)
            if _decides(event) or self._settles(row, event):
                lane.engine.score(row, self._now(arrival, row))
                self._decided(self._moment(arrival, row), event, late=late)
            if isinstance(event, Contact):
                self._contacted(arrival, event, row)
            if isinstance(event, CareContact) and event.reason in COMPLAINTS and event.case_id is not None:
                lane.episodes.case_came(row, event.case_id, self._watermark(event.ts), late=late)
        elif why & (places.WAKES | places.SIGNALS):
            self._decided(self._moment(arrival, row), event, late=False)

    def _settles(self, row: int, event: object) -> bool:
        """Whether a complaint with an open alert or breach is resolved."""
        if not isinstance(event, CareContact) or event.status != "resolved" or event.case_id is None:
            return False
        book = self.population.books.get(row)
        return book is not None and episode_key("complaint_overdue", event.case_id) in book.episodes

    def _now(self, arrival: Arrival, row: int) -> float:
        """The subscriber's own time: that of their last activity, or of the arrival if there is none.

        A profile, outcome or feedback does not move it. They are then scored as of the lane's time, or a profile would
        contradict a sweep that scored them as silent.
        """
        last = float(self._lane.population.table[row, places.LAST_TS])
        now = float(_ts_of(arrival)) if np.isnan(last) else last
        if KINDS[type(arrival.event)] not in CLOCKED:
            now = max(now, self._watermark(now))
        return now

    def _watermark(self, otherwise: float) -> float:
        """The lane's time, or `otherwise` before its first event."""
        found = float(self._lane.engine.lane[places.WATERMARK])
        return otherwise if isnan(found) else found

    def _moment(self, arrival: Arrival, row: int) -> DecisionContext:
        lane, ts = self._lane, _ts_of(arrival)
        clock = int(self._watermark(ts))
        if isinstance(arrival.event, Profile | Deletion):
            # A profile may be dated long ago; the alerts it allows are raised now.
            ts = clock
        trigger = Trigger(topic=arrival.topic, partition=lane.partition, offset=arrival.offset, tick=None)
        view = lane.engine.view(row)
        return moment_of(lane.population, view, row, ts, clock, trigger, arrival.record_ts, self._crossed(clock))

    def _crossed(self, clock: int) -> int | None:
        """The first tick that this arrival has taken the lane's time past.

        Found from the times alone: which ticks the walk stops at, since something may be due, is foreseen now and then.
        """
        before = float(self._lane.engine.lane[places.CAME_FROM])
        crossed = None if isnan(before) else floor_tick(before) + TICK_MS
        return crossed if crossed is not None and crossed <= clock else None

    def _decided(self, moment: DecisionContext, event: object, *, late: bool) -> None:
        episodes = self._lane.episodes
        if isinstance(event, Outcome):
            self._outcome_came(moment, event)
        elif isinstance(event, Profile) and moment.profile is event:
            self._profile_came(moment, event)
        elif isinstance(event, Deletion):
            episodes.account_changed(moment)
            episodes.terms_changed(moment)  # the contracts are gone with the profile
        elif isinstance(event, CareContact) and self._settles(moment.row, event):
            episodes.recovered(moment, episode_key("complaint_overdue", event.case_id or ""))
        elif isinstance(event, Feedback):
            self._tell_answer(moment, event)
            episodes.fed_back(moment, event.alert_id, event.status, event.until_ts)
        if not late:
            self._lane.rescore(moment, news=False)
            if not moment.gone:
                self._signal(moment, event)
        if moment.profile is event:
            episodes.reconsider(moment)

    def _outcome_came(self, moment: DecisionContext, outcome: Outcome) -> None:
        episodes = self._lane.episodes
        by_this = self._lane.labels.outcome(moment, outcome)
        left = self.population.blocks[OUTCOME.name].data[moment.row, OUTCOME.index["left"]]
        if outcome.outcome in GONE and left == 1.0:
            episodes.close_all(moment, "outcome")
            self._tell_left(moment, outcome, by_this=by_this)
        elif left == 0.0:
            episodes.came_back(moment)
        if outcome.outcome == "migrated":
            self._lane.outbox.counts.migrated(
                moved_revenue(moment.known, self.population.table[moment.row], outcome.ts)
            )
        episodes.terms_changed(moment)

    def _profile_came(self, moment: DecisionContext, profile: Profile) -> None:
        for use in profile.consent.absent():
            self._lane.outbox.counts.add("consent_absent", use)
        if profile.status in ("suspended_arrears", "suspended_fraud"):
            self._lane.episodes.close_all(moment, "suspended")
        elif profile.status == "left":
            self._lane.episodes.close_all(moment, "outcome")
        self._lane.episodes.profile_came(moment)
        self._tell_moved(moment, profile)

    def _contacted(self, arrival: Arrival, event: Contact, row: int) -> None:
        profile, clock = self.population.profiles[row], int(self._watermark(event.ts))
        self._lane.outbox.tell(
            OtherContact(
                lane=self._lane.partition,
                clock=clock,
                subscriber_id=event.subscriber_id,
                customer_id=None if profile is None else profile.customer_id,
                crossed=self._crossed(clock),
                ts=event.ts,
                channel=event.channel,
            ),
            event.ts,
        )

    def _tell_answer(self, moment: DecisionContext, event: Feedback) -> None:
        instruction = instructs(event.status, event.alert_id)
        account_id = None if moment.profile is None else moment.profile.account_id
        if instruction and event.scope != "account":
            account_id = None
        elif instruction and account_id is None:
            # An instruction about the person instead would seem to hold for all lines of the account.
            self._lane.outbox.counts.unknown_feedback += 1
            return
        answer = Answer(
            **self._whose(moment),
            ts=event.ts,
            status=event.status,
            alert_id=event.alert_id,
            by=event.by,
            channel=event.channel,
            until_ts=event.until_ts,
            leave_reason=self._reason(event),
            note=event.note if instruction else None,
            account_id=account_id,
            trigger=moment.trigger,
        )
        self._lane.outbox.tell(answer, event.ts)

    def _tell_moved(self, moment: DecisionContext, profile: Profile) -> None:
        """Send a new profile to the desk, if it may have a breach of the subscriber open."""
        book = self.population.books.get(moment.row)
        if book is None or not any(episode.seq for episode in book.episodes.values()):
            return
        default = self._lane.policy.consent_default
        moved = Moved(
            **self._whose(moment),
            unit=unit_of(profile),
            manager=profile.manager,
            allowed=tuple(channel for channel in CHANNELS if default.channel_of(profile, channel)),
            do_not_contact=profile.do_not_contact,
            unused=unused_kinds(profile, default),
        )
        self._lane.outbox.tell(moved, moment.ts)

    def _reason(self, event: Feedback) -> LeaveReason | None:
        found = reason_of(event.leave_reason, self._lane.policy.leave_words)
        return None if found == "unknown" else found

    def _tell_left(self, moment: DecisionContext, event: Outcome, *, by_this: bool) -> None:
        """Tell the desk of a leaver, with the reason; a later outcome only if a contact was made."""
        book = self.population.books.get(moment.row)
        if not by_this and (book is None or not book.touches):
            return
        left = Left(
            **self._whose(moment),
            ts=event.ts,
            outcome=event.outcome,
            reason=reason_of(event.leave_reason, self._lane.policy.leave_words) if by_this else None,
            to=destination(event.to_operator, self.population.table[moment.row], event.ts),
        )
        self._lane.outbox.tell(left, event.ts)

    def _whose(self, moment: DecisionContext) -> dict[str, Any]:
        return {
            "lane": self._lane.partition,
            "clock": moment.clock,
            "subscriber_id": moment.subscriber_id,
            "customer_id": None if moment.profile is None else moment.profile.customer_id,
            "crossed": moment.crossed,
        }

    def _signal(self, moment: DecisionContext, event: object) -> None:
        lane = self._lane
        match event:
            case SiteVisit():
                signal = self._browsing(moment, event)
            case CareContact():
                if event.reason == "disconnect_appointment" and event.status == "resolved":
                    self._withdrawn(moment)
                signal = care(event)
            case Outcome() if event.outcome == "downgraded" and event.ts > moment.clock - LATE_MS:
                lane.declined(moment, downgraded())
                return
            case Call() | DataUsage():
                if lane.wakes(moment.row, event.ts):
                    lane.episodes.recovered(moment, "silence")
                return
            case _:
                return
        if signal is not None:
            lane.episodes.breach(moment, signal)

    def _withdrawn(self, moment: DecisionContext) -> None:
        """Close the appointment's alert, unless an appointment still stands."""
        book = self.population.books.get(moment.row)
        if book is not None and book.appointment_ts is None:
            self._lane.episodes.recovered(moment, "disconnect_appointment")

    def _browsing(self, moment: DecisionContext, event: SiteVisit) -> Signal | None:
        population, policy = self.population, self._lane.policy.browsing
        if population.table[moment.row, places.BEHAVIOUR] == 0.0:
            return None if event.page in policy.excluded_pages else UNUSED_VISIT
        return browsing(population.visits.of(moment.row), event, moment.now, policy)

    def _erase(self, arrival: Arrival, event: Erasure, row: int) -> None:
        """Forget a subscriber: close their alerts, delete their data, and set a stop mark by their hash."""
        lane = self._lane
        held, request = self._marks.get(event.subscriber_id), request_hash(event.request_id)
        if held is not None and held.request == request and held.erased_ts >= event.ts:
            # A second delivery of a request that is done and whose receipt is published.
            lane.engine.counts[places.APPLIED, places.ERASURE] -= 1
            lane.engine.counts[places.DUPLICATE, places.ERASURE] += 1
            return
        if row >= 0:
            lane.engine.score(row, self._now(arrival, row))
            moment = self._moment(arrival, row)
            lane.episodes.close_all(moment, "erased")
            lane.outbox.tell(Forgotten(**self._whose(moment)), event.ts)
            lane.forget(moment)
            self._sweep.forgotten(row)
        clock = int(self._watermark(event.ts))
        retention = lane.policy.retention
        until = max(clock, event.ts) + round(retention.stop_mark_days * DAY_MS)
        self._marks.set(event.subscriber_id, StopMark(event.ts, until, request))
        body = receipt(event, clock, row >= 0, retention)
        coordinates = f"{arrival.topic}:{lane.partition}:{arrival.offset}"
        lane.outbox.put(Output("receipt", body.subscriber_hash, body, event.ts, coordinates, arrival.record_ts))


def _ts_of(arrival: Arrival) -> int:
    event = arrival.event
    return arrival.record_ts if isinstance(event, Deletion) else event.ts


def _decides(event: object) -> bool:
    """Whether an event can lead to a decision at once; the risk that it changes is looked at daily."""
    if isinstance(event, CareContact):
        return event.reason in CARE_TRIGGERS
    return isinstance(event, Feedback | Outcome | Profile | Deletion)
