"""The desk's decision on one breach: raise it, withhold it with a reason, or let it wait for capacity.

Those that wait are decided on in passes, best first.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from models.contract.alerts import Alert
from models.contract.breaches import Answer, Moved
from models.contract.events import Channel
from models.contract.vocabulary import AlertEvent, SuppressionReason
from models.desk.capacity import Units
from models.desk.contact_limits import Objection, Objections
from models.desk.desk_context import DeskContext
from models.desk.dispatch import ENDED_BY_PROFILE, Dispatch, allowed
from models.desk.persons import DESK, PersonFile, Standing, shown, untried
from models.desk.publications import Publications, bare, by_order, closed
from models.detection.contact_rules import after_days, opens

_BY_HAND: Final = frozenset({"blocked", "snoozed"})
"""Reasons that are manual instructions."""
_UNTIL_LATER: Final = _BY_HAND | {"capacity"}
"""Reasons after whose end a raised breach gets another order."""
_LIFTED: Final = ENDED_BY_PROFILE | _BY_HAND
"""Reasons that may end at any time, by a new profile or an instruction."""
Rank = tuple[bool, float, str]
"""Sort key: not urgent, negative priority, alert id."""


class Decisions:
    """Decides on one breach. It changes the person's file in place; the caller puts the file back into the registry."""

    def __init__(
        self,
        context: DeskContext,
        units: Units,
        waiting: WaitingList,
        dispatch: Dispatch,
        published: Publications,
        objections: Objections,
    ) -> None:
        self._context = context
        self._objections = objections
        self._units = units
        self._waiting = waiting
        self._dispatch = dispatch
        self._published = published

    # Raise, withhold, or wait

    def decide(self, file: PersonFile, standing: Standing, at: int, record_ts: int | None, *, fresh: bool) -> None:
        """Raise it, withhold it with a reason, or let it wait; `fresh` if it is decided at the moment of its breach."""
        found = self._objections.against(file, standing, at)
        urgent = self._context.urgent(standing.alert.kind)
        if found is None and not urgent and self._units.limits(standing.unit, standing.channels):
            # Without a limit of capacity there is nothing to queue for.
            self._wait(standing, at, fresh=fresh)
            return
        channel = self._channel(file, standing, at) if found is None else found
        if isinstance(channel, Objection):
            self.withhold(standing, channel, at, fresh=fresh)
        else:
            self._raise(file, standing, channel or standing.channels[0], at, record_ts, fresh=fresh)

    def release(self, file: PersonFile, standing: Standing, at: int) -> bool:
        """Decide on a waiting breach; returns whether anything changed, as there may be no capacity left."""
        policy = self._context.ruled
        found: Objection | Channel | None = self._objections.against(file, standing, at)
        if found is None:
            found = self._channel(file, standing, at)
        expires = None if found is not None else after_days(standing.since, policy.desk.wait_days, policy.contact)
        if expires is not None and at >= expires:
            # A mandatory notice is given with or without capacity.
            owed = standing.alert.kind in policy.contact.cooldown_exempt
            channels = standing.channels
            found = self._units.past_limit(standing.unit, channels, at) if owed else Objection("capacity", None)
        if found is None:
            known, standing.tried = standing.tried, True
            ends = (self._units.next_day(at), expires, self._objections.change_by(file, standing, at))
            self._waiting.sleep(standing, min(end for end in ends if end is not None and end > at))
            return not known
        fresh = standing.fresh and not standing.tried
        if isinstance(found, Objection):
            self.withhold(standing, found, at, fresh=fresh)
        else:
            self._raise(file, standing, found, at, None, fresh=fresh)
        return True

    def withhold(
        self, standing: Standing, found: Objection, at: int, *, fresh: bool, step: AlertEvent = "raised"
    ) -> None:
        """Publish that it is not raised, or not escalated; the same reason twice in a row is published once."""
        waited, again = standing.state == "waiting", standing.reason == found.reason
        if step == "raised":
            standing.state, standing.retry_ts = "withheld", found.until
        standing.reason = found.reason
        counted = standing in self._waiting
        self._waiting.drop(standing)
        if again and not waited:
            return
        if not counted:
            self._published.counts.breaches[standing.alert.kind] += 1
        self._published.suppression(standing, step, found.reason, standing.alert.ts if fresh else at)
        if standing.state == "withheld" and standing.retry_ts is None and found.reason not in _LIFTED:
            standing.alert = bare(standing.alert)

    def _wait(self, standing: Standing, at: int, *, fresh: bool) -> None:
        if standing not in self._waiting:
            self._published.counts.breaches[standing.alert.kind] += 1
            standing.state, standing.reason, standing.retry_ts = "waiting", None, None
            standing.since, standing.fresh, standing.tried = at, fresh, False
            self._waiting.put(standing)

    def _channel(self, file: PersonFile, standing: Standing, at: int) -> Channel | Objection | None:
        """The first channel that is not capped and has capacity left; None to wait for one.

        A breach that joins an open order needs no capacity of its own: at worst it goes over the channel of that.
        """
        alert, unit, order = standing.alert, standing.unit, file.order
        full = self._objections.sms_capped(file, alert.kind, alert.account_id, at)
        left = [channel for channel in standing.channels if channel != "sms" or full is None]
        if not left:
            return Objection("channel_cap", full)
        joined = order if order is not None and order.contacted_ts is None else None
        owed = joined is not None and alert.kind in self._context.ruled.contact.cooldown_exempt
        if self._context.urgent(alert.kind) or standing.answers_only or owed:
            return self._units.past_limit(unit, left, at)
        own = None if joined is None else (joined.unit, joined.channel)
        fits = (each for each in left if (unit, each) == own or self._units.free(unit, each, at))
        return next(fits, None if joined is None else joined.channel)

    def _raise(
        self, file: PersonFile, standing: Standing, channel: Channel, at: int, record_ts: int | None, *, fresh: bool
    ) -> None:
        if standing not in self._waiting:
            self._published.counts.breaches[standing.alert.kind] += 1
        self._waiting.drop(standing)
        standing.state, standing.retry_ts = "raised", None
        file.raised_ts[standing.alert.kind] = standing.opened_ts
        if not fresh:
            standing.alert = self._later(standing.alert, at)
        self._answer(file, standing, channel, at, record_ts, fresh=fresh)

    def _later(self, alert: Alert, at: int) -> Alert:
        """The body of an alert that is raised later than its breach."""
        action = alert.action
        if action is not None:
            action = msgspec.structs.replace(action, contact_from=opens(at, self._context.ruled.contact))
        return msgspec.structs.replace(alert, ts=at, action=action)

    def _answer(
        self, file: PersonFile, standing: Standing, channel: Channel, at: int, record_ts: int | None, *, fresh: bool
    ) -> None:
        """Publish the alert with the order that answers it."""
        before = shown(file.order)
        order = self._dispatch.answer(file, standing, channel, at, fresh=fresh)
        standing.reason, standing.stopped, standing.retry_ts = None, False, None
        self._published.alert(standing, by_order(standing.alert, order), record_ts)
        # A profile that allows contact again may have had it dispatched just now, and say what got stronger meanwhile.
        if shown(order) != before or order.newest != ("dispatched", standing.alert.kind, at):
            self._published.step(order, "dispatched", standing.alert.kind, DESK, at)
        _strip(standing)

    # Escalated, eased, closed

    def escalate(self, file: PersonFile, standing: Standing, at: int, record_ts: int | None) -> None:
        """A raised breach has a stronger trigger: its order is dispatched anew, if caps allow a new contact."""
        channel = self._another_channel(file, standing, at)
        if isinstance(channel, Objection):
            self._withhold_step(standing, channel, at, fresh=True)
        else:
            self._answer(file, standing, channel, at, record_ts, fresh=True)

    def _withhold_step(self, standing: Standing, found: Objection, at: int, *, fresh: bool) -> None:
        """Publish that a raised breach leads to no contact now; it is stopped where it may lead to one later."""
        self.withhold(standing, found, at, fresh=fresh, step="escalated")
        _strip(standing)
        if standing.stopped or found.reason in _UNTIL_LATER:
            standing.stopped, standing.retry_ts = True, found.until

    def _another_channel(self, file: PersonFile, standing: Standing, at: int) -> Channel | Objection:
        """The channel of another contact about a raised breach, or why there is none; only a notice passes capacity."""
        channel = self._against_another_contact(file, standing, at) or self._channel(file, standing, at)
        if channel is None and standing.alert.kind in self._context.ruled.contact.cooldown_exempt:
            return self._units.past_limit(standing.unit, standing.channels, at)
        return channel or Objection("capacity", self._units.next_day(at))

    def _against_another_contact(self, file: PersonFile, standing: Standing, at: int) -> Objection | None:
        """Why there may be no further contact. An order that has not led to one yet needs none."""
        order, kind = file.order, standing.alert.kind
        blocked = self.blocked(file, standing, at)
        exempt = kind in self._context.ruled.contact.cooldown_exempt
        if blocked is not None or exempt or (order is not None and order.contacted_ts is None):
            return blocked
        known = file.raised_ts.pop(kind, None)  # the cooldown that it started itself does not count
        found = self._objections.against(file, standing, at)
        if known is not None:
            file.raised_ts[kind] = known
        return found

    def ease(self, file: PersonFile, standing: Standing, alert: Alert, at: int) -> None:
        """Publish that a raised breach has eased; one not raised yet is raised only if it gets stronger again."""
        if standing.state == "raised":
            self._published.alert(standing, alert, None)
            if file.order is not None and alert.alert_id in file.order.open_ids:
                standing.need_no_other()
        elif standing.state == "waiting":
            self.withhold(standing, Objection("expired", None), at, fresh=False)
        else:
            standing.retry_ts, standing.alert = None, bare(standing.alert)

    def close(self, file: PersonFile, standing: Standing, alert: Alert, at: int) -> None:
        """Close the alert of a breach that is over, and end its order if nothing else is open in it."""
        if standing.state == "waiting":
            self.withhold(standing, Objection("expired", None), at, fresh=False)
        elif standing.state == "raised":
            self._published.alert(standing, alert, None)
        del file.breaches[alert.alert_id]
        left = self._dispatch.leave(file, alert.alert_id, alert.close_reason or "recovered", at)
        if left and alert.close_reason != "erased":  # an erasure may end the order; then follows what becomes of it
            self._dispatch.lead_anew(file, at)

    def close_all(self, file: PersonFile, heard: Answer, at: int) -> None:
        """A refusal or a loss closes everything that is open for a person, on all their numbers."""
        for _, standing in sorted(file.breaches.items()):
            if standing.state == "raised":
                self._published.alert(standing, closed(standing.alert, "feedback", heard.ts, heard.trigger), None)
            elif standing.state == "waiting":
                self.withhold(standing, Objection("cooldown", None), at, fresh=False)
            standing.state, standing.retry_ts, standing.stopped, standing.closed = "answered", None, False, True
        if file.order is not None:
            self._dispatch.end(file, file.order, heard.status, heard.by or "unknown", at)

    def close_own(self, standing: Standing, heard: Answer) -> None:
        """Feedback closes a breach whose id only the desk knows; its next trigger begins another one."""
        if standing.state == "raised":
            self._published.alert(standing, closed(standing.alert, "feedback", heard.ts, heard.trigger), None)
        standing.state, standing.retry_ts, standing.stopped, standing.closed = "answered", None, False, True

    def supersede(self, file: PersonFile, lines: Sequence[Standing], at: int) -> None:
        """Close or suppress breaches of lines that the incident of their account covers, and keep their bodies."""
        left = [self._supersede(file, standing, at) for standing in lines]
        if any(left):
            self._dispatch.lead_anew(file, at)

    def _supersede(self, file: PersonFile, standing: Standing, at: int) -> bool:
        """Do so with one of them; returns whether it has left an order."""
        left = False
        if standing.state == "raised":
            body = closed(standing.alert, "superseded", at, standing.alert.trigger)
            self._published.alert(standing, body, None)
            left = self._dispatch.leave(file, standing.alert.alert_id, "superseded", at)
        elif standing.state == "waiting":
            whole = standing.alert
            self.withhold(standing, Objection("low_priority", None), at, fresh=False)
            standing.alert = whole
        standing.state, standing.retry_ts, standing.stopped = "answered", None, False
        return left

    # Manual instructions

    def blocked(self, file: PersonFile, standing: Standing, at: int) -> Objection | None:
        """The block that forbids any contact about this breach, or None."""
        return self._objections.by_hand("blocked", file, standing.alert.account_id, at)

    def obey(self, file: PersonFile, standing: Standing, at: int) -> None:
        """Stop the breach if it has moved to an account that is blocked."""
        found = self.blocked(file, standing, at)
        if found is not None:
            self._dispatch.stop(file, [standing], found, DESK, at)

    def again(self, file: PersonFile, standing: Standing, at: int) -> None:
        """Decide again, as the reason against it may have ended; a stopped breach gets an order again."""
        if standing.reason in ENDED_BY_PROFILE:
            return
        if standing.stopped:
            self.redispatch(file, standing, at)
        elif standing.state == "withheld" and standing.alert.action is not None:
            self.decide(file, standing, at, None, fresh=False)

    def redispatch(self, file: PersonFile, standing: Standing, at: int) -> None:
        """Give a raised breach an order again, now or when the reason against it ends."""
        standing.stopped = True
        channel = self._another_channel(file, standing, at)
        if isinstance(channel, Objection):
            self._withhold_step(standing, channel, at, fresh=False)
            return
        order = self._dispatch.answer(file, standing, channel, at, fresh=False)
        standing.reason, standing.stopped, standing.retry_ts = None, False, None
        self._published.step(order, "dispatched", standing.alert.kind, DESK, at)

    # Another profile

    def move(self, file: PersonFile, heard: Moved, at: int) -> None:
        """Apply a new profile: another unit, other channels, or contact that is now forbidden or allowed again.

        It may be forbidden for some kinds only: those that rest on data whose use is not consented to.
        """
        left = False
        for _, standing in sorted(file.breaches.items()):
            if standing.alert.subscriber_id != heard.subscriber_id:
                continue
            standing.unit, standing.manager = heard.unit, heard.manager
            standing.channels = untried(allowed(standing, heard), standing.given_over)
            law = self._context.barred(standing.alert.kind, heard)
            if standing.state == "raised":
                left = self._stop_or_resume(file, standing, law, at) or left
            elif standing.state == "answered" or standing.alert.action is None:
                continue
            elif law is not None:
                self.withhold(standing, Objection(law, None), at, fresh=False)
            elif standing.reason in ENDED_BY_PROFILE:
                self.decide(file, standing, at, None, fresh=False)
        order = file.order
        others = [] if order is None or order.contacted_ts is not None else list(order.open_ids)
        self._dispatch.move(file, heard, at, left=left)
        # What may still be contacted about, under another number or because its kind reaches them, needs another order.
        for alert in others if file.order is None else ():
            self.redispatch(file, file.breaches[alert], at)

    def _stop_or_resume(self, file: PersonFile, standing: Standing, law: SuppressionReason | None, at: int) -> bool:
        """Take a raised breach out of its order if the law now forbids contact; give it another one once it does not.

        It gets no other one if the customer had been reached: the contact that it called for was made. Returns whether
        it has left an order.
        """
        if law is None:
            if standing.stopped and standing.reason in ENDED_BY_PROFILE:
                self.redispatch(file, standing, at)
            return False
        reached = file.order is not None and file.order.contacted_ts is not None
        left = self._dispatch.leave(file, standing.alert.alert_id, law, at)
        if standing.stopped or (left and not reached):
            standing.stopped, standing.reason, standing.retry_ts = True, law, None
        return left


def _strip(standing: Standing) -> None:
    """Drop reasons and action, which later steps do not need; of a corporate line, an incident may hand it back."""
    if standing.alert.account_id is None:
        standing.alert = bare(standing.alert)


class WaitingList:
    """The waiting breaches. The end of a transaction may interrupt a pass anywhere; the next one resumes it.

    A breach for which there was no capacity *sleeps*: it is not tried again until time, its person, its account or its
    unit may have changed that. In a backlog of a month, 2,880 passes over 2,000 waiting breaches took a minute. Which
    ones sleep is not kept: to try one again changes nothing.

    Attributes
    ----------
    releasing
        The pass that is under way: over all, or over those not tried yet (``late``); None if there is none.
    passed
        Rank of the last breach that the pass has reached.
    """

    def __init__(self, context: DeskContext) -> None:
        self.releasing: Literal["all", "late"] | None = None
        self.passed: Rank | None = None
        self._context = context
        self._waiting: dict[str, Standing] = {}
        self._awake: dict[str, None] = {}
        """Those to be tried, by alert id, in the order in which they woke."""
        self._alarms: list[tuple[int, str]] = []
        """Heap of the times at which those that sleep wake by themselves, some of which were woken before."""
        self._queue: list[Rank] | None = None
        """Heap of what is left of the pass; None until it is built."""

    def __contains__(self, standing: Standing) -> bool:
        return standing.alert.alert_id in self._waiting

    def units(self) -> Counter[str]:
        """Number of waiting breaches by unit."""
        return Counter(standing.unit for standing in self._waiting.values())

    def put(self, standing: Standing) -> None:
        """Add a breach, also to a running pass, so that the pass is the same wherever transactions cut it."""
        self._waiting[standing.alert.alert_id] = standing
        self._wake([standing.alert.alert_id])

    def drop(self, standing: Standing) -> None:
        """Remove a breach, if it is there."""
        self._waiting.pop(standing.alert.alert_id, None)
        self._awake.pop(standing.alert.alert_id, None)

    # Sleeping

    def sleep(self, standing: Standing, until: int) -> None:
        """Do not try a breach again until then, unless it is woken."""
        self._awake.pop(standing.alert.alert_id, None)
        heapq.heappush(self._alarms, (until, standing.alert.alert_id))

    def wake(self, file: PersonFile) -> None:
        """A person has changed."""
        self._wake(name for name, standing in file.breaches.items() if standing.state == "waiting")

    def wake_unit(self, unit: str) -> None:
        """A unit has capacity again."""
        self._wake(name for name, standing in self._waiting.items() if standing.unit == unit)

    def wake_account(self, account_id: str) -> None:
        """An account has changed."""
        self._wake(name for name, standing in self._waiting.items() if standing.alert.account_id == account_id)

    def wake_all(self) -> None:
        """The policy has changed."""
        self._wake(self._waiting)

    def _wake(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self._waiting or name in self._awake:
                continue
            self._awake[name] = None
            if self._queue is None:
                continue
            standing = self._waiting[name]
            rank = self._rank(standing)
            if (self.passed is None or rank > self.passed) and self._ripe(standing):
                heapq.heappush(self._queue, rank)

    # The pass

    def next(self) -> Standing | None:
        """The next breach of the pass, best first, ties by alert id; None at its end."""
        if self._queue is None:
            latest = self._context.time.latest()
            while self._alarms and self._alarms[0][0] <= latest:
                self._wake([heapq.heappop(self._alarms)[1]])
            awake = (self._waiting[name] for name in self._awake)
            ranks = [self._rank(standing) for standing in awake if self._ripe(standing)]
            self._queue = [rank for rank in ranks if self.passed is None or rank > self.passed]
            heapq.heapify(self._queue)
        while self._queue:
            self.passed = heapq.heappop(self._queue)
            standing = self._waiting.get(self.passed[2])
            if standing is not None:
                return standing
        self.releasing, self.passed, self._queue = None, None, None
        return None

    def _ripe(self, standing: Standing) -> bool:
        """Whether the desk's time has reached a breach, so that no earlier one of another lane can follow."""
        tried_now = self.releasing == "all" or not standing.tried
        return tried_now and (standing.since <= self._context.time.now or self._context.urgent(standing.alert.kind))

    def _rank(self, standing: Standing) -> Rank:
        return not self._context.urgent(standing.alert.kind), -standing.alert.priority, standing.alert.alert_id
