from __future__ import annotations

import pytest

from streams.lanes.ports import A_SECOND, LONGEST_S, SHORTEST_S, TransactionPace


def paced(lanes: int, now: float = 100.0) -> TransactionPace:
    pace = TransactionPace()
    for lane in range(lanes):
        pace.began(lane, now)
    return pace


@pytest.mark.parametrize("lanes", [0, 1])
def test_few_lanes_write_as_often_as_the_broker_should_be_asked(lanes: int):
    assert paced(lanes).between(100.1) == SHORTEST_S


@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_busy_lanes_share_the_transactions_of_a_second(lanes: int):
    assert lanes / paced(lanes).between(100.1) == pytest.approx(A_SECOND)


def test_a_lane_counts_once_and_only_while_it_writes():
    pace = paced(8)
    pace.began(3, 101.5)
    pace.began(3, 101.6)
    assert pace.between(101.7) == SHORTEST_S


def test_hundreds_of_lanes_wait_no_longer_than_an_event_may():
    assert paced(500).between(100.1) == LONGEST_S
