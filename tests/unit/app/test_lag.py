"""The age of a backlog, told from the ends of the log."""

from __future__ import annotations

import pytest

from app.worker.progress_verdict import KEPT_LOOKS, EndHistory


def history(*looks: tuple[float, int]) -> EndHistory:
    seen = EndHistory()
    for at, end in looks:
        seen.saw(at, end)
    return seen


def test_nothing_behind_is_no_age() -> None:
    assert history((0, 5), (10, 5)).behind_since(5) is None
    assert history().behind_since(0) is None


@pytest.mark.parametrize(("position", "since"), [(100, 0.0), (150, 5.0), (199, 9.9)])
def test_between_two_looks_the_log_grew_evenly(position: int, since: float) -> None:
    assert history((0, 100), (10, 200)).behind_since(position) == pytest.approx(since)


def test_a_log_that_was_quiet_for_long_is_not_behind_since_then() -> None:
    seen = history(*((10.0 * look, 5) for look in range(100)), (1000.0, 6))
    since = seen.behind_since(5)
    assert since is not None
    assert since >= 990.0


def test_a_backlog_older_than_the_first_look_has_no_bound() -> None:
    seen = history((50, 100))
    assert not seen.bounded(40)
    assert seen.behind_since(40) == 50
    assert seen.bounded(100)


def test_looks_are_kept_for_an_hour_and_no_longer() -> None:
    seen = history(*((10.0 * look, look) for look in range(KEPT_LOOKS + 50)))
    assert not seen.bounded(49)
    assert seen.bounded(50)
