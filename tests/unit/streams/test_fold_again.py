"""A transaction applied once more: at once as it was, or in as many as the fold needs now."""

from __future__ import annotations

import pytest
from support.columns import columns
from support.counting import CountingFold
from support.plain_order import in_order
from support.rig import event, mix

from models.contract.events import INPUTS
from models.kernel.arrivals import EventReader, Table
from streams.history.fold_again import FoldAgain
from streams.lanes.intake import decoded
from streams.records.record_columns import InputRecord

BEGIN = 1_780_000_000_000


def arrivals(count: int = 30) -> Table:
    log: dict[str, list[InputRecord]] = {topic: [] for topic in INPUTS}
    for topic, _, who, ts in mix(1, count, 1, BEGIN, subscribers=3):
        log[topic].append(InputRecord(len(log[topic]), ts, who.encode(), event(topic, who, ts)))
    return decoded(columns(in_order(log)), None, EventReader()).arrivals


@pytest.mark.parametrize("budget", [1_000, 9, 4, 1])
def test_however_the_fold_cuts_them_it_has_the_same_arrivals_in_the_same_order(budget: int) -> None:
    given, alone = arrivals(), CountingFold()
    alone.apply(given)
    fold = CountingFold(budget)
    again = FoldAgain(fold)
    for begin in range(0, 30, 5):
        # Each is shown what comes next, and may take it.
        own = given[begin : begin + 5]
        shown = given[begin : begin + 6]
        first, found = again.apply(shown, len(own))
        assert first >= min(budget, 5)
        assert found
    assert fold.rows == alone.rows


def test_fold_that_goes_on_where_it_had_stopped_is_not_given_that_arrival_twice() -> None:
    given, fold = arrivals(4), CountingFold()
    again = FoldAgain(fold)
    assert again.apply(given[:3], 2)[0] == 3
    assert again.apply(given[2:3], 0)[0] == 1, "a transaction that only swept, and stopped there as well"
    assert again.apply(given[2:4], 2)[0] == 2
    assert fold.clock() == {"seen": 4}
