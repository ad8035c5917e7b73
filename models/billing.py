"""What billing leaves behind beside the accruals: the last bills, the recharges' rhythm, the last change of plan."""

from __future__ import annotations

from datetime import UTC, datetime
from math import isnan
from typing import Final

from models.columns import BILLING, NAN
from models.events import Billing
from models.population import Population

_PERIOD: Final = BILLING.index["period"]
_BILLS: Final = slice(BILLING.index["bill"], BILLING.index["bill_three_before"] + 1)
_RECHARGES: Final = BILLING.index["recharges"]
_RECHARGE_FIRST: Final = BILLING.index["recharge_first_ts"]
_RECHARGE_LAST: Final = BILLING.index["recharge_last_ts"]
_PLAN_TS: Final = BILLING.index["plan_change_ts"]
_PLAN_FEE: Final = BILLING.index["plan_fee"]
_PLAN_CHANGE: Final = BILLING.index["plan_fee_change"]


def take_billing(population: Population, row: int, held: list[float], event: Billing) -> None:
    """Move the columns of the ``billing`` block behind the sums."""
    ts = float(event.ts)
    if event.kind == "bill":
        _take_bill(held, event)
    elif event.kind == "recharge":
        held[_RECHARGES] += 1.0
        held[_RECHARGE_FIRST] = held[_RECHARGE_FIRST] if held[_RECHARGE_FIRST] < ts else ts
        held[_RECHARGE_LAST] = held[_RECHARGE_LAST] if ts < held[_RECHARGE_LAST] else ts
    elif event.kind == "plan_change" and not ts < held[_PLAN_TS]:
        before = held[_PLAN_FEE] if event.from_fee is None else event.from_fee
        held[_PLAN_TS] = ts
        held[_PLAN_FEE] = NAN if event.fee is None else event.fee
        held[_PLAN_CHANGE] = held[_PLAN_FEE] / before - 1.0 if before > 0 else NAN


def month_number(year: int, month: int) -> int:
    """Months since January of the year 0.

    Examples
    --------
    >>> month_number(2026, 1) - month_number(2025, 12)
    1
    """
    return 12 * year + month - 1


def _take_bill(held: list[float], event: Billing) -> None:
    """Put a bill at its period: a later word on a period replaces the former one."""
    day = datetime.fromtimestamp(event.ts / 1000, UTC)
    told = month_number(day.year, day.month)
    period = told if event.period is None else month_number(int(event.period[:4]), int(event.period[5:]))
    if period > told + 1:
        return  # one mistyped year would push out every bill to come
    bills, size = held[_BILLS], _BILLS.stop - _BILLS.start
    newest = held[_PERIOD]
    if not period <= newest:
        gap = size if isnan(newest) else min(int(period - newest), size)
        bills = [NAN] * gap + bills[: size - gap]
        held[_PERIOD] = newest = float(period)
    back = int(newest - period)
    if back < size:
        bills[back] = event.amount
    held[_BILLS] = bills
