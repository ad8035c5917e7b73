"""When a tick must look at a subscriber again: when the first of their terms ends."""

from __future__ import annotations

from math import inf, isnan

from models.contract.policy import Policy
from models.decisions.deadlines.contract_notices import next_notice
from models.decisions.deadlines.overdue_complaints import next_warning
from models.decisions.deadlines.win_back import next_asking
from models.kernel.places import BROWSING_LEVEL, BROWSING_UNTIL, DUE_TS
from models.state.columns import NAN, RISK
from models.state.population import Population
from models.state.subscriber_record import Book, Episode


def arm(population: Population, row: int, book: Book, policy: Policy, clock: float) -> None:
    """Set the due time in the row and the calendar for sweeps, after book or profile have changed.

    A term that is over stays until a sweep has handled it.

    Examples
    --------
    >>> lane = Population()
    >>> row = lane.row("s-1")
    >>> silence = Episode(alert_id="9f0c", kind="silence", started_ts=0, expires_ts=30 * 86_400_000)
    >>> arm(lane, row, Book(episodes={"silence": silence}), Policy(), 1000)
    >>> float(lane.table[row, DUE_TS]) / 86_400_000
    30.0
    """
    columns = population.table[row]
    browsing = book.episodes.get("competitor_browsing")
    level = 0.0 if browsing is None or _asks_for_quiet(browsing) else float(browsing.level)
    due = inf
    for episode in book.episodes.values():
        for end in (episode.expires_ts, episode.retry_ts, episode.snoozed_until):
            if end is not None and end < due:
                due = float(end)
    due = min(due, next_notice(columns, policy.expiry, clock), next_asking(columns, policy.win_back, clock))
    if book.cases:
        # If the promise was broken before the case arrived, warn at the next tick, not at one already past.
        due = min(due, max(next_warning(book, policy.complaint), clock))
    held = float(columns[DUE_TS])
    if held <= clock:
        due = min(due, held)
    due = NAN if due == inf else due
    if level != columns[BROWSING_LEVEL] or (due != held and not (isnan(due) and isnan(held))):
        columns[BROWSING_LEVEL], columns[DUE_TS] = level, due
        population.touch(row, RISK.name)
    if not isnan(due):
        population.terms.put(due, row)


def _asks_for_quiet(episode: Episode) -> bool:
    """Whether the episode is snoozed and its next trigger must be published, once, as a suppression."""
    return episode.snoozed_until is not None and episode.withheld is None


def prolong(population: Population, row: int, book: Book) -> None:
    """Copy the prolonged expiry of a browsing episode from the row, where the walk keeps it, into the book."""
    until, browsing = population.table[row, BROWSING_UNTIL], book.episodes.get("competitor_browsing")
    if browsing is not None and browsing.expires_ts is not None and until > browsing.expires_ts:
        browsing.expires_ts = int(until)
