"""A person's one work order: given to a unit, joined by further alerts, reassigned, pressed and ended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from models.contract.breaches import Answer, Moved
from models.contract.events import REACHED, Channel
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import Kind, Role, SuppressionReason
from models.contract.work_orders import order_id
from models.desk.capacity import Units, role_of
from models.desk.contact_limits import Objection, Objections
from models.desk.desk_context import DeskContext
from models.desk.persons import DESK, Made, OpenOrder, PersonFile, Settling, Standing, next_pressing, press, unanswered
from models.desk.publications import Publications, subject
from models.detection.contact_rules import contact_by
from models.detection.signals import ACCOUNT_KIND

FINAL: Final = frozenset({"retained", "lost", "refused", "dismissed", "snoozed", "withdrawn"})
"""Feedback that ends a work order."""
ENDED_BY_PROFILE: Final = frozenset({"do_not_contact", "no_consent"})
"""Reasons against a contact that a new profile may end."""
_OF_ALERT: Final = frozenset({"retained", "dismissed", "snoozed", "withdrawn"})
"""Final feedback that concerns one alert only, not the person."""


class Dispatch:
    """Opens, moves and ends work orders, and counts them in the units' capacity."""

    def __init__(self, context: DeskContext, units: Units, published: Publications, objections: Objections) -> None:
        self._context = context
        self._units = units
        self._published = published
        self._objections = objections

    # Given out

    def answer(self, file: PersonFile, standing: Standing, channel: Channel, at: int, *, fresh: bool) -> OpenOrder:
        """The order that answers this alert: a new one, or the person's open one, which it joins.

        Of several alerts one that may only be answered leads, since a customer with the code to port out may not be
        pressed, whatever else is open; then an urgent one; then the one of the highest priority. The file is changed in
        place; the caller puts it back into the registry.
        """
        alert, order = standing.alert, file.order or self._only_to_be_answered(file, standing, at)
        standing.contact_by, standing.reached_ts = self._own_deadline(order, standing, at, fresh=fresh), None
        by = standing.contact_by
        if order is not None and not (self._leads(standing, order) and self._may_lead(standing, order, channel, at)):
            lead = file.breaches.get(order.alert_ids[0])
            if lead is not None and lead.answers_only and not standing.answers_only:
                by = self._deadline(lead, at)  # the customer may not be called about this one either
            self._join(file, order, standing, by, at)
            _note_channel(file, order)
            return order
        if order is not None:
            # A matter that joins relaxes no other's deadline.
            by = min([by, *self._dues(file, order, at, answers_only=standing.answers_only)])
        role = role_of(
            alert.kind,
            channel,
            alert.value.segment,
            corporate=alert.account_id is not None,
            answers_only=standing.answers_only,
        )
        if order is not None and _stays(order, standing):
            channel, role = order.channel, order.role
        if order is None:
            order = file.order = _new(standing, channel, role, by, at)
            standing.orders += 1
            self._take(order, standing.unit, channel, at)
        elif order.contacted_ts is not None:
            self._take(order, standing.unit, channel, at)
        elif (order.unit, order.channel) != (standing.unit, channel):
            self._give_back(order, at)
            self._take(order, standing.unit, channel, at)
        self._lead(order, standing, channel, role, by, at)
        _note_channel(file, order)
        self._promise(file, order, at)
        return order

    def _take(self, order: OpenOrder, unit: str, channel: Channel, at: int) -> None:
        """Use capacity for an order."""
        self._units.take(unit, channel, at)
        order.taken_ts = at

    def _give_back(self, order: OpenOrder, at: int) -> None:
        """Give back the capacity of an order, if it is still the same day."""
        self._units.give_back(order.unit, order.channel, order.taken_ts, at)

    def _only_to_be_answered(self, file: PersonFile, standing: Standing, at: int) -> OpenOrder | None:
        """A new order led by an open alert that may only be answered, if there is one: nothing else may press.

        Its former order may have ended with feedback, while the alert goes on.
        """
        if standing.answers_only:
            return None
        raised = (each for each in file.breaches.values() if each.state == "raised" and not each.stopped)
        lead = max((each for each in raised if each.answers_only and each.channels), key=self._strength, default=None)
        if lead is None:
            return None
        return self.answer(file, lead, self._units.past_limit(lead.unit, lead.channels, at), at, fresh=False)

    def _own_deadline(self, order: OpenOrder | None, standing: Standing, at: int, *, fresh: bool) -> int:
        """The deadline of an alert that is given now; a stronger sign relaxes none of one not contacted about yet."""
        action, before = standing.alert.action, standing.contact_by
        by = action.contact_by if fresh and action is not None else at
        if by <= at:  # not given now, or it has waited too long for other lanes
            by = self._deadline(standing, at)
        waits = order is not None and standing.alert.alert_id in order.open_ids and standing.reached_ts is None
        if not waits or standing.answers_only or before is None or before <= at:
            return by
        return min(by, before)

    def _dues(self, file: PersonFile, order: OpenOrder, at: int, *, answers_only: bool) -> list[int]:
        """The deadlines ahead of the open alerts about which the customer was not reached yet.

        From when on the customer may only be answered, what they were to be called for is not due any more.
        """
        open_ = (file.breaches[each] for each in order.open_ids if each in file.breaches)
        waiting = (each for each in open_ if each.reached_ts is None and each.answers_only == answers_only)
        dues = [self._due_ahead(each, order, at) for each in waiting]
        return [due for due in dues if due is not None]

    def _due_ahead(self, standing: Standing, order: OpenOrder, at: int) -> int | None:
        """The deadline of an alert; a new one if it has passed, but its appointment is ahead."""
        by, ends = order.contact_by if standing.contact_by is None else standing.contact_by, standing.before_ts
        if by > at:
            return by
        ahead = standing.alert.kind == "disconnect_appointment" and ends is not None and ends > at
        return contact_by(standing.alert.kind, standing.level, at, ends, self._context.ruled) if ahead else None

    def _join(self, file: PersonFile, order: OpenOrder, standing: Standing, by: int, at: int) -> None:
        """Add an alert to an order that another one leads; one whose deadline has passed is pressed for anew."""
        alert = standing.alert.alert_id
        order.alert_ids += [] if alert in order.alert_ids else [alert]
        order.open_ids += [] if alert in order.open_ids else [alert]
        if order.pressed == "returned" or order.contact_by <= at:
            order.dispatched_ts, order.pressed = at, ""
            order.contact_by = min([by, *self._dues(file, order, at, answers_only=order.answers_only)])
        else:
            order.contact_by = min(order.contact_by, by)

    def _may_lead(self, standing: Standing, order: OpenOrder, channel: Channel, at: int) -> bool:
        """Whether an order may go where this alert takes it: what does not pass capacity takes none of a full unit."""
        if order.contacted_ts is not None or standing.alert.alert_id == order.alert_ids[0] or standing.answers_only:
            return True
        there = order.channel if _stays(order, standing) else channel
        stays = (order.unit, order.channel) == (standing.unit, there)
        passes = self._passes_capacity(standing.alert.kind)
        return stays or passes or self._units.free(standing.unit, there, at)

    def _leads(self, standing: Standing, order: OpenOrder) -> bool:
        """Whether an alert leads the order: after a contact each does, unless one is open that may only be answered."""
        alert, leader = standing.alert, order.alert_ids[0]
        bound = order.answers_only and leader in order.open_ids
        stronger = self._strength(standing) > (bound, self._context.urgent(order.kind), order.priority)
        return stronger or alert.alert_id == leader or (order.contacted_ts is not None and not bound)

    def best_first(self, standings: Iterable[Standing]) -> list[Standing]:
        """Alerts of a person in the order in which they would lead their order, ties by alert id."""
        by_id = sorted(standings, key=lambda each: each.alert.alert_id)
        return sorted(by_id, key=self._strength, reverse=True)

    def _strength(self, standing: Standing) -> tuple[bool, bool, float]:
        """Sort key by which the alerts of a person lead their order."""
        return standing.answers_only, self._context.urgent(standing.alert.kind), standing.alert.priority

    def _lead(self, order: OpenOrder, standing: Standing, channel: Channel, role: Role, by: int, at: int) -> None:
        """Let an alert lead the order, which is dispatched anew with its unit, role, channel and deadline."""
        moved = (order.unit, order.role) != (standing.unit, role) or order.assignee is None
        order.unit, order.role, order.channel = standing.unit, role, channel
        if moved:
            order.assignee = self._units.deal(standing.unit, role, standing.manager, at)
        order.contact_by, order.dispatched_ts, order.pressed, order.contacted_ts = by, at, "", None
        order.accepted, order.tried_hours = order.accepted and not moved, []
        _led_by(order, standing)

    def _deadline(self, standing: Standing, at: int) -> int:
        """Deadline of an order that is given at that time; the end of the alert's life if they may only be answered."""
        if standing.answers_only:
            ends, life = (
                standing.contact_by or 0,
                round(self._context.ruled.kind(standing.alert.kind).ttl_days * DAY_MS),
            )
            return ends if ends > at else at + life
        return contact_by(standing.alert.kind, standing.level, at, standing.before_ts, self._context.ruled)

    def _promise(self, file: PersonFile, order: OpenOrder, at: int) -> None:
        """Count the planned contact of an order from now on."""
        file.unpromise(order)
        file.keep(Made(at, order.channel, order.subscriber_id, DESK, "planned", order.order_id))

    # Led by another alert, since one in it is over

    def lead_anew(self, file: PersonFile, at: int, moved: Collection[str] = ()) -> None:
        """After alerts have left the person's order, let the best of the others lead it, and press by theirs alone.

        Alerts that `moved` to another person are listed in it no longer. The step is published if the leader or the
        deadline has changed.
        """
        order, changed = file.order, self._led_anew(file, at)
        if order is None:
            return
        order.alert_ids = [each for each in order.alert_ids if each not in moved]
        if changed:
            self._published.step(order, "reassigned", "other_matter", DESK, at)

    def _led_anew(self, file: PersonFile, at: int) -> bool:
        """Whether another alert leads the order, or it has a later deadline; not once the customer was reached."""
        order = file.order
        standings = [] if order is None else [file.breaches[each] for each in order.open_ids if each in file.breaches]
        if order is None or not standings:
            return False
        waiting = [each for each in standings if each.reached_ts is None]
        over, bound = order.alert_ids[0] not in order.open_ids, order.answers_only
        if over:
            leader = max(waiting or standings, key=self._strength)  # the first one in the order, of equals
            if order.contacted_ts is None and waiting:
                self._hand_over(file, order, leader, at)
            else:
                _led_by(order, leader)
        if order.contacted_ts is not None:
            return False
        if not waiting:
            # It was dispatched again for what is over; about what is left they have been reached.
            self._give_back(order, at)
            file.unpromise(order)
            order.contacted_ts = max(each.reached_ts or 0 for each in standings)
            return over
        return self._put_off(file, order, at, ended=bound) or over

    def _hand_over(self, file: PersonFile, order: OpenOrder, leader: Standing, at: int) -> None:
        """Give an order to the unit, channel and role of the alert that leads it from now on.

        It stays on its channel if that is one of those, and with the assignee who accepted it there.
        """
        stays = order.unit == leader.unit and order.channel in leader.channels
        stays = stays and order.answers_only == leader.answers_only
        _led_by(order, leader)
        if not stays:
            channel = self._channel_of(file, leader, at) or order.channel
            self._turn(file, order, leader.unit, channel, leader.manager, at)
            order.tried_hours = []
            self._promise(file, order, at)
        elif not order.accepted and (role := self._role(order, order.channel)) != order.role:
            order.role, order.assignee = role, self._units.deal(order.unit, role, leader.manager, at)

    def _channel_of(self, file: PersonFile, standing: Standing, at: int) -> Channel | None:
        """The first channel of an alert that is not capped and has capacity; else its first."""
        alert = standing.alert
        full = self._objections.sms_capped(file, alert.kind, alert.account_id, at) is not None
        left = [each for each in standing.channels if each != "sms" or not full] or standing.channels
        if not left:
            return None
        if standing.answers_only or self._passes_capacity(alert.kind):
            return self._units.past_limit(standing.unit, left, at)
        return next((each for each in left if self._units.free(standing.unit, each, at)), left[0])

    def _put_off(self, file: PersonFile, order: OpenOrder, at: int, *, ended: bool) -> bool:
        """Take over the earliest deadline ahead of the alerts that are left, if it is later, and press for it anew.

        With `ended` the customer could only be answered until now: if that is over, there is a deadline again.
        """
        leader, bound = file.breaches.get(order.alert_ids[0]), order.answers_only
        by = min(self._dues(file, order, at, answers_only=bound), default=None)
        if ended and not bound and leader is not None:
            by = self._deadline(leader, at) if by is None else by
        elif by is None or by <= order.contact_by:
            return False
        order.contact_by, order.dispatched_ts, order.pressed = by, at, ""
        return True

    # Moved on

    def press(self, order: OpenOrder, at: int) -> None:
        """Press for a contact: take every step that is due by then."""
        while (due := next_pressing(order, self._context.ruled)) is not None and due <= at:
            self._published.step(order, *press(order, self._units.head(order.unit)), DESK, at)

    def move(self, file: PersonFile, heard: Moved, at: int, *, left: bool) -> None:
        """Apply a new profile: the order that this number leads goes to its new unit, or ends with a reason.

        If it goes on, no alert is listed in it that the profile forbids contact about.

        Parameters
        ----------
        left
            Whether an alert has left it by this profile.
        """
        order, reason = file.order, ""
        if order is None:
            return
        ours = heard.subscriber_id in _numbers_of(file, order)
        barred = self._barred(file, order, heard) if ours else None
        if barred is not None:
            self.end(file, order, barred, DESK, at)
            return
        if left and self._led_anew(file, at):
            reason = "other_matter"
        if _drop_stopped(file, order, heard):
            reason = "consent_changed"
        if heard.subscriber_id == _number_of(file, order):
            order.channels = allowed(order, heard)
            channel = self._channel_left(file, order, heard.unit, at)
            if (order.unit, order.channel) != (heard.unit, channel):
                reason = "consent_changed" if order.unit == heard.unit else "other_unit"
                self._turn(file, order, heard.unit, channel, heard.manager, at)
        if reason:
            self._published.step(order, "reassigned", reason, DESK, at)

    def _channel_left(self, file: PersonFile, order: OpenOrder, unit: str, at: int) -> Channel:
        """The channel of an order that may have to leave its unit or channel: with capacity, if one has any."""
        own = order.channel in order.channels
        if own and (unit == order.unit or self._has_room(order, unit, order.channel, at)):
            return order.channel
        left = self._not_capped(file, order, order.channels, at) or order.channels
        return next((each for each in left if self._has_room(order, unit, each, at)), order.channel if own else left[0])

    def _not_capped(
        self, file: PersonFile, order: OpenOrder, channels: Sequence[Channel], at: int
    ) -> Sequence[Channel]:
        """Those of the channels that no cap forbids for the leading alert."""
        lead = file.breaches.get(order.alert_ids[0])
        account = order.account_id if lead is None else lead.alert.account_id
        full = self._objections.sms_capped(file, order.kind, account, at) is not None
        return [each for each in channels if each != "sms" or not full]

    def _has_room(self, order: OpenOrder, unit: str, channel: Channel, at: int) -> bool:
        """Whether an order may take this channel: with capacity, or, if its kind passes that, where somebody works."""
        if self._passes_capacity(order.kind):
            return self._units.manned(unit, channel, at)
        return self._units.free(unit, channel, at)

    def _passes_capacity(self, kind: Kind) -> bool:
        return self._context.urgent(kind) or kind in self._context.ruled.contact.cooldown_exempt

    def _barred(self, file: PersonFile, order: OpenOrder, heard: Moved) -> SuppressionReason | None:
        """Why a new profile ends an order, or None.

        What may not be used ends it only where it leads, for this number, to a contact that was not made yet: else the
        order goes on for the other alerts in it.
        """
        lead = file.breaches.get(order.alert_ids[0])
        whose = order.subscriber_id if lead is None else lead.alert.subscriber_id
        if whose != heard.subscriber_id or order.contacted_ts is not None:
            heard = msgspec.structs.replace(heard, unused=())
        return self._context.barred(order.kind, heard)

    def _next_channel(self, file: PersonFile, order: OpenOrder, left: Sequence[Channel], at: int) -> None:
        """Go on to the next channel, if one is left that no cap forbids and that has capacity."""
        left = self._not_capped(file, order, left, at)
        channel = next((each for each in left if self._has_room(order, order.unit, each, at)), None)
        if channel is None:
            return
        lead = file.breaches.get(order.alert_ids[0])
        self._turn(file, order, order.unit, channel, None if lead is None else lead.manager, at)
        if lead is not None:
            lead.contact_by = by = self._deadline(lead, at)
            order.contact_by = min([by, *self._dues(file, order, at, answers_only=order.answers_only)])
        order.dispatched_ts, order.pressed, order.tried_hours = at, "", []
        self._promise(file, order, at)
        self._published.step(order, "reassigned", "unanswered", DESK, at)

    def _turn(
        self, file: PersonFile, order: OpenOrder, unit: str, channel: Channel, manager: str | None, at: int
    ) -> None:
        """Give an order to another unit or channel, with capacity, role and assignee there."""
        if order.contacted_ts is None:  # else the contact was made, and counts where it was
            self._give_back(order, at)
            self._take(order, unit, channel, at)
            for made in file.contacts:
                if made.order == order.order_id and made.status == "planned":
                    made.channel = channel
        role = self._role(order, channel)
        if (unit, role) != (order.unit, order.role):
            order.assignee = self._units.deal(unit, role, manager, at)
        order.unit, order.channel, order.role, order.accepted = unit, channel, role, False
        _note_channel(file, order)

    def _role(self, order: OpenOrder, channel: Channel) -> Role:
        """The role that works this order over a channel."""
        return role_of(order.kind, channel, order.segment, corporate=order.corporate, answers_only=order.answers_only)

    # Worked

    def worked(self, file: PersonFile, heard: Answer, at: int) -> None:
        """Keep the contact that feedback reports, and advance the order that it is about."""
        order = file.order
        if order is not None and heard.alert_id is not None and heard.alert_id not in order.alert_ids:
            order = None
        if heard.status in REACHED and not (heard.status == "read" and order is None):
            _touch(file, order, heard)  # reading a delivered message is no further contact
        if order is not None:
            self._progress(file, order, heard, at)

    def _progress(self, file: PersonFile, order: OpenOrder, heard: Answer, at: int) -> None:
        status, by = heard.status, heard.by or "unknown"
        order.worked = order.worked or status != "accepted"
        if status == "accepted":
            order.assignee, order.accepted = heard.by or order.assignee, True
            self._published.step(order, "accepted", status, by, at)
        elif status == "unreachable" and order.contacted_ts is None:
            self._published.step(order, "fed_back", status, by, at)
            policy = self._context.ruled
            hour = (heard.ts + round(policy.contact.utc_offset_hours * HOUR_MS)) // HOUR_MS % 24
            self._next_channel(file, order, unanswered(order, hour, policy), at)
        elif _reaches(order, heard):
            order.contacted_ts = heard.ts
            for standing in (file.breaches[each] for each in order.open_ids if each in file.breaches):
                standing.reached_ts = heard.ts
            self._published.step(order, "contacted", status, by, at)
            whose = _number_of(file, order)
            known = any(each.subscriber_id == whose for each in file.settling)
            if not known and order.account_id is None:  # no record says that an account has left
                file.settling.append(Settling(heard.ts, order.unit, whose, order.strategy))
            if order.kind == "contract_expiry" and status in ("delivered", "read"):
                self.end(file, order, status, by, at)  # a notice is done once delivered
                return
        if status not in FINAL:
            return
        self._published.step(order, "fed_back", status, by, at)
        if status == "retained" and not order.saved:
            order.saved = True
            self._units.save(order.unit, at)
        others = [alert for alert in order.open_ids if alert != heard.alert_id]
        if status in _OF_ALERT and heard.alert_id is not None and others:
            order.open_ids = others  # the order goes on for the others
            self.lead_anew(file, at)
        else:
            _need_no_other(file, order)
            self.end(file, order, status, by, at)

    # Ended

    def leave(self, file: PersonFile, alert: str, reason: str, at: int, by: str = DESK) -> bool:
        """Take an alert out of the person's order, which ends with its last one; returns whether it was in it.

        Once all that are over have left, call :meth:`lead_anew`.
        """
        order = file.order
        if order is None or alert not in order.open_ids:
            return False
        order.open_ids.remove(alert)
        if not order.open_ids:
            self.end(file, order, reason, by, at)
        return True

    def stop(self, file: PersonFile, standings: Iterable[Standing], found: Objection, by: str, at: int) -> None:
        """Take alerts out of the person's order until a block or snooze ends."""
        stopped = [each for each in standings if self.leave(file, each.alert.alert_id, found.reason, at, by)]
        for standing in stopped:
            standing.stopped, standing.retry_ts = True, found.until
        if stopped:
            self.lead_anew(file, at)

    def stop_forbidden(self, file: PersonFile, at: int) -> None:
        """Take out of the person's order what they are not to be contacted about, once another number has joined."""
        for standing in self.best_first(file.breaches.values()):
            found = self._objections.left_alone(file, standing, at)
            if found is not None:
                by = next((said.by for word, said in file.by_hand.items() if word == found.reason), DESK)
                self.stop(file, [standing], found, by, at)

    def end(self, file: PersonFile, order: OpenOrder, reason: str, by: str, at: int) -> None:
        """Archive an order that was worked, withdraw one that was not; without a contact its capacity is given back."""
        if order.contacted_ts is None:
            self._give_back(order, at)
        self._published.step(order, "archived" if order.worked else "withdrawn", reason, by, at)
        file.order = None
        file.unpromise(order)


def allowed(held: Standing | OpenOrder, heard: Moved) -> tuple[Channel, ...]:
    """The channels that the customer still allows. They stay as they are where the customer may only be answered."""
    if held.answers_only:
        return held.channels
    return tuple(each for each in held.offered if each in heard.allowed) or heard.allowed[:1] or held.offered


def _drop_stopped(file: PersonFile, order: OpenOrder, heard: Moved) -> bool:
    """Take what the profile of this number has stopped off the list of an order that led to no contact yet."""
    if order.contacted_ts is not None:
        return False
    kept, whose = [order.alert_ids[0]], heard.subscriber_id
    for alert in order.alert_ids[1:]:
        standing = None if alert in order.open_ids else file.breaches.get(alert)
        if standing is None or standing.reason not in ENDED_BY_PROFILE or standing.alert.subscriber_id != whose:
            kept.append(alert)
    dropped, order.alert_ids = len(kept) < len(order.alert_ids), kept
    return dropped


def _stays(order: OpenOrder, standing: Standing) -> bool:
    """Whether an order that this alert comes to lead stays with the assignee who has accepted it, on their channel."""
    free = not standing.answers_only and order.channel not in standing.given_over[-1:]
    return free and order.accepted and order.contacted_ts is None and order.unit == standing.unit


def _note_channel(file: PersonFile, order: OpenOrder) -> None:
    """Keep the channel over which the notices in an order are given."""
    for alert in order.open_ids:
        standing = file.breaches.get(alert)
        if standing is not None and standing.alert.kind == "contract_expiry":
            before = (each for each in standing.given_over if each != order.channel)
            standing.given_over = (*before, order.channel)


def _numbers_of(file: PersonFile, order: OpenOrder) -> set[str]:
    """The number that the order began with, and that of the leading alert."""
    return {order.subscriber_id, _number_of(file, order)}


def _number_of(file: PersonFile, order: OpenOrder) -> str:
    """The number of the leading alert; if that is over, the number that the order began with."""
    lead = file.breaches.get(order.alert_ids[0])
    return order.subscriber_id if lead is None else lead.alert.subscriber_id or order.subscriber_id


def _new(standing: Standing, channel: Channel, role: Role, by: int, at: int) -> OpenOrder:
    """A new order, without alerts yet."""
    alert = standing.alert
    return OpenOrder(
        order_id=order_id(f"{alert.alert_id}:{standing.orders}"),
        subscriber_id=subject(alert),
        account_id=alert.account_id if alert.kind == ACCOUNT_KIND else None,
        customer_id=alert.customer_id,
        lane=standing.lane,
        alert_ids=[],
        open_ids=[],
        unit=standing.unit,
        role=role,
        assignee=None,
        channel=channel,
        channels=standing.channels,
        contact_by=by,
        dispatched_ts=at,
        priority=alert.priority,
        kind=alert.kind,
        level=standing.level,
        segment=alert.value.segment,
        corporate=alert.account_id is not None,
        offered=standing.offered,
    )


def _led_by(order: OpenOrder, standing: Standing) -> None:
    """Let an alert lead the order, and answer that matter first."""
    alert = standing.alert
    order.strategy = standing.strategy or order.strategy
    order.alert_ids = [alert.alert_id, *(each for each in order.alert_ids if each != alert.alert_id)]
    order.open_ids = [alert.alert_id, *(each for each in order.open_ids if each != alert.alert_id)]
    order.offered, order.channels = standing.offered, standing.channels
    order.priority, order.kind, order.level = alert.priority, alert.kind, standing.level
    order.segment, order.corporate = alert.value.segment, alert.account_id is not None
    order.before_ts, order.answers_only = standing.before_ts, standing.answers_only


def _need_no_other(file: PersonFile, order: OpenOrder) -> None:
    """No alert in an order that feedback has ended needs a further one."""
    for standing in (file.breaches[each] for each in order.open_ids if each in file.breaches):
        standing.need_no_other()


def _reaches(order: OpenOrder, heard: Answer) -> bool:
    """Whether feedback reports a contact of this order, and not the result of one that is known.

    A further ``contacted`` within a day is the same contact, reported twice.
    """
    if order.contacted_ts is None:
        return heard.status in REACHED
    return heard.status == "contacted" and heard.ts >= order.contacted_ts + DAY_MS


def _touch(file: PersonFile, order: OpenOrder | None, heard: Answer) -> None:
    """Keep a contact; the first one of an order replaces the planned one."""
    channel, by = heard.channel or (None if order is None else order.channel), heard.by or "unknown"
    if order is None and heard.alert_id is not None:
        by_order = (made for made in file.contacts if made.order is not None and made.status != "planned")
        if any(abs(made.ts - heard.ts) < DAY_MS for made in by_order):
            return  # the contact that led to the end of its order, reported late
    if order is not None:
        for made in file.contacts:
            if made.order == order.order_id and made.status == "planned":
                made.ts, made.channel, made.by, made.status = max(made.ts, heard.ts), channel, by, heard.status
                return
        if not _reaches(order, heard):
            return  # the result of a contact that is kept already
    # A contact about an incident is kept under the account, so that erasing a line's user leaves nothing of them there.
    whose = heard.subscriber_id if order is None or order.account_id is None else order.subscriber_id
    file.keep(Made(heard.ts, channel, whose, by, heard.status))
