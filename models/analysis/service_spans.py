"""The spans of time in which a subscriber was in service, from their newest profile and their outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from models.contract.events import GONE, OutcomeKind, Status

FOREVER: Final = 1 << 62
"""End of a span that has not ended."""


class ServiceSpan(NamedTuple):
    """From when until when a subscriber was in service.

    Attributes
    ----------
    since
        0 if it is not known.
    how
        The outcome that ended it; ``left`` if only the profile says so, None if it has not ended.
    """

    since: int
    until: int
    how: str | None


def service_spans(
    profile: tuple[int, Status, int | None] | None, outcomes: Iterable[tuple[int, OutcomeKind]]
) -> list[ServiceSpan]:
    """The spans of one subscriber, in order.

    They come by ``activated_ts`` (without one they were always there) and come back by ``returned``, by a later
    ``activated_ts``, and after ``involuntary`` by a newer active profile. They leave by the first outcome that says so:
    a second one changes nothing. ``migrated`` and ``downgraded`` end no service.

    Parameters
    ----------
    profile
        Time, status and ``activated_ts`` of the newest profile.
    outcomes
        With their times, in the order in which they came.

    Examples
    --------
    >>> service_spans((9, "active", 2), [(5, "ported_out"), (6, "lapsed"), (7, "returned")])
    [ServiceSpan(since=2, until=5, how='ported_out'), ServiceSpan(since=7, until=4611686018427387904, how=None)]
    >>> service_spans((9, "active", 8), [(5, "ported_out")])
    [ServiceSpan(since=0, until=5, how='ported_out'), ServiceSpan(since=8, until=4611686018427387904, how=None)]
    >>> service_spans((9, "left", None), [])
    [ServiceSpan(since=0, until=9, how='left')]
    """
    moves: list[tuple[int, int, str]] = [(ts, 1, outcome) for ts, outcome in outcomes]
    if profile is not None:
        ts, status, activated = profile
        # An activation at the moment of leaving is of the life that ends then.
        moves += [] if activated is None else [(activated, 0, "activated")]
        moves += [(ts, 2, status)] if status in ("active", "left") else []
    moves.sort(key=lambda move: move[:2])
    comes = next((word for _, _, word in moves if word in GONE or word in ("activated", "returned", "left")), "")
    since: int | None = None if comes in ("activated", "returned") else 0
    found: list[ServiceSpan] = []
    for ts, _, word in moves:
        if since is not None and (word in GONE or word == "left"):
            found.append(ServiceSpan(since, ts, word))
            since = None
        elif since is None and (word in ("activated", "returned") or (word == "active" and _let_go(found))):
            since = ts
    return found if since is None else [*found, ServiceSpan(since, FOREVER, None)]


def _let_go(found: list[ServiceSpan]) -> bool:
    return bool(found) and found[-1].how == "involuntary"
