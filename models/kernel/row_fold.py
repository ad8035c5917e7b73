"""Updates of a subscriber's row by one event."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from models.arrays import Floats, Hashes, Ints
from models.kernel.arithmetic import NAN
from models.kernel.compiling import compiled
from models.kernel.places import (
    A_BILL,
    ACCRUAL,
    ACTIVITY_BIT,
    ALIVE,
    BEHAVIOUR,
    BILL,
    BILL_KIND,
    BILLING_BIT,
    BILLING_DISPUTE,
    CALL,
    CALLS_BIT,
    CARE_BIT,
    CARE_CONTACT,
    CHECKOUT_PAGE,
    CODE,
    CODE_TS,
    COMPLAINT,
    DATA_BIT,
    DATA_USE,
    DAY,
    FAULT,
    FIRST,
    FIRST_TS,
    FLAGS,
    FOURTH,
    KEPT,
    KEPT_BIT,
    KIND,
    LAST_TS,
    LEAVE_INTENT,
    LEAVE_INTENT_TS,
    OFF_NET,
    PENALTY_QUERY,
    PERIOD,
    PLAN_CHANGE,
    PLAN_CHANGE_TS,
    PLAN_FEE,
    PLAN_FEE_CHANGE,
    PORT_OUT_CODE,
    PORT_OUT_QUERY,
    PORTABILITY_PAGE,
    QUERY_TS,
    RECHARGE,
    RECHARGE_FIRST_TS,
    RECHARGE_LAST_TS,
    RECHARGES,
    RIVAL_CARE,
    RIVAL_TS,
    SATISFACTION,
    SATISFACTION_TS,
    SATISFIED,
    SECOND,
    SEEN,
    SLOT,
    STORE_PAGE,
    SUBCARD_UNLINK,
    SUSPEND,
    THIRD,
    TRANSFER,
    TS,
    VISIT,
    VISITS_BIT,
)

if TYPE_CHECKING:  # the generator reads this part to make that file
    from models.kernel.compiled import fold_billing, fold_calls, fold_care, fold_data, fold_visits

Visits = tuple[Ints, Ints, Floats]
"""Kept visits: slot of each row, number of visits in each slot, and the visits."""


@compiled
def touch(row: int, bits: int, dirty: Ints, touched: Ints) -> None:
    """Mark parts of a row to be written. `touched` holds the rows, after their number in its first entry."""
    if dirty[row] == 0:
        touched[0] += 1
        touched[touched[0]] = row
    dirty[row] |= bits


@compiled
def admit(ring: Hashes, event: int) -> bool:
    """Whether an event id is new; it is remembered, up to 16 per subscriber."""
    for at in range(SEEN):
        if ring[at] == event:
            return False
    at = int(ring[SEEN])
    ring[at] = event
    ring[SEEN] = np.uint64((at + 1) % SEEN)
    return True


@compiled
def month_of(ts: float) -> int:
    """Months since January of the year 0, in UTC.

    Days are counted from March, so that the leap day is the last of a year.
    """
    day = int(ts // DAY) + 719_468
    era = day // 146_097
    of_era = day - era * 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    march = (5 * of_year + 2) // 153
    month = march + 3 if march < 10 else march - 9
    return 12 * (year + era * 400 + (1 if month <= 2 else 0)) + month - 1


@compiled
def take_bill(r: Floats, ts: float, amount: float, period: float) -> None:
    """Store a bill at its period (months since the year 0, NaN: that of `ts`); a later bill of a period replaces it."""
    month = float(month_of(ts))
    if math.isnan(period):
        period = month
    if period > month + 1.0:
        return  # one mistyped year would displace every later bill
    newest = r[PERIOD]
    if not period <= newest:
        gap = 4 if math.isnan(newest) else int(min(period - newest, 4.0))
        for at in range(3, -1, -1):
            r[BILL + at] = r[BILL + at - gap] if at >= gap else NAN
        r[PERIOD] = period
        newest = period
    back = newest - period
    if back < 4.0:
        r[BILL + int(back)] = amount


@compiled
def take_billing(r: Floats, e: Floats, ts: float) -> None:
    """Store the last bills, the times of recharges, and the last change of plan."""
    kind = int(e[CODE])
    if kind == A_BILL:
        take_bill(r, ts, e[FIRST], e[SECOND])
    elif kind == RECHARGE:
        r[RECHARGES] += 1.0
        if not r[RECHARGE_FIRST_TS] < ts:
            r[RECHARGE_FIRST_TS] = ts
        if not ts < r[RECHARGE_LAST_TS]:
            r[RECHARGE_LAST_TS] = ts
    elif kind == PLAN_CHANGE and not ts < r[PLAN_CHANGE_TS]:
        before = r[PLAN_FEE] if math.isnan(e[FOURTH]) else e[FOURTH]
        r[PLAN_CHANGE_TS] = ts
        r[PLAN_FEE] = e[THIRD]
        r[PLAN_FEE_CHANGE] = e[THIRD] / before - 1.0 if before > 0.0 and not math.isnan(e[THIRD]) else NAN


@compiled
def take_call(r: Floats, e: Floats, ts: float) -> None:
    """Fold a call; a short message counts as ``sms`` and, to a competitor's hotline, as ``rival_care``."""
    network, slot, flags = int(e[CODE]), int(e[SLOT]), int(e[FLAGS])
    voice = float(flags & 1)
    off_net = voice if network == OFF_NET else 0.0
    fold_calls(
        r,
        ts,
        calls=voice,
        minutes=e[FIRST] / 60.0 * voice,
        off_net=off_net,
        rival_care=1.0 if network == RIVAL_CARE else 0.0,
        dropped=voice * float((flags >> 1) & 1),
        sms=1.0 - voice,
        outgoing=voice * float((flags >> 3) & 1),
        forwarded=voice * float((flags >> 2) & 1),
        mobile=off_net if slot == 0 else 0.0,
        unicom=off_net if slot == 1 else 0.0,
        telecom=off_net if slot == 2 else 0.0,
        broadnet=off_net if slot == 3 else 0.0,
        other=off_net if slot == 4 else 0.0,
    )


@compiled
def move_visit(kept: Floats, at: int, to: int) -> None:
    """Copy a kept visit over another."""
    for column in range(3):
        kept[to, column] = kept[at, column]


@compiled
def take_visit(r: Floats, e: Floats, ts: float, kept: Floats, count: int) -> int:
    """Fold a visit to a competitor's site and keep it, the oldest first; returns the number of kept visits."""
    page = int(e[CODE])
    fold_visits(
        r,
        ts,
        visits=1.0,
        dwell=e[FIRST],
        pages=e[SECOND],
        portability=1.0 if page == PORTABILITY_PAGE else 0.0,
        shop=1.0 if page in (STORE_PAGE, CHECKOUT_PAGE) else 0.0,
    )
    latest = RIVAL_TS + int(e[SLOT])
    if not ts < r[latest]:
        r[latest] = ts
    if count == KEPT:
        if ts < kept[0, 0]:
            return count
        for at in range(KEPT - 1):
            move_visit(kept, at + 1, at)
        count -= 1
    at = count
    while at > 0 and kept[at - 1, 0] > ts:
        move_visit(kept, at - 1, at)
        at -= 1
    kept[at, 0] = ts
    kept[at, 1] = e[FIRST]
    kept[at, 2] = e[CODE]
    return count + 1


@compiled
def take_care(r: Floats, e: Floats, ts: float) -> None:
    """Fold a care contact by its reason; a resolved case is not another contact."""
    reason, opened = int(e[CODE]), 1.0 - e[SLOT]
    fold_care(
        r,
        ts,
        contacts=opened,
        leave_intent=opened if reason == LEAVE_INTENT else 0.0,
        query=opened if reason == PORT_OUT_QUERY else 0.0,
        code=opened if reason == PORT_OUT_CODE else 0.0,
        penalty_query=opened if reason == PENALTY_QUERY else 0.0,
        complaint=opened if reason in (COMPLAINT, BILLING_DISPUTE) else 0.0,
        fault=opened if reason == FAULT else 0.0,
        suspend=opened if reason == SUSPEND else 0.0,
        subcard=opened if reason == SUBCARD_UNLINK else 0.0,
        transfer=opened if reason == TRANSFER else 0.0,
    )
    if opened == 1.0:
        if reason == LEAVE_INTENT and not ts < r[LEAVE_INTENT_TS]:
            r[LEAVE_INTENT_TS] = ts
        elif reason == PORT_OUT_QUERY and not ts < r[QUERY_TS]:
            r[QUERY_TS] = ts
        elif reason == PORT_OUT_CODE and not ts < r[CODE_TS]:
            r[CODE_TS] = ts
    if reason == SATISFIED and not math.isnan(e[FIRST]) and not ts < r[SATISFACTION_TS]:
        r[SATISFACTION] = e[FIRST]
        r[SATISFACTION_TS] = ts


@compiled
def take(
    r: Floats,
    e: Floats,
    row: int,
    marks: Ints,
    dirty: Ints,
    touched: Ints,
    visits: Visits,
) -> None:
    """Fold one event into its subscriber's row, and mark the subscriber as known.

    Visits of a subscriber who refused the use of site visits have no effect at all.
    """
    ts, kind, bits = e[TS], int(e[KIND]), 0
    if not marks[row] & ALIVE:
        marks[row] |= ALIVE
        bits = ACTIVITY_BIT
    if kind == CALL:
        take_call(r, e, ts)
        bits |= CALLS_BIT
    elif kind == DATA_USE:
        flags = int(e[FLAGS])
        fold_data(r, ts, mb=e[FIRST] / 1e6, sessions=1.0, failed=float(flags & 1), throttled=float((flags >> 1) & 1))
        bits |= DATA_BIT
    elif kind == BILL_KIND:
        fold_billing(r, ts, accrued=e[FIRST] if int(e[CODE]) == ACCRUAL else 0.0)
        take_billing(r, e, ts)
        bits |= BILLING_BIT
    elif kind == VISIT and r[BEHAVIOUR] != 0.0:
        slots, counts, kept = visits
        slot = slots[row]
        counts[slot] = take_visit(r, e, ts, kept[slot], counts[slot])
        bits |= VISITS_BIT | KEPT_BIT
    elif kind == CARE_CONTACT:
        take_care(r, e, ts)
        bits |= CARE_BIT
    if kind <= CARE_CONTACT and not (kind == VISIT and r[BEHAVIOUR] == 0.0):
        if not r[FIRST_TS] < ts:
            r[FIRST_TS] = ts
            bits |= ACTIVITY_BIT
        if not ts < r[LAST_TS]:
            r[LAST_TS] = ts
            bits |= ACTIVITY_BIT
    if bits:
        touch(row, bits, dirty, touched)
