"""The demonstration's screen: it fits, it is labelled, and it says what the scene says."""

from __future__ import annotations

import io
import re
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from alerts_made import an_alert
from app.config.settings import Language
from app.demo.measured.recovery import Recovery
from app.demo.measured.vitals import Known, WorkerVitals
from app.demo.scene import Scene
from app.demo.shown.view import SceneView
from app.demo.shown.words import LABEL, WORDS
from streams.records.lane_history import HistoryRecord

SHANGHAI = ZoneInfo("Asia/Shanghai")
BEGAN, NOW = 100.0, 160.0


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


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40), (200, 60), (60, 20), (40, 10), (20, 5)])
def test_the_screen_is_never_larger_than_the_terminal(columns: int, rows: int, lang: Language) -> None:
    for scene in (_scene(), _busy()):
        drawn = _drawn(scene, columns, rows, lang)
        console = Console(width=columns)
        assert len(drawn) <= rows
        assert max(console.measure(row).maximum for row in drawn) <= columns


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 40)])
def test_the_label_and_the_commands_are_always_there(columns: int, rows: int, lang: Language) -> None:
    for scene in (_scene(), _busy()):
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
