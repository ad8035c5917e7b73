"""The board of open alerts: what is on it, in which order, and that it fits the terminal."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console
from support.alerts_made import RAISED_MS, an_action, an_alert

from app.alerts.open_alerts import OpenAlerts
from app.alerts.top_command import Board
from app.config.settings import Language, Settings
from models.contract.alerts import Alert
from models.contract.time_units import DAY_MS


def drawn(board: Board, width: int = 80, height: int = 12) -> list[str]:
    out = io.StringIO()
    console = Console(file=out, width=width, height=height, color_system=None, highlight=False, legacy_windows=False)
    console.print(board, height=height)
    return out.getvalue().splitlines()


def board(*alerts: Alert, lang: Language = "en") -> Board:
    made = Board(Settings(lang=lang))
    for alert in alerts:
        made.alerts.take(alert)
    made.caught_up = True
    return made


def test_the_most_urgent_is_first_and_closed_ones_are_gone() -> None:
    lines = drawn(
        board(
            an_alert(alert_id="aaaaaaaa", priority=1.0),
            an_alert(alert_id="bbbbbbbb", priority=9.0),
            an_alert(alert_id="cccccccc", priority=5.0),
            an_alert(alert_id="bbbbbbbb", seq=2, event="closed", close_reason="outcome", action=None, reasons=None),
        )
    )
    assert lines[0].startswith("open 2  competitor browsing 2")
    assert [line.split()[1] for line in lines[3:5]] == ["cccccccc", "aaaaaaaa"]
    assert "holdfast alerts show cccccccc" in lines[-1]


def test_an_alert_that_eased_keeps_its_unit() -> None:
    alerts = OpenAlerts()
    alerts.take(an_alert(action=an_action(unit="panyu-01")))
    alerts.take(an_alert(seq=2, event="eased", action=None, reasons=None, priority=3.0))
    (eased,) = alerts.by_priority()
    assert (eased.event, eased.priority, eased.action and eased.action.unit) == ("eased", 3.0, "panyu-01")


def test_long_ids_are_whole_and_the_choice_stays_in_sight() -> None:
    made = board(
        *(an_alert(alert_id=f"{n:08}", priority=100.0 - n, subscriber_id=f"{n:02}" + "9f" * 40) for n in range(50))
    )
    for chosen in range(30):
        lines = drawn(made)
        assert len(lines) == 12
        assert "".join(lines).replace(" ", "").count("9f" * 40) >= 2
        assert any(f"{chosen:08}" in line for line in lines[3:-1])
        made.press("down")


def test_the_volume_is_that_of_a_day_against_the_budget() -> None:
    """1 a day per 1,000: 2,000 subscribers allow two, and three are too many; a signal takes nothing."""
    made = board(
        *(an_alert(alert_id=f"{n}", kind="risk_tier", ts=RAISED_MS + n) for n in range(3)),
        an_alert(alert_id="old", kind="risk_tier", ts=RAISED_MS - DAY_MS - 1),
        an_alert(alert_id="signal", kind="silence"),
    )
    for n in range(2_001):
        made.alerts.score(b"%d" % n, msgspec.json.encode({"tier": "high_risk" if n < 7 else "healthy"}))
    made.alerts.score(b"8", None)
    head = drawn(made, 140)[1]
    assert "HIGH RISK 7" in head
    assert "healthy 1,993" in head
    assert "3 of 2.0 in the budget" in head


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_fills_the_terminal_and_no_more_and_the_choice_stays_in_sight(lang: Language) -> None:
    made = board(*(an_alert(alert_id=f"{n:08}", priority=100.0 - n) for n in range(50)), lang=lang)
    made.heartbeat = "no alerts for 4 min"
    lines = drawn(made)
    assert len(lines) == 12
    assert max(map(cell_len, lines)) <= 80
    for _ in range(20):
        made.press("down")
    assert any("00000020" in line for line in drawn(made)[3:-1])
    assert "show 00000020" in drawn(made)[-1]
    for _ in range(90):
        made.press("up")
    assert "show 00000000" in drawn(made)[-1]
    made.press("q")
    assert made.quit.is_set()


def test_an_empty_board_says_so() -> None:
    assert "no alert is open" in "\n".join(drawn(board()))
