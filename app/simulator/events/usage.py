"""Calls, short messages and data sessions of a span."""

from __future__ import annotations

from typing import Final

import numpy as np

from app.publishing.record import encode
from app.simulator import rhythm
from app.simulator.people.behaviour import Behaviour
from app.simulator.people.data_habits import CATEGORIES, MIX
from app.simulator.people.population import OPERATORS
from app.simulator.rhythm import Span
from app.simulator.world import KINDS, Strip, World
from models.arrays import Bools, Ints
from models.contract.events import CALLS, DATA_USAGE

_NETWORKS: Final = ("on_net", "off_net", "fixed", "international", "own_care", "competitor_care")
_OFF_NET, _COMPETITOR_CARE = 1, 5
_RATS: Final = ("3g", "4g", "5g", "wifi")
_SMS_SHARE: Final = 0.15


def _networks(world: World, now: Behaviour, who: Ints, outgoing: Bools) -> Ints:
    """Network of the other party: by the subscriber's own off-net share, raised by their course."""
    dice = world.rng.random(len(who))
    special = world.rng.random(len(who))
    network = np.where(dice < now.off_net[who], _OFF_NET, np.where(dice > 0.94, 2, 0))
    network = np.where(special < now.abroad[who], 3, network)
    network = np.where((special > 0.992) & outgoing, 4, network)
    courted = world.rng.random(len(who)) < now.courted[who]
    chosen: Ints = np.where(courted, _COMPETITOR_CARE, network)
    return chosen


def calls(world: World, now: Behaviour, span: Span) -> Strip:
    """Calls and short messages; offices ring in office hours."""
    rng, corporate = world.rng, world.population.homes.corporate
    half = world.rates.calls_per_day * world.population.calls / 2
    parts = [
        world.draw(span, np.where(corporate == office, half * how_often, 0), beat)
        for how_often in (now.outgoing, now.incoming)
        for office, beat in ((False, rhythm.PRIVATE_CALLS), (True, rhythm.OFFICE_CALLS))
    ]
    who = np.concatenate([part[0] for part in parts])
    ts = np.concatenate([part[1] for part in parts])
    count = len(who)
    outgoing = np.arange(count) < len(parts[0][0]) + len(parts[1][0])
    network = _networks(world, now, who, outgoing)
    rival = np.where(rng.random(count) < 0.6, world.population.rival[who], rng.integers(1, len(OPERATORS), count))
    sms = (rng.random(count) < _SMS_SHARE) & (network != _COMPETITOR_CARE)
    dropped = ~sms & (rng.random(count) < now.dropped[who])
    duration = np.minimum(rng.lognormal(4.1, 1.15, count) * np.where(dropped, 0.4, 1), 14_400)
    forwarded = ~outgoing & ~sms & (rng.random(count) < now.forwarded[who])
    roaming = rng.random(count) < 0.01
    first, run, ids = world.take(KINDS[CALLS], count), world.run, world.ids
    values = []
    for number, (row, at, out, net, op, seconds, short, drop, forward, abroad) in enumerate(
        zip(
            who.tolist(),
            ts.tolist(),
            outgoing.tolist(),
            network.tolist(),
            rival.tolist(),
            np.where(sms, 0, np.ceil(duration)).astype(np.int64).tolist(),
            sms.tolist(),
            dropped.tolist(),
            forwarded.tolist(),
            roaming.tolist(),
            strict=True,
        ),
        first,
    ):
        event = {
            "event_id": f"{run}-c{number}",
            "subscriber_id": ids[row],
            "ts": at,
            "direction": "outgoing" if out else "incoming",
            "duration_s": seconds,
            "peer_network": _NETWORKS[net],
            "kind": "sms" if short else "voice",
            "forwarded": forward,
            "dropped": drop,
            "roaming": abroad,
        }
        if net in (_OFF_NET, _COMPETITOR_CARE):
            event["peer_operator"] = OPERATORS[op]
        values.append(encode(event))
    return Strip(CALLS, ts, who, values)


def _categories(world: World, who: Ints) -> Ints:
    """Category of each session; a user of a data service spends half their sessions on it."""
    chosen = world.rng.choice(len(CATEGORIES), len(who), p=MIX)
    service = np.full(len(world.population), -1)
    service[world.habits.who] = world.habits.category
    kept: Ints = np.where((service[who] >= 0) & (world.rng.random(len(who)) < 0.5), service[who], chosen)
    return kept


def sessions(world: World, now: Behaviour, span: Span) -> Strip:
    """Data sessions, with lognormal bytes: a few films outweigh a thousand messages."""
    rng, population = world.rng, world.population
    rate = world.rates.sessions_per_day * population.sessions * now.sessions
    rate[world.habits.who] *= world.habits.level(span.start)
    who, ts = world.draw(span, rate, rhythm.DATA)
    count = len(who)
    category = _categories(world, who)
    failed = rng.random(count) < now.failed[who]
    size = rng.lognormal(14.2, 1.9, count) * (population.volume * now.volume)[who] * np.where(category == 0, 3, 1)
    size = np.where(failed, 0, np.minimum(size, 2e10)).astype(np.int64)
    seconds = np.where(failed, 0, np.minimum(rng.lognormal(5.2, 1.2, count), 21_600)).astype(np.int64)
    throttled = ~failed & (rng.random(count) < now.throttled[who])
    dice = rng.random(count)
    rat = np.where(dice < 0.02, 0, np.where(dice > 0.97, 3, np.where(rng.random(count) < population.five_g[who], 2, 1)))
    roaming = rng.random(count) < 0.01
    first, run, ids = world.take(KINDS[DATA_USAGE], count), world.run, world.ids
    values = [
        encode(
            {
                "event_id": f"{run}-d{number}",
                "subscriber_id": ids[row],
                "ts": at,
                "bytes": amount,
                "duration_s": length,
                "rat": _RATS[radio],
                "app_category": CATEGORIES[kind],
                "failed": fail,
                "throttled": slow,
                "roaming": abroad,
            }
        )
        for number, (row, at, amount, length, radio, kind, fail, slow, abroad) in enumerate(
            zip(
                who.tolist(),
                ts.tolist(),
                size.tolist(),
                seconds.tolist(),
                rat.tolist(),
                category.tolist(),
                failed.tolist(),
                throttled.tolist(),
                roaming.tolist(),
                strict=True,
            ),
            first,
        )
    ]
    return Strip(DATA_USAGE, ts, who, values)
