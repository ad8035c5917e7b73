"""Outcomes made of silence, whatever the log: exactly the gaps that are long enough, in the order of time."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from app.errors import Refused
from app.evaluate.events import with_lapses
from app.publishing.record import TimedRecord
from models.contract.events import CALLS, OUTCOMES
from models.contract.time_units import DAY_MS

DAYS = 3
uses = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40 * 4)), min_size=1, max_size=60)


@given(uses)
def test_lapses_are_the_long_gaps(found: list[tuple[str, int]]) -> None:
    quarter = DAY_MS // 4
    log = [TimedRecord(CALLS, who.encode(), b"{}", at * quarter) for who, at in sorted(found, key=lambda each: each[1])]
    try:
        made = list(with_lapses(log, DAYS))
    except Refused:
        assert any(after.ts - before.ts >= DAYS * DAY_MS for before, after in pairwise(log))
        return
    assert [r for r in made if r.topic == CALLS] == log
    assert [r.ts for r in made] == sorted(r.ts for r in made)
    end, silent = log[-1].ts, DAYS * DAY_MS
    expected = []
    for who in {r.key for r in log}:
        times = sorted({r.ts for r in log if r.key == who})
        for before, after in pairwise([*times, end + 2 * silent]):
            if after - before > silent and before + silent <= end:
                expected.append((before + silent, who, "lapsed"))
                expected += [(after, who, "returned")] * (after <= end)
    told = [(r.ts, r.key, json.loads(r.value)["outcome"]) for r in made if r.topic == OUTCOMES]
    assert sorted(told) == sorted(expected)
