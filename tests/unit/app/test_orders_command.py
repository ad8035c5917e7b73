"""``orders`` over records in memory: a unit's list of today, a life, the steps as they come, and the exit codes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import UTC
from typing import Any, get_args

import msgspec
import pytest
from support.alerts_made import NUMBER, RAISED_MS, an_action
from support.breaches_made import NINE, a_breach, an_answer
from support.desk_rig import DeskBench

from app import cli
from app.alerts import topic_reading
from app.errors import ExitCode
from app.orders.sheet import WORDS, OrderSheet
from models.contract.breaches import Left, Mark
from models.contract.events import Channel, FeedbackStatus
from models.contract.policy import Policy, UnitPolicy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import KINDS, ORDER_STEPS, CloseReason, Role
from models.contract.work_orders import WorkOrder
from models.desk.persons import OpenOrder, press
from streams.kafka.topic_tail import Poll, TailRecord, TopicMissingError

BROKERS = ["--brokers", "127.0.0.1:1", "--topic-prefix", "p.", "--timezone", "Asia/Shanghai"]
NOW_MS = RAISED_MS + 6 * HOUR_MS
"""10:26 in Shanghai, on the day of the dispatch."""
FIRST, SECOND, THIRD = "1a" * 16, "2b" * 16, "3c" * 16
pytestmark = pytest.mark.usefixtures("at_that_time")


@pytest.fixture
def at_that_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "180")
    monkeypatch.setattr("app.orders.command._now_ms", lambda: NOW_MS)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def planted(*held: TailRecord, live: tuple[TailRecord, ...] = (), missing: bool = False) -> None:
        async def polls(
            client: Mapping[str, Any], topic: str, *, newest: int | None, follow: bool, places: object = None
        ) -> AsyncGenerator[Poll, None]:
            if missing:
                raise TopicMissingError(topic)
            assert topic == "p.churn.work-orders.v1"
            for record in held if newest is None else ():
                yield Poll((record,), False, {})
            if follow:
                yield Poll((), True, {3: 0})
                yield Poll(live, True, {3: 0})

        async def tail(
            client: Mapping[str, Any], topic: str, *, from_beginning: bool, follow: bool
        ) -> AsyncGenerator[TailRecord, None]:
            async with aclosing(polls(client, topic, newest=None if from_beginning else 0, follow=follow)) as polled:
                async for poll in polled:
                    for record in poll.records:
                        yield record

        monkeypatch.setattr("app.alerts.topic_reading.polls", polls)
        monkeypatch.setattr("app.alerts.topic_reading.tail", tail)

    return planted


def an_order(**changed: Any) -> WorkOrder:
    fields: dict[str, Any] = {
        "order_id": FIRST,
        "seq": 1,
        "step": "dispatched",
        "reason": "competitor_browsing",
        "subscriber_id": NUMBER,
        "customer_id": "c-77",
        "account_id": None,
        "alert_ids": ["9f0c" * 8],
        "unit": "tianhe-03",
        "role": "visitor",
        "assignee": "visitor-2",
        "channel": "field_visit",
        "contact_by": NOW_MS + HOUR_MS,
        "by": "desk",
        "ts": RAISED_MS,
        "policy_version": "p-7",
    }
    return WorkOrder(**{**fields, **changed})


def record(order: WorkOrder) -> TailRecord:
    return TailRecord(3, order.seq, order.ts, b"s-1", msgspec.json.encode(order), ())


def records(*steps: dict[str, Any], **order: Any) -> list[TailRecord]:
    """The life of one order: what each step changes stays so."""
    found: list[TailRecord] = []
    for seq, step in enumerate(steps, 1):
        order |= step
        found.append(record(an_order(**{"ts": RAISED_MS + seq, **order, "seq": seq})))
    return found


def rows(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_the_list_is_open_orders_by_deadline_then_contacted_then_ended(plant: Any, capsys: Any) -> None:
    plant(
        *records({"step": "dispatched"}, {"step": "accepted", "reason": "accepted", "by": "visitor-2"}),
        *records({"step": "dispatched"}, order_id=SECOND, contact_by=NOW_MS - HOUR_MS),
        *records({"step": "dispatched"}, {"step": "contacted"}, order_id=THIRD, contact_by=NOW_MS - 2 * HOUR_MS),
        *records({"step": "dispatched"}, {"step": "withdrawn", "reason": "outcome"}, order_id="4d" * 16),
        *records(
            {"step": "dispatched"}, {"step": "archived", "ts": NOW_MS - DAY_MS}, order_id="5e" * 16, ts=NOW_MS - DAY_MS
        ),
    )
    assert cli.main(["orders", "list", *BROKERS]) == 0
    head, *lines = rows(capsys)
    assert head[:4] == ["order", "step", "about", "subscriber"]
    assert [(line[0], line[1]) for line in lines] == [
        (SECOND[:8], "dispatched"),
        (FIRST[:8], "accepted"),
        (THIRD[:8], "contacted"),
        ("4d4d4d4d", "withdrawn"),
    ]
    assert cli.main(["orders", "list", "--open", *BROKERS]) == 0
    assert [line[0] for line in rows(capsys)[1:]] == [SECOND[:8], FIRST[:8], THIRD[:8]]


def test_a_contacted_order_that_is_dispatched_anew_is_due_again(plant: Any, capsys: Any) -> None:
    plant(
        *records({"step": "dispatched"}, {"step": "contacted"}, {"step": "dispatched", "contact_by": NOW_MS + 1}),
        *records({"step": "dispatched"}, order_id=SECOND),
    )
    cli.main(["orders", "list", *BROKERS])
    assert [line[0] for line in rows(capsys)[1:]] == [FIRST[:8], SECOND[:8]]


def test_a_row_says_who_does_what_by_when(plant: Any, capsys: Any) -> None:
    one, other = "9f0c" * 8, "8e0b" * 8
    plant(
        *records(
            {"step": "dispatched", "alert_ids": [one]},
            {"step": "dispatched", "alert_ids": [other, one], "reason": "leave_intent"},
            {"step": "reminded", "reason": "deadline_near"},
        )
    )
    assert cli.main(["orders", "list", "--lang", "en", *BROKERS]) == 0
    said = capsys.readouterr().out
    assert "leave intent" in said, "the kind of the alert that leads, not why the last step was taken"
    assert "138****8000" in said
    assert NUMBER not in said
    assert said.splitlines()[1].split()[-4:] == ["05-29", "11:26", "5h", "2"]
    cli.main(["orders", "list", "--lang", "zh", *BROKERS])
    assert {"工单", "首触时限", "催办", "离网意向", "上门维系"} <= set(capsys.readouterr().out.split())


def test_a_narrow_list_leaves_out_what_matters_least(plant: Any, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(*records({"step": "dispatched"}))
    monkeypatch.setenv("COLUMNS", "80")
    cli.main(["orders", "list", "--lang", "en", *BROKERS])
    head, row, *_ = capsys.readouterr().out.splitlines()
    assert "role" not in head
    assert all(whole in row for whole in (FIRST[:8], "138****8000", "05-29 11:26"))
    assert max(map(len, (head, row))) <= 80


def test_the_list_of_a_unit_is_its_own_and_follows_a_move(plant: Any, desk_state: Any, capsys: Any) -> None:
    plant(
        *records({"step": "dispatched"}, {"step": "reassigned", "unit": "panyu-01"}),
        *records({"step": "dispatched"}, order_id=SECOND),
        *records({"step": "dispatched"}, order_id=THIRD, unit="unassigned"),
    )
    desk_state()
    cli.main(["orders", "list", "--unit", "panyu-01", "--json", *BROKERS])
    (told,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (told["order_id"], told["step"], told["seq"]) == (FIRST, "reassigned", 2)
    assert cli.main(["orders", "list", "--unit", "tianhe-03", "--unit", "panyu-01", *BROKERS]) == 0
    assert [line[0] for line in rows(capsys)[1:]] == [FIRST[:8], SECOND[:8]]
    for name in ("unassigned", "未归属"):
        assert cli.main(["orders", "list", "--unit", name, "--lang", "zh", *BROKERS]) == 0
        assert "未归属" in capsys.readouterr().out
    cli.main(["orders", "tail", "--no-follow", "--unit", "未归属", "--json", *BROKERS])
    assert [json.loads(line)["order_id"] for line in capsys.readouterr().out.splitlines()] == [THIRD]


@pytest.mark.parametrize("verb", [["list"], ["list", "--unit", "nobody"], ["tail", "--no-follow"], ["show", "ffff"]])
def test_nothing_found_is_three(plant: Any, verb: list[str]) -> None:
    plant(*(records({"step": "dispatched"}) if verb[0] == "show" or "nobody" in verb else []))
    assert cli.main(["orders", *verb, *BROKERS]) == ExitCode.NOT_FOUND


@pytest.mark.parametrize("verb", [["list"], ["tail"], ["show", "1a1a"]])
def test_a_missing_topic_is_named(plant: Any, capsys: Any, verb: list[str]) -> None:
    plant(missing=True)
    assert cli.main(["orders", *verb, *BROKERS]) == ExitCode.NOT_FOUND
    assert "p.churn.work-orders.v1" in capsys.readouterr().err


def test_show_is_a_life_in_its_order(plant: Any, capsys: Any) -> None:
    life = records(
        {"step": "dispatched"},
        {"step": "accepted", "reason": "accepted", "by": "visitor-2"},
        {"step": "reassigned", "reason": "unanswered", "channel": "store", "by": "desk"},
        {"step": "contacted", "reason": "contacted", "by": "clerk-4"},
        {"step": "archived", "reason": "retained"},
    )
    plant(*reversed(life), *records({"step": "dispatched"}, order_id=SECOND))
    assert cli.main(["orders", "show", FIRST[:6], "--lang", "en", *BROKERS]) == 0
    head, *steps, why, alert = capsys.readouterr().out.splitlines()
    assert FIRST in head
    assert "customer c-77" in head
    words = ("dispatched", "accepted", "nobody answered", "clerk-4", "retained")
    assert [word in step for word, step in zip(words, steps, strict=True)] == [True] * 5
    assert "first one leads" in why
    assert alert.strip() == f"holdfast alerts show {'9f0c' * 8}"
    cli.main(["orders", "show", FIRST[:6], "--lang", "zh", *BROKERS])
    told = capsys.readouterr().out
    assert all(word in told for word in ("派单", "接单", "多次未接通", "首触", "挽留成功", "派单台"))
    cli.main(["orders", "show", FIRST[:6], "--json", *BROKERS])
    assert [json.loads(line)["seq"] for line in capsys.readouterr().out.splitlines()] == [1, 2, 3, 4, 5]


def test_the_beginning_of_two_ids_names_them(plant: Any, capsys: Any) -> None:
    plant(*records({"step": "dispatched"}), *records({"step": "dispatched"}, order_id="1a1a" + "0" * 28))
    assert cli.main(["orders", "show", "1a1a", *BROKERS]) == ExitCode.USAGE
    assert FIRST in capsys.readouterr().err
    assert cli.main(["orders", "show", "1a", *BROKERS]) == ExitCode.USAGE


def test_tail_shows_what_comes_and_ends_at_the_limit(plant: Any, capsys: Any) -> None:
    old = records({"step": "dispatched"})
    new = records({"step": "dispatched"}, {"step": "accepted"}, {"step": "contacted"}, order_id=SECOND)
    unreadable = TailRecord(3, 9, RAISED_MS, b"s-1", b"{}", ())
    plant(*old, live=(unreadable, *new))
    assert cli.main(["orders", "tail", "--limit", "2", *BROKERS]) == 0
    told = capsys.readouterr()
    assert [SECOND[:8] in line for line in told.out.splitlines()] == [True, True]
    assert "3:9 is not a work order" in told.err
    cli.main(["orders", "tail", "--from-beginning", "--limit", "1", "--json", *BROKERS])
    assert capsys.readouterr().out == f"{(old[0].value or b'').decode()}\n"
    assert cli.main(["orders", "tail", "--no-follow", "--unit", "tianhe-03", *BROKERS]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_step_names_customer_unit_and_assignee_whole() -> None:
    long = {"subscriber_id": "broadband-0755-20011", "unit": "tianhe-north-district", "assignee": "wang.xiaoming.2"}
    step = str(OrderSheet("en", UTC, lambda: NOW_MS).step(an_order(**long), named=True))
    assert [name for name in long.values() if name not in step] == []


def test_every_word_is_there_in_both_languages() -> None:
    assert WORDS["en"].keys() == WORDS["zh"].keys()
    assert {*ORDER_STEPS, *(f"role_{role}" for role in get_args(Role))} <= WORDS["en"].keys()
    for channel in get_args(Channel):
        order = an_order(channel=channel)
        en, zh = (str(OrderSheet(lang, UTC, lambda: NOW_MS).step(order)) for lang in ("en", "zh"))
        assert en != zh


def test_every_reason_of_the_desk_has_chinese_words() -> None:
    order = OpenOrder(
        order_id=an_order().order_id, subscriber_id="s", customer_id=None, lane=0, alert_ids=["a"], open_ids=["a"],
        unit="u", role="caller", assignee=None, channel="outbound_call", channels=("outbound_call",), contact_by=0,
        dispatched_ts=0, priority=0.0, kind="silence", level=1, segment="high", corporate=False,
    )  # fmt: skip
    pressed = [press(order, None)[1] for _ in range(3)]
    sheet = OrderSheet("zh", UTC, lambda: NOW_MS)
    for reason in (*KINDS, *get_args(CloseReason), *get_args(FeedbackStatus), *pressed, "do_not_contact", "no_consent"):
        assert sheet.reason(reason).isascii() is False, reason
    assert sheet.reason("something\x1b[2J new") == "something\N{REPLACEMENT CHARACTER}[2J new"


# What the desk's state says

FED = ("tianhe-03", "haizhu-01")


@pytest.fixture
def desk_state(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Plant the state of a desk that has heard these records, as its topic holds it; other topics as planted before."""

    def planted(*heard: Any) -> None:
        units = (UnitPolicy(name=FED[0], capacity={"outbound_call": 4}, target=2), UnitPolicy(name=FED[1]))
        desk = DeskBench(Policy(units=units)) if heard else DeskBench.unopened(1)
        desk.hear(*heard)

        other = topic_reading.tail

        async def tail(
            client: Mapping[str, Any], topic: str, *, from_beginning: bool, follow: bool
        ) -> AsyncGenerator[TailRecord, None]:
            if topic != "p.churn.desk-state.v1":
                async for record in other(client, topic, from_beginning=from_beginning, follow=follow):
                    yield record
                return
            for offset, (key, value) in enumerate(desk.state.items()):
                yield TailRecord(0, offset, 0, key, value, ())
            yield TailRecord(0, len(desk.state), 0, b"~position", b"{}", ())

        monkeypatch.setattr("app.alerts.topic_reading.tail", tail)

    return planted


def saved_and_left() -> list[Any]:
    """One is retained, another lost; both are settled a month later, on a day with one more save."""
    later, found = NINE + 31 * DAY_MS, []
    for number, (at, status) in enumerate(((NINE, "retained"), (NINE, "lost"), (later, "retained"))):
        who = f"s-{number}"
        found += [
            a_breach(f"a-{number}", at, kind="leave_intent", subscriber=who),
            an_answer("contacted", at, f"a-{number}", subscriber=who),
            an_answer(status, at, f"a-{number}", subscriber=who),
        ]
        if status == "lost":
            gone = Left(
                lane=0, clock=at, subscriber_id=who, ts=at, outcome="ported_out", reason="price", to="china-unicom"
            )
            found.append(gone)
    return [*found, Mark(lane=0, tick=later)]


def test_units_stand_beside_capacity_and_target(desk_state: Any, capsys: Any) -> None:
    desk_state(*saved_and_left())
    assert cli.main(["orders", "units", "--lang", "en", *BROKERS[:4]]) == 0
    said = capsys.readouterr()
    head, first, second = (line.split() for line in said.out.splitlines())
    assert head[0] == "unit"
    assert first == ["tianhe-03", "1", "4", "25%", "1", "2", "1", "1", "2", "50%"]
    assert second == ["haizhu-01", "0", "-", "-", "0", "-", "-", "0", "0", "-"]
    assert said.err.startswith("2026-06-29.")
    assert cli.main(["orders", "units", "--unit", "tianhe-03", "--json", *BROKERS[:4]]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {
            "unit": "tianhe-03", "day": "2026-06-29", "contacts": 1, "capacity": 4, "saved": 1, "target": 2,
            "missing": 1, "stayed": 1, "of_contacts": 2,
        }
    ]  # fmt: skip
    assert cli.main(["orders", "units", "--unit", "elsewhere", *BROKERS[:4]]) == ExitCode.NOT_FOUND


def test_the_list_of_a_unit_ends_with_its_day(desk_state: Any, plant: Any, capsys: Any) -> None:
    plant(*records({"step": "dispatched"}))
    desk_state(*saved_and_left())
    assert cli.main(["orders", "list", "--unit", "tianhe-03", "--lang", "zh", *BROKERS]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "tianhe-03，2026-06-29：触达1/产能4，挽留1/目标2，缺口1"


def test_effect_says_who_stayed_by_play_and_why_others_left(desk_state: Any, capsys: Any) -> None:
    desk_state(*saved_and_left())
    assert cli.main(["orders", "effect", "--json", *BROKERS[:4]]) == 0
    play, leavers = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert play == {"play": an_action().strategy, "stayed": 1, "of_contacts": 2}
    assert leavers == {"reason": "price", "to": "china-unicom", "leavers": 1}
    assert cli.main(["orders", "effect", "--lang", "zh", *BROKERS[:4]]) == 0
    out = capsys.readouterr().out
    assert "50%" in out
    assert [line.split() for line in out.splitlines()[-2:]] == [["离网原因", "合计", "中国联通"], ["资费", "1", "1"]]


@pytest.mark.parametrize("verb", ["units", "effect"])
def test_of_a_desk_that_knows_nothing_yet_nothing_is_said(desk_state: Any, capsys: Any, verb: str) -> None:
    desk_state()
    assert cli.main(["orders", verb, *BROKERS[:4]]) == ExitCode.NOT_FOUND
    assert capsys.readouterr().out == ""
