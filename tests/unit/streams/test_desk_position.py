"""The desk's position against the topic of the breaches, as a cluster may have it."""

from __future__ import annotations

import pytest

from streams.desk.desk_position import BreachLog, DeskPosition, checked, decode
from streams.lanes.ledger import LedgerMismatchError

LOG = BreachLog("a", 10, 20)


@pytest.mark.parametrize(
    ("known", "said", "accepted"),
    [
        (DeskPosition("g", "b", 15), "was recreated since the state was written", 10),
        (DeskPosition("g", "a", 9), "starts at offset 10, the state needs 9: 1 records were deleted unread", 10),
        (DeskPosition("g", "a", 15, read_to=31, ahead={0: 15, 1: 31}), "ends at offset 20, the state has heard 30", 15),
        (DeskPosition("g", "a", 21), "ends at offset 20, the state has heard 20", 20),
        (None, "starts at offset 10, and there is no state: it was lost", 10),
    ],
)
def test_a_position_that_does_not_fit_is_named_and_goes_on_where_it_can_if_accepted(
    known: DeskPosition | None, said: str, accepted: int
) -> None:
    with pytest.raises(LedgerMismatchError, match=f"{said}.*--accept-loss"):
        checked(known, "g", LOG, take_over=False, accept_loss=False)
    found = checked(known, "g", LOG, take_over=False, accept_loss=True)
    assert found == DeskPosition("g", "a", accepted)


@pytest.mark.parametrize("offset", [10, 20])
def test_a_position_inside_the_log_stands(offset: int) -> None:
    known = DeskPosition("g", "a", offset)
    assert checked(known, "g", LOG, take_over=False, accept_loss=False) == known


def test_another_groups_state_is_taken_over_only_if_told_so() -> None:
    known = DeskPosition("other", "a", 12)
    with pytest.raises(LedgerMismatchError, match=r"belongs to group 'other'.*--take-over"):
        checked(known, "g", LOG, take_over=False, accept_loss=True)
    assert checked(known, "g", LOG, take_over=True, accept_loss=False) == DeskPosition("g", "a", 12)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"{", "cannot be read"),
        (b'{"group":"g","topic_id":"a","next_offset":1,"format":3}', "is of format 3, this version reads up to 2"),
    ],
)
def test_a_position_of_another_version_is_no_guess(raw: bytes, said: str) -> None:
    with pytest.raises(LedgerMismatchError, match=said):
        decode(raw)
