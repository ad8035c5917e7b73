"""The registry of persons: the file of each, the person of each number, and when each file is next due.

A file is due at its first retry, deadline, end of a cooldown or settling, by the time of its person's lanes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from functools import lru_cache
from typing import Final

import msgspec

from models.contract.breaches import OfSubscriber, Person, account_of, account_person, person_of
from models.contract.policy import Cap, Policy
from models.contract.time_units import DAY_MS
from models.desk.decisions import WaitingList
from models.desk.desk_context import DeskContext
from models.desk.dispatch import Dispatch
from models.desk.persons import BY_TIME, DESK, OpenOrder, PersonFile, Settling, Standing, next_pressing
from models.detection.contact_rules import cooldown_end, refusal_end
from models.state.lane_time import floor_tick
from models.state.state_records import StateRecord

PERSON: Final = b"p"
"""Prefix of the persons' state records."""


Redispatch = Callable[[PersonFile, Standing, int], None]
"""Gives a raised breach an order again."""


class Registry:
    """The files of all persons; each is one state record.

    Attributes
    ----------
    files
        By person.
    whose
        The person of each number.
    deadlines
        Next due time of each person; renewed when their file is put back.
    """

    def __init__(
        self,
        context: DeskContext,
        dispatch: Dispatch,
        files: dict[Person, PersonFile],
        redispatch: Redispatch,
        waiting: WaitingList,
    ) -> None:
        self.files = files
        self.whose: dict[str, Person] = {}
        self.deadlines = Deadlines(context, self.files)
        self._context = context
        self._dispatch = dispatch
        self._redispatch = redispatch
        self._waiting = waiting
        self._dirty: set[Person] = set()

    # Files; the caller that takes one puts it back

    def file_of(self, heard: OfSubscriber) -> tuple[Person, PersonFile]:
        """The file of a number's person; if the number belonged to another person, what was kept of it moves along."""
        subscriber_id = heard.subscriber_id
        person = person_of(heard.customer_id, subscriber_id)
        former = self.whose.get(subscriber_id)
        if former is not None and former != person:
            self._move(heard, former, person)
        file = self.file_in(person, heard.lane)
        file.add_number(subscriber_id, heard.lane)
        self.whose[subscriber_id] = person
        return person, file

    def file_in(self, person: Person, lane: int) -> PersonFile:
        """The file of a person named in a record of this lane."""
        file = self.files.setdefault(person, PersonFile())
        if lane not in file.lanes:
            file.lanes = sorted([*file.lanes, lane])
            self.deadlines.drop(person)  # their deadlines now wait for this lane too
        return file

    def holder(self, standing: Standing) -> Person:
        """The person, or account, that a breach belongs to."""
        subscriber_id, account_id = standing.alert.subscriber_id, standing.alert.account_id
        return account_person(account_id or "") if subscriber_id is None else self.whose[subscriber_id]

    def put(self, person: Person) -> None:
        """Renew a person's deadline, or delete their file if nothing is left; the last call after a change."""
        file = self.files[person]
        self._dirty.add(person)
        self._waiting.wake(file)
        if (account_id := account_of(person)) is not None:
            self._waiting.wake_account(account_id)
        if not file.empty():
            self.deadlines.renew(person)
            return
        del self.files[person]
        self.deadlines.drop(person)
        for number in file.numbers:
            del self.whose[number]

    def forget(self, subscriber_id: str, file: PersonFile) -> None:
        """Delete what a file keeps of a number, except the order; put the file back afterwards."""
        file.contacts = [each for each in file.contacts if each.subscriber_id != subscriber_id]
        file.settling = [each for each in file.settling if each.subscriber_id != subscriber_id]
        if list(file.numbers) == [subscriber_id]:
            file.raised_ts, file.refused_ts, file.by_hand = {}, None, {}
        self._drop_number(subscriber_id, file)

    def _drop_number(self, subscriber_id: str, file: PersonFile) -> list[int]:
        """Remove a number from a file, whose deadlines then run by the time of the other lanes."""
        self.deadlines.drop(self.whose.pop(subscriber_id))
        return file.drop_number(subscriber_id)

    # A number that moves to another person

    def _move(self, heard: OfSubscriber, former: Person, person: Person) -> None:
        subscriber_id = heard.subscriber_id
        old, new = self.files[former], self.files.setdefault(person, PersonFile())
        alone = list(old.numbers) == [subscriber_id]
        new.now = max(new.now, old.now)  # what moves has been decided on by then
        for lane in (lanes := self._drop_number(subscriber_id, old)):
            self.file_in(person, lane)
        new.add_number(subscriber_id, *lanes)
        self.whose[subscriber_id] = person
        _move_breaches(heard, old, new)
        _move_contacts(subscriber_id, old, new)
        if alone:
            _move_peace(old, new)
        without = [] if old.order is None else self._move_order(heard, old, old.order, new)
        at = self._context.at(new)
        self._dispatch.stop_forbidden(new, at)
        for standing in self._dispatch.best_first(new.breaches[alert] for alert in without):
            self._redispatch(new, standing, at)
        self.put(former)
        self.put(person)

    def _move_order(self, heard: OfSubscriber, old: PersonFile, order: OpenOrder, new: PersonFile) -> list[str]:
        """Move an order along if all its open alerts move and the new person has none.

        Returns the alerts that need another one, unless the customer has been reached about them.
        """
        left = [alert for alert in order.open_ids if alert in old.breaches]
        without = [alert for alert in order.open_ids if alert in new.breaches and order.contacted_ts is None]
        if left:
            moved, order.open_ids = set(order.open_ids).difference(left), left
            self._dispatch.lead_anew(old, self._context.at(old), moved)
        elif new.order is None:
            planned = [made for made in old.contacts if made.order == order.order_id and made.status == "planned"]
            new.order, old.order = order, None
            order.customer_id = heard.customer_id
            new.contacts = sorted(new.contacts + planned, key=BY_TIME)
            old.unpromise(order)
            return []
        else:
            self._dispatch.end(old, order, "other_person", DESK, self._context.at(old))
        return without

    # State

    def load(self, key: bytes, value: bytes | None) -> None:
        """Read the state record of a person; None if it was deleted."""
        person = Person(key[1:].decode())
        self.files.pop(person, None)
        if value is not None:
            self.files[person] = msgspec.json.decode(value, type=PersonFile)

    def resume(self) -> None:
        """Rebuild what is derived from the records."""
        for person, file in self.files.items():
            self.whose.update(dict.fromkeys(file.numbers, person))
            self.deadlines.renew(person)

    def take_changes(self) -> list[StateRecord]:
        """State records of the files put back since the last call."""
        records: list[StateRecord] = []
        for person in sorted(self._dirty):
            file = self.files.get(person)
            records.append((PERSON + person.encode(), None if file is None else msgspec.json.encode(file)))
        self._dirty.clear()
        return records


def _move_breaches(heard: OfSubscriber, old: PersonFile, new: PersonFile) -> None:
    for alert, standing in list(old.breaches.items()):
        if standing.alert.subscriber_id == heard.subscriber_id:
            standing.alert = msgspec.structs.replace(standing.alert, customer_id=heard.customer_id)
            new.breaches[alert] = old.breaches.pop(alert)


def _move_contacts(subscriber_id: str, old: PersonFile, new: PersonFile) -> None:
    """Move contacts that were made; a planned one stays with its order."""
    moving = [made for made in old.contacts if made.subscriber_id == subscriber_id and made.status != "planned"]
    new.contacts = sorted(new.contacts + moving, key=BY_TIME)
    old.contacts = [made for made in old.contacts if made not in moving]
    settling = [each for each in old.settling if each.subscriber_id == subscriber_id]
    new.settling = sorted(new.settling + settling, key=BY_TIME)
    old.settling = [each for each in old.settling if each not in settling]


def _move_peace(old: PersonFile, new: PersonFile) -> None:
    """Move refusal, cooldowns and instructions of a number that was a person of its own to its new person."""
    for kind, ts in old.raised_ts.items():
        new.raised_ts[kind] = max(ts, new.raised_ts.get(kind, ts))
    new.refused_ts = max((ts for ts in (old.refused_ts, new.refused_ts) if ts is not None), default=None)
    for word, said in old.by_hand.items():
        if word not in new.by_hand or said.outlasts(new.by_hand[word]):
            new.by_hand[word] = said
    old.raised_ts, old.refused_ts, old.by_hand = {}, None, {}


class Deadlines:
    """The first deadline of each person, queued under every lane that one of their numbers is in.

    Parameters
    ----------
    context
        Policy and time.
    files
        The persons' files, as the registry keeps them.
    """

    def __init__(self, context: DeskContext, files: dict[Person, PersonFile]) -> None:
        self._context = context
        self._files = files
        self._of: dict[Person, int] = {}
        """When each person's first deadline ends; a heap entry with another time is outdated."""
        self._awaited: dict[int, list[tuple[int, Person]]] = {}
        """Heap of each lane, soonest first."""
        self._ended: list[tuple[int, Person]] = []

    def __bool__(self) -> bool:
        return bool(self._ended)

    def renew(self, person: Person) -> None:
        """Queue the person's first deadline as of now."""
        file = self._files[person]
        due = first_deadline(file, self._context.ruled)
        if due is None:
            self.drop(person)
        elif self._of.get(person) != due:
            self._of[person] = due
            if self._context.reached(file, due):
                heapq.heappush(self._ended, (due, person))
            for lane in file.lanes:
                heapq.heappush(self._awaited.setdefault(lane, []), (due, person))

    def drop(self, person: Person) -> None:
        """Forget a person's deadline until it is renewed."""
        self._of.pop(person, None)

    def reach(self, lane: int) -> None:
        """After a lane's time has moved, find its persons whose deadline has passed."""
        time, awaited, aside = self._context.time, self._awaited.setdefault(lane, []), []
        reached = floor_tick(time.furthest() if lane in time.rested else time.of([lane]))
        while awaited and awaited[0][0] <= reached:
            due, person = heapq.heappop(awaited)
            if self._of.get(person) != due:
                continue
            if self._context.reached(self._files[person], due):
                heapq.heappush(self._ended, (due, person))
            elif lane in time.rested:
                aside.append((due, person))  # another lane of theirs is behind
        for each in aside:
            heapq.heappush(awaited, each)

    def pop(self) -> tuple[int, Person] | None:
        """The next passed deadline and its person; None if it is outdated, or if the person's time has gone back."""
        due, person = heapq.heappop(self._ended)
        if self._of.get(person) != due:
            return None
        del self._of[person]
        if self._context.reached(self._files[person], due):
            return due, person
        self.renew(person)
        return None


def first_deadline(file: PersonFile, policy: Policy) -> int | None:
    """When the first of a person's deadlines passes; None if there is none.

    Examples
    --------
    >>> from models.desk.persons import Instruction
    >>> first_deadline(PersonFile(by_hand={"snoozed": Instruction(900, "mei")}, raised_ts={"silence": 0}), Policy())
    900
    """
    contact, settle, kept = policy.contact, _settle_ms(policy), _longest_cap_ms(policy)
    ends = [each.retry_ts for each in file.breaches.values()]
    if file.order is not None:
        ends.append(next_pressing(file.order, policy))
    ends += [each.ts + settle for each in file.settling]
    ends += [each.ts + kept for each in file.contacts if each.status != "planned"]
    ends += [cooldown_end(ts, contact) for ts in file.raised_ts.values()]
    if file.refused_ts is not None:
        ends.append(refusal_end(file.refused_ts, contact))
    ends += [said.until for said in file.by_hand.values()]
    return min((end for end in ends if end is not None), default=None)


def pass_deadlines(file: PersonFile, at: int, policy: Policy) -> list[Settling]:
    """Drop what has ended by then and needs no decision; returns the contacts after which the customer stayed."""
    contact, settle, kept = policy.contact, _settle_ms(policy), _longest_cap_ms(policy)
    stayed = [each for each in file.settling if each.ts + settle <= at]
    file.settling = [each for each in file.settling if each not in stayed]
    file.contacts = [each for each in file.contacts if each.ts + kept > at or each.status == "planned"]
    file.raised_ts = {k: ts for k, ts in file.raised_ts.items() if cooldown_end(ts, contact) > at}
    if file.refused_ts is not None and refusal_end(file.refused_ts, contact) <= at:
        file.refused_ts = None
    file.by_hand = {word: said for word, said in file.by_hand.items() if said.stands(at)}
    return stayed


def _settle_ms(policy: Policy) -> int:
    """Time after a contact until the customer counts as stayed."""
    return round(policy.desk.settle_days * DAY_MS)


def _longest_cap_ms(policy: Policy) -> int:
    """Longest time for which a contact counts in a cap."""
    return max(_longest_ms(policy.contact.caps), _longest_ms(policy.contact.sms_caps))


@lru_cache(maxsize=8)
def _longest_ms(caps: tuple[Cap, ...]) -> int:
    return round(max((days for _, days in caps), default=0.0) * DAY_MS)
