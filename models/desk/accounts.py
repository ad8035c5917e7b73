"""Corporate accounts whose lines leave together: one incident, handled as a breach of the account.

An incident is opened when enough lines leave together, and closed when too few are left or by feedback. One that was
snoozed is raised anew at the end of the snooze, if enough lines still leave. An account has a file like a person's.
"""

from __future__ import annotations

from math import ceil
from typing import Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Struct, field

from models.contract.alerts import (
    UNASSIGNED,
    Action,
    Alert,
    AlertId,
    AlertReason,
    PriorityFactors,
    TalkTrack,
    Trigger,
    Value,
    alert_id,
    hash_of,
)
from models.contract.breaches import Answer, Breach, Moved, Person, account_of, account_person
from models.contract.playbook import GENERAL_DO, GENERAL_DONT, Play, choose
from models.contract.policy import DeskPolicy, Policy
from models.contract.time_units import DAY_MS
from models.contract.vocabulary import FORETELLS, Text
from models.desk.contact_limits import Objection
from models.desk.decisions import Decisions
from models.desk.desk_context import DeskContext
from models.desk.persons import MAX_BREACHES, PersonFile, Standing
from models.desk.publications import Publications, bare, by_order, closed
from models.desk.registry import Registry
from models.detection.alert_body import opening
from models.detection.contact_rules import contact_by, opens
from models.detection.signals import ACCOUNT_KIND, FORWARDS, PAYS_LESS
from models.kernel.kafka_records import murmur2
from models.state.state_records import StateRecord

_STRONG: Final = 2
_SIGNS: Final = {
    FORWARDS: Text("more calls of {} line{} are forwarded", "{}个号码呼叫转移增加"),
    PAYS_LESS: Text("bills of {} line{} fell", "{}个号码账单下降"),
}
_MOST_NAMED: Final = 200
"""Most members named in a record; its reason gives their full number."""
ACCOUNT: Final = b"a"
"""Prefix of the accounts' state records."""


class AccountFile(Struct):
    """What the desk keeps of an account; one state record."""

    members: dict[str, list[str]] = field(default_factory=dict)
    """Open breaches of each line."""
    signs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Open signs of each line, code by id; a sign makes no alert by itself."""
    values: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Monthly revenue and probability of leaving of each line, as of its newest breach or sign."""
    size: int = 0
    """Number of its lines according to profiles; 0 if unknown."""
    incident: str | None = None
    """Alert id of the open incident."""
    opened: int = 0
    """Number of incidents so far: one line may open several, each with an id of its own."""

    def joins(self, alert: Alert, size: int | None) -> None:
        """Add a breach of a line, with the number of the account's lines if it is known."""
        open_of = self.members.setdefault(alert.subscriber_id or "", [])
        if alert.alert_id not in open_of:
            open_of.append(alert.alert_id)
        self._take_up(alert, size)

    def signed(self, heard: Breach) -> str:
        """Add a sign of a line; returns its code, which is that of the first reason."""
        reasons = heard.alert.reasons or []
        code = reasons[0].code if reasons else ""
        self.signs.setdefault(heard.subscriber_id, {})[heard.alert.alert_id] = code
        self._take_up(heard.alert, heard.account_size)
        return code

    def _take_up(self, alert: Alert, size: int | None) -> None:
        self.values[alert.subscriber_id or ""] = alert.value.arpu, alert.risk
        self.size = size or self.size

    def leaves(self, subscriber_id: str, alert: str) -> None:
        """Remove a breach or sign of a line."""
        open_of, signs = self.members.get(subscriber_id, []), self.signs.get(subscriber_id, {})
        if alert in open_of:
            open_of.remove(alert)
        signs.pop(alert, None)
        if not open_of:
            self.members.pop(subscriber_id, None)
        if not signs:
            self.signs.pop(subscriber_id, None)
        if not open_of and not signs:
            self.values.pop(subscriber_id, None)

    def lines(self) -> list[str]:
        """The lines with a breach or a sign."""
        return sorted(self.members.keys() | self.signs.keys())

    def exodus(self, policy: DeskPolicy) -> bool:
        """Whether enough lines have a breach or sign to count as leaving together.

        At least one must have a breach. Signs alone do not mean leaving: a bill falls in a slow month, and calls are
        forwarded on holidays.

        Examples
        --------
        >>> account = AccountFile(members={"s-1": ["a"]}, signs={"s-2": {"b": ""}, "s-3": {"c": ""}}, size=12)
        >>> account.exodus(DeskPolicy())
        True
        >>> account.size = 40
        >>> account.exodus(DeskPolicy())
        False
        >>> AccountFile(signs={"s-1": {"a": ""}, "s-2": {"b": ""}, "s-3": {"c": ""}}).exodus(DeskPolicy())
        False
        """
        enough = max(policy.exodus_lines, ceil(policy.exodus_share * self.size))
        return bool(self.members) and len(self.lines()) >= enough


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key, as Kafka's clients choose it.

    Examples
    --------
    >>> partition_of("s-1", 1)
    0
    """
    raw = np.frombuffer(key.encode(), np.uint8)
    return (int(murmur2(raw, 0, len(raw))) & 0x7FFFFFFF) % partitions


def incident_id(account_id: str, alert: str, opened: int) -> AlertId:
    """Id of an incident, by what opens it and the number of those before: two lines may have their breach at one tick.

    Of an incident that is raised anew after a snooze, it is the one that was snoozed.
    """
    return AlertId(hash_of(ACCOUNT_KIND, account_id, alert, str(opened)))


def incident(
    account_id: str,
    account: AccountFile,
    alert: Alert,
    unit: str,
    manager: str | None,
    at: int,
    lanes: int,
    policy: Policy,
) -> Breach:
    """The breach of the account, for this unit and manager.

    `alert` opens it: the last breach or sign of one of its lines or, after a snooze, the incident that was snoozed.
    """
    arpu = sum(each for each, _ in account.values.values())
    leaving = sum(each * risk for each, risk in account.values.values())
    share = leaving / arpu if arpu else max(risk for _, risk in account.values.values())
    play, settings = choose(policy.playbook, "general", alert.value.segment, corporate=True), policy.kind(ACCOUNT_KIND)
    lane = partition_of(account_id, lanes)
    body = msgspec.structs.replace(
        alert,
        alert_id=incident_id(account_id, alert.alert_id, account.opened),
        event="raised",
        kind=ACCOUNT_KIND,
        severity=settings.severity,
        subscriber_id=None,
        customer_id=None,
        account_id=account_id,
        members=account.lines()[:_MOST_NAMED],
        risk=round(share, 6),
        reasons=[*_reasons(account), *(alert.reasons or [])[:2]],
        value=Value(
            arpu=round(arpu, 2),
            segment=alert.value.segment,
            revenue_at_risk=round(leaving * policy.value.months, 2),
        ),
        priority=round(leaving * settings.actionability, 4),
        priority_factors=PriorityFactors(
            propensity=round(share, 6), value=round(arpu, 2), actionability=settings.actionability
        ),
        action=_action(play, alert.ts, unit, manager, at, policy),
    )
    return Breach(
        lane=lane,
        clock=at,
        subscriber_id=account_id,
        alert=body,
        level=_STRONG,
        channels=play.channels,
    )


def _action(play: Play, ts: int, unit: str, manager: str | None, at: int, policy: Policy) -> Action:
    channel = play.channels[0]
    return Action(
        cause="general",
        strategy=play.strategy,
        channel=channel,
        unit=unit,
        assignee=manager,
        contact_from=opens(ts, policy.contact),
        contact_by=contact_by(ACCOUNT_KIND, _STRONG, at, None, policy),
        offer=None,
        talk_track=TalkTrack(
            opening=opening([], channel, manager=bool(manager)),
            do=list(play.do or GENERAL_DO),
            dont=list(play.dont or GENERAL_DONT),
        ),
    )


def _reasons(account: AccountFile) -> list[AlertReason]:
    """How many lines are in it, on how many more calls are forwarded, and on how many the bills fell."""
    count, of = len(account.lines()), account.size
    en = f"{count} of {of} lines show signs of leaving" if of else f"{count} lines show signs of leaving"
    zh = f"{of}个号码中有{count}个出现离网迹象" if of else f"{count}个号码出现离网迹象"
    reasons = [_reason("account_lines_breached", count, Text(en, zh))]
    for code, said in _SIGNS.items():
        number = sum(code in signs.values() for signs in account.signs.values())
        if number:
            text = Text(said.en.format(number, "" if number == 1 else "s"), said.zh.format(number))
            reasons.append(_reason(f"account_lines_{code}", number, text))
    return reasons


def _reason(code: str, count: int, text: Text) -> AlertReason:
    return AlertReason(code=code, value=float(count), usual=0.0, contribution=0.0, disclosable=False, text=text)


class _Line(NamedTuple):
    """A breach or sign of a line, with its lane, and the line's unit and manager."""

    alert: Alert
    lane: int
    unit: str
    manager: str | None


class Incidents:
    """The files of all accounts; each is one state record. An incident itself is a breach of the account's person."""

    def __init__(self, context: DeskContext, registry: Registry, decisions: Decisions, published: Publications) -> None:
        self._context = context
        self._registry = registry
        self._decisions = decisions
        self._published = published
        self._accounts: dict[str, AccountFile] = {}
        self._dirty: set[str] = set()
        self._person_of: dict[str, Person] = {}
        """The account of each open incident, by alert id."""
        self._signed_in: dict[str, str] = {}
        """The account in which each sign counts, by sign id: the line may belong to another account when the sign
        ends."""

    def person_of(self, heard: Answer) -> Person | None:
        """The account whose open incident an answer is about; the answer must be of one of its lines."""
        person = self._person_of.get(heard.alert_id or "")
        account_id = None if person is None else account_of(person)
        if account_id is None or heard.account_id == account_id:
            return person
        # Records of a former release name no account.
        return person if heard.subscriber_id in self._accounts[account_id].lines() else None

    # A line's breach begins

    def joins(self, heard: Breach, standing: Standing) -> bool:
        """Whether a line's breach goes into the open incident of its account, instead of getting an alert of its own.

        What the customer started still gets its own alert.
        """
        if not self._stands_for(heard.alert, heard.account_size):
            return False
        self._decisions.withhold(standing, Objection("low_priority", None), heard.clock, fresh=True)
        standing.state, standing.alert = "answered", heard.alert  # whole, for the end of the incident
        return True

    def goes_on(self, alert: Alert) -> None:
        """A line's breach goes on under another id: the former one no longer counts."""
        account = self._accounts.get(alert.account_id or "")
        if account is not None:
            account.leaves(alert.subscriber_id or "", alert.alert_id)
            self._dirty.add(alert.account_id or "")

    def covers(self, alert: Alert) -> bool:
        """Whether an incident of the line's account is open."""
        account = self._accounts.get(alert.account_id or "")
        return account is not None and account.incident is not None

    def moves(self, file: PersonFile, standing: Standing, heard: Breach, at: int) -> bool:
        """Move a line's breach to another account if its newest step names one; returns whether it did."""
        former = standing.alert.account_id
        if heard.alert.account_id == former:
            return False
        self.leaves(former, heard.alert, at)
        standing.alert = msgspec.structs.replace(standing.alert, account_id=heard.alert.account_id)
        if self._stands_for(heard.alert, heard.account_size):
            self._decisions.supersede(file, [standing], at)
        else:
            self._decisions.obey(file, standing, at)
        return True

    def _stands_for(self, alert: Alert, size: int | None) -> bool:
        """Count a line's breach in its account; returns whether an open incident covers it."""
        account_id, kind = alert.account_id, alert.kind
        if account_id is None or kind not in FORETELLS:
            return False
        account = self._accounts.setdefault(account_id, AccountFile())
        account.joins(alert, size)
        self._dirty.add(account_id)
        return account.incident is not None and kind not in self._context.ruled.contact.cooldown_exempt

    # A line's sign begins or ends

    def signed(self, heard: Breach, at: int) -> None:
        """A line's sign begins or ends: it counts in the account, and makes no alert."""
        sign, account_id = heard.alert.alert_id, heard.alert.account_id
        if heard.alert.event == "closed":
            self._published.counts.unknown += sign not in self._signed_in
            self.leaves(self._signed_in.pop(sign, None), heard.alert, at)
        elif account_id is not None and sign not in self._signed_in:
            self._signed_in[sign] = account_id
            code = self._accounts.setdefault(account_id, AccountFile()).signed(heard)
            self._published.counts.signs[code] += 1
            self._dirty.add(account_id)

    # One more line

    def look_at(self, heard: Breach, at: int) -> None:
        """Open an incident of a line's account if enough lines leave now, or add the line to the open one."""
        action = heard.alert.action
        unit, manager = (UNASSIGNED, None) if action is None else (action.unit, action.assignee)
        self._look_at(_Line(heard.alert, heard.lane, unit, manager), at, heard.record_ts)

    def _look_at(self, line: _Line, at: int, record_ts: int | None) -> None:
        account_id, kind = line.alert.account_id, line.alert.kind
        account = None if account_id is None else self._accounts.get(account_id)
        if account_id is None or account is None or kind not in (*FORETELLS, ACCOUNT_KIND):
            return
        person = account_person(account_id)
        file = self._registry.file_in(person, line.lane)
        if account.incident is not None:
            standing = file.breaches[account.incident]
            blocked = self._decisions.blocked(file, standing, at)
            if blocked is None:
                self._say_more(file, standing, account, line, at, record_ts)
            else:
                self._decisions.withhold(standing, blocked, at, fresh=True, step="escalated")
        elif account.exodus(self._context.ruled.desk) and not file.breaches:
            self._open(file, self._incident(account_id, account, line, at), at, record_ts)
        self._registry.put(person)

    def _incident(self, account_id: str, account: AccountFile, line: _Line, at: int) -> Breach:
        """The breach of an account, with the unit and manager of this line."""
        lanes, policy = self._context.lanes, self._context.ruled
        return incident(account_id, account, line.alert, line.unit, line.manager, at, lanes, policy)

    def _open(self, file: PersonFile, found: Breach, at: int, record_ts: int | None) -> None:
        account_id = found.alert.account_id or ""
        self._accounts[account_id].opened += 1
        self._dirty.add(account_id)
        standing = Standing(found.alert, found.lane, at, at)
        file.breaches[found.alert.alert_id] = standing
        standing.take_up(found)
        self._decisions.decide(file, standing, at, record_ts, fresh=True)
        self.decided(standing, at)

    def _say_more(
        self, file: PersonFile, standing: Standing, account: AccountFile, line: _Line, at: int, record_ts: int | None
    ) -> None:
        """Publish the open incident anew, with the lines, value and reasons of now; its order goes on."""
        known = standing.alert
        body = self._incident(known.account_id or "", account, line, at).alert
        body = msgspec.structs.replace(body, alert_id=known.alert_id, event="escalated")
        if file.order is not None and known.alert_id in file.order.open_ids:
            body = by_order(body, file.order)
        self._published.alert(standing, body, record_ts)
        standing.alert = bare(body)

    def decided(self, standing: Standing, at: int) -> None:
        """If an incident was just raised, supersede the alerts of its lines."""
        if standing.alert.kind != ACCOUNT_KIND or standing.state != "raised":
            return
        account_id, raised = standing.alert.account_id or "", standing.alert.alert_id
        account = self._accounts[account_id]
        account.incident, self._person_of[raised] = raised, account_person(account_id)
        self._dirty.add(account_id)
        exempt = self._context.ruled.contact.cooldown_exempt
        lines: dict[Person, list[str]] = {}
        for name in sorted(account.members):
            lines.setdefault(self._registry.whose[name], []).extend(account.members[name])
        for person, breaches in lines.items():
            file = self._registry.files[person]
            known = [file.breaches[alert] for alert in breaches if alert in file.breaches]
            covered = [each for each in known if each.alert.kind not in exempt and each.state != "answered"]
            self._decisions.supersede(file, covered, at)
            self._registry.put(person)

    # It ends

    def leaves(self, account_id: str | None, alert: Alert, at: int) -> None:
        """A line's breach or sign is over; close the incident if too few are left."""
        account = None if account_id is None else self._accounts.get(account_id)
        if account_id is None or account is None:
            return
        account.leaves(alert.subscriber_id or "", alert.alert_id)
        person = account_person(account_id)
        file = self._registry.files.get(person)
        for standing in () if file is None else file.breaches.values():
            if standing.alert.members is not None:
                # Needed for erasure too: only lines that are still in it may be named, also once it is raised later.
                standing.alert = msgspec.structs.replace(standing.alert, members=account.lines())
                self._registry.put(person)
        if not account.exodus(self._context.ruled.desk):
            self._end(account_id, account, alert.trigger, at)
        self._put(account_id, account)

    def profile_came(self, file: PersonFile, heard: Moved, at: int) -> None:
        """A line's breaches which its new profile forbids contact about no longer count in its account, others do."""
        forbidden: list[Alert] = []
        for _, standing in sorted(file.breaches.items()):
            alert = standing.alert
            if alert.subscriber_id != heard.subscriber_id or alert.account_id is None or alert.kind not in FORETELLS:
                continue
            account = self._accounts.get(alert.account_id, AccountFile())
            counts = alert.alert_id in account.members.get(heard.subscriber_id, ())
            if self._context.barred(alert.kind, heard) is not None:
                forbidden.append(alert)
                account.leaves(heard.subscriber_id, alert.alert_id)
            elif not counts and not standing.closed:
                if self._stands_for(alert, None):
                    self._decisions.supersede(file, [standing], at)
                line = _Line(self._as_of(alert, standing.lane, at), standing.lane, heard.unit, heard.manager)
                self._look_at(line, at, None)
                if not self.covers(alert):
                    self._hand_back(file, alert.alert_id, self._accounts[alert.account_id], at)
        for alert in forbidden:  # once none of them counts: an incident that ends hands back what is left in it
            self.leaves(alert.account_id, alert, at)

    def _end(self, account_id: str, account: AccountFile, trigger: Trigger, at: int) -> None:
        covered, account.incident = account.incident is not None, None
        person = account_person(account_id)
        file = self._registry.files.get(person)
        if file is None:
            return
        for alert, standing in list(file.breaches.items()):
            if standing.state == "answered":
                continue  # snoozed, and decided on at the end of that
            body = closed(standing.alert, "recovered", at, trigger)
            self._decisions.close(file, standing, body, at)
            self._person_of.pop(alert, None)
        self._registry.put(person)
        if covered:
            self._hand_all_back(account_id, account, at)

    def _hand_all_back(self, account_id: str, account: AccountFile, at: int) -> None:
        self._dirty.add(account_id)
        for name in sorted(account.members):
            person = self._registry.whose[name]
            for line in list(account.members[name]):
                self._hand_back(self._registry.files[person], line, account, at)
            self._registry.put(person)

    def _hand_back(self, file: PersonFile, covered: str, account: AccountFile, at: int) -> None:
        """Decide on a line's breach by itself again, since the incident that covered it is over.

        One that was published gets another id, as its alert was closed.
        """
        standing = file.breaches.get(covered)
        kept = standing is not None and standing.state == "answered" and standing.alert.action is not None
        if standing is None or not kept or standing.closed or len(file.breaches) >= MAX_BREACHES:
            return
        alert = self._as_of(standing.alert, standing.lane, at)
        anew = standing
        if standing.seq:
            standing.next_id, standing.closed = alert_id(alert.kind, alert.alert_id, alert.trigger), True
            alert = msgspec.structs.replace(alert, alert_id=standing.next_id, event="raised")
            anew = file.breaches[alert.alert_id] = msgspec.structs.replace(
                standing, seq=0, decisions=0, orders=0, next_id=None, closed=False, of_desk=True, resumed=True
            )
            account.leaves(alert.subscriber_id or "", covered)
            account.joins(alert, None)
        anew.alert, anew.reason = alert, None
        self._decisions.decide(file, anew, at, None, fresh=False)

    def answered(self, heard: Answer, at: int) -> None:
        """Feedback has ended an incident, which lanes do not know of; a snoozed one is kept until the snooze ends."""
        alert_id = heard.alert_id or ""
        file = self._registry.files[self._person_of.pop(alert_id)]
        standing = file.breaches.pop(alert_id)
        if standing.state == "raised":
            self._published.alert(standing, closed(standing.alert, "feedback", heard.ts, heard.trigger), None)
        account_id = standing.alert.account_id or ""
        account = self._accounts[account_id]
        account.incident = None
        if heard.status == "snoozed":
            default = at + round(self._context.ruled.contact.snooze_days * DAY_MS)
            standing.state, standing.stopped = "answered", False
            standing.retry_ts = default if heard.until_ts is None else heard.until_ts
            standing.alert = msgspec.structs.replace(standing.alert, members=None)  # they may be erased meanwhile
            file.breaches[alert_id] = standing
        self._put(account_id, account)

    def anew(self, file: PersonFile, standing: Standing, at: int) -> None:
        """Raise the incident anew, if this is one whose snooze is over and enough lines still leave.

        Else those that are left are answered by themselves again.
        """
        known = standing.alert
        if known.kind != ACCOUNT_KIND or standing.state != "answered":
            return
        del file.breaches[known.alert_id]
        account_id, policy = known.account_id or "", self._context.ruled
        account = self._accounts.get(account_id)
        if account is None:
            return
        if not account.exodus(policy.desk):
            self._hand_all_back(account_id, account, at)
            return
        alert, unit, manager = self._as_of(known, standing.lane, at), standing.unit, standing.manager
        found = incident(account_id, account, alert, unit, manager, at, self._context.lanes, policy)
        self._open(file, msgspec.structs.replace(found, resumed=True), at, None)

    def _as_of(self, alert: Alert, lane: int, at: int) -> Alert:
        """The alert with another time, and the policy in force, where no event of the line has brought it."""
        trigger = Trigger(topic=None, partition=lane, offset=None, tick=at)
        version = self._context.ruled.version
        return msgspec.structs.replace(alert, ts=at, policy_version=version, trigger=trigger)

    def _put(self, account_id: str, account: AccountFile) -> None:
        """Delete an empty account at once, not at a commit, so that results do not depend on where commits fall.

        One that had an incident is kept, for the number of those.
        """
        self._dirty.add(account_id)
        if not account.lines() and not account.opened:
            del self._accounts[account_id]

    # State

    def load(self, key: bytes, value: bytes | None) -> None:
        """Read the state record of an account; None if it was deleted."""
        account_id = key[1:].decode()
        self._accounts.pop(account_id, None)
        if value is not None:
            self._accounts[account_id] = msgspec.json.decode(value, type=AccountFile)

    def resume(self) -> None:
        """Rebuild what is derived from the records."""
        for account_id, account in self._accounts.items():
            self._signed_in.update((sign, account_id) for signs in account.signs.values() for sign in signs)
            if account.incident is not None:
                self._person_of[account.incident] = account_person(account_id)

    def take_changes(self) -> list[StateRecord]:
        """State records of the accounts that have changed since the last call."""
        records: list[StateRecord] = []
        for account_id in sorted(self._dirty):
            account = self._accounts.get(account_id)
            key = ACCOUNT + account_id.encode()
            records.append((key, None if account is None else msgspec.json.encode(account)))
        self._dirty.clear()
        return records
