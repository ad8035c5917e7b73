"""What is a signal, and how strong: the windows of competitor browsing are exact."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from support.detecting import START, Bench

from models.contract.events import CareContact, Page, SiteVisit
from models.contract.policy import BrowsingPolicy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.detection.signals import browsing, care, silence
from models.scoring.engine import Engine
from models.state.population import Population, Visit

NOW = 100 * DAY_MS
POLICY = BrowsingPolicy()


def seen(*visits: tuple[float, float, str]) -> tuple[list[Visit], SiteVisit]:
    """Visits as (days ago, dwell, page), and the last of them as the event."""
    kept = [
        (float(NOW - round(days * DAY_MS)), float(dwell), float(get_args(Page).index(page)))
        for days, dwell, page in visits
    ]
    _, dwell, page = visits[-1]
    return kept, SiteVisit(subscriber_id="s", ts=round(kept[-1][0]), operator="cucc", dwell_s=dwell, page=page)


@pytest.mark.parametrize(
    ("visits", "expected"),
    [
        ([(0, 20, "home")], None),
        ([(6, 20, "home"), (0, 20, "home")], None),
        ([(6, 20, "home"), (3, 20, "plans"), (0, 20, "other")], ("competitor_visits_7d", 1, 3.0)),
        ([(7, 20, "home"), (3, 20, "plans"), (0, 20, "other")], None),
        ([(6.99, 20, "home"), (3, 20, "plans"), (0, 20, "other")], ("competitor_visits_7d", 1, 3.0)),
        ([(0, 600, "home")], ("competitor_dwell_7d", 1, 600.0)),
        ([(0, 599, "home")], None),
        ([(2, 300, "home"), (0, 300, "plans")], ("competitor_dwell_7d", 1, 600.0)),
        ([(8, 300, "home"), (0, 300, "plans")], None),
        ([(0, 30, "number_portability")], ("competitor_page_dwell", 2, 30.0)),
        ([(0, 30, "checkout")], ("competitor_page_dwell", 2, 30.0)),
        ([(0, 29.9, "checkout")], None),
        ([(0, 30, "store_locator")], None),
        ([(6, 20, "support"), (3, 20, "plans"), (0, 20, "other")], None),
        ([(2, 20, "home"), (1, 20, "plans"), (1, 20, "other"), (0, 900, "support")], None),
        ([(0, 900, "support")], None),
    ],
)
def test_browsing(visits: list[tuple[float, float, str]], expected: tuple[str, int, float] | None) -> None:
    kept, last = seen(*visits)
    found = browsing(kept, last, float(NOW), POLICY)
    assert (found and (found.code, found.level, found.value)) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"reason": "leave_intent"}, ("leave_intent", 1)),
        ({"reason": "port_out_query"}, ("port_out", 1)),
        ({"reason": "port_out_code"}, ("port_out", 2)),
        ({"reason": "disconnect_appointment"}, ("disconnect_appointment", 1)),
        ({"reason": "leave_intent", "status": "resolved"}, None),
        ({"reason": "complaint"}, None),
        ({"reason": "penalty_query"}, None),
    ],
)
def test_care(fields: dict[str, Any], expected: tuple[str, int] | None) -> None:
    found = care(CareContact(subscriber_id="s", ts=NOW, **fields))
    assert (found and (found.kind, found.level)) == expected


def test_care_keeps_the_time_of_the_appointment() -> None:
    found = care(
        CareContact(subscriber_id="s", ts=NOW, reason="disconnect_appointment", appointment_ts=NOW + 36 * HOUR_MS)
    )
    assert found is not None
    assert (found.appointment_ts, found.value) == (NOW + 36 * HOUR_MS, 1.5)


def due_after(gap_ms: int, days: float) -> float:
    """Days from the last call until silence is due, for one call each `gap_ms` over so many days."""
    bench = Bench()
    times = range(START, START + round(days * DAY_MS), gap_ms)
    bench.apply([bench.arrival("call", "s-1", ts) for ts in times])
    population: Population = bench.detector.population
    engine = Engine(population, bench.detector.scorer, bench.policy)
    due = engine.silence_due(np.array([population.find("s-1")]))
    return float((due[0] - times[-1]) / DAY_MS)


def test_rhythm_of_a_busy_caller_waits_for_the_floor() -> None:
    assert due_after(6 * HOUR_MS, 10) == pytest.approx(3.0)


def test_rhythm_of_a_rare_caller_waits_for_eight_usual_gaps() -> None:
    assert due_after(24 * HOUR_MS, 20) == pytest.approx(8.0, rel=0.15)


def test_rhythm_needs_a_week_and_three_uses_in_it() -> None:
    assert np.isnan(due_after(6 * HOUR_MS, 6))
    assert np.isnan(due_after(72 * HOUR_MS, 20))


def test_silence_says_for_how_long() -> None:
    assert silence(0.0, 4.5 * DAY_MS).value == 4.5
