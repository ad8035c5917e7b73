"""Hand-over to the desk from a release without one: what a lane's state knows, sent once, before the lane joins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from models.contract.alerts import Trigger
from models.contract.breaches import Heard, Inherited, OtherContact
from models.detection.decision_context import moment_of
from models.detection.lane_state import LaneState
from models.kernel import places
from models.state.subscriber_record import Episode

_MADE: Final = frozenset({"contacted", "delivered", "retained", "lost", "refused"})
"""Contacts that count in caps, since the subscriber was reached. A delivered message counts once, read or not."""


def handed_over(lane: LaneState, clock: int) -> Iterator[Heard]:
    """Contacts made, and open alerts with cooldowns and refusal, subscriber by subscriber in the order of their ids.

    Parameters
    ----------
    clock
        The lane's time, ms.
    """
    population = lane.population
    for subscriber_id, row in sorted((population.id_of(row), row) for row in population.books):
        book, profile = population.books[row], population.profiles[row]
        customer_id = None if profile is None else profile.customer_id
        for touch in book.touches:
            if touch.status in _MADE:
                yield OtherContact(
                    lane=lane.partition,
                    clock=clock,
                    subscriber_id=subscriber_id,
                    customer_id=customer_id,
                    ts=touch.ts,
                    channel=touch.channel,
                )
        published = [episode for _, episode in sorted(book.episodes.items()) if episode.seq]
        if not (published or book.raised_ts or book.refused_ts is not None):
            continue
        last = float(population.table[row, places.LAST_TS])
        lane.engine.score(row, clock if last != last else max(last, clock))  # noqa: PLR0124 - NaN
        view = lane.engine.view(row)
        moments = [
            (moment_of(population, view, row, each.started_ts, clock, _trigger(each, lane.partition), None), each)
            for each in published
        ]
        yield Inherited(
            lane=lane.partition,
            clock=clock,
            subscriber_id=subscriber_id,
            customer_id=customer_id,
            alerts=tuple(lane.episodes.published(moment, episode) for moment, episode in moments),
            raised_ts=dict(book.raised_ts),
            refused_ts=book.refused_ts,
        )


def _trigger(episode: Episode, partition: int) -> Trigger:
    return Trigger(
        topic=episode.trigger_topic, partition=partition, offset=episode.trigger_offset, tick=episode.trigger_tick
    )
