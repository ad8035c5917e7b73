"""What came of the desk's work: units beside their targets, plays and who stayed, why leavers left and for whom."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from support.breaches_made import DAY, HOUR, NINE, a_breach, an_answer
from support.desk_rig import DeskBench, heard
from support.detecting import START, Bench

from models.contract.alerts import Alert
from models.contract.breaches import Answer, Left, Mark
from models.contract.policy import CapacityException, LeaveWords, Policy, UnitPolicy
from models.contract.vocabulary import DESTINATION_TEXTS, DESTINATIONS, LEAVE_REASONS, LEAVE_TEXTS
from models.desk.capacity import UnitProgress
from models.desk.effect import EFFECT_KEY, EffectCounts
from models.desk.state_records import read
from models.detection.leaving import reason_of

UNIT = UnitPolicy(name="tianhe-03", capacity={"outbound_call": 2, "store": 3}, target=2)
POLICY = Policy(version="p-1", units=(UNIT, UnitPolicy(name="haizhu-01")))


def today(desk: DeskBench, unit: str = "tianhe-03") -> UnitProgress:
    return desk.desk.today()[unit]


def effect(desk: DeskBench) -> EffectCounts:
    """What somebody reads who reads the state, which must be what the desk holds after a restart, too."""
    found = read(EFFECT_KEY, desk.state.get(EFFECT_KEY))
    return found if isinstance(found, EffectCounts) else EffectCounts()


def a_save(desk: DeskBench, number: int, at: int = NINE) -> None:
    name = f"a-{number}"
    desk.hear(a_breach(name, at, kind="leave_intent", subscriber=f"s-{number}"))
    for hours, status in enumerate(("contacted", "retained"), 1):
        desk.hear(an_answer(status, at + hours * HOUR, name, subscriber=f"s-{number}"))


def left(subscriber: str = "s-1", at: int = NINE + DAY, **fields: Any) -> Left:
    return Left(lane=0, clock=at, subscriber_id=subscriber, ts=at, outcome="ported_out", **fields)


# Beside the target


def test_a_units_day_stands_beside_its_capacity_and_target() -> None:
    desk = DeskBench(POLICY)
    desk.hear(Mark(lane=0, tick=NINE))
    assert today(desk) == UnitProgress(contacts=0, capacity=5, saved=0, target=2)
    assert today(desk, "haizhu-01") == UnitProgress(0, None, 0, None)
    for number in range(3):
        a_save(desk, number)
    desk.hear(a_breach("open", NINE, kind="leave_intent", subscriber="s-9"))
    assert today(desk) == UnitProgress(4, 5, 3, 2), "what is urgent goes past the capacity, saves past the target"
    desk.restart()
    assert today(desk).saved == 3
    desk.hear(Mark(lane=0, tick=NINE + DAY))
    assert today(desk) == UnitProgress(0, 5, 0, 2), "a day begins with nothing"


def test_a_day_off_has_no_capacity() -> None:
    off = msgspec.structs.replace(UNIT, exceptions=(CapacityException(first="2026-05-29"),))
    desk = DeskBench(Policy(units=(off,)))
    desk.hear(Mark(lane=0, tick=NINE))
    assert today(desk).capacity == 0


@pytest.mark.parametrize("status", ["lost", "refused", "dismissed", "contacted"])
def test_only_who_is_reported_as_retained_is_saved_and_only_once(status: Any) -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"), an_answer(status, NINE + HOUR, "a"), Mark(lane=0, tick=NINE + HOUR))
    assert today(desk).saved == 0
    desk.hear(*(an_answer("retained", NINE + hours * HOUR, "a") for hours in (2, 3)))
    assert today(desk).saved == (status == "contacted"), "an order is fed back once"


# By play


def test_a_play_is_settled_as_stayed_or_left() -> None:
    desk = DeskBench(POLICY)
    for number in range(3):
        a_save(desk, number)
    strategy = next(output.body.action.strategy for output in desk.outputs if type(output.body) is Alert)  # type: ignore[union-attr]
    assert effect(desk) == EffectCounts()
    desk.restart()
    desk.hear(left("s-1"), Mark(lane=0, tick=NINE + 31 * DAY))
    assert effect(desk).plays == {strategy: [2, 3]}
    assert effect(desk).units == {"tianhe-03": [2, 3]}
    settled = sum((counts.settled for counts in desk.counts), start=desk.counts[0].settled.__class__())
    assert settled == {(strategy, "left"): 1, (strategy, "stayed"): 2}


def test_the_play_is_that_of_the_alert_that_leads() -> None:
    desk = DeskBench(POLICY)
    first, second = a_breach("a", kind="silence"), a_breach("b", kind="leave_intent")
    action = second.alert.action
    assert action is not None
    action = msgspec.structs.replace(action, strategy="specialist_call")
    second = msgspec.structs.replace(second, alert=msgspec.structs.replace(second.alert, action=action))
    desk.hear(first, Mark(lane=0, tick=NINE), second, an_answer("contacted", NINE + HOUR, "b"))
    desk.hear(Mark(lane=0, tick=NINE + 31 * DAY))
    assert effect(desk).plays == {"specialist_call": [1, 1]}


# Why, and for whom


def test_leavers_are_counted_by_reason_and_destination_contacted_or_not() -> None:
    desk = DeskBench(POLICY)
    desk.hear(left("s-1", reason="price", to="china-unicom"), left("s-2", reason="price", to="china-telecom"))
    desk.hear(left("s-3", reason="price", to="china-unicom"), left("s-4"))
    assert effect(desk).leavers == {"price": {"china-unicom": 2, "china-telecom": 1}}
    assert not desk.desk.owed
    assert not any(key.startswith(b"p") for key in desk.state), "nothing is kept of those who left"


def test_what_they_said_to_the_front_line_counts_if_the_outcome_says_nothing() -> None:
    desk = DeskBench(POLICY)
    for number, reason in enumerate(("unknown", "network")):
        desk.hear(a_breach(f"a-{number}", kind="leave_intent", subscriber=f"s-{number}"))
        desk.hear(an_answer("lost", NINE, f"a-{number}", subscriber=f"s-{number}", leave_reason="service"))
        desk.restart()
        desk.hear(left(f"s-{number}", reason=reason))
    assert effect(desk).leavers == {"service": {"unknown": 1}, "network": {"unknown": 1}}


def test_every_reason_has_words_and_texts_in_both_languages() -> None:
    words = LeaveWords()
    assert (*words.__struct_fields__, "other", "unknown") == LEAVE_REASONS
    for reason in words.__struct_fields__:
        assert any(not word.isascii() for word in getattr(words, reason))
        assert any(word.isascii() for word in getattr(words, reason))
        assert reason_of(reason, words) == reason, "its own name is one of its words"
    for texts, names in ((LEAVE_TEXTS, LEAVE_REASONS), (DESTINATION_TEXTS, DESTINATIONS)):
        assert tuple(texts) == names
        assert not any(text.zh.isascii() for text in texts.values())


# What lanes tell of it


def lefts(bench: Bench) -> list[tuple[Any, ...]]:
    return [(each.reason, each.to) for each in heard(bench.told) if isinstance(each, Left)]


def test_a_lane_tells_of_each_leaver_once() -> None:
    bench = Bench()
    for number, outcome in enumerate(("ported_out", "disconnected", "involuntary", "migrated", "downgraded")):
        bench.send("outcome", f"s-{number}", START, outcome=outcome, leave_reason="资费", to_operator="中国联通")
    bench.send("outcome", "s-0", START + DAY, outcome="disconnected", leave_reason="network")
    assert lefts(bench) == [("price", "china-unicom"), ("price", "china-unicom")]
    bench.send("outcome", "s-0", START + 2 * DAY, outcome="returned")
    bench.send("outcome", "s-0", START + 3 * DAY, outcome="ported_out")
    assert lefts(bench)[2:] == [("unknown", "unknown")]


def test_where_they_went_is_the_site_they_visited_last_if_its_use_is_allowed() -> None:
    for allowed in (True, False):
        bench = Bench()
        bench.send("profile", "s-1", START, consent={"behaviour": allowed})
        bench.send("visit", "s-1", START + DAY, operator="China Telecom")
        bench.send("visit", "s-1", START + 2 * DAY, operator="China Unicom")
        bench.send("outcome", "s-1", START + 3 * DAY)
        assert lefts(bench) == [("unknown", "china-unicom" if allowed else "unknown")]


def test_feedback_tells_its_reason_in_closed_words() -> None:
    bench = Bench()
    bench.send("feedback", "s-1", START, status="lost", leave_reason="Signal at home")
    bench.send("feedback", "s-1", START + HOUR, status="lost", leave_reason="  ")
    assert [each.leave_reason for each in heard(bench.told) if isinstance(each, Answer)] == ["network", None]


def test_a_migration_is_no_churn_but_its_revenue_is_counted() -> None:
    bench = Bench()
    for who in ("s-1", "s-2"):
        bench.send("profile", who, START, arpu=138.0)
    bench.send("bill", "s-2", START + HOUR, kind="plan_change", amount=0.0, fee=59.0, from_fee=99.0)
    for who in ("s-1", "s-2", "s-3"):
        bench.send("outcome", who, START + DAY, outcome="migrated")
    assert sum(counts.migrations for counts in bench.counts) == 3
    assert sum(counts.migrated_revenue for counts in bench.counts) == pytest.approx(138.0 + 40.0)
    assert lefts(bench) == []


def test_state_without_plays_and_reasons_is_read_on() -> None:
    desk = DeskBench(POLICY)
    desk.hear(a_breach("a", kind="leave_intent"), an_answer("contacted", NINE, "a"))
    key = next(key for key in desk.state if key.startswith(b"p"))
    file = msgspec.json.decode(desk.state[key])
    file["settling"] = [each[:3] for each in file["settling"]]
    del file["order"]["strategy"]
    desk.state[key] = msgspec.json.encode(file)
    desk.state[b"~desk"] = desk.state[b"~desk"][:-1] + b',"results":{"tianhe-03":[1,2]}}'
    desk.restart()
    desk.hear(Mark(lane=0, tick=NINE + 31 * DAY))
    assert effect(desk).units == {"tianhe-03": [1, 1]}
