"""When a person's file is next due: retries, deadlines, cooldowns and settlings, by the time of their lanes."""

from __future__ import annotations

import heapq
from functools import lru_cache

from models.contract.breaches import Person
from models.contract.policy import Cap, Policy
from models.contract.time_units import DAY_MS
from models.decisions.contact_rules import cooldown_end, refusal_end
from models.decisions.ticks import floor_tick
from models.desk.desk_context import DeskContext
from models.desk.orders import next_pressing
from models.desk.persons import PersonFile, Settling


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
