"""The simulated operator: its units are those that profiles name, and what cannot go out today goes out later."""

from __future__ import annotations

import json

from support.breaches_made import DAY, HOUR, NINE, a_breach
from support.desk_rig import DeskBench

from app.demo.operator import simulated_policy
from app.simulator import simulate
from models.contract.breaches import Mark
from models.contract.events import SUBSCRIBERS

UNITS = {unit.name: unit for unit in simulated_policy(NINE).units}


def test_every_unit_that_a_profile_names_has_a_head_and_a_capacity() -> None:
    named: set[str] = set()
    for record in simulate(7, 2_000, NINE, 1):
        if record.topic != SUBSCRIBERS:
            break
        profile = json.loads(record.value)
        named |= {profile["unit"], profile.get("account_unit", profile["unit"])}
    assert named == set(UNITS)
    assert all(unit.head and unit.capacity for unit in UNITS.values())


def test_people_of_a_team_work_in_one_unit_only() -> None:
    people = [name for unit in UNITS.values() for team in unit.team.values() for name in team]
    assert len(people) == len(set(people))


def test_a_district_that_trains_answers_what_is_urgent_and_lets_the_rest_wait() -> None:
    bench = DeskBench(simulated_policy(NINE))
    bench.hear(
        a_breach("urgent", kind="leave_intent", subscriber="s-1", unit="baiyun-02"),
        a_breach("later", subscriber="s-2", unit="baiyun-02"),
        a_breach("elsewhere", subscriber="s-3", unit="liwan-02"),
        Mark(lane=0, tick=NINE + HOUR),
    )
    assert [each.body.alert_id for each in bench.outputs if each.kind == "alert"] == ["urgent", "elsewhere"]  # type: ignore[union-attr]
    assert bench.desk.waiting()["baiyun-02"] == 1
    bench.hear(Mark(lane=0, tick=NINE + DAY))
    assert bench.desk.waiting()["baiyun-02"] == 1
    outputs = bench.hear(Mark(lane=0, tick=NINE + 2 * DAY))
    assert [each.body.alert_id for each in outputs if each.kind == "alert"] == ["later"]  # type: ignore[union-attr]
