"""What a lane tells the desk of how far it is."""

from __future__ import annotations

import pytest
from support.detecting import DAY, HOUR, START, Bench

from models.contract.breaches import LANE_LATE_MS, Mark, OfSubscriber
from models.contract.events import Arrival
from streams.lanes.detection_fold import MARK_MS, DetectionFold

NOW = START + 400 * DAY


def told(fold: DetectionFold, arrivals: list[Arrival], now_ms: int = NOW) -> list[list[object]]:
    """The records for the desk, of each transaction, one a second."""
    found = []
    while arrivals or fold.owed:
        arrivals = arrivals[fold.apply(arrivals) :]
        now_ms += 1000
        found.append([output.body for output in fold.take(now_ms).counts.outputs if output.kind == "heard"])
    return found


def lived() -> list[list[object]]:
    bench = Bench()
    fold, names = DetectionFold(bench.detector, "group"), [f"s-{i:02}" for i in range(30)]
    told(fold, [bench.arrival("profile", name, START) for name in names])
    visits = [START + number * HOUR for number in range(len(names))]
    told(fold, [bench.arrival("visit", *each, page="checkout", dwell_s=90) for each in zip(names, visits, strict=True)])
    # The episodes end at ticks before this; the arrival moves the lane's time past them at once.
    return told(fold, [bench.arrival("call", "s-00", START + 40 * DAY + 1)])


def test_what_a_lane_writes_after_a_mark_is_not_older_also_amid_a_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [each for transaction in lived() for each in transaction if isinstance(each, OfSubscriber)]
    monkeypatch.setattr("models.detection.outbox.MAX_OUTPUTS", 7)
    cut, at = lived(), 0
    assert len(cut) > 3
    assert [each for transaction in cut for each in transaction if isinstance(each, OfSubscriber)] == whole
    for transaction in cut:
        *before, last = transaction
        assert isinstance(last, Mark)
        assert not any(isinstance(each, Mark) for each in before)
        assert all(each.clock >= at for each in before if isinstance(each, OfSubscriber))
        at = last.clock or 0
    assert at == START + 40 * DAY + 1


def test_a_lane_marks_its_time_after_it_has_opened_after_a_tick_and_often_while_it_is_late() -> None:
    bench = Bench()
    fold = DetectionFold(bench.detector, "group")

    def marks(at: int, now_ms: int) -> int:
        fold.apply([bench.arrival("call", "s-1", at)])
        return sum(isinstance(output.body, Mark) for output in fold.take(now_ms).counts.outputs)

    assert [marks(START + 1, START + 1), marks(START + 2, START + 2)] == [1, 0]
    fold.opening(7)
    assert [marks(START + 3, START + 3), marks(START + 4, START + 4)] == [1, 0]
    assert marks(START + DAY, START + DAY) == 1
    late = START + DAY + LANE_LATE_MS + 10
    assert [marks(START + DAY + 1, late + ms) for ms in (0, 1, MARK_MS - 1, MARK_MS)] == [1, 0, 0, 1]
