"""The demonstration's screen: it fits, it is labelled, and it says what the scene says."""

from __future__ import annotations

import io
import re
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from alerts_made import an_alert
from app.config.settings import Language
from app.demo.clocks import Recovery
from app.demo.front_desk import VIEWER, Answered
from app.demo.operator import simulated_policy
from app.demo.scene import Scene
from app.demo.screen import SceneView
from app.demo.vitals import Known, WorkerVitals
from app.demo.words import LABEL, WORDS
from models.contract.policy import ContactPolicy
from models.contract.work_orders import OrderId, WorkOrder
from models.desk.capacity import UnitDay
from models.detection.contact_rules import local_day
from streams.records.lane_history import HistoryRecord

SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGAN, NOW = 100.0, 160.0
NOW_MS = 1_780_000_000_000
CARDED = "0"


def _drawn(scene: Scene, columns: int, rows: int, lang: Language = "en") -> list[str]:
    console = Console(file=io.StringIO(), width=columns, height=rows, force_terminal=True, color_system=None)
    options = console.options.update(height=rows)
    drawn = console.render_lines(SceneView(scene, lang, SHANGHAI, clock=lambda: NOW), options, pad=False)
    return ["".join(segment.text for segment in row).rstrip() for row in drawn]


def _scene() -> Scene:
    return Scene(brokers="127.0.0.1:4711", subscribers=400, seed=7, began=BEGAN, start_ms=0, live_ms=10**12)


def _busy() -> Scene:
    scene = _scene()
    scene.phase = "live"
    scene.simulated_ms = 1_780_000_000_000
    scene.follow(WorkerVitals({"high_risk": 8, "warning": 31, "healthy": 361}, 1_780_000_000_000))
    scene.tally.transaction(HistoryRecord(0, [(0, 0, 371_331)], "m", "p", topics=["telecom.calls.v1"]))
    for number in range(30):
        scene.saw(an_alert(alert_id=f"{number:032x}", priority=float(number)), at=110.0 + 3 * number)
        scene.tick(110.0 + 3 * number)
    scene.look(150.0, lag=1234)
    return scene


@pytest.mark.parametrize("columns", [80, 120])
def test_what_became_of_the_tier_alerts_is_on_the_first_screen(columns: int) -> None:
    scene = _busy()
    assert "tier alerts" not in "\n".join(_drawn(scene, columns, 40))
    scene.follow(WorkerVitals({}, None, Known(29, 7, 16, 5, 9, 6.25, 1, 13)))
    assert " ".join("\n".join(_drawn(scene, columns, 40)[3:6]).split()).startswith(
        "tier alerts 29: 7 of 16 left within 30 days; 5 of 9 leavers had one, 6.2 days before; "
        "1 of 13 that closed were short"
    )
    scene.follow(WorkerVitals({}, None))  # another worker, that has counted nothing yet
    assert "tier alerts 29" in "\n".join(_drawn(scene, columns, 40))


def _ordered(scene: Scene, name: str, seq: int = 1, **changed: object) -> None:
    fields = {
        "order_id": name * 32, "seq": seq, "step": "dispatched", "reason": "competitor_browsing",
        "subscriber_id": f"s-{name}", "customer_id": None, "account_id": None,
        "alert_ids": [(CARDED if name == "f" else name) * 32],
        "unit": "tianhe-03", "role": "visitor", "assignee": "visitor-3", "channel": "field_visit",
        "contact_by": NOW_MS + 3_600_000, "by": "desk", "ts": NOW_MS, "policy_version": "p-1",
    }  # fmt: skip
    scene.ordered(WorkOrder(**{**fields, **changed}), b"", at=NOW)  # type: ignore[arg-type]


def _at_the_desk() -> Scene:
    """The order of the card, and five others of its unit, one of which was contacted."""
    scene = _busy()
    scene.desk.govern(simulated_policy(NOW_MS))
    scene.desk.days["tianhe-03", local_day(NOW_MS, ContactPolicy())] = UnitDay(
        {"outbound_call": 2, "field_visit": 1}, saved=1
    )
    scene.desk.waiting = {"tianhe-03": 3, "liwan-02": 4}
    for name in "fabcde":
        _ordered(scene, name)
    _ordered(scene, "a", 2, step="contacted", reason="contacted", by="visitor-3")
    return scene


def test_the_order_of_the_card_and_its_units_day_stand_below_it() -> None:
    scene = _at_the_desk()
    drawn = _drawn(scene, 120, 44)
    at = next(n for n, line in enumerate(drawn) if line.startswith(" ffffffff "))
    assert drawn[at - 1].startswith("╰")
    assert drawn[at].split(" · ") == [
        *(" ffffffff dispatched 05-29 04:26", "tianhe-03", "visitor", "visitor-3", "field visit"),
        "due 05-29 05:26",
    ]
    day = "\n".join(drawn[at + 1 : at + 9])
    assert "a accept   c contacted   u nobody answered   r retained   x refused" in day
    said = "tianhe-03 today: 6 open (1 contacted), 3 waiting, 1 of 1 saved   all units: 6 orders so far, 7 waiting"
    assert said in day
    assert "  field visit 1/0 · outbound call 2/2 · account manager 0/2 · store 0/1 · SMS 0/1" in day
    assert sum(line.startswith("  ") and "· tianhe-03 ·" in line for line in drawn) == 3
    assert not [line for line in drawn if line.startswith("  aaaaaaaa")], "contacted before those that nobody reached"


def test_the_order_goes_with_its_card() -> None:
    scene = _at_the_desk()
    assert " ffffffff dispatched" in "\n".join(_drawn(scene, 80, 24))
    scene.watch.start(1, "s-story-1", at=158.0)
    assert " ffffffff dispatched" not in "\n".join(_drawn(scene, 80, 24)), (
        "the order of another beside a clock that runs"
    )


def test_an_answer_is_told_from_the_key_to_its_step() -> None:
    scene = _at_the_desk()
    scene.desk.answered = Answered(OrderId("f" * 32), "accepted", began=158.5)
    assert " order ffffffff: accepted: 1.5 s ..." in _drawn(scene, 80, 24)
    _ordered(scene, "f", 2, step="accepted", reason="accepted", by=VIEWER, assignee=VIEWER)
    assert " order ffffffff: accepted, its step after 1.50 s" in _drawn(scene, 80, 24)
    assert "ffffffff accepted 05-29 04:26 · tianhe-03 · visitor · viewer" in "\n".join(_drawn(scene, 120, 44))
    scene.desk.answered = Answered(OrderId("f" * 32), "unreachable", began=159.0)
    told = " order ffffffff: unreachable; the next channel after 3 tries at different hours"
    assert told in _drawn(scene, 80, 24)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40), (200, 60), (60, 20), (40, 10), (20, 5)])
def test_the_screen_is_never_larger_than_the_terminal(columns: int, rows: int, lang: Language) -> None:
    for scene in (_scene(), _busy(), _at_the_desk()):
        drawn = _drawn(scene, columns, rows, lang)
        console = Console(width=columns)
        assert len(drawn) <= rows
        assert max(console.measure(row).maximum for row in drawn) <= columns


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_the_label_and_the_commands_are_always_there(columns: int, rows: int, lang: Language) -> None:
    for scene in (_scene(), _busy(), _at_the_desk()):
        drawn = _drawn(scene, columns, rows, lang)
        assert LABEL in drawn[0]
        assert f"export HOLDFAST_BROKERS={scene.brokers} HOLDFAST_TOPIC_PREFIX=demo." in "\n".join(drawn)
        assert "holdfast alerts tail" in "\n".join(drawn)
    assert "holdfast alerts show 00000000" in "\n".join(drawn)
    assert "…" not in "".join(drawn[:3]), "the numbers are cut"


def test_the_numbers_are_the_scenes() -> None:
    drawn = "\n".join(_drawn(_busy(), 120, 40))
    for told in ("371,332", "lag 1,234", "high risk 8", "warning 31", "healthy 361", "alerts 30", "lost 0, twice 0"):
        assert told in drawn


def test_damage_is_told() -> None:
    scene = _busy()
    scene.tally.transaction(HistoryRecord(0, [(0, 371_340, 371_350)], "m", "p", topics=["telecom.calls.v1"]))
    assert "lost 8, twice 0" in "\n".join(_drawn(scene, 80, 24))


def test_the_card_is_whole_and_lines_come_below_it() -> None:
    drawn = "\n".join(_drawn(_busy(), 80, 24))
    assert "24 minutes on competitor sites" in drawn
    assert re.search(r"╮\n(│.*│\n)+╰─+╯\n04:26 0{8} competitor", drawn), drawn


def test_stories_run_stop_and_are_listed_where_there_is_room() -> None:
    scene = _busy()
    scene.watch.start(4, "s-story-4", at=158.5)
    assert "story 4: 1.5 s ..." in "\n".join(_drawn(scene, 80, 24))
    scene.saw(an_alert(alert_id="e" * 32, subscriber_id="s-story-4"), at=158.92)
    assert "story 4: alert after 0.42 s" in "\n".join(_drawn(scene, 80, 24))
    roomy = "\n".join(_drawn(scene, 120, 40))
    assert re.search(r"4 +0\.42 s +A customer books a disconnection", roomy)
    scene.watch.start(3, "s-story-3", at=159.0)
    scene.watch.withheld("s-story-3", "cooldown", at=159.2)
    assert "story 3: withheld (cooldown) after 0.20 s" in "\n".join(_drawn(scene, 80, 24))


def test_the_card_and_the_clock_are_of_one_story() -> None:
    scene = _busy()
    scene.watch.start(1, "s-story-1", at=158.0)
    assert "╭" not in "\n".join(_drawn(scene, 120, 40)), "the card of another beside a clock that runs"
    scene.watch.start(2, "s-story-2", at=158.5)
    scene.saw(an_alert(alert_id="e" * 32, subscriber_id="s-story-2"), at=158.9)
    scene.saw(an_alert(alert_id="f" * 32, subscriber_id="s-story-1"), at=159.0)
    drawn = "\n".join(_drawn(scene, 120, 40))
    assert "story 2: alert after 0.40 s" in drawn
    assert "│ s-story-2" in drawn
    assert "│ s-story-1" not in drawn


def test_ids_and_units_are_whole_in_lines_that_are_cut() -> None:
    line = next(line for line in _drawn(_busy(), 80, 24) if line.startswith("04:26"))
    assert re.match(r"04:26 [0-9a-f]{8} competitor … .* tianhe-03 ", line), line


def test_a_kill_is_told_from_the_shot_to_the_count() -> None:
    scene = _busy()
    kill = Recovery(began=155.0, openings=4, lag=0, lanes=4)
    scene.kills.append(kill)
    assert "worker killed (SIGKILL) 5 s ago" in "\n".join(_drawn(scene, 80, 24))
    kill.look(157.0, openings=8, lag=900)
    assert "lanes open again after 2.0 s, catching up" in "\n".join(_drawn(scene, 80, 24))
    kill.look(157.5, openings=8, lag=0)
    told = "killed: lanes open after 2.0 s, caught up after 2.5 s: lost 0, twice 0"
    assert told in "\n".join(_drawn(scene, 80, 24))


def test_a_key_that_can_do_nothing_is_answered_for_a_while() -> None:
    scene = _busy()
    scene.say("k", at=NOW - 1.0)
    assert "k: the worker is just starting" in "\n".join(_drawn(scene, 80, 24))
    scene.say("story", at=NOW - 60.0)
    assert "1-5: the population" not in "\n".join(_drawn(scene, 80, 24))


def test_both_languages_have_the_same_words_with_the_same_gaps() -> None:
    gaps = {lang: {key: sorted(re.findall(r"\{\w+\}", text)) for key, text in WORDS[lang].items()} for lang in WORDS}
    assert gaps["en"] == gaps["zh"]
