"""Whether an account's lines leave together, by breaches and signs, and the one incident that is raised for them."""

from __future__ import annotations

from math import ceil
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct, field

from models.contract.alerts import Action, Alert, AlertId, AlertReason, PriorityFactors, TalkTrack, Value, hash_of
from models.contract.breaches import Breach, Person
from models.contract.playbook import GENERAL_DO, GENERAL_DONT, Play, choose
from models.contract.policy import DeskPolicy, Policy
from models.contract.vocabulary import Text
from models.decisions.alert_body import opening
from models.decisions.contact_rules import contact_by, opens
from models.decisions.signals import ACCOUNT_KIND, FORWARDS, PAYS_LESS
from models.kernel.murmur2 import murmur2

_STRONG: Final = 2
_SIGNS: Final = {
    FORWARDS: Text("more calls of {} line{} are forwarded", "{}个号码呼叫转移增加"),
    PAYS_LESS: Text("bills of {} line{} fell", "{}个号码账单下降"),
}
_MOST_NAMED: Final = 200
"""Most members named in a record; its reason gives their full number."""


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


def account_person(account_id: str) -> Person:
    """The key of an account's file, which is like a person's: one open order, one cooldown."""
    return Person(f"a:{account_id}")


def account_of(person: Person) -> str | None:
    """The account of that key; None if it is a person's.

    Examples
    --------
    >>> account_of(account_person("acme")), account_of(Person("c:77"))
    ('acme', None)
    """
    return person.removeprefix("a:") if person.startswith("a:") else None


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
