"""A subscriber's profile as the operator knows it: a row of the population as the profiles' topic shows it."""

from __future__ import annotations

from typing import Any, Final

from app.simulator.people.homes import ACCOUNT_UNITS, UNITS
from app.simulator.people.population import CHANNELS, FEES, PLANS, STATUSES, SimulatedPopulation
from models.contract.time_units import DAY_MS

_VALUED: Final = 150.0
"""Revenue from which a private customer has an account manager."""


def _products(population: SimulatedPopulation, who: int) -> list[dict[str, Any]]:
    """The mobile line, and the home products on it."""
    held: list[dict[str, Any]] = [{"product": "mobile"}]
    if (end := int(population.contract_end[who])) >= 0:
        held[0]["contract_end_ts"] = end
    if (end := int(population.broadband_end[who])) >= 0:
        held.append({"product": "broadband", "contract_end_ts": end})
        if population.has_iptv[who]:
            held.append({"product": "iptv", "contract_end_ts": end})
        if population.has_fixed[who]:
            held.append({"product": "fixed"})
    return held


def _consent(bits: int) -> dict[str, Any]:
    """Full consent for most; for the others one bit a channel and one for each use of their data."""
    return {
        "marketing": {channel: bool(bits >> at & 1) for at, channel in enumerate(CHANNELS)},
        "behaviour": bool(bits >> 7 & 1),
        "profiling": bool(bits >> 8 & 1),
    }


def _belonging(population: SimulatedPopulation, who: int) -> dict[str, Any]:
    """Account, or household and main card; unit and account manager."""
    homes = population.homes
    unit = UNITS[int(homes.unit[who])]
    if (account := int(homes.account[who])) >= 0:
        return {
            "customer_id": f"c-{who:06d}",
            "account_id": f"a-{account:04d}",
            "account_size": int(homes.account_size[who]),
            "account_unit": ACCOUNT_UNITS[account % len(ACCOUNT_UNITS)],
            "unit": unit,
            "manager": f"manager-{account % 40}",
        }
    told: dict[str, Any] = {
        "customer_id": f"c-{int(homes.customer[who]):06d}",
        "household_id": f"h-{int(homes.household[who]):06d}",
        "unit": unit,
    }
    if (main := int(homes.main[who])) >= 0:
        told["main_subscriber_id"] = f"s-{main:06d}"
    if population.arpu[who] >= _VALUED:
        told["manager"] = f"manager-{40 + int(homes.unit[who])}"
    return told


def profile(population: SimulatedPopulation, who: int, ts: int) -> dict[str, Any]:
    """The whole profile at ``ts``, without the subscriber's id and the event's."""
    months_left = max(0.0, (int(population.contract_end[who]) - ts) / (30 * DAY_MS))
    fee = float(FEES[population.plan[who]])
    return {
        "ts": ts,
        "activated_ts": int(population.activated[who]),
        "arpu": round(float(population.arpu[who]), 2),
        "plan": PLANS[int(population.plan[who])],
        "products": _products(population, who),
        **_belonging(population, who),
        "preferred_channel": CHANNELS[int(population.channel[who])],
        "language": "en" if population.english[who] else "zh",
        "penalty": round(0.2 * fee * months_left, 2),
        "points": float(population.points[who]),
        "star": int(population.star[who]),
        "portable": bool(population.portable[who]),
        "consent": _consent(int(population.consents[who])),
        "do_not_contact": bool(population.do_not_contact[who]),
        "status": STATUSES[int(population.status[who])],
    }
