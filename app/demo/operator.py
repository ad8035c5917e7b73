"""The simulated operator's front line: its units, their capacity, and who works there.

A policy like any operator's: published to the demonstration's own ``churn.policy.v1``, where ``holdfast policy show``
finds it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from app.simulator.people.homes import ACCOUNT_UNITS, UNITS
from models.contract.events import Channel
from models.contract.policy import CapacityException, Policy, UnitPolicy
from models.contract.time_units import HOUR_MS

VERSION: Final = "demo-1"
_GRID: Final[dict[Channel, int]] = {
    "field_visit": 1,
    "account_manager": 2,
    "outbound_call": 2,
    "store": 1,
    "sms": 1,
    "app_push": 1,
    "wechat": 1,
}
"""Enough for the dozen customers of a grid on most days."""
_KEY_ACCOUNTS: Final[dict[Channel, int]] = {"field_visit": 1, "account_manager": 1, "outbound_call": 1}
_SICK: Final = "tianhe-03"
"""The unit of the customers in the stories of the keys 1 to 5; its one visitor is ill."""
_AWAY: Final = ("yuexiu", "baiyun")
"""Districts that train for some days: only what is urgent goes out there, and the rest waits, less long than
``desk.wait_days``."""
_DAYS: Final = 2


def simulated_policy(live_ms: int) -> Policy:
    """The shipped policy with the operator's units.

    Parameters
    ----------
    live_ms
        When the live part begins; its first days are capacity exceptions for some units.

    Examples
    --------
    >>> policy = simulated_policy(1_780_000_000_000)
    >>> len(policy.units), policy.units[2].name, policy.units[2].exceptions[0].first
    (33, 'tianhe-03', '2026-05-29')
    """
    grids = [_grid(number, name, live_ms) for number, name in enumerate(UNITS, 1)]
    accounts = [
        UnitPolicy(name=name, head=f"head-{name}", capacity=dict(_KEY_ACCOUNTS), target=1) for name in ACCOUNT_UNITS
    ]
    return Policy(version=VERSION, units=(*grids, *accounts))


def _grid(number: int, name: str, live_ms: int) -> UnitPolicy:
    """A grid: one visitor, specialist and counter, two people each for calls and in the assault team."""
    first, last = _date(live_ms), _date(live_ms, _DAYS - 1)
    exceptions: tuple[CapacityException, ...] = ()
    if name == _SICK:
        exceptions = (CapacityException(first=first, last=last, channel="field_visit"),)
    elif name.startswith(_AWAY):
        exceptions = (CapacityException(first=first, last=last),)
    return UnitPolicy(
        name=name,
        head=f"head-{number}",
        capacity=dict(_GRID),
        exceptions=exceptions,
        team={
            "assault_team": (f"assault-{number}a", f"assault-{number}b"),
            "caller": (f"caller-{number}a", f"caller-{number}b"),
            "visitor": (f"visitor-{number}",),
            "disconnect_specialist": (f"specialist-{number}",),
            "counter": (f"counter-{number}",),
        },
        target=1,
    )


def _date(ms: int, days: int = 0) -> str:
    hours = Policy().contact.utc_offset_hours
    local = datetime.fromtimestamp((ms + hours * HOUR_MS) / 1000, UTC)
    return (local + timedelta(days=days)).date().isoformat()
