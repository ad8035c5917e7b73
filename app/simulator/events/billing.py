"""Billing events of a span: bills on their day, recharges when the last one is used up, small charges in between."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import numpy as np

from app.simulator import rhythm
from app.simulator.people.behaviour import Behaviour
from app.simulator.people.population import FEES, PLANS
from app.simulator.rhythm import Span
from app.simulator.world import Strip, World
from models.contract.events import BILLING, SUBSCRIBERS
from models.contract.time_units import DAY_MS, HOUR_MS

_AMOUNTS: Final = np.array([30.0, 50.0, 100.0, 200.0, 300.0, 500.0])
_MOVED: Final = 0.03
"""Change of revenue above which the profile is written again."""


def bills(world: World, now: Behaviour, span: Span) -> Strip:
    """Last month's bill, and the profile's revenue that follows from it: for private customers all on the first."""
    population, rng = world.population, world.rng
    who = np.flatnonzero(population.bill_day == span.date.day)
    ts = span.midnight + population.bill_moment[who]
    due = (ts >= span.start) & (ts < span.end)
    who, ts = who[due], ts[due]
    there = population.present(who, ts)
    who, ts = who[there], ts[there]
    amount = np.round(population.arpu[who] * now.bill[who] * rng.lognormal(0, 0.1, len(who)), 2)
    smoothed = np.clip(np.round(0.65 * population.arpu[who] + 0.35 * amount, 2), 5, 600)
    moved = np.abs(smoothed / population.arpu[who] - 1) > _MOVED
    for row, at, arpu in zip(who[moved].tolist(), ts[moved].tolist(), smoothed[moved].tolist(), strict=True):
        world.agenda.put(at + HOUR_MS, row, SUBSCRIBERS, {"arpu": arpu})
    period = f"{span.date.replace(day=1) - timedelta(days=1):%Y-%m}"
    values = []
    for row, at, money in zip(who.tolist(), ts.tolist(), amount.tolist(), strict=True):
        plan = int(population.plan[row])
        fields = {"kind": "bill", "amount": money, "period": period, "plan": PLANS[plan]}
        values.append(world.event(BILLING, row, at, {**fields, "fee": float(FEES[plan])}))
    return Strip(BILLING, ts, who, values)


def recharges(world: World, now: Behaviour, span: Span) -> Strip:
    """A recharge when the last one is used up; subscribers who call less recharge later."""
    population, rng = world.population, world.rng
    who = np.flatnonzero((population.next_recharge >= span.start) & (population.next_recharge < span.end))
    ts = population.next_recharge[who]
    wanted = population.arpu[who] * population.recharge_gap[who] / 30
    amount = _AMOUNTS[np.clip(np.searchsorted(_AMOUNTS, wanted), 0, len(_AMOUNTS) - 1)]
    slower = 1 / np.clip(0.5 * (now.outgoing + now.sessions)[who] * now.volume[who], 0.3, 1.2)
    gap = np.maximum(population.recharge_gap[who] * rng.lognormal(0, 0.2, len(who)) * slower, 1.0)
    population.next_recharge[who] = ts + (gap * DAY_MS).astype(np.int64)
    there = population.present(who, ts)
    who, ts, amount = who[there], ts[there], amount[there]
    values = [
        world.event(BILLING, row, at, {"kind": "recharge", "amount": money})
        for row, at, money in zip(who.tolist(), ts.tolist(), amount.tolist(), strict=True)
    ]
    return Strip(BILLING, ts, who, values)


def charges(world: World, span: Span) -> Strip:
    """Charges for use beyond the plan."""
    who, ts = world.draw(span, world.rates.charges_per_day * world.population.sessions, rhythm.DATA)
    amount = np.round(np.minimum(world.rng.lognormal(1.2, 0.8, len(who)), 200), 2)
    values = [
        world.event(BILLING, row, at, {"kind": "accrual", "amount": money, "period": f"{span.date:%Y-%m}"})
        for row, at, money in zip(who.tolist(), ts.tolist(), amount.tolist(), strict=True)
    ]
    return Strip(BILLING, ts, who, values)
