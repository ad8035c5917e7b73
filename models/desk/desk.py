"""The fold of the breaches: each is raised, suppressed with a reason, or waits for capacity.

Urgent kinds are raised as they come. The others wait for a lane's mark, which may move the desk's time: then the best
are raised first, as far as capacity goes. A person has one open work order; what is raised meanwhile joins it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from models.contract.alerts import UNASSIGNED, alert_id
from models.contract.breaches import (
    Answer,
    Breach,
    Excluded,
    Forgotten,
    Governed,
    Heard,
    Idle,
    Inherited,
    Joined,
    Left,
    Mark,
    Moved,
    OfSubscriber,
    OtherContact,
    Person,
)
from models.contract.events import instructs
from models.contract.policy import Policy
from models.desk.accounts import ACCOUNT, Incidents
from models.desk.capacity import UNIT, UnitProgress, Units
from models.desk.contact_limits import Objection, Objections
from models.desk.decisions import Decisions, Rank, WaitingList
from models.desk.desk_context import DeskContext
from models.desk.dispatch import FINAL, Dispatch
from models.desk.effect import EFFECT_KEY, Effect, hear_reason
from models.desk.instructions import Instructions
from models.desk.lanes.desk_time import DeskTime
from models.desk.lanes.lane_order import LaneOrder, Ticked
from models.desk.lanes.lane_times import Progress, Written
from models.desk.persons import DESK, MAX_BREACHES, Made, PersonFile, Standing
from models.desk.publications import DeskCounts, DeskOutput, Publications
from models.desk.registry import PERSON, Registry, first_deadline, pass_deadlines
from models.detection.signals import ACCOUNT_KIND
from models.state.lane_time import ceil_tick
from models.state.state_records import StateRecord

__all__ = ["Desk", "DeskChanges", "DeskCounts", "DeskFold", "DeskOutput"]

DESK_KEY: Final = b"~desk"
POLICY_KEY: Final = b"~policy"


class DeskChanges(NamedTuple):
    """Everything one transaction must write, with its counts."""

    records: list[StateRecord]
    outputs: list[DeskOutput]
    counts: DeskCounts


class DeskFile(Struct):
    """How far the desk is; one state record."""

    time: DeskTime
    releasing: Literal["all", "late"] | None
    passed: Rank | None


class Desk:
    """The desk of all lanes.

    Parameters
    ----------
    lanes
        Number of lanes: nothing is decided until each of them has joined.

    Attributes
    ----------
    context
        The policy in force and the time of the lanes.
    """

    def __init__(self, lanes: int) -> None:
        self.context = DeskContext(lanes)
        self._published = Publications(self.context)
        self._waiting = WaitingList(self.context)
        self._units = Units(self._waiting.wake_unit)
        files: dict[Person, PersonFile] = {}
        objections = Objections(self.context, files)
        self._dispatch = Dispatch(self.context, self._units, self._published, objections)
        self._decisions = Decisions(
            self.context, self._units, self._waiting, self._dispatch, self._published, objections
        )
        self._registry = Registry(self.context, self._dispatch, files, self._decisions.redispatch, self._waiting)
        self._incidents = Incidents(self.context, self._registry, self._decisions, self._published)
        self._instructions = Instructions(
            self.context, self._registry, self._dispatch, self._decisions, self._incidents
        )
        self._effect = Effect(self._published)
        self._governed = False

    # What callers may read

    @property
    def now(self) -> int:
        """The desk's time, ms; 0 before the first mark."""
        return self.context.time.now

    @property
    def owed(self) -> bool:
        """Whether work is due that did not fit into the transaction: take, commit, and settle again."""
        due = self._waiting.releasing is not None or bool(self._registry.deadlines)
        return self.context.open and due

    @property
    def full(self) -> bool:
        """Whether the transaction has reached its limit: take, and commit."""
        return self._published.full

    @property
    def outputs(self) -> int:
        """Number of outputs since the last take."""
        return len(self._published.outputs)

    @property
    def held_up_by(self) -> set[int]:
        """Lanes that the desk waits for: those that have not joined; once all have, the slowest."""
        time = self.context.time
        return set(range(self.context.lanes)) - set(time.joined) or time.held_up_by()

    def waiting(self) -> Counter[str]:
        """Number of waiting breaches by unit; every unit of the policy is listed."""
        found = Counter(dict.fromkeys([UNASSIGNED, *self._units.names], 0))
        found.update(self._waiting.units())
        return found

    def success(self) -> dict[str, float]:
        """Share of the settled contacts after which the customer stayed, by unit."""
        return self._effect.shares()

    def today(self) -> dict[str, UnitProgress]:
        """Today's contacts and saves of each unit of the policy, beside its capacity and target."""
        return self._units.today(self.now)

    # State

    def load(self, records: Iterable[StateRecord]) -> None:
        """Read state records in topic order; call as often as needed, then :meth:`resume`."""
        for key, value in records:
            if key == DESK_KEY and value is not None:
                held = msgspec.json.decode(value, type=DeskFile)
                self.context.time = held.time
                self._waiting.releasing, self._waiting.passed = held.releasing, held.passed
            elif key == EFFECT_KEY:
                self._effect.load(value)
            elif key == POLICY_KEY and value is not None:
                self._govern(msgspec.json.decode(value, type=Policy))
            elif key.startswith(PERSON):
                self._registry.load(key, value)
            elif key.startswith(ACCOUNT):
                self._incidents.load(key, value)
            elif key.startswith(UNIT):
                self._units.load(key, value)

    def resume(self) -> None:
        """Rebuild what is derived from the state records."""
        self._registry.resume()
        self._incidents.resume()
        for file in self._registry.files.values():
            for standing in file.breaches.values():
                if standing.state == "waiting":
                    self._waiting.put(standing)

    def take(self) -> DeskChanges:
        """Changes and outputs since the last call; the caller writes all of them in one transaction."""
        records = [
            *self._registry.take_changes(),
            *self._units.take_changes(),
            *self._incidents.take_changes(),
            *self._effect.take_changes(),
        ]
        if self._governed:
            records.append((POLICY_KEY, msgspec.json.encode(self.context.policy)))
        self._governed = False
        waiting = self._waiting
        held = DeskFile(self.context.time, waiting.releasing, waiting.passed)
        records.append((DESK_KEY, msgspec.json.encode(held)))
        return DeskChanges(records, *self._published.take())

    def _govern(self, policy: Policy) -> None:
        self.context.policy = policy
        self._units.govern(policy)

    # The fold

    def settle(self) -> bool:
        """Do all that is due by now, and what that makes due; False if the transaction is full before that."""
        while self.owed:
            if self._published.full:
                return False
            if self._registry.deadlines:
                ended = self._registry.deadlines.pop()
                if ended is not None:
                    self._come_due(*ended)
            elif (standing := self._waiting.next()) is not None:
                self._release(standing)
            else:
                self._units.forget_before(self.now)
        return True

    def hear(self, record: Heard | Ticked) -> None:
        """Apply a record, once everything before is settled; before the desk is open, only what opens it."""
        if isinstance(record, OfSubscriber):
            self.context.time.note(record.lane, record.clock)
            self._pass_deadlines_before(record)
        match record:
            case Breach():
                self._breached(record)
            case Answer():
                self._answered(record)
            case OtherContact() | Moved() | Left() | Forgotten() | Inherited():
                self._learnt(record)
            case Governed():
                self._govern(record.policy)
                self._governed = True
                self._waiting.wake_all()
                for person in self._registry.files:
                    self._registry.deadlines.renew(person)
            case _:
                self._move_time(record)

    def _move_time(self, record: Mark | Ticked | Idle | Excluded | Joined) -> None:
        """Move the time of lanes, then decide on waiting breaches: all if the desk's time moved, else the new ones."""
        time, before = self.context.time, self.now
        match record:
            case Mark():
                time.mark(record.lane, record.tick, record.generation)
            case Ticked():
                time.tick(record.lanes, record.tick)
            case Idle() | Excluded():
                time.rest(record.lane)
            case Joined():
                time.join(record.lane)
        self._waiting.releasing = "all" if time.now > before or isinstance(record, Joined) else "late"
        for lane in record.lanes if isinstance(record, Ticked) else (record.lane,):
            self._registry.deadlines.reach(lane)

    # Records about a person

    def _breached(self, heard: Breach) -> None:
        person, file = self._registry.file_of(heard)
        at = self.context.at(file, heard.clock)
        heard = self._of_newest(file, heard, at)
        alert = heard.alert
        standing, joins = file.breaches.get(alert.alert_id), alert.event == "raised"
        if heard.repeated and (standing is None or not standing.closed):
            self._registry.put(person)  # the time of their file has moved
            return
        if alert.kind == ACCOUNT_KIND:
            self._incidents.signed(heard, at)
        elif standing is None:
            self._new_breach(file, heard, at)
        elif alert.event == "escalated":
            joins = self._triggered(file, standing, heard, at)
        elif alert.event == "eased":
            self._decisions.ease(file, standing, alert, at)
        elif alert.event == "raised":
            self._published.counts.unknown += 1  # it is open already
        else:
            self._decisions.close(file, standing, alert, at)
            self._incidents.leaves(standing.alert.account_id, alert, at)
        self._registry.put(person)
        if joins:
            self._incidents.look_at(heard, at)

    def _triggered(self, file: PersonFile, standing: Standing, heard: Breach, at: int) -> bool:
        """A breach has a stronger trigger; returns whether it now counts in its account as it did not before."""
        if standing.closed or (standing.state == "answered" and not self._incidents.covers(standing.alert)):
            return self._begin_anew(file, standing, heard, at)
        moved = self._incidents.moves(file, standing, heard, at)
        standing.take_up(heard)
        if standing.state == "raised":
            self._decisions.escalate(file, standing, at, heard.record_ts)
        elif standing.state == "withheld":
            self._decisions.decide(file, standing, at, heard.record_ts, fresh=True)
        return moved

    def _new_breach(self, file: PersonFile, heard: Breach, at: int) -> None:
        """A breach begins; a step of a breach that the desk does not know is only counted."""
        if heard.alert.event != "raised":
            self._published.counts.unknown += 1
            return
        standing = Standing(heard.alert, heard.lane, heard.clock, at)
        if len(file.breaches) >= MAX_BREACHES:
            self._decisions.withhold(standing, Objection("person_cap", None), at, fresh=True)  # and nothing is kept
            return
        file.breaches[heard.alert.alert_id] = standing
        standing.take_up(heard)
        if not self._incidents.joins(heard, standing):
            self._decisions.decide(file, standing, at, heard.record_ts, fresh=True)

    def _of_newest(self, file: PersonFile, heard: Breach, at: int) -> Breach:
        """The step under the id that the desk gave the breach after feedback; the lane goes on with its own id.

        Where the lane's breach is over, the desk forgets the ids before.
        """
        while (standing := file.breaches.get(heard.alert.alert_id)) is not None and standing.next_id is not None:
            if heard.alert.event == "closed":
                del file.breaches[heard.alert.alert_id]
                self._incidents.leaves(standing.alert.account_id, heard.alert, at)
            alert = msgspec.structs.replace(heard.alert, alert_id=standing.next_id)
            heard = msgspec.structs.replace(heard, alert=alert)
        return heard

    def _begin_anew(self, file: PersonFile, standing: Standing, heard: Breach, at: int) -> bool:
        """Begin another breach by a trigger after feedback on another number, or an incident, has closed the alert.

        It needs an id of its own, since an alert that was closed is never raised again. Returns whether it is kept.
        """
        standing.next_id, standing.closed = alert_id(heard.alert.kind, heard.alert.alert_id, heard.alert.trigger), True
        self._incidents.goes_on(standing.alert)
        alert = msgspec.structs.replace(heard.alert, alert_id=standing.next_id, event="raised")
        self._new_breach(file, msgspec.structs.replace(heard, alert=alert), at)
        if (new := file.breaches.get(alert.alert_id)) is not None:
            new.of_desk = True
        return new is not None

    def _answered(self, heard: Answer) -> None:
        if instructs(heard.status, heard.alert_id):
            self._instructions.take(heard)
            return
        incident = self._incidents.person_of(heard)
        if incident is None:
            person, file = self._registry.file_of(heard)
        else:
            person, file = incident, self._registry.files[incident]
        at = self.context.at(file, heard.clock)
        self._dispatch.worked(file, heard, at)
        if heard.leave_reason is not None:
            hear_reason(file, heard.subscriber_id, heard.leave_reason)
        if heard.status == "refused":
            file.refused_ts = max(heard.ts, file.refused_ts or 0)
        if heard.status in ("refused", "lost"):
            self._decisions.close_all(file, heard, at)
        named = None if heard.alert_id is None else file.breaches.get(heard.alert_id)
        if named is not None and named.of_desk and heard.status in FINAL and named.state != "answered":
            self._decisions.close_own(named, heard)
        if incident is not None and heard.status in FINAL:
            self._incidents.answered(heard, at)
        self._registry.put(person)

    def _learnt(self, heard: OtherContact | Moved | Left | Forgotten | Inherited) -> None:
        person, file = self._registry.file_of(heard)
        match heard:
            case OtherContact():
                file.keep(Made(heard.ts, heard.channel, heard.subscriber_id, "others", "contacted"))
            case Moved():
                at = self.context.at(file, heard.clock)
                self._incidents.profile_came(file, heard, at)
                self._decisions.move(file, heard, at)
            case Left():
                self._effect.left(file, heard)
            case Forgotten():
                self._forget(file, heard)
            case Inherited():
                self._inherit(file, heard)
        self._registry.put(person)

    def _inherit(self, file: PersonFile, heard: Inherited) -> None:
        """Take over what a release without a desk published; those alerts get no order until they escalate."""
        for kind, ts in heard.raised_ts.items():
            file.raised_ts[kind] = max(ts, file.raised_ts.get(kind, ts))
        if heard.refused_ts is not None:
            file.refused_ts = max(heard.refused_ts, file.refused_ts or 0)
        for known in heard.alerts[: MAX_BREACHES - len(file.breaches)]:
            alert, at = known.alert, known.clock
            standing = Standing(alert, heard.lane, at, at, state="raised", seq=alert.seq)
            standing.take_up(known)
            file.breaches[alert.alert_id] = standing
            self._incidents.joins(known, standing)

    def _forget(self, file: PersonFile, heard: Forgotten) -> None:
        """Delete what is kept of a subscriber; their lane has already closed their breaches."""
        name = heard.subscriber_id
        for alert, standing in sorted(file.breaches.items()):
            if standing.alert.subscriber_id == name:
                self._waiting.drop(standing)
                del file.breaches[alert]
        order, at = file.order, self.context.at(file, heard.clock)
        if order is None or order.subscriber_id != name:
            self._dispatch.lead_anew(file, at)
            self._registry.forget(name, file)
            return
        self._dispatch.end(file, order, "erased", DESK, at)
        self._registry.forget(name, file)
        # Its open alerts of the person's other numbers get an order under one of those, unless the person was reached.
        for alert in order.open_ids if order.contacted_ts is None else ():
            if alert in file.breaches:
                self._decisions.redispatch(file, file.breaches[alert], at)

    # What comes with time

    def _pass_deadlines_before(self, record: OfSubscriber) -> None:
        """Handle the person's deadlines that passed before a record of their only lane, which writes in order of time.

        For a person in several lanes they are handled with the marks of the slowest.
        """
        while True:
            person = self._registry.whose.get(record.subscriber_id)
            file = None if person is None else self._registry.files[person]
            if person is None or file is None or file.lanes != [record.lane]:
                return
            due = first_deadline(file, self.context.ruled)
            if due is None or ceil_tick(due) > record.clock:
                return
            self._registry.deadlines.drop(person)
            self._come_due(due, person)

    def _come_due(self, due: int, person: Person) -> None:
        """Handle the person's deadlines that passed by the tick at which the first one did.

        As of that tick, not of now: the result must not depend on how often a lane marks its time.
        """
        file = self._registry.files[person]
        file.now = at = max(file.now, ceil_tick(due))
        for contact in pass_deadlines(file, at, self.context.ruled):
            self._effect.settled(contact, stayed=True)
        if file.order is not None:
            self._dispatch.press(file.order, at)
        for standing in self._dispatch.best_first(file.breaches.values()):
            if standing.retry_ts is not None and standing.retry_ts <= at:
                standing.retry_ts = None
                self._decisions.again(file, standing, at)
                self._incidents.decided(standing, at)
                self._incidents.anew(file, standing, at)
        self._registry.put(person)

    def _release(self, standing: Standing) -> None:
        """Decide on a waiting breach whose turn it is in the pass."""
        person = self._registry.holder(standing)
        file = self._registry.files[person]
        at = max(file.now, self.context.time.of(file.lanes))
        if self._decisions.release(file, standing, at):
            file.now = at  # only if decided: else the file is not written, and a restart would undo it
            self._incidents.decided(standing, at)
            self._registry.put(person)


class DeskFold:
    """The desk, and the records that it has read and not applied yet.

    Parameters
    ----------
    lanes
        Number of lanes.

    Attributes
    ----------
    desk
        What decides.
    """

    def __init__(self, lanes: int) -> None:
        self.desk = Desk(lanes)
        self.seek(Progress())

    @property
    def due(self) -> bool:
        """Whether there is something to apply, or what is due did not fit into the transaction."""
        return bool(self._unread) or self.desk.owed or self._order.next() is not None

    @property
    def late(self) -> bool:
        """Whether a lane reads a backlog."""
        return self._order.late

    @property
    def progress(self) -> Progress:
        """How far the topic has been applied; to be written with what :meth:`take` returns."""
        return self._order.progress()

    @property
    def held_up_by(self) -> set[int]:
        """Lanes that it waits for: those that have not joined; then those that are late, then the slowest."""
        late = self._order.held_up_by() if self.desk.context.open else set()
        return late or self.desk.held_up_by

    def seek(self, progress: Progress) -> None:
        """Forget what was read and not applied; read from the next offset on."""
        self._order = LaneOrder(self.desk.context, progress)
        self._unread: deque[Written] = deque()
        self._read_to = progress.next_offset

    def read(self, records: Iterable[Written], read_to: int) -> None:
        """Take records, and the offset after them, which may lie behind markers of transactions."""
        self._unread.extend(records)
        self._read_to = read_to
        self._note_place()

    def apply(self) -> None:
        """Apply what can be applied, until the transaction is full.

        After each record all that is next is applied, so the result does not depend on how many are read at once.
        """
        while self.desk.settle():
            if (heard := self._order.next()) is not None:
                self.desk.hear(heard)
                self._order.pop()
            elif self._unread:
                self._order.read(self._unread.popleft())
                self._note_place()
            else:
                return

    def _note_place(self) -> None:
        self._order.has_read(self._unread[0].offset if self._unread else self._read_to)

    def take(self) -> DeskChanges:
        """Changes and outputs since the last call; the caller writes all of them in one transaction."""
        return self.desk.take()
