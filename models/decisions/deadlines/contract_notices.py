"""Notices that a contract ends: which are due at a tick, and when the next one is.

A notice is given at the tick that lies some days before the end, and only then, so no state is needed of which were
given. If contracts of several products end on one day, the first notice covers all. Once the customer knows of an end,
no further notice is given.
"""

from __future__ import annotations

from math import inf, isnan
from typing import Final

from models.arrays import Floats
from models.contract.policy import ExpiryPolicy
from models.contract.time_units import DAY_MS
from models.decisions.signals import ORDINARY, STRONG, Signal
from models.decisions.ticks import TICK_MS
from models.features.account import PRODUCTS
from models.kernel.places import CONTRACT_END, TOLD_END

_PRODUCTS: Final = tuple(PRODUCTS)
_ENDS: Final = slice(CONTRACT_END, CONTRACT_END + len(_PRODUCTS))
_TOLD: Final = slice(TOLD_END, TOLD_END + len(_PRODUCTS))


def code_of(product: str) -> str:
    """The feature that holds when a product's contract ends; also the code of the notice's reason."""
    return f"contract_days_left_{product}"


def end_of(columns: Floats, product: str) -> float:
    """When a product's contract ends; NaN for never."""
    return float(columns[CONTRACT_END + _PRODUCTS.index(product)])


def beside(columns: Floats, product: str) -> list[str]:
    """Other products whose contracts end on the same day."""
    end = end_of(columns, product)
    return [each for each in _PRODUCTS if each != product and abs(end_of(columns, each) - end) < DAY_MS]


def next_notice(columns: Floats, policy: ExpiryPolicy, after: float) -> float:
    """When the next notice is due, of any product; infinity for none.

    Examples
    --------
    >>> from models.state.population import Population
    >>> columns, day = Population().table[0], 86_400_000
    >>> columns[CONTRACT_END] = 100 * day
    >>> next_notice(columns, ExpiryPolicy(), 0.0) / day, next_notice(columns, ExpiryPolicy(), 10.0 * day) / day
    (10.0, 40.0)
    >>> columns[TOLD_END] = columns[CONTRACT_END]
    >>> next_notice(columns, ExpiryPolicy(), 0.0)
    inf
    """
    soonest = inf
    ends = columns[_ENDS].tolist()
    if all(map(isnan, ends)):
        return inf  # most subscribers have none, and every decision calls this
    for end, told in zip(ends, columns[_TOLD].tolist(), strict=True):
        if end == told:
            continue
        for days in policy.notice_days:
            at = end - days * DAY_MS
            if after < at < soonest:
                soonest = at
    return soonest


def due_notices(columns: Floats, policy: ExpiryPolicy, tick: int) -> list[Signal]:
    """The notices due at a tick."""
    found = []
    told = dict(zip(_PRODUCTS, columns[_TOLD].tolist(), strict=True))
    for place, product in enumerate(_PRODUCTS):
        end = end_of(columns, product)
        led = any(_PRODUCTS.index(other) < place for other in beside(columns, product))
        if led or end == told[product]:
            continue
        days = [each for each in policy.notice_days if tick - TICK_MS < end - each * DAY_MS <= tick]
        if days:
            level = STRONG if min(days) <= policy.urgent_days else ORDINARY
            found.append(Signal("contract_expiry", level, code_of(product), min(days), int(end), product))
    return found


def tell(columns: Floats, product: str) -> None:
    """Note that the customer knows when this contract ends, and those that end with it."""
    for each in (product, *beside(columns, product)):
        place = _PRODUCTS.index(each)
        columns[TOLD_END + place] = columns[CONTRACT_END + place]
