"""Whatever lanes tell the desk: nothing is lost, no cap is broken, and any cut and any restart gives the same bytes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, get_args
from unittest.mock import patch

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from support.breaches_made import DAY, HOUR, NINE, a_breach, an_answer
from support.desk_rig import DeskBench

from models.contract.alerts import Alert, Suppression
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
)
from models.contract.events import FeedbackStatus, instructs
from models.contract.policy import DeskPolicy, Policy, UnitPolicy
from models.contract.vocabulary import DESTINATIONS, KINDS, LEAVE_REASONS
from models.contract.work_orders import WorkOrder
from models.desk.accounts import incident_id
from models.desk.decisions import WaitingList
from models.desk.persons import PersonFile
from models.detection.outbox import Output
from models.detection.signals import FORWARDS, PAYS_LESS

LANES = 2
WHAT = ("open", "open", "open", "step", "over", "answer", "contact", "moved", "by_hand", "sign", "sign", "time", "rest")
PEOPLE = {"s-1": "c-1", "s-2": "c-1", "s-3": None, "s-4": "c-4", "l-1": None, "l-2": None, "l-3": None}
SIGN = "account_exodus"
ALL = [kind for kind in KINDS if kind != SIGN]
POLICY = Policy(
    version="p-5",
    desk=DeskPolicy(exodus_lines=2),
    units=(UnitPolicy(name="tianhe-03", head="head", capacity={"outbound_call": 1, "store": 1, "sms": 1}),),
)


def a_history(seed: int) -> list[Heard]:
    """Steps as lanes write them: a breach is opened once, then anything, then over; clocks of lanes drift apart.

    Drawn by a seed: hypothesis would take a second to draw and an hour to shrink what the desk folds in a millisecond.
    """
    rng = Random(seed)
    clocks = {0: NINE, 1: NINE}
    standing: dict[str, tuple[str, Any]] = {}
    records = [*_inherited(rng, standing), Joined(lane=0)]
    names = 0
    for _ in range(rng.randint(1, 40)):
        lane = rng.randrange(LANES)
        if clocks[lane] - clocks[1 - lane] > 40 * DAY:
            lane = 1 - lane  # of what a lane tells a quarter later, the contacts of that time are forgotten
        clocks[lane] += rng.choice([0, HOUR, 5 * HOUR, DAY, 4 * DAY, 20 * DAY])
        at, who = clocks[lane], rng.choice(sorted(PEOPLE))
        whose = {**_whose(who), "lane": lane}
        told = {"lane": lane, "clock": at, "subscriber_id": who, "customer_id": PEOPLE[who]}
        match rng.choice(WHAT):
            case "open":
                names += 1
                kind = rng.choice(ALL)
                channels = rng.choice([("outbound_call", "store"), ("sms",), ("sms", "store"), ("wechat",)])
                priority = float(rng.randrange(4))
                name = f"a-{names}"
                standing[name] = who, kind
                records.append(a_breach(name, at, kind=kind, channels=channels, priority=priority, **whose))
            case ("step" | "over") as what if breached := sorted(n for n, (_, k) in standing.items() if k != SIGN):
                name = rng.choice(breached)
                records.append(_step(rng, name, standing[name], at, lane, over=what == "over"))
                if what == "over":
                    del standing[name]
            case "answer":
                records.append(_answer(rng, told, standing))
            case "sign":
                records.append(_sign(rng, at, lane, standing))
            case ("by_hand" | "contact" | "moved") as what:
                records.append(_told(rng, what, at, told))
            case "rest":
                records.append((rng.choice([Idle, Excluded]))(lane=lane))
            case _:
                records.append(Mark(lane=lane, tick=at, generation=rng.choice([None, None, 7, 8])))
    records += _ends(rng, clocks[0], standing)
    records.insert(rng.randint(0, len(records)), Joined(lane=1))
    records.insert(rng.randint(0, len(records)), Governed(policy=POLICY))
    return records


def _step(rng: Random, name: str, of: tuple[str, Any], at: int, lane: int, *, over: bool) -> Breach:
    """A further step of a breach, now and then of a line that is another account's by then."""
    who, kind = of
    whose = {**_whose(who), "lane": lane}
    event = "closed" if over else rng.choice(["escalated", "eased"])
    if "account_id" in whose and rng.random() < 0.2:
        whose["account_id"] = "zenith"
    repeated = event == "escalated" and rng.random() < 0.4
    return a_breach(name, at, event, kind=kind, repeated=repeated, **whose)


def _answer(rng: Random, told: dict[str, Any], standing: dict[str, tuple[str, Any]]) -> Answer:
    """Feedback on a person, on an alert, or on what may be the incident of an account."""
    alert, reason = rng.choice([None, "unknown", *sorted(standing)]), rng.choice([None, "price", "network"])
    owner = standing[alert][0] if alert in standing else told["subscriber_id"]
    of_account = alert in standing and owner.startswith("l-") and rng.random() < 0.5
    if of_account and alert is not None:
        alert = incident_id("acme", alert, rng.choice([0, 0, 1]))
    values = told | {"subscriber": owner, "customer_id": PEOPLE[owner], "leave_reason": reason}
    del values["subscriber_id"]
    statuses = [each for each in get_args(FeedbackStatus) if not instructs(each, alert)]
    status = "snoozed" if of_account and rng.random() < 0.5 else rng.choice(statuses)
    if status == "snoozed":
        values["until_ts"] = rng.choice([None, told["clock"] - DAY, told["clock"] + 3 * DAY])
    return an_answer(status, told["clock"], alert, **values)


def _told(rng: Random, what: str, at: int, told: dict[str, Any]) -> Heard:
    """What concerns a whole person: a contact by others, a new profile, an instruction, also with a past end."""
    if what == "contact":
        return OtherContact(**told, ts=at, channel=(rng.choice(["sms", "outbound_call"])))
    if what == "moved":
        allowed = rng.choice([("outbound_call", "store", "sms"), ("store",), ()])
        unused = rng.choice([(), (), ("competitor_browsing",), ("risk_tier", "leave_intent")])
        return Moved(**told, unit="tianhe-03", allowed=allowed, do_not_contact=rng.random() < 0.3, unused=unused)
    status, who = rng.choice(["blocked", "overridden", "snoozed", "released"]), told["subscriber_id"]
    until = rng.choice([None, at - DAY, at + HOUR, at + 3 * DAY, at + 30 * DAY])
    account = rng.choice([None, "acme"]) if who.startswith("l-") else None
    said = {"lane": told["lane"], "customer_id": PEOPLE[who], "account_id": account}
    return an_answer(status, at, subscriber=who, until_ts=until, **said)


def _sign(rng: Random, at: int, lane: int, standing: dict[str, tuple[str, Any]]) -> Breach:
    """A line's sign that its account leaves, or the end of one; by then the line may be another account's."""
    open_of = sorted(name for name, (_, kind) in standing.items() if kind == SIGN)
    whose, account = {"kind": SIGN, "lane": lane}, rng.choice(["acme", "other"])
    if open_of and rng.random() < 0.5:
        name = rng.choice(open_of)
        who, _ = standing.pop(name)
        return a_breach(name, at, "closed", **_whose(who) | whose | {"account_id": account})
    name, who = f"sign-{at}-{len(standing)}-{rng.random()}", rng.choice(["l-1", "l-2", "l-3"])
    standing[name] = who, SIGN
    signed = a_breach(name, at, **_whose(who) | whose | {"account_id": account})
    first = (signed.alert.reasons or [])[0]
    reasons = [replace(first, code=rng.choice([FORWARDS, PAYS_LESS]))]
    return replace(signed, alert=replace(signed.alert, reasons=reasons))


def _inherited(rng: Random, standing: dict[str, tuple[str, Any]]) -> list[Heard]:
    """What a release without a desk has left of some, whose steps go on."""
    records: list[Heard] = []
    for who in rng.sample(sorted(PEOPLE), rng.choice([0, 0, 1, 3])):
        lane, kinds = rng.randrange(LANES), rng.sample(ALL, rng.randrange(3))
        alerts = []
        for kind in kinds:
            name = f"o-{len(standing)}"
            standing[name] = who, kind
            known = {"kind": kind, "lane": lane, "seq": rng.randint(1, 3), "reasons": None, "action": None}
            alerts.append(a_breach(name, NINE, **known, **_whose(who)))
        records.append(
            Inherited(
                lane=lane,
                clock=NINE,
                subscriber_id=who,
                customer_id=PEOPLE[who],
                alerts=tuple(alerts),
                raised_ts={kind: NINE - rng.randrange(40) * DAY for kind in kinds},
                refused_ts=rng.choice([None, None, NINE - 80 * DAY]),
            )
        )
    return records


def _whose(who: str) -> dict[str, Any]:
    account = {"account_id": "acme", "account_size": 3} if who.startswith("l-") else {}
    return {"subscriber": who, "customer": PEOPLE[who], **account}


def _ends(rng: Random, at: int, standing: dict[str, tuple[str, Any]]) -> list[Heard]:
    """Somebody leaves or is forgotten, whose breaches the lane has closed before."""
    records: list[Heard] = []
    for what in rng.choices(["left", "forgotten"], k=rng.randrange(3)):
        name = rng.choice(["s-1", "s-3"])
        told = {"lane": 0, "clock": at, "subscriber_id": name, "customer_id": PEOPLE[name]}
        whose = {"subscriber": name, "customer": PEOPLE[name], "lane": 0}
        over = [each for each, (who, _) in standing.items() if who == name] if what == "forgotten" else []
        records += [a_breach(each, at, "closed", kind=standing.pop(each)[1], **whose) for each in over]
        reason, to = rng.choice([None, *LEAVE_REASONS]), rng.choice(DESTINATIONS)
        gone = Left(**told, ts=at, outcome="ported_out", reason=reason, to=to)
        records.append(gone if what == "left" else Forgotten(**told))
    return records


def a_history_of_moves(seed: int) -> list[Heard]:
    """The same, but now and then a number turns out to be another person's."""
    rng, records = Random(seed), list[Heard]()
    for record in a_history(seed):
        moved = isinstance(record, OfSubscriber) and rng.random() < 0.15
        whose = {"customer_id": rng.choice(["c-1", "c-4", "c-9", None])} if moved else {}
        records.append(msgspec.structs.replace(record, **whose))
    return records


class History(list[Heard]):
    """Records, shown as the call that drew them: hypothesis refuses to print so many."""

    def __init__(self, drawn: Callable[[int], list[Heard]], seed: int) -> None:
        super().__init__(drawn(seed))
        self._call = f"{drawn.__name__}({seed})"

    def __repr__(self) -> str:
        return self._call


def all_there(history: list[Heard]) -> list[Heard]:
    """The same when desk and lanes have been there from the beginning."""
    first = [record for record in history if isinstance(record, Joined | Governed)]
    return first + [record for record in history if not isinstance(record, Joined | Governed)]


histories = st.integers(0, 2**32).map(partial(History, a_history))
moves = st.integers(0, 2**32).map(partial(History, a_history_of_moves))


@settings(max_examples=150)
@given(histories)
def test_each_breach_is_raised_or_suppressed_or_waits(history: list[Heard]) -> None:
    bench = DeskBench.unopened(LANES)
    for record in history:
        bench.hear(record)
        decided = Counter(_decision(output) for output in bench.outputs)
        assert bench.breaches() == decided["raised"] + decided["suppressed"] + bench.desk.waiting().total()
    known = {a.alert.alert_id: a.alert.seq for each in history if isinstance(each, Inherited) for a in each.alerts}
    seqs = Counter[str](known)
    for output in bench.outputs:
        if isinstance(output.body, Alert):
            seqs[output.body.alert_id] += 1
            assert output.body.seq == seqs[output.body.alert_id]
            assert (output.body.event == "raised") == (output.body.seq == 1)
    ids = [output.ce_id for output in bench.outputs]
    assert len(set(ids)) == len(ids), [each for each, n in Counter(ids).items() if n > 1]


@settings(max_examples=150)
@given(histories)
def test_no_cap_is_broken_without_an_override_and_a_person_has_one_open_order(history: list[Heard]) -> None:
    bench, by_hand = DeskBench.unopened(LANES), _ByHand()
    ledger = _Contacts(by_hand)
    for record in all_there(history):
        by_hand.hear(record)
        if isinstance(record, Forgotten):
            ledger.forget(record.subscriber_id)
        for output in bench.hear(record):
            if isinstance(output.body, WorkOrder):
                ledger.step(output.body)
        if isinstance(record, OtherContact):  # before it come the deadlines that have passed by then
            ledger.others.append((record.ts, record.subscriber_id))


@settings(max_examples=150)
@given(histories)
def test_nobody_is_contacted_and_no_order_is_open_while_they_or_their_account_are_blocked(history: list[Heard]) -> None:
    bench, by_hand = DeskBench.unopened(LANES), _ByHand()
    open_orders: dict[str, WorkOrder] = {}
    for record in all_there(history):
        blocks = isinstance(record, Answer) and record.status == "blocked"
        if not blocks:
            by_hand.hear(record)
        for output in bench.hear(record):
            body = output.body
            if isinstance(body, Alert) and body.event in ("raised", "escalated"):
                whose = body.subscriber_id or body.account_id or ""
                assert not by_hand.holds("blocked", whose, by_hand.furthest, body.account_id)
            elif isinstance(body, WorkOrder):
                open_orders[body.order_id] = body
                if body.step in ("archived", "withdrawn"):
                    del open_orders[body.order_id]
        if blocks:  # before it come the deadlines that have passed by then
            by_hand.hear(record)
        for order in open_orders.values():
            # A number of their own may be in an order for another one that is in no account.
            if not (order.subscriber_id or "").startswith("l-"):
                whose = order.subscriber_id or order.account_id or ""
                assert not by_hand.holds("blocked", whose, by_hand.furthest, None)


class _ByHand:
    """Instructions that hold, from the records alone; while they do for certain: no lane has come to their end."""

    def __init__(self) -> None:
        self.furthest = 0
        self._until: dict[tuple[str, str], float] = {}

    def hear(self, record: Heard) -> None:
        if isinstance(record, Mark):
            self.furthest = max(self.furthest, record.tick)
        self.furthest = max(self.furthest, getattr(record, "clock", None) or 0)
        match record:
            case Answer(status="released"):
                for word in ("blocked", "overridden", "snoozed"):
                    self._until.pop((word, self._whose(record)), None)
            case Answer() if instructs(record.status, record.alert_id):
                default = math.inf if record.status == "blocked" else self.furthest + 7 * DAY
                until = default if record.until_ts is None else record.until_ts
                key = record.status, self._whose(record)
                longest = record.status == "overridden"  # of which the desk may not have taken up a shorter one
                self._until[key] = max(until, self._until.get(key, until)) if longest else until
            case Forgotten():
                self._until = {
                    key: until
                    for key, until in self._until.items()
                    if key[1] not in (record.subscriber_id, record.customer_id)
                }

    def holds(self, word: str, subject: str, at: int, account_id: str | None) -> bool:
        """Whether it holds of a person or an account, or of the account of theirs."""
        whose = (PEOPLE.get(subject) or subject, account_id or "")
        return any(self._until.get((word, each), -math.inf) > at for each in whose)

    def _whose(self, said: Answer) -> str:
        return said.account_id or said.customer_id or said.subscriber_id


class _Contacts:
    """Contacts by person, from inputs and outputs alone."""

    def __init__(self, by_hand: _ByHand) -> None:
        self.by_hand = by_hand
        self.others: list[tuple[int, str]] = []
        self.made: dict[str, dict[str, int]] = {}
        self.open: dict[str, str] = {}
        self.reached: set[str] = set()
        self._number_of: dict[str, str | None] = {}

    def forget(self, subscriber_id: str) -> None:
        """Contacts with an erased number are no contacts any more; that of an order which is open goes when it ends."""
        self.others = [made for made in self.others if made[1] != subscriber_id]
        theirs = {order for order, number in self._number_of.items() if number == subscriber_id}
        self.reached -= theirs
        for made in self.made.values():
            for order in theirs.intersection(made).difference(self.open.values()):
                del made[order]

    def step(self, order: WorkOrder) -> None:
        person = order.customer_id or order.subscriber_id or order.account_id or ""
        made = self.made.setdefault(person, {})
        if order.step == "dispatched" and order.order_id not in made:
            assert person not in self.open, "two open orders"
            self.open[person] = order.order_id
            self._number_of[order.order_id] = order.subscriber_id
            whose = order.subscriber_id or order.account_id or ""
            free = self.by_hand.holds("overridden", whose, order.ts, "acme" if whose.startswith("l-") else None)
            if order.reason not in POLICY.contact.cooldown_exempt and not free:
                times = [*made.values(), *(ts for ts, who in self.others if (PEOPLE[who] or who) == person)]
                for most, days in POLICY.contact.caps:
                    assert sum(abs(ts - order.ts) < days * DAY for ts in times) < most
            made[order.order_id] = order.ts
        elif order.step == "contacted":
            self.reached.add(order.order_id)
        elif order.step in ("archived", "withdrawn") and order.order_id not in self.reached:
            del made[order.order_id]
        if order.step in ("archived", "withdrawn"):
            del self.open[person]


@settings(max_examples=100)
@given(histories | moves, st.data())
def test_any_cut_and_any_restart_gives_the_same_bytes(history: list[Heard], data: st.DataObject) -> None:
    whole, cut = DeskBench.unopened(LANES), DeskBench.unopened(LANES)
    # Lanes are late until then.
    whole.written_ms = cut.written_ms = data.draw(st.none() | st.sampled_from([NINE + n * 10 * DAY for n in range(9)]))
    whole.hear(*history)
    rest = history
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        cut.hear(*rest[:size])
        rest = rest[size:]
        if data.draw(st.booleans()):
            cut.restart()
    assert whole.outputs == cut.outputs
    assert whole.state == cut.state


@settings(max_examples=150)
@given(histories | moves)
def test_a_breach_sleeps_only_while_it_would_not_be_raised_anyway(history: list[Heard]) -> None:
    asleep, awake = DeskBench.unopened(LANES), DeskBench.unopened(LANES)
    asleep.hear(*history)
    with patch.object(WaitingList, "sleep", lambda *_: None):
        awake.hear(*history)
    assert asleep.outputs == awake.outputs
    assert asleep.state == awake.state


@settings(max_examples=100)
@given(histories)
def test_what_comes_before_the_desk_is_open_is_decided_as_if_it_had_been(history: list[Heard]) -> None:
    early, open_before = DeskBench.unopened(LANES), DeskBench.unopened(LANES)
    early.hear(*history)
    open_before.hear(*all_there(history))
    assert early.outputs == open_before.outputs
    assert early.state == open_before.state


@settings(max_examples=100)
@given(moves)
def test_an_order_holds_raised_alerts_of_its_person_alone_and_no_lane_is_awaited_for_nothing(
    history: list[Heard],
) -> None:
    bench = DeskBench.unopened(LANES)
    for record in history:
        bench.hear(record)
        for key, value in bench.state.items():
            file = msgspec.json.decode(value, type=PersonFile) if key.startswith(b"p") else PersonFile()
            assert not file.numbers or file.lanes == sorted({lane for each in file.numbers.values() for lane in each})
            held = [] if file.order is None else file.order.open_ids
            assert {file.breaches[alert].state for alert in held} <= {"raised"}
            assert file.order is None or file.order.alert_ids[0] in held, "an open alert leads it"
            block = file.by_hand.get("blocked")
            # An account's own time is not that of the line that brings its incident about.
            assert not held or key.startswith(b"pa:") or block is None or not block.stands(file.now)


@settings(max_examples=100)
@given(histories)
def test_no_order_is_about_what_the_newest_profile_lets_nobody_use(history: list[Heard]) -> None:
    bench = DeskBench.unopened(LANES)
    for record in all_there(history):
        bench.hear(record)
        if not isinstance(record, Moved):
            continue
        for key, value in bench.state.items():
            file = msgspec.json.decode(value, type=PersonFile) if key.startswith(b"p") else PersonFile()
            open_ids = [] if file.order is None else file.order.open_ids
            held = [file.breaches[alert].alert for alert in open_ids]
            ours = [alert for alert in held if alert.subscriber_id == record.subscriber_id]
            assert not ours or record.allowed
            assert not {alert.kind for alert in ours} & set(record.unused)


def _decision(output: Output) -> str:
    body = output.body
    if isinstance(body, Suppression):
        return "suppressed"
    return body.event if isinstance(body, Alert) else ""
