"""The simulated subscribers, one array a trait; the part known to the operator: :mod:`app.simulator.people.profile`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from app.simulator.people import homes
from app.simulator.people.homes import Homes
from models.arrays import Bools, Floats, Ints
from models.contract.time_units import DAY_MS

FEES: Final[Floats] = np.array([8, 19, 29, 39, 59, 79, 99, 129, 159, 199, 299, 399, 599], dtype=np.float64)
PLANS: Final = ("keep-number-8", *(f"{'5g' if fee > 100 else '4g'}-{fee:.0f}" for fee in FEES[1:]))
"""Plans; the lowest only keeps the number, a frequent result of a talk about leaving."""


def plan_fitting(arpu: Floats) -> Ints:
    """Number of the largest plan that a subscriber of this revenue would have.

    >>> [PLANS[plan] for plan in plan_fitting(np.array([5.0, 61.0, 700.0]))]
    ['keep-number-8', '4g-59', '5g-599']
    """
    return np.clip(np.searchsorted(FEES, arpu * 1.02, side="right") - 1, 0, len(FEES) - 1).astype(np.int64)


NEVER: Final = np.iinfo(np.int64).max // 2
OPERATORS: Final = ("china-mobile", "china-unicom", "china-telecom", "china-broadnet")
"""The home operator, and its three rivals."""
STATUSES: Final = ("active", "suspended_arrears", "suspended_fraud", "suspended_voluntary", "left")
CHANNELS: Final = ("field_visit", "account_manager", "outbound_call", "store", "sms", "app_push", "wechat")
PRIVATE_CHANNELS: Final = (0.04, 0.02, 0.3, 0.09, 0.2, 0.1, 0.25)
CORPORATE_CHANNELS: Final = (0.15, 0.7, 0.1, 0.0, 0.0, 0.0, 0.05)

STUDENT, YOUNG, FAMILY, WORKER, SENIOR = range(5)
_STAGES: Final = (0.12, 0.22, 0.3, 0.21, 0.15)
_CALLS_BY_STAGE: Final = np.array([0.5, 0.8, 1.1, 1.3, 0.9])
_DATA_BY_STAGE: Final = np.array([1.5, 1.5, 1.0, 0.9, 0.35])
_ARPU_BY_STAGE: Final = np.array([0.7, 1.05, 1.25, 1.1, 0.65])
_FREQUENT: Final = 0.6
"""Shape of the gamma distribution of call frequency: the top tenth makes well over a third of the calls."""


@dataclass(slots=True)
class SimulatedPopulation:
    """One array a trait, one row a subscriber.

    Attributes
    ----------
    calls, sessions, volume
        Number of calls and of data sessions, and bytes a session, as multiples of the mean.
    until, back
        The subscriber is present before ``until`` and again from ``back`` (both :data:`NEVER` for a stayer).
    erased
        From this time on nothing about the subscriber may be written.
    """

    homes: Homes
    stage: Ints
    activated: Ints
    arpu: Floats
    plan: Ints
    calls: Floats
    sessions: Floats
    volume: Floats
    off_net: Floats
    rival: Ints
    five_g: Floats
    browses: Floats
    contract_end: Ints
    broadband_end: Ints
    has_iptv: Bools
    has_fixed: Bools
    channel: Ints
    consents: Ints
    do_not_contact: Bools
    portable: Bools
    english: Bools
    star: Ints
    points: Floats
    status: Ints
    bill_day: Ints
    bill_moment: Ints
    next_recharge: Ints
    recharge_gap: Floats
    until: Ints
    back: Ints
    erased: Ints

    def __len__(self) -> int:
        return len(self.arpu)

    def present(self, who: Ints, ts: Ints) -> Bools:
        """Which of these subscribers are present, and not erased, at these times."""
        there: Bools = ((ts < self.until[who]) | (ts >= self.back[who])) & (ts < self.erased[who])
        return there


def subscriber_ids(count: int) -> list[str]:
    """Ids in the order of the rows; they look like an operator's pseudonyms, not like numbers.

    >>> subscriber_ids(2)
    ['s-000000', 's-000001']
    """
    return [f"s-{number:06d}" for number in range(count)]


def _activated(rng: np.random.Generator, count: int, start_ms: int) -> Ints:
    """Activation times: a tenth in the first year, half up to five, the rest longer ago."""
    group = rng.choice(3, count, p=(0.18, 0.47, 0.35))
    low, high = np.array([0.3, 12, 61])[group], np.array([12.0, 61, 240])[group]
    months = low + (high - low) * rng.random(count) ** np.array([1.0, 1.2, 1.8])[group]
    ts: Ints = start_ms - (months * 30.4 * DAY_MS).astype(np.int64)
    return ts


def _ends(rng: np.random.Generator, count: int, start_ms: int, share: float) -> Ints:
    """Contract ends, spread from two months ago to two years ahead; -1 without a contract."""
    days = rng.uniform(-60, 730, count)
    ends: Ints = np.where(rng.random(count) < share, start_ms + (days * DAY_MS).astype(np.int64), -1)
    return ends


def _unit_mean(values: Floats) -> Floats:
    """Scale to mean 1, so that the rates hold for any mix."""
    scaled: Floats = values / max(float(values.mean()), 1e-12)
    return scaled


def settle(rng: np.random.Generator, count: int, start_ms: int) -> SimulatedPopulation:
    """Draw a population as it stands at ``start_ms``."""
    places = homes.settle(rng, count)
    corporate = places.corporate
    stage = np.where(corporate, WORKER, rng.choice(5, count, p=_STAGES))
    volume = rng.lognormal(0, 0.8, count)
    spread = rng.lognormal(0, 0.55, count) * volume**0.25 * _ARPU_BY_STAGE[stage] * np.where(corporate, 1.3, 1.0)
    spread = np.where(places.main >= 0, spread * 0.45, spread)  # a sub-card uses the main card's plan
    arpu = np.round(np.clip(58 * spread / np.median(spread), 5, 600), 2) if count else spread
    activated = _activated(rng, count, start_ms)
    years = (start_ms - activated) / (365 * DAY_MS)
    gap = rng.lognormal(np.log(27), 0.25, count)
    due = start_ms + (gap * rng.random(count) * DAY_MS).astype(np.int64)
    return SimulatedPopulation(
        homes=places,
        stage=stage,
        activated=activated,
        arpu=arpu,
        plan=plan_fitting(arpu),
        calls=_unit_mean(rng.gamma(_FREQUENT, 1 / _FREQUENT, count) * _CALLS_BY_STAGE[stage]),
        sessions=_unit_mean(rng.gamma(1.5, 1 / 1.5, count) * _DATA_BY_STAGE[stage]),
        volume=volume,
        off_net=rng.beta(3, 5, count),
        rival=rng.choice([1, 2, 3], count, p=(0.4, 0.45, 0.15)),
        five_g=rng.beta(2, 2, count),
        browses=rng.gamma(0.15, 1 / 0.15, count),
        contract_end=_ends(rng, count, start_ms, 0.6),
        broadband_end=np.where(corporate | (places.main >= 0), -1, _ends(rng, count, start_ms, 0.45)),
        has_iptv=rng.random(count) < 0.5,
        has_fixed=rng.random(count) < 0.08,
        channel=np.where(
            corporate, rng.choice(7, count, p=CORPORATE_CHANNELS), rng.choice(7, count, p=PRIVATE_CHANNELS)
        ),
        consents=np.where(rng.random(count) < 0.9, -1, rng.integers(0, 1 << 9, count)),
        do_not_contact=rng.random(count) < 0.03,
        portable=(rng.random(count) < 0.93) & (activated < start_ms - 120 * DAY_MS),
        english=rng.random(count) < 0.03,
        star=np.clip(np.floor(np.log2(np.maximum(arpu, 1) / 15) + years / 4 + rng.random(count)), 0, 5).astype(
            np.int64
        ),
        points=np.round(arpu * np.minimum(years, 3) * rng.uniform(2, 8, count)),
        status=np.zeros(count, dtype=np.int64),
        bill_day=np.where(corporate, rng.integers(5, 26, count), 1),
        bill_moment=rng.integers(0, 6 * 3_600_000, count),
        next_recharge=np.where(corporate, NEVER, due),
        recharge_gap=gap,
        until=np.full(count, NEVER),
        back=np.full(count, NEVER),
        erased=np.full(count, NEVER),
    )
