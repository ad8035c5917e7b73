"""The whole simulation as one stream in event-time order, holding one span in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from app.publishing.record import TimedRecord
from app.simulator import rhythm
from app.simulator.events import billing, contacts, usage
from app.simulator.people.behaviour import behaviour
from app.simulator.people.profile import profile
from app.simulator.rates import Rates
from app.simulator.rhythm import Span
from app.simulator.world import Strip, World
from models.arrays import Ints
from models.contract.events import OUTCOMES, SUBSCRIBERS
from models.contract.time_units import DAY_MS
from streams.records.topics import RANK

_SPAN_EVENTS: Final = 100_000
"""Events held at once, about; a day of a large population is cut into spans until it fits."""


def simulate(
    seed: int, subscribers: int, start_ms: int, days: int, *, rates: Rates | None = None
) -> Iterator[TimedRecord]:
    """The records of ``days`` of a population from ``start_ms`` on, in event-time order.

    All profiles come first, at ``start_ms``. The same arguments give the same bytes (under one version of NumPy).
    Simulated: no quality of detection may be quoted from it without saying so.

    Parameters
    ----------
    seed
        Seed of all random draws; it is also part of the event ids.
    subscribers
        Number of subscribers at the start. None join later.
    start_ms, days
        The stretch of event time, [start, start + days).
    rates
        Event rates; the defaults when absent.

    Examples
    --------
    >>> first, *_, last = simulate(7, 50, 1_780_000_000_000, 2)
    >>> first.topic, last.ts < 1_780_000_000_000 + 2 * DAY_MS
    ('telecom.subscribers.v1', True)
    """
    if subscribers < 1 or days < 1:
        raise ValueError("a simulation needs at least one subscriber and one day")
    rates = rates or Rates()
    world = World.create(seed, subscribers, start_ms, days, rates)
    yield from _beginning(world, start_ms)
    a_day = subscribers * (rates.calls_per_day + rates.sessions_per_day)
    cuts = int(np.clip(np.ceil(a_day / _SPAN_EVENTS), 1, 96))
    for span in rhythm.spans(start_ms, start_ms + days * DAY_MS, cuts):
        yield from _in_order(world, _strips(world, span))


def _beginning(world: World, start_ms: int) -> Iterator[TimedRecord]:
    """All profiles at the start, including changes settled for an earlier time."""
    for entry in world.agenda.until(start_ms):
        if entry.topic == SUBSCRIBERS:
            _change(world, entry.who, entry.fields)
    for who, subscriber_id in enumerate(world.ids):
        value = world.event(SUBSCRIBERS, who, start_ms, profile(world.population, who, start_ms))
        yield TimedRecord(SUBSCRIBERS, subscriber_id.encode(), value, start_ms)


def _change(world: World, who: int, columns: dict[str, float]) -> None:
    for column, value in columns.items():
        getattr(world.population, column)[who] = value


def _strips(world: World, span: Span) -> list[Strip]:
    """All events within the span."""
    now = behaviour(world.population, world.courses, (span.start + span.end) // 2)
    contacts.care(world, now, span)
    return [
        usage.calls(world, now, span),
        usage.sessions(world, now, span),
        contacts.visits(world, now, span),
        contacts.contacts(world, span),
        billing.bills(world, now, span),
        billing.recharges(world, now, span),
        billing.charges(world, span),
        *_settled(world, span),
    ]


def _settled(world: World, span: Span) -> Iterator[Strip]:
    """The agenda's events for the span; a profile is built when it is due, with all changes up to then."""
    told: dict[str, tuple[list[int], list[int], list[bytes]]] = {}
    for ts, _, who, topic, fields in world.agenda.until(span.end):
        if ts >= world.population.erased[who]:
            continue
        gone = topic not in (OUTCOMES, SUBSCRIBERS) and not world.population.present(np.array([who]), np.array([ts]))[0]
        if gone and fields.get("status") != "resolved":
            continue
        if topic == SUBSCRIBERS:
            _change(world, who, fields)
        alert_and_withheld = profile(world.population, who, ts) if topic == SUBSCRIBERS else fields
        moments, rows, values = told.setdefault(topic, ([], [], []))
        moments.append(ts)
        rows.append(who)
        values.append(world.event(topic, who, ts, alert_and_withheld))
    for topic, (moments, rows, values) in told.items():
        yield Strip(topic, np.array(moments, dtype=np.int64), np.array(rows, dtype=np.int64), values)


def _in_order(world: World, strips: list[Strip]) -> Iterator[TimedRecord]:
    """Merge the span's strips by (ts, rank of the topic)."""
    ts: Ints = np.concatenate([strip.ts for strip in strips])
    who = np.concatenate([strip.who for strip in strips])
    rank = np.repeat([RANK[strip.topic] for strip in strips], [len(strip.ts) for strip in strips])
    values = [value for strip in strips for value in strip.values]
    topics = list(RANK)
    order = np.lexsort((rank, ts))
    for at, moment, row, number in zip(
        order.tolist(), ts[order].tolist(), who[order].tolist(), rank[order].tolist(), strict=True
    ):
        yield TimedRecord(topics[number], world.ids[row].encode(), values[at], moment)
