"""The hot path in one file, made by :mod:`models.features.kernel_text`; ``python -m app.generate.kernel`` writes it."""

# ruff: noqa
from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from models.kernel.compiling import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Bytes = npt.NDArray[np.uint8]
Statuses = npt.NDArray[np.int8]
Arrivals = tuple[Floats, Hashes]
State = tuple[Floats, Hashes, Ints, Ints, Ints]
Visits = tuple[Ints, Ints, Floats]
Model = tuple[Floats, Floats, Floats]
Words = tuple[Ints, Bytes]
Contract = tuple[Ints, Floats, Floats, Ints]
Room = tuple[Ints, Ints, Hashes]
Columns = tuple[Hashes, Hashes, Ints, Hashes, Ints, Ints, Hashes]
Names = tuple[Bytes, Ints]

LATE_MS = 604800000
DAY_MS = 86400000
DAY = 86400000.0
LATE = 604800000.0
TICK = 900000.0
FIRST_TS = 0
LAST_TS = 1
RISK_ = 2
SCORED_TS = 3
PUBLISHED = 4
TIER = 5
TIER_TS = 6
DUE_TS = 7
ABOVE = 10
REACHED = 11
REACHED_TS = 12
CANDIDATE_TS = 13
STAYED_TS = 14
DECLINED_TS = 19
TOLD_END = 15
BROWSING_LEVEL = 8
BROWSING_UNTIL = 9
CALLS_REF = 20
CALLS_FIRST = 21
CALLS_7 = 24
CALLS_30 = 29
OFF_NET_7 = 26
OFF_NET_30 = 33
SMS_30 = 31
FORWARDED_7 = 43
FORWARDED_30 = 35
DATA_REF = 44
DATA_FIRST = 45
MB_7 = 48
MB_30 = 52
SESSIONS_30 = 53
VISITS_REF = 56
RIVAL_TS = 69
CARE_REF = 74
LEAVE_INTENT_TS = 86
QUERY_TS = 87
CODE_TS = 88
SATISFACTION = 91
SATISFACTION_TS = 92
BILLING_REF = 96
PERIOD = 100
BILL = 101
RECHARGES = 105
RECHARGE_FIRST_TS = 106
RECHARGE_LAST_TS = 107
PLAN_CHANGE_TS = 108
PLAN_FEE = 109
PLAN_FEE_CHANGE = 110
CONTRACT_END = 122
CORPORATE = 118
BEHAVIOUR = 126
LEFT = 129
LEFT_TS = 130
OUTCOME_CODE = 128
RISK_BIT = 2
ACTIVITY_BIT = 1
SEEN_BIT = 4
CALLS_BIT = 8
DATA_BIT = 16
VISITS_BIT = 32
CARE_BIT = 64
BILLING_BIT = 128
KEPT_BIT = 1024
SEEN = 16
KEPT = 32
ALIVE = 1
SILENT = 2
QUEUED = 4
UNPROFILED = 8
CALL = 0
DATA_USE = 1
BILL_KIND = 2
VISIT = 3
CARE_CONTACT = 4
CONTACT = 5
FEEDBACK = 6
OUTCOME_ = 7
PROFILED = 8
DELETION = 9
ERASURE = 10
KINDS = 11
IGNORED = 16
TS = 0
ROW = 1
KIND = 2
CODE = 3
SLOT = 4
FLAGS = 5
FIRST = 6
SECOND = 7
THIRD = 8
FOURTH = 9
ARRIVAL = 10
OFF_NET = 1
RIVAL_CARE = 5
PORTABILITY_PAGE = 2
STORE_PAGE = 3
CHECKOUT_PAGE = 4
LEAVE_INTENT = 0
PORT_OUT_QUERY = 2
PORT_OUT_CODE = 3
PENALTY_QUERY = 4
COMPLAINT = 5
BILLING_DISPUTE = 6
FAULT = 7
SUSPEND = 8
SUBCARD_UNLINK = 9
TRANSFER = 10
SATISFIED = 11
ACCRUAL = 0
A_BILL = 1
RECHARGE = 2
PLAN_CHANGE = 3
WATERMARK = 0
LAST_TICK = 1
NEXT_TICK = 2
FEEDS = 3
ROOM = 8
WHY = 9
IS_LATE = 10
NOW = 11
SCORE = 12
HISTORY = 13
FRESH = 14
CAME_FROM = 15
LANE = 16
WAKES = 2
SIGNALS = 4
RARE = 8
TICKS = 16
FULL = 32
REPEATED = 64
APPLIED = 0
DUPLICATE = 1
TOO_LATE = 2
KEPT_AWAY = 3
COUNTS = 4
INTERCEPT = 0
CUT_WARNING = 1
HIGH_ABOVE = 2
WARNING_LEFT = 3
HIGH_LEFT = 4
SMOOTHING = 5
CALM = 6
RAISES = 7
MIN_HISTORY = 8
SCORE_STEP = 9
SILENCE_FLOOR = 10
SILENCE_GAPS = 11
SILENCE_PER_WEEK = 12
SILENCE_HISTORY = 13
BROWSE_WINDOW = 14
BROWSE_VISITS = 15
BROWSE_DWELL = 16
BROWSE_PAGE_DWELL = 17
EXCLUDED_PAGES = 18
STRONG_PAGES = 19
IDLE = 20
BROWSING_TTL = 21
DECLINE_PLAN = 22
DECLINE_MONTH = 23
DECLINE_SEGMENT = 24
DECLINE_HIGH = 25
DECLINE_CALLS = 26
DECLINE_DATA = 27
DECLINE_OFF_NET = 28
DECLINE_LEAST = 29
DECLINE_QUIET = 30
ACCOUNT_FORWARDED = 31
ACCOUNT_BILL = 32
ACCOUNT_LEAST = 33
PARAMETERS = 34
HASHED = 0
VALUE = 1
WORD_AT = 2
WORD_LENGTH = 3
SLOT_WIDTH = 4
VALUE_AT = 0
VALUE_LENGTH = 1
KEY_AT = 2
KEY_LENGTH = 3
OFFSET = 4
STAMP = 5
TOPIC = 6
RECORD_KIND = 7
DATE = 8
RECORD = 9
PLAIN = 0
NOT_PLAIN = 1
LONGEST_VALUE = 8192
LONGEST_KEY = 256
FIELDS_A_KIND = 16
READS = 0
GOES_TO = 1
BITS = 2
SHORTEST = 3
LONGEST = 4
NAME_AT = 5
NAME_LENGTH = 6
FIELD = 7
NOWHERE = -1
LOW = 0
HIGH = 1
WHOLE = 1
NUMBER = 2
SWITCH = 3
CHOICE = 4
TEXT = 5
OPERATOR = 6
MONTH = 7
EVENT_ID = 8
SUBSCRIBER = 9
PART_BIT = 0
PART_CODE = 1
PART_START = 2
PART_WIDTH = 3
RING_PART = 0
KEPT_PART = 1
AT = 0
COUNT = 1
TAKEN = 2
ALL_COLUMNS = 1
SOME_COLUMNS = 2
KEPT_COLUMNS = 3
LONGEST_HEADS = 32
LONGEST_ROW = 2122
FIRST_NAMES = 1
OPERATORS = 8
FIRST_CHOICES = 16
ENDED = 1
FALLEN = 2
DAILY = 4
LABELLED = 8
WEEKLY = 16
LOOK_MOVES = 32
LOOK_IDLE = 64
LOOK_NEWS = 128
LOOK_PLAN = 256
LOOK_BILL = 512
LOOK_OFF_NET = 1024
LOOK_DECLINES = 1792
LOOK_FORWARDS = 2048
LOOK_PAYS_LESS = 4096
LOOK_ACCOUNT = 6144
LOOKED_PLACE = 0
LOOKED_WHY = 1
LOOKED_NOW = 2
LOOKED_RISK = 3
LOOKED_HISTORY = 4
LOOKED_PUBLISHED = 5
LOOKED_TIER = 6
LOOKED_REACHES = 7
LOOKED_LEFT = 8
LOOKED = 9

NAN = math.nan
LN2_HIGH, LN2_LOW, PER_LN2 = 6.93147180369123816490e-01, 1.90821492927058770002e-10, 1.44269504088896338700e00
P1, P2, P3 = 1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05
P4, P5 = -1.65339022054652515390e-06, 4.13813679705723846039e-08
POWERS_OF_TWO = np.array([2.0**k for k in range(-1022, 1024)])


@compiled
def exp(x: float) -> float:
    """The exponential [2]_, accurate to the last bit or two; 0 below -690, where a sum has decayed to nothing."""
    if math.isnan(x):
        return x
    if x == 0.0:
        return 1.0
    if x < -690.0:
        return 0.0
    x = min(x, 690.0)
    k = int(PER_LN2 * x + (0.5 if x >= 0.0 else -0.5))
    high = x - k * LN2_HIGH
    low = k * LN2_LOW
    r = high - low
    t = r * r
    c = r - t * (P1 + t * (P2 + t * (P3 + t * (P4 + t * P5))))
    y: float = (1.0 - ((low - (r * c) / (2.0 - c)) - high)) * POWERS_OF_TWO[k + 1022]
    return y


@compiled
def expm1(x: float) -> float:
    """``exp(x) - 1``, by its series near zero."""
    if -0.01 < x < 0.01:
        rest = 1.0 + x / 4.0 * (1.0 + x / 5.0 * (1.0 + x / 6.0 * (1.0 + x / 7.0)))
        return x * (1.0 + x / 2.0 * (1.0 + x / 3.0 * rest))
    return exp(x) - 1.0


@compiled
def fmin(a: float, b: float) -> float:
    """The smaller one; NaN is ignored."""
    if math.isnan(a):
        return b
    if math.isnan(b):
        return a
    return a if a < b else b


@compiled
def fmax(a: float, b: float) -> float:
    """The larger one; NaN is ignored."""
    if math.isnan(a):
        return b
    if math.isnan(b):
        return a
    return a if a > b else b


@compiled
def decay(elapsed: float, days: float) -> float:
    """Factor by which a sum with a time constant of `days` decays in `elapsed` ms [1]_."""
    return exp(elapsed / (-days * DAY))


@compiled
def span(age: float, days: float) -> float:
    """Days' worth of events in a sum of a subscriber observed for `age` ms.

    It approaches *days* and is less for a new subscriber: the sum of a steady rate *r* is ``r * span``. Dividing by it
    makes sums of different time constants comparable from the first week on.
    """
    return days * -expm1(age / (-days * DAY))


@compiled
def usual_rate(ref: float, first: float, count: float) -> float:
    """Events a day as of the last event, from the 30-day sums; 0 with too little history (a week, two events).

    Taken at the last event, not now: otherwise the usual gap would grow with the silence that it measures.
    """
    age = ref - first
    if age >= 7.0 * DAY and count >= 2.0:
        return count / span(age, 30.0)
    return 0.0


@compiled
def data_stage(
    elapsed: float,
    age: float,
    week: float,
    month: float,
    sessions: float,
    cancelled_days: float,
    acquired_days: float,
    losing_ratio: float,
    habit_sessions: float,
) -> float:
    """Stage of data use: 0 acquired, 1 interested, 2 habit, 3 losing interest, 4 cancelled.

    `week` and `month` are sessions a day over 7 and 30 days, `sessions` those of 30 days.
    """
    if elapsed >= cancelled_days * DAY:
        return 4.0
    if age < acquired_days * DAY:
        return 0.0
    if week < losing_ratio * month:
        return 3.0
    return 2.0 if sessions >= habit_sessions else 1.0


@compiled
def slope_of_three(last: float, middle: float, first: float) -> float:
    """Slope of the least-squares line through three equidistant points, as a share of their mean."""
    mean = (last + middle + first) / 3.0
    return (last - first) / 2.0 / mean if mean > 0.0 else NAN


@compiled
def against_known(last: float, one: float, two: float, three: float) -> float:
    """The last of four values relative to the mean of the known others."""
    total = 0.0
    known = 0.0
    for before in (one, two, three):
        if not math.isnan(before):
            total += before
            known += 1.0
    return last * known / total if total > 0.0 else NAN


@compiled
def gap_against_usual(first: float, last: float, count: float, now: float) -> float:
    """Time since the last of `count` events in units of their usual gap; NaN before the third."""
    if not count >= 3.0:
        return NAN
    usual = (last - first) / (count - 1.0)
    return max(now - last, 0.0) / usual if usual > 0.0 else NAN


@compiled
def months_since(ts: float, now: float) -> float:
    """Months from `ts` to `now`; NaN if `ts` is later."""
    months = (now - ts) / DAY / 30.4375
    return months if months >= 0.0 else NAN


@compiled
def within(value: float, low: float, high: float) -> float:
    """1 if ``low <= value < high``, else 0; NaN stays NaN."""
    if math.isnan(value):
        return NAN
    return 1.0 if low <= value < high else 0.0


@compiled
def curve(v: float, m: Floats) -> float:
    """Value of a curve at `v`.

    `m` is a row of the model: lowest knot, highest knot, value if missing, number n of segments; then, n of each, the
    starts of the segments, their values there, and their slopes.
    """
    if math.isnan(v):
        missing: float = m[2]
        return missing
    v = min(max(v, m[0]), m[1])
    n = int(m[3])
    at = 0
    while at + 1 < n and v >= m[5 + at]:
        at += 1
    found: float = (v - m[4 + at]) * m[4 + 2 * n + at] + m[4 + n + at]
    return found


@compiled
def curves(x: Floats, first: int, last: int, model: Floats) -> float:
    """Sum of the curves of the features from `first` to before `last`."""
    z = 0.0
    for f in range(first, last):
        z += curve(x[f], model[f])
    return z


@compiled
def contributions(x: Floats, model: Floats, usual: Floats, least: float, found: Floats, order: Ints) -> int:
    """How far each curve stands above what it usually says.

    Which of the features that are known do so by `least` or more, the furthest first; how many they are.
    """
    count = 0
    for f in range(len(x)):
        found[f] = curve(x[f], model[f]) - usual[f]
        if math.isnan(x[f]) or not found[f] >= least:
            continue
        at = count
        while at > 0 and found[order[at - 1]] < found[f]:
            order[at] = order[at - 1]
            at -= 1
        order[at] = f
        count += 1
    return count

@compiled
def fold_calls(r: Floats, ts: float, calls: float, minutes: float, off_net: float, rival_care: float, dropped: float, sms: float, outgoing: float, forwarded: float, mobile: float, unicom: float, telecom: float, broadnet: float, other: float) -> None:
    gap = ts - r[20]
    if math.isnan(gap):
        r[20] = r[21] = ts
        gap = 0.0
    if ts < r[21]:
        r[21] = ts
    if gap > 0.0:
        r[20] = ts
        kept = decay(gap, 1.0)
        for at in range(22, 24):
            r[at] *= kept
        kept = decay(gap, 7.0)
        for at in range(24, 29):
            r[at] *= kept
        for at in range(43, 44):
            r[at] *= kept
        kept = decay(gap, 30.0)
        for at in range(29, 41):
            r[at] *= kept
        kept = decay(gap, 90.0)
        for at in range(41, 43):
            r[at] *= kept
    if gap >= 0.0:
        r[22] += calls
        r[23] += minutes
        r[24] += calls
        r[25] += minutes
        r[26] += off_net
        r[27] += rival_care
        r[28] += dropped
        r[29] += calls
        r[30] += minutes
        r[31] += sms
        r[32] += outgoing
        r[33] += off_net
        r[34] += rival_care
        r[35] += forwarded
        r[36] += mobile
        r[37] += unicom
        r[38] += telecom
        r[39] += broadnet
        r[40] += other
        r[41] += calls
        r[42] += minutes
        r[43] += forwarded
    else:
        weight = decay(-gap, 1.0)
        r[22] += weight * calls
        r[23] += weight * minutes
        weight = decay(-gap, 7.0)
        r[24] += weight * calls
        r[25] += weight * minutes
        r[26] += weight * off_net
        r[27] += weight * rival_care
        r[28] += weight * dropped
        r[43] += weight * forwarded
        weight = decay(-gap, 30.0)
        r[29] += weight * calls
        r[30] += weight * minutes
        r[31] += weight * sms
        r[32] += weight * outgoing
        r[33] += weight * off_net
        r[34] += weight * rival_care
        r[35] += weight * forwarded
        r[36] += weight * mobile
        r[37] += weight * unicom
        r[38] += weight * telecom
        r[39] += weight * broadnet
        r[40] += weight * other
        weight = decay(-gap, 90.0)
        r[41] += weight * calls
        r[42] += weight * minutes

@compiled
def fold_data(r: Floats, ts: float, mb: float, sessions: float, failed: float, throttled: float) -> None:
    gap = ts - r[44]
    if math.isnan(gap):
        r[44] = r[45] = ts
        gap = 0.0
    if ts < r[45]:
        r[45] = ts
    if gap > 0.0:
        r[44] = ts
        kept = decay(gap, 1.0)
        for at in range(46, 48):
            r[at] *= kept
        kept = decay(gap, 7.0)
        for at in range(48, 52):
            r[at] *= kept
        kept = decay(gap, 30.0)
        for at in range(52, 54):
            r[at] *= kept
        kept = decay(gap, 90.0)
        for at in range(54, 56):
            r[at] *= kept
    if gap >= 0.0:
        r[46] += mb
        r[47] += sessions
        r[48] += mb
        r[49] += sessions
        r[50] += failed
        r[51] += throttled
        r[52] += mb
        r[53] += sessions
        r[54] += mb
        r[55] += sessions
    else:
        weight = decay(-gap, 1.0)
        r[46] += weight * mb
        r[47] += weight * sessions
        weight = decay(-gap, 7.0)
        r[48] += weight * mb
        r[49] += weight * sessions
        r[50] += weight * failed
        r[51] += weight * throttled
        weight = decay(-gap, 30.0)
        r[52] += weight * mb
        r[53] += weight * sessions
        weight = decay(-gap, 90.0)
        r[54] += weight * mb
        r[55] += weight * sessions

@compiled
def fold_visits(r: Floats, ts: float, visits: float, dwell: float, pages: float, portability: float, shop: float) -> None:
    gap = ts - r[56]
    if math.isnan(gap):
        r[56] = r[57] = ts
        gap = 0.0
    if ts < r[57]:
        r[57] = ts
    if gap > 0.0:
        r[56] = ts
        kept = decay(gap, 1.0)
        for at in range(58, 61):
            r[at] *= kept
        kept = decay(gap, 7.0)
        for at in range(61, 64):
            r[at] *= kept
        kept = decay(gap, 30.0)
        for at in range(64, 69):
            r[at] *= kept
    if gap >= 0.0:
        r[58] += visits
        r[59] += dwell
        r[60] += pages
        r[61] += visits
        r[62] += dwell
        r[63] += pages
        r[64] += visits
        r[65] += dwell
        r[66] += pages
        r[67] += portability
        r[68] += shop
    else:
        weight = decay(-gap, 1.0)
        r[58] += weight * visits
        r[59] += weight * dwell
        r[60] += weight * pages
        weight = decay(-gap, 7.0)
        r[61] += weight * visits
        r[62] += weight * dwell
        r[63] += weight * pages
        weight = decay(-gap, 30.0)
        r[64] += weight * visits
        r[65] += weight * dwell
        r[66] += weight * pages
        r[67] += weight * portability
        r[68] += weight * shop

@compiled
def fold_care(r: Floats, ts: float, contacts: float, leave_intent: float, query: float, code: float, penalty_query: float, complaint: float, fault: float, suspend: float, subcard: float, transfer: float) -> None:
    gap = ts - r[74]
    if math.isnan(gap):
        r[74] = r[75] = ts
        gap = 0.0
    if ts < r[75]:
        r[75] = ts
    if gap > 0.0:
        r[74] = ts
        kept = decay(gap, 30.0)
        for at in range(76, 86):
            r[at] *= kept
    if gap >= 0.0:
        r[76] += contacts
        r[77] += leave_intent
        r[78] += query
        r[79] += code
        r[80] += penalty_query
        r[81] += complaint
        r[82] += fault
        r[83] += suspend
        r[84] += subcard
        r[85] += transfer
    else:
        weight = decay(-gap, 30.0)
        r[76] += weight * contacts
        r[77] += weight * leave_intent
        r[78] += weight * query
        r[79] += weight * code
        r[80] += weight * penalty_query
        r[81] += weight * complaint
        r[82] += weight * fault
        r[83] += weight * suspend
        r[84] += weight * subcard
        r[85] += weight * transfer

@compiled
def fold_billing(r: Floats, ts: float, accrued: float) -> None:
    gap = ts - r[96]
    if math.isnan(gap):
        r[96] = r[97] = ts
        gap = 0.0
    if ts < r[97]:
        r[97] = ts
    if gap > 0.0:
        r[96] = ts
        kept = decay(gap, 7.0)
        for at in range(98, 99):
            r[at] *= kept
        kept = decay(gap, 30.0)
        for at in range(99, 100):
            r[at] *= kept
    if gap >= 0.0:
        r[98] += accrued
        r[99] += accrued
    else:
        weight = decay(-gap, 7.0)
        r[98] += weight * accrued
        weight = decay(-gap, 30.0)
        r[99] += weight * accrued

@compiled
def x_calls_0(r: Floats, now: float, el_calls: float, el_data: float, ur_calls: float, ur_data: float, x: Floats) -> None:
    el = max(now - r[20], 0.0)
    age = max(now - r[21], 0.0)
    ur = ur_calls
    d_1 = decay(el, 1.0)
    d_7 = decay(el, 7.0)
    d_30 = decay(el, 30.0)
    d_90 = decay(el, 90.0)
    t_broadnet_30 = r[39] * d_30
    t_calls_1 = r[22] * d_1
    t_calls_30 = r[29] * d_30
    t_calls_7 = r[24] * d_7
    t_calls_90 = r[41] * d_90
    t_dropped_7 = r[28] * d_7
    t_forwarded_30 = r[35] * d_30
    t_minutes_1 = r[23] * d_1
    t_minutes_30 = r[30] * d_30
    t_minutes_7 = r[25] * d_7
    t_minutes_90 = r[42] * d_90
    t_mobile_30 = r[36] * d_30
    t_off_net_30 = r[33] * d_30
    t_off_net_7 = r[26] * d_7
    t_other_30 = r[40] * d_30
    t_outgoing_30 = r[32] * d_30
    t_rival_care_30 = r[34] * d_30
    t_rival_care_7 = r[27] * d_7
    t_telecom_30 = r[38] * d_30
    t_unicom_30 = r[37] * d_30
    s_1 = span(age, 1.0)
    s_7 = span(age, 7.0)
    s_30 = span(age, 30.0)
    s_90 = span(age, 90.0)
    x[0] = t_calls_1  # calls_1d
    x[1] = t_calls_7  # calls_7d
    x[2] = t_calls_30  # calls_30d
    x[3] = t_minutes_1  # call_minutes_1d
    x[4] = t_minutes_7  # call_minutes_7d
    x[5] = t_minutes_30  # call_minutes_30d
    x[6] = (t_calls_1 / s_1) / (t_calls_7 / s_7) if age >= 3.0 * DAY and t_calls_7 >= 1.0 else NAN  # calls_1d_vs_7d
    x[7] = (t_calls_7 / s_7) / (t_calls_30 / s_30) if age >= 14.0 * DAY and t_calls_30 >= 1.0 else NAN  # calls_7d_vs_30d
    x[8] = (t_calls_30 / s_30) / (t_calls_90 / s_90) if age >= 45.0 * DAY and t_calls_90 >= 1.0 else NAN  # calls_30d_vs_90d
    x[9] = (t_minutes_7 / s_7) / (t_minutes_30 / s_30) if age >= 14.0 * DAY and t_minutes_30 >= 1.0 else NAN  # call_minutes_7d_vs_30d
    x[10] = (t_minutes_30 / s_30) / (t_minutes_90 / s_90) if age >= 45.0 * DAY and t_minutes_90 >= 1.0 else NAN  # call_minutes_30d_vs_90d
    x[11] = t_outgoing_30 / t_calls_30 if t_calls_30 >= 1.0 else NAN  # outgoing_share_30d
    x[12] = t_off_net_30 / t_calls_30 if t_calls_30 >= 1.0 else NAN  # off_net_share_30d
    x[13] = (t_off_net_7 / s_7) / (t_off_net_30 / s_30) if age >= 14.0 * DAY and t_off_net_30 >= 1.0 else NAN  # off_net_calls_7d_vs_30d
    x[14] = t_mobile_30 / t_calls_30 if t_calls_30 >= 1.0 else NAN  # china_mobile_share_30d
    x[15] = t_unicom_30 / t_calls_30 if t_calls_30 >= 1.0 else NAN  # china_unicom_share_30d
    x[16] = t_telecom_30 / t_calls_30 if t_calls_30 >= 1.0 else NAN  # china_telecom_share_30d
    x[17] = t_broadnet_30 / t_calls_30 if t_calls_30 >= 1.0 else NAN  # china_broadnet_share_30d
    x[18] = t_other_30 / t_calls_30 if t_calls_30 >= 1.0 else NAN  # other_operator_share_30d
    x[19] = t_rival_care_7  # competitor_care_calls_7d
    x[20] = t_rival_care_30  # competitor_care_calls_30d
    x[21] = t_forwarded_30 / t_calls_30 if t_calls_30 >= 1.0 else NAN  # forwarded_share_30d
    x[22] = t_dropped_7 / t_calls_7 if t_calls_7 >= 1.0 else NAN  # dropped_share_7d
    x[23] = el / DAY * ur if ur > 0.0 else NAN  # call_recency_vs_rhythm

@compiled
def x_data_24(r: Floats, now: float, el_calls: float, el_data: float, ur_calls: float, ur_data: float, x: Floats) -> None:
    el = max(now - r[44], 0.0)
    age = max(now - r[45], 0.0)
    ur = ur_data
    d_1 = decay(el, 1.0)
    d_7 = decay(el, 7.0)
    d_30 = decay(el, 30.0)
    d_90 = decay(el, 90.0)
    t_failed_7 = r[50] * d_7
    t_mb_1 = r[46] * d_1
    t_mb_30 = r[52] * d_30
    t_mb_7 = r[48] * d_7
    t_mb_90 = r[54] * d_90
    t_sessions_1 = r[47] * d_1
    t_sessions_30 = r[53] * d_30
    t_sessions_7 = r[49] * d_7
    t_throttled_7 = r[51] * d_7
    s_1 = span(age, 1.0)
    s_7 = span(age, 7.0)
    s_30 = span(age, 30.0)
    s_90 = span(age, 90.0)
    x[24] = t_mb_1  # data_mb_1d
    x[25] = t_mb_7  # data_mb_7d
    x[26] = t_mb_30  # data_mb_30d
    x[27] = t_sessions_1  # data_sessions_1d
    x[28] = t_sessions_7  # data_sessions_7d
    x[29] = t_sessions_30  # data_sessions_30d
    x[30] = (t_mb_1 / s_1) / (t_mb_7 / s_7) if age >= 3.0 * DAY and t_mb_7 >= 1.0 else NAN  # data_mb_1d_vs_7d
    x[31] = (t_mb_7 / s_7) / (t_mb_30 / s_30) if age >= 14.0 * DAY and t_mb_30 >= 1.0 else NAN  # data_mb_7d_vs_30d
    x[32] = (t_mb_30 / s_30) / (t_mb_90 / s_90) if age >= 45.0 * DAY and t_mb_90 >= 1.0 else NAN  # data_mb_30d_vs_90d
    x[33] = (t_sessions_7 / s_7) / (t_sessions_30 / s_30) if age >= 14.0 * DAY and t_sessions_30 >= 1.0 else NAN  # data_sessions_7d_vs_30d
    x[34] = t_failed_7 / t_sessions_7 if t_sessions_7 >= 1.0 else NAN  # data_failed_share_7d
    x[35] = t_throttled_7 / t_sessions_7 if t_sessions_7 >= 1.0 else NAN  # data_throttled_share_7d
    x[36] = el / DAY * ur if ur > 0.0 else NAN  # data_recency_vs_rhythm
    x[37] = 1.0 if data_stage(el, age, t_sessions_7 / s_7, t_sessions_30 / s_30, t_sessions_30, 30.0, 30.0, 0.5, 15.0) == 0.0 else 0.0  # data_stage_acquired
    x[38] = 1.0 if data_stage(el, age, t_sessions_7 / s_7, t_sessions_30 / s_30, t_sessions_30, 30.0, 30.0, 0.5, 15.0) == 1.0 else 0.0  # data_stage_interested
    x[39] = 1.0 if data_stage(el, age, t_sessions_7 / s_7, t_sessions_30 / s_30, t_sessions_30, 30.0, 30.0, 0.5, 15.0) == 2.0 else 0.0  # data_stage_habit
    x[40] = 1.0 if data_stage(el, age, t_sessions_7 / s_7, t_sessions_30 / s_30, t_sessions_30, 30.0, 30.0, 0.5, 15.0) == 3.0 else 0.0  # data_stage_losing_interest
    x[41] = 1.0 if data_stage(el, age, t_sessions_7 / s_7, t_sessions_30 / s_30, t_sessions_30, 30.0, 30.0, 0.5, 15.0) == 4.0 else 0.0  # data_stage_cancelled

@compiled
def x_usage_42(r: Floats, now: float, el_calls: float, el_data: float, ur_calls: float, ur_data: float, x: Floats) -> None:
    x[42] = fmin(el_calls, el_data) / DAY  # silent_days
    x[43] = fmin(el_calls, el_data) / DAY * (ur_calls + ur_data) if (ur_calls + ur_data) > 0.0 else NAN  # recency_vs_rhythm

@compiled
def x_visits_44(r: Floats, now: float, el_calls: float, el_data: float, ur_calls: float, ur_data: float, x: Floats) -> None:
    el = fmax(now - r[56], 0.0)
    refused = NAN if r[126] == 0.0 else 0.0
    d_1 = decay(el, 1.0)
    d_7 = decay(el, 7.0)
    d_30 = decay(el, 30.0)
    t_dwell_1 = r[59] * d_1
    t_dwell_30 = r[65] * d_30
    t_dwell_7 = r[62] * d_7
    t_pages_1 = r[60] * d_1
    t_pages_30 = r[66] * d_30
    t_pages_7 = r[63] * d_7
    t_portability_30 = r[67] * d_30
    t_shop_30 = r[68] * d_30
    t_visits_1 = r[58] * d_1
    t_visits_30 = r[64] * d_30
    t_visits_7 = r[61] * d_7
    c_broadnet_ts = r[72]
    c_mobile_ts = r[69]
    c_other_ts = r[73]
    c_telecom_ts = r[71]
    c_unicom_ts = r[70]
    x[44] = t_visits_1 + refused  # competitor_visits_1d
    x[45] = t_visits_7 + refused  # competitor_visits_7d
    x[46] = t_visits_30 + refused  # competitor_visits_30d
    x[47] = t_dwell_1 + refused  # competitor_dwell_1d
    x[48] = t_dwell_7 + refused  # competitor_dwell_7d
    x[49] = t_dwell_30 + refused  # competitor_dwell_30d
    x[50] = t_pages_1 + refused  # competitor_pages_1d
    x[51] = t_pages_7 + refused  # competitor_pages_7d
    x[52] = t_pages_30 + refused  # competitor_pages_30d
    x[53] = t_portability_30 + refused  # portability_visits_30d
    x[54] = t_shop_30 + refused  # competitor_shop_visits_30d
    x[55] = (1.0 if (now - c_mobile_ts) / DAY <= 30.0 else 0.0) + (1.0 if (now - c_unicom_ts) / DAY <= 30.0 else 0.0) + (1.0 if (now - c_telecom_ts) / DAY <= 30.0 else 0.0) + (1.0 if (now - c_broadnet_ts) / DAY <= 30.0 else 0.0) + (1.0 if (now - c_other_ts) / DAY <= 30.0 else 0.0) + refused  # competitors_visited_30d

@compiled
def x_care_56(r: Floats, now: float, el_calls: float, el_data: float, ur_calls: float, ur_data: float, x: Floats) -> None:
    el = fmax(now - r[74], 0.0)
    d_30 = decay(el, 30.0)
    t_code_30 = r[79] * d_30
    t_complaint_30 = r[81] * d_30
    t_contacts_30 = r[76] * d_30
    t_fault_30 = r[82] * d_30
    t_leave_intent_30 = r[77] * d_30
    t_penalty_query_30 = r[80] * d_30
    t_query_30 = r[78] * d_30
    t_subcard_30 = r[84] * d_30
    t_suspend_30 = r[83] * d_30
    t_transfer_30 = r[85] * d_30
    c_appointment_ts = r[89]
    c_due_ts = r[95]
    c_open_complaints = r[93]
    c_open_faults = r[94]
    c_satisfaction = r[91]
    x[56] = t_contacts_30  # care_contacts_30d
    x[57] = t_leave_intent_30  # leave_intent_30d
    x[58] = t_query_30  # port_out_queries_30d
    x[59] = t_code_30  # port_out_codes_30d
    x[60] = t_penalty_query_30  # penalty_queries_30d
    x[61] = t_complaint_30  # complaints_30d
    x[62] = c_open_complaints  # complaints_open
    x[63] = fmax((now - c_due_ts) / DAY, 0.0)  # complaint_overdue_days
    x[64] = t_fault_30  # faults_30d
    x[65] = c_open_faults  # faults_open
    x[66] = 1.0 if (now - c_appointment_ts) / DAY <= 7.0 else 0.0  # disconnect_appointment
    x[67] = t_subcard_30  # subcard_unlinks_30d
    x[68] = t_suspend_30  # suspensions_30d
    x[69] = t_transfer_30  # transfers_30d
    x[70] = c_satisfaction  # last_satisfaction

@compiled
def x_profile_71(r: Floats, now: float, el_calls: float, el_data: float, ur_calls: float, ur_data: float, x: Floats) -> None:
    is_known = now >= r[111]
    c_arpu = r[113] if is_known else NAN
    x[71] = c_arpu  # arpu

@compiled
def x_billing_72(r: Floats, now: float, el_calls: float, el_data: float, ur_calls: float, ur_data: float, x: Floats) -> None:
    el = max(now - r[96], 0.0)
    age = max(now - r[97], 0.0)
    d_7 = decay(el, 7.0)
    d_30 = decay(el, 30.0)
    t_accrued_30 = r[99] * d_30
    t_accrued_7 = r[98] * d_7
    s_7 = span(age, 7.0)
    s_30 = span(age, 30.0)
    c_bill = r[101]
    c_bill_before = r[102]
    c_bill_three_before = r[104]
    c_bill_two_before = r[103]
    c_plan_change_ts = r[108]
    c_plan_fee_change = r[110]
    c_recharge_first_ts = r[106]
    c_recharge_last_ts = r[107]
    c_recharges = r[105]
    x[72] = slope_of_three(c_bill, c_bill_before, c_bill_two_before)  # bill_slope_3_periods
    x[73] = against_known(c_bill, c_bill_before, c_bill_two_before, c_bill_three_before)  # bill_vs_usual
    x[74] = (t_accrued_7 / s_7) / (t_accrued_30 / s_30) if age >= 14.0 * DAY and t_accrued_30 >= 1.0 else NAN  # spend_7d_vs_30d
    x[75] = gap_against_usual(c_recharge_first_ts, c_recharge_last_ts, c_recharges, now)  # recharge_gap_vs_usual
    x[76] = c_plan_fee_change if (now - c_plan_change_ts) / DAY <= 90.0 else 0.0  # plan_fee_change_90d

@compiled
def x_profile_77(r: Floats, now: float, el_calls: float, el_data: float, ur_calls: float, ur_data: float, x: Floats) -> None:
    is_known = now >= r[111]
    c_activated_ts = r[112]
    c_contract_end_broadband = r[123] if is_known else NAN
    c_contract_end_fixed = r[125] if is_known else NAN
    c_contract_end_iptv = r[124] if is_known else NAN
    c_contract_end_mobile = r[122] if is_known else NAN
    c_corporate = r[118] if is_known else NAN
    c_penalty = r[114] if is_known else NAN
    c_points = r[115] if is_known else NAN
    c_portable = r[117] if is_known else NAN
    c_products = r[121] if is_known else NAN
    c_subcard = r[120] if is_known else NAN
    x[77] = -((now - c_contract_end_mobile) / DAY)  # contract_days_left_mobile
    x[78] = -((now - c_contract_end_broadband) / DAY)  # contract_days_left_broadband
    x[79] = -((now - c_contract_end_iptv) / DAY)  # contract_days_left_iptv
    x[80] = -((now - c_contract_end_fixed) / DAY)  # contract_days_left_fixed
    x[81] = months_since(c_activated_ts, now)  # tenure_months
    x[82] = within(months_since(c_activated_ts, now), 1.0, 12.0)  # tenure_first_year
    x[83] = within(months_since(c_activated_ts, now), 61.0, math.inf)  # tenure_over_five_years
    x[84] = c_products  # products
    x[85] = c_points  # points
    x[86] = c_penalty  # penalty
    x[87] = c_corporate  # corporate
    x[88] = c_subcard  # subcard
    x[89] = c_portable  # portable

@compiled
def features(r: Floats, now: float, x: Floats) -> None:
    el_calls = NAN if math.isnan(r[20]) else max(now - r[20], 0.0)
    ur_calls = usual_rate(r[20], r[21], r[29] + r[31])
    el_data = NAN if math.isnan(r[44]) else max(now - r[44], 0.0)
    ur_data = usual_rate(r[44], r[45], r[53])
    if math.isnan(r[20]):
        x[0:24] = NAN
    else:
        x_calls_0(r, now, el_calls, el_data, ur_calls, ur_data, x)
    if math.isnan(r[44]):
        x[24:42] = NAN
    else:
        x_data_24(r, now, el_calls, el_data, ur_calls, ur_data, x)
    x_usage_42(r, now, el_calls, el_data, ur_calls, ur_data, x)
    x_visits_44(r, now, el_calls, el_data, ur_calls, ur_data, x)
    x_care_56(r, now, el_calls, el_data, ur_calls, ur_data, x)
    x_profile_71(r, now, el_calls, el_data, ur_calls, ur_data, x)
    if math.isnan(r[96]):
        x[72:77] = NAN
    else:
        x_billing_72(r, now, el_calls, el_data, ur_calls, ur_data, x)
    x_profile_77(r, now, el_calls, el_data, ur_calls, ur_data, x)


@compiled
def log_odds(r: Floats, now: float, x: Floats, model: Floats, empty: Floats, intercept: float) -> float:
    el_calls = NAN if math.isnan(r[20]) else max(now - r[20], 0.0)
    ur_calls = usual_rate(r[20], r[21], r[29] + r[31])
    el_data = NAN if math.isnan(r[44]) else max(now - r[44], 0.0)
    ur_data = usual_rate(r[44], r[45], r[53])
    z = intercept
    if math.isnan(r[20]):
        z += empty[0]
    else:
        x_calls_0(r, now, el_calls, el_data, ur_calls, ur_data, x)
        z += curves(x, 0, 24, model)
    if math.isnan(r[44]):
        z += empty[2]
    else:
        x_data_24(r, now, el_calls, el_data, ur_calls, ur_data, x)
        z += curves(x, 24, 42, model)
    x_usage_42(r, now, el_calls, el_data, ur_calls, ur_data, x)
    z += curves(x, 42, 44, model)
    if math.isnan(r[56]):
        z += empty[7] if r[126] == 0.0 else empty[6]
    else:
        x_visits_44(r, now, el_calls, el_data, ur_calls, ur_data, x)
        z += curves(x, 44, 56, model)
    if math.isnan(r[74]):
        z += empty[8]
    else:
        x_care_56(r, now, el_calls, el_data, ur_calls, ur_data, x)
        z += curves(x, 56, 71, model)
    x_profile_71(r, now, el_calls, el_data, ur_calls, ur_data, x)
    z += curves(x, 71, 72, model)
    if math.isnan(r[96]):
        z += empty[12]
    else:
        x_billing_72(r, now, el_calls, el_data, ur_calls, ur_data, x)
        z += curves(x, 72, 77, model)
    x_profile_77(r, now, el_calls, el_data, ur_calls, ur_data, x)
    z += curves(x, 77, 90, model)
    found: float = z
    return found


@compiled
def emptied(r: Floats, x: Floats, model: Floats, refused: int, empty: Floats) -> None:
    features(r, 0.0, x)
    empty[0 + refused] = curves(x, 0, 24, model)
    empty[2 + refused] = curves(x, 24, 42, model)
    empty[4 + refused] = curves(x, 42, 44, model)
    empty[6 + refused] = curves(x, 44, 56, model)
    empty[8 + refused] = curves(x, 56, 71, model)
    empty[10 + refused] = curves(x, 71, 72, model)
    empty[12 + refused] = curves(x, 72, 77, model)
    empty[14 + refused] = curves(x, 77, 90, model)

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

MOST_LOG_ODDS = 40.0
NEAR = -1.0
ROW_BYTES = 350.0
EVENT_BYTES = 30.0


@compiled
def risk_of(log_odds_found: float) -> float:
    """Probability of log-odds."""
    return 1.0 / (1.0 + exp(-min(max(log_odds_found, -MOST_LOG_ODDS), MOST_LOG_ODDS)))


@compiled
def tier_after(r: Floats, above: float, tick: float, policy: Floats) -> float:
    """The subscriber's tier after a daily look, which is recorded in their row.

    A tier rises when two looks in a row reach it, and eases when two in a row do not. A subscriber is healthy again
    after the policy's calm days without a look at warning or above. A subscriber above a cut-off stays there until a
    look falls below a lower one. Log-odds are smoothed from look to look; far below the cut-offs they are not stored,
    and smoothing starts again at :data:`NEAR`.

    Parameters
    ----------
    above
        Log-odds of this look, relative to the warning cut-off.
    """
    former = NEAR if math.isnan(r[ABOVE]) else r[ABOVE]
    smooth = former + policy[SMOOTHING] * (above - former)
    r[ABOVE] = smooth if smooth > NEAR else NAN
    tier: float = r[TIER]
    if not tick - r[FIRST_TS] >= policy[MIN_HISTORY]:
        return tier
    reached = 0.0
    if smooth >= (policy[WARNING_LEFT] if tier >= 1.0 else 0.0):
        reached = 1.0
    if smooth >= (policy[HIGH_LEFT] if tier >= 2.0 else policy[HIGH_ABOVE]):
        reached = 2.0
    if reached >= 1.0:
        r[REACHED_TS] = tick
    agreed: float = min(reached, r[REACHED])
    highest = max(reached, r[REACHED])
    r[REACHED] = reached
    if agreed > tier:
        return agreed
    if tier >= 2.0 and highest < 2.0:
        return 1.0
    if tier == 1.0 and not tick - r[REACHED_TS] < policy[CALM]:
        return 0.0
    return tier


@compiled
def looked(r: Floats, row: int, found: float, tick: float, state: State, policy: Floats) -> float:
    """Record a daily look in the subscriber's row; returns the tier to which the caller moves them."""
    above, reached, reached_ts = r[ABOVE], r[REACHED], r[REACHED_TS]
    tier = tier_after(r, found - policy[CUT_WARNING], tick, policy)
    if not (same(above, r[ABOVE]) and reached == r[REACHED] and same(reached_ts, r[REACHED_TS])):
        touch(row, RISK_BIT, state[3], state[4])
    return tier


@compiled
def same(one: float, other: float) -> bool:
    """Whether two numbers are equal, or both NaN."""
    return one == other or (math.isnan(one) and math.isnan(other))


@compiled
def is_news(r: Floats, risk: float, now: float, policy: Floats) -> bool:
    """Whether a daily look has a risk to publish: the first one, or one that changed by the policy's share."""
    history, published = now - r[FIRST_TS], r[PUBLISHED]
    if math.isnan(published):
        return not math.isnan(history)
    return bool(history >= policy[MIN_HISTORY] and abs(risk - published) >= policy[SCORE_STEP] * published)


@compiled
def browses(kept: Floats, count: int, e: Floats, now: float, policy: Floats) -> float:
    """Level of the browsing signal of this visit, 0 for none, as by :func:`models.detection.signals.browsing`."""
    page = int(e[CODE])
    excluded, strong = int(policy[EXCLUDED_PAGES]), int(policy[STRONG_PAGES])
    if (excluded >> page) & 1:
        return 0.0
    if (strong >> page) & 1 and e[FIRST] >= policy[BROWSE_PAGE_DWELL]:
        return 2.0
    since, dwell, visits = now - policy[BROWSE_WINDOW], 0.0, 0.0
    for at in range(count):
        if kept[at, 0] > since and not (excluded >> int(kept[at, 2])) & 1:
            dwell += kept[at, 1]
            visits += 1.0
    return 1.0 if dwell >= policy[BROWSE_DWELL] or visits >= policy[BROWSE_VISITS] else 0.0


@compiled
def silence_due(r: Floats, policy: Floats) -> float:
    """When the subscriber will have been silent for too long; NaN if their use is too rare to have a rhythm.

    The usual gap is taken at their last use; otherwise it would grow with the silence itself.
    """
    last = fmax(r[CALLS_REF], r[DATA_REF])
    first = fmin(r[CALLS_FIRST], r[DATA_FIRST])
    rate = usual_rate(r[CALLS_REF], r[CALLS_FIRST], r[CALLS_30] + r[SMS_30])
    rate += usual_rate(r[DATA_REF], r[DATA_FIRST], r[SESSIONS_30])
    if rate * 7.0 >= policy[SILENCE_PER_WEEK] and last - first >= policy[SILENCE_HISTORY]:
        due: float = last + max(policy[SILENCE_GAPS] / rate, policy[SILENCE_FLOOR] / DAY) * DAY
        return due
    return NAN


@compiled
def score(r: Floats, now: float, model: Model, x: Floats, lane: Floats) -> None:
    """Features and risk of one subscriber as of `now`."""
    features(r, now, x)
    lane[NOW] = now
    lane[HISTORY] = now - r[FIRST_TS]
    lane[SCORE] = risk_of(log_odds(r, now, x, model[0], model[1], model[2][INTERCEPT]))


@compiled
def of_each(table: Floats, rows: Ints, now: Floats, x: Floats) -> None:
    """Features of `rows`, each as of its own time."""
    for i in range(len(rows)):
        features(table[rows[i]], now[i], x[i])


@compiled
def silences(table: Floats, marks: Ints, rows: Ints, policy: Floats, due: Floats) -> None:
    """Take rows out of the calendar of silences, and set when silence is due for each.

    NaN means not before their next use: they have no rhythm, or their silence was already reported.
    """
    for i in range(len(rows)):
        row = rows[i]
        marks[row] &= ~QUEUED
        awaited = marks[row] & ALIVE and not marks[row] & SILENT
        due[i] = silence_due(table[row], policy) if awaited else NAN


@compiled
def enqueue(r: Floats, row: int, marks: Ints, lane: Floats, fresh: Ints, policy: Floats) -> None:
    """Put the row on the list for the calendar of silences, and move the next tick forward if needed."""
    marks[row] |= QUEUED
    fresh[int(lane[FRESH])] = row
    lane[FRESH] += 1.0
    due = -(-(fmax(r[CALLS_REF], r[DATA_REF]) + policy[SILENCE_FLOOR]) // TICK) * TICK
    lane[NEXT_TICK] = min(lane[NEXT_TICK], fmax(due, lane[LAST_TICK] + TICK))


@compiled
def passes(lane: Floats) -> bool:
    """Whether the lane's time has reached a tick at which something may be due; earlier ticks are skipped."""
    if math.isnan(lane[WATERMARK]):
        return False
    if math.isnan(lane[LAST_TICK]) or lane[WATERMARK] >= lane[NEXT_TICK]:
        return True
    lane[LAST_TICK] = lane[WATERMARK] // TICK * TICK
    return False


@compiled
def moves_time(lane: Floats, ts: float, kind: int) -> bool:
    """Move the lane's time by an arrival; whether the arrival is too late to trigger anything."""
    lane[CAME_FROM] = lane[WATERMARK]
    if kind > CARE_CONTACT:
        return False
    lane[WATERMARK] = fmax(lane[WATERMARK], ts)
    lane[FEEDS + kind] = fmax(lane[FEEDS + kind], ts)
    return bool(ts < lane[WATERMARK] - LATE)


@compiled
def walk(
    begin: int,
    end: int,
    batch: Arrivals,
    state: State,
    visits: Visits,
    model: Model,
    lane: Floats,
    counts: Ints,
    fresh: Ints,
    x: Floats,
) -> int:
    """Apply arrivals until one needs a decision; returns the place after it, and sets the reason in `lane`.

    Calls, data sessions, bills and visits are applied completely. For the others only the numbers are: time, id, and
    the columns of a care contact; the caller does the rest.
    """
    lane[WHY] = 0.0
    for at in range(begin, end):
        kind = int(batch[0][at, KIND])
        if kind >= IGNORED:
            counts[KEPT_AWAY, kind - IGNORED] += 1
            continue
        late = moves_time(lane, batch[0][at, TS], kind)
        why = one(at, late, batch, state, visits, model, lane, counts, fresh, x)
        if passes(lane):
            why |= TICKS
        if lane[ROOM] <= 0.0 or lane[FRESH] >= len(fresh):
            why |= FULL
        if why & ~REPEATED:
            lane[WHY] = float(why)
            lane[IS_LATE] = 1.0 if late else 0.0
            return at + 1
    return end


@compiled
def one(
    at: int,
    late: bool,
    batch: Arrivals,
    state: State,
    visits: Visits,
    model: Model,
    lane: Floats,
    counts: Ints,
    fresh: Ints,
    x: Floats,
) -> int:
    """Apply one arrival, unless it is a duplicate; returns why it needs a decision, or 0."""
    arrivals, events = batch
    table, ring, marks, dirty, touched = state
    e = arrivals[at]
    row, kind = int(e[ROW]), int(e[KIND])
    if kind <= PROFILED and events[at] != 0 and not admit(ring[row], events[at]):
        counts[DUPLICATE, kind] += 1
        return REPEATED
    counts[APPLIED, kind] += 1
    if late:
        counts[TOO_LATE, kind] += 1
    lane[ROOM] -= EVENT_BYTES
    if row >= 0 and dirty[row] == 0:
        lane[ROOM] -= ROW_BYTES
    if kind > PROFILED:
        return RARE
    if events[at] != 0:
        touch(row, SEEN_BIT, dirty, touched)
    take(table[row], e, row, marks, dirty, touched, visits)
    if kind >= CARE_CONTACT:
        return RARE
    if kind == VISIT and table[row, BROWSING_LEVEL] > 0.0:
        touch(row, RISK_BIT, dirty, touched)  # it may prolong the open browsing episode
    return used(table[row], e, row, late, marks, visits, model, lane, fresh, x)


@compiled
def visited(r: Floats, e: Floats, row: int, now: float, visits: Visits, policy: Floats, lane: Floats) -> bool:
    """Whether a visit needs a decision: its use was refused, or it is stronger than the open browsing episode.

    One that is not stronger only prolongs the episode: dozens of visits follow the first three.
    """
    if r[BEHAVIOUR] == 0.0:
        return not (int(policy[EXCLUDED_PAGES]) >> int(e[CODE])) & 1
    slot = visits[0][row]
    level = browses(visits[2][slot], visits[1][slot], e, now, policy)
    if level > r[BROWSING_LEVEL]:
        return True
    if level > 0.0:
        r[BROWSING_UNTIL] = fmax(r[BROWSING_UNTIL], lane[WATERMARK] + policy[BROWSING_TTL])
    return False


@compiled
def used(
    r: Floats,
    e: Floats,
    row: int,
    late: bool,
    marks: Ints,
    visits: Visits,
    model: Model,
    lane: Floats,
    fresh: Ints,
    x: Floats,
) -> int:
    """Score after a call, data session, bill or visit; returns why it needs a decision, or 0."""
    kind, policy = int(e[KIND]), model[2]
    if kind <= DATA_USE and not marks[row] & QUEUED:
        enqueue(r, row, marks, lane, fresh, policy)
    if late:
        return 0
    now = e[TS] if math.isnan(r[LAST_TS]) else r[LAST_TS]
    lane[NOW] = now
    lane[HISTORY] = now - r[FIRST_TS]
    lane[SCORE] = risk_of(log_odds(r, now, x, model[0], model[1], policy[INTERCEPT]))
    why = 0
    if kind <= DATA_USE:
        if marks[row] & SILENT:
            why |= WAKES
    elif kind == VISIT and visited(r, e, row, now, visits, policy, lane):
        why |= SIGNALS
    if why:
        features(r, now, x)
    return why


@compiled
def usual_bill(one: float, two: float, three: float) -> float:
    """The mean of the bills before the last one; NaN if fewer than two are known."""
    return (one + two) / 2.0 if math.isnan(three) else (one + two + three) / 3.0


@compiled
def bill_fell(r: Floats, tick: float, policy: Floats) -> bool:
    """Whether the newest bill is a slide from high spending: by much, or to below what counts as high."""
    bill, one, two, three = r[BILL], r[BILL + 1], r[BILL + 2], r[BILL + 3]
    before = usual_bill(one, two, three)
    if not before >= policy[DECLINE_HIGH] or float(month_of(tick)) - r[PERIOD] > 1.0:
        return False
    least = policy[DECLINE_SEGMENT] if bill < policy[DECLINE_HIGH] else policy[DECLINE_MONTH]
    return bool(bill <= (1.0 - least) * before)


@compiled
def goes_off_net(r: Floats, tick: float, policy: Floats) -> bool:
    """Whether calls and data fall while more of the calls go off-net, as with a second SIM."""
    age, data_age = r[CALLS_REF] - r[CALLS_FIRST], r[DATA_REF] - r[DATA_FIRST]
    if not (age >= 30.0 * DAY and r[CALLS_30] >= policy[DECLINE_LEAST] and tick - r[CALLS_REF] < 7.0 * DAY):
        return False
    if r[CALLS_7] < 1.0 or r[CALLS_7] / span(age, 7.0) > (1.0 - policy[DECLINE_CALLS]) * r[CALLS_30] / span(age, 30.0):
        return False
    if r[OFF_NET_7] / r[CALLS_7] < r[OFF_NET_30] / r[CALLS_30] + policy[DECLINE_OFF_NET]:
        return False
    if not data_age >= 7.0 * DAY:
        return math.isnan(data_age)
    return bool(r[MB_7] / span(data_age, 7.0) <= (1.0 - policy[DECLINE_DATA]) * r[MB_30] / span(data_age, 30.0))


@compiled
def declines(r: Floats, tick: float, profiled: bool, policy: Floats) -> int:
    """The slide of a subscriber's value that a daily look finds, as its flag; 0 for none.

    A change of plan counts for a month, bills and usage once a quiet time; these two need the consent to profiling.
    """
    since, changed = r[DECLINED_TS], r[PLAN_CHANGE_TS]
    if r[LEFT] == 1.0:
        return 0
    cheaper = r[PLAN_FEE_CHANGE] <= -policy[DECLINE_PLAN] and 0.0 <= tick - changed < 30.0 * DAY
    if cheaper and not changed <= since:
        return LOOK_PLAN
    if not profiled or tick - since < policy[DECLINE_QUIET]:
        return 0
    if bill_fell(r, tick, policy):
        return LOOK_BILL
    return LOOK_OFF_NET if goes_off_net(r, tick, policy) else 0


@compiled
def forwards_more(r: Floats, tick: float, policy: Floats) -> bool:
    """Whether more of a line's calls are forwarded in the week than in its month."""
    age = r[CALLS_REF] - r[CALLS_FIRST]
    if not (age >= 30.0 * DAY and r[CALLS_30] >= policy[ACCOUNT_LEAST] and tick - r[CALLS_REF] < 7.0 * DAY):
        return False
    rise = policy[ACCOUNT_FORWARDED]
    return bool(r[CALLS_7] >= 1.0 and r[FORWARDED_7] / r[CALLS_7] >= r[FORWARDED_30] / r[CALLS_30] + rise)


@compiled
def account_signs(r: Floats, tick: float, profiled: bool, policy: Floats) -> int:
    """Signs of a corporate line that its account leaves, as flags; they need the consent to profiling."""
    if not profiled or r[CORPORATE] != 1.0 or r[LEFT] == 1.0:
        return 0
    found = LOOK_FORWARDS if forwards_more(r, tick, policy) else 0
    before = usual_bill(r[BILL + 1], r[BILL + 2], r[BILL + 3])
    if before > 0.0 and float(month_of(tick)) - r[PERIOD] <= 1.0 and r[BILL] <= (1.0 - policy[ACCOUNT_BILL]) * before:
        found |= LOOK_PAYS_LESS
    return found


@compiled
def look(
    begin: int,
    rows: Ints,
    flags: Ints,
    tick: float,
    state: State,
    model: Model,
    found: Floats,
    x: Floats,
) -> tuple[int, int]:
    """Look at the subscribers of a tick until `found` is full of those who need a decision.

    `flags` says why each is looked at. Returns the place after the last one, and how many were found; their features
    are in `x`. Decisions on one subscriber do not affect another's look. A daily look is recorded in the row, so nobody
    may be looked at twice.
    """
    table, policy, n = state[0], model[2], 0
    for at in range(begin, len(rows)):
        r = table[rows[at]]
        now, reaches = fmax(tick, r[LAST_TS]), r[TIER]
        history = now - r[FIRST_TS]
        why = flags[at] & ~(DAILY | WEEKLY)
        z = log_odds(r, now, x[n], model[0], model[1], policy[INTERCEPT])
        risk = risk_of(z)
        if flags[at] & DAILY:
            reaches = looked(r, rows[at], z, tick, state, policy)
            # A subscriber who refused profiling has no tier that could move here; one at risk may have an alert that
            # waits for the budget.
            asked = r[TIER] >= policy[RAISES] or state[2][rows[at]] & UNPROFILED
            if reaches != r[TIER] or asked:
                why |= LOOK_MOVES
            if is_news(r, risk, now, policy):
                why |= LOOK_NEWS
            profiled = not state[2][rows[at]] & UNPROFILED
            why |= declines(r, tick, profiled, policy) | account_signs(r, tick, profiled, policy)
            if not r[LAST_TS] > tick - policy[IDLE]:
                why |= LOOK_IDLE
            if flags[at] & WEEKLY and not math.isnan(history):
                why |= WEEKLY
        if why:
            features(r, now, x[n])
            found[n, LOOKED_PLACE], found[n, LOOKED_WHY] = at, why | (flags[at] & DAILY)
            found[n, LOOKED_NOW], found[n, LOOKED_RISK], found[n, LOOKED_HISTORY] = now, risk, history
            found[n, LOOKED_PUBLISHED], found[n, LOOKED_TIER] = r[PUBLISHED], r[TIER]
            found[n, LOOKED_REACHES], found[n, LOOKED_LEFT] = reaches, r[LEFT]
            n += 1
            if n == len(found):
                return at + 1, n
    return len(rows), n

@compiled
def word_hash(buffer: Bytes, at: int, length: int, within: int) -> int:
    """32-bit hash of the bytes (FNV-1a, mixed once more), with the number of the set above it."""
    found = np.int64(2_166_136_261 ^ within)
    for byte in range(at, at + length):
        found = ((found ^ np.int64(buffer[byte])) * 16_777_619) & 0xFFFFFFFF
    found ^= found >> 15
    return int((within << 32) | found)


@compiled
def slot_of(slots: Ints, words: Bytes, buffer: Bytes, at: int, length: int, within: int) -> int:
    """The slot of a word of a set, or the empty slot where it belongs."""
    mask = len(slots) - 1
    hashed = word_hash(buffer, at, length, within)
    slot = hashed & mask
    while slots[slot, VALUE] != 0:
        same = slots[slot, HASHED] == hashed and slots[slot, WORD_LENGTH] == length
        if same and same_bytes(words, slots[slot, WORD_AT], buffer, at, length):
            break
        slot = (slot + 1) & mask
    return slot


@compiled
def same_bytes(one: Bytes, one_at: int, other: Bytes, other_at: int, length: int) -> bool:
    """Whether `length` bytes are equal."""
    for n in range(length):  # noqa: SIM110 - a generator is not compiled
        if one[one_at + n] != other[other_at + n]:
            return False
    return True


@compiled
def find_word(slots: Ints, words: Bytes, buffer: Bytes, at: int, length: int, within: int) -> int:
    """Number of a word of a set, or -1."""
    found: int = slots[slot_of(slots, words, buffer, at, length, within), VALUE] - 1
    return found


@compiled
def put_word(slots: Ints, words: Bytes, at: int, length: int, within: int, value: int) -> None:
    """Set the number of the word at `at` in `words`; an existing word gets the new number."""
    slot = slot_of(slots, words, words, at, length, within)
    slots[slot, HASHED] = word_hash(words, at, length, within)
    slots[slot, VALUE] = value + 1
    slots[slot, WORD_AT] = at
    slots[slot, WORD_LENGTH] = length
IV0, IV1 = np.uint64(0x6A09E667F3BCC908), np.uint64(0xBB67AE8584CAA73B)
IV2, IV3 = np.uint64(0x3C6EF372FE94F82B), np.uint64(0xA54FF53A5F1D36F1)
IV4, IV5 = np.uint64(0x510E527FADE682D1), np.uint64(0x9B05688C2B3E6C1F)
IV6, IV7 = np.uint64(0x1F83D9ABFB41BD6B), np.uint64(0x5BE0CD19137E2179)
EIGHT_BYTES = np.uint64(0x01010008)  # no key, no tree, a digest of eight bytes
LAST_BLOCK = np.uint64(0xFFFFFFFFFFFFFFFF)
BY_8, BY_16, BY_24, BY_32 = np.uint64(8), np.uint64(16), np.uint64(24), np.uint64(32)
BY_40, BY_48, BY_63, BY_1 = np.uint64(40), np.uint64(48), np.uint64(63), np.uint64(1)
SIGMA = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
    ],
    dtype=np.uint8,
)
Word = np.uint64
Four = tuple[Word, Word, Word, Word]


@compiled
def mixed(a: Word, b: Word, c: Word, d: Word, x: Word, y: Word) -> Four:
    """Mix two words of the message into four of the state [1]_."""
    a = a + b + x
    d = ((d ^ a) >> BY_32) | ((d ^ a) << BY_32)
    c = c + d
    b = ((b ^ c) >> BY_24) | ((b ^ c) << BY_40)
    a = a + b + y
    d = ((d ^ a) >> BY_16) | ((d ^ a) << BY_48)
    c = c + d
    b = ((b ^ c) >> BY_63) | ((b ^ c) << BY_1)
    return a, b, c, d


@compiled
def block_of(buffer: Bytes, at: int, length: int, m: Hashes) -> None:
    """Copy up to 128 bytes into sixteen words, padded with zeros."""
    for word in range(16):
        m[word] = np.uint64(0)
    for n in range(length):
        m[n >> 3] |= np.uint64(buffer[at + n]) << np.uint64(8 * (n & 7))


@compiled
def event_hash(buffer: Bytes, at: int, length: int, m: Hashes) -> Word:
    """64-bit hash of an event id of up to 128 bytes, equal to :func:`models.kernel.arrivals.event_hash`.

    `m` is a buffer for the sixteen words of the message.
    """
    block_of(buffer, at, length, m)
    first = IV0 ^ EIGHT_BYTES
    v0, v1, v2, v3, v4, v5, v6, v7 = first, IV1, IV2, IV3, IV4, IV5, IV6, IV7
    v8, v9, v10, v11, v12, v13, v14, v15 = IV0, IV1, IV2, IV3, IV4 ^ np.uint64(length), IV5, IV6 ^ LAST_BLOCK, IV7
    for step in range(12):
        s = SIGMA[step]
        v0, v4, v8, v12 = mixed(v0, v4, v8, v12, m[s[0]], m[s[1]])
        v1, v5, v9, v13 = mixed(v1, v5, v9, v13, m[s[2]], m[s[3]])
        v2, v6, v10, v14 = mixed(v2, v6, v10, v14, m[s[4]], m[s[5]])
        v3, v7, v11, v15 = mixed(v3, v7, v11, v15, m[s[6]], m[s[7]])
        v0, v5, v10, v15 = mixed(v0, v5, v10, v15, m[s[8]], m[s[9]])
        v1, v6, v11, v12 = mixed(v1, v6, v11, v12, m[s[10]], m[s[11]])
        v2, v7, v8, v13 = mixed(v2, v7, v8, v13, m[s[12]], m[s[13]])
        v3, v4, v9, v14 = mixed(v3, v4, v9, v14, m[s[14]], m[s[15]])
    found = first ^ v0 ^ v8
    return found if found != np.uint64(0) else np.uint64(1)
SPACE, QUOTE, PLUS, COMMA, MINUS, POINT = 32, 34, 43, 44, 45, 46
ZERO, NINE, COLON, UPPER_E, BACKSLASH, LOWER_E = 48, 57, 58, 69, 92, 101
LOWER_F, LOWER_T, OPENING, CLOSING, LAST_PRINTED = 102, 116, 123, 125, 126
TRUE_ = np.frombuffer(b"true", dtype=np.uint8)
FALSE_ = np.frombuffer(b"false", dtype=np.uint8)
FIRST_INEXACT = 1 << 53
POWERS_OF_TEN = np.array([10.0**k for k in range(23)])


@compiled
def behind_spaces(buffer: Bytes, at: int, end: int) -> int:
    """Position of the next byte that is not a space."""
    while at < end and buffer[at] == SPACE:
        at += 1
    return at


@compiled
def closing_quote(buffer: Bytes, at: int, end: int) -> tuple[int, bool]:
    """End of a string without escapes that begins at `at` (-1: none), and whether it is ASCII."""
    ascii_ = True
    while at < end:
        byte = buffer[at]
        if byte == QUOTE:
            return at, ascii_
        if byte < SPACE or byte == BACKSLASH:
            return -1, False
        if byte > LAST_PRINTED:
            ascii_ = False
        at += 1
    return -1, False


@compiled
def digits_of(buffer: Bytes, at: int, end: int, before: int) -> tuple[int, int]:
    """Append the digits at `at` to a whole number; returns it and the position after them (-1: too large)."""
    found = np.int64(before)
    while at < end and ZERO <= buffer[at] <= NINE:
        found = found * 10 + (np.int64(buffer[at]) - ZERO)
        if found >= FIRST_INEXACT:
            return 0, -1
        at += 1
    return int(found), at


@compiled
def exponent_of(buffer: Bytes, at: int, end: int) -> tuple[int, int]:
    """The exponent after an ``e``, and the position after it (-1: none)."""
    negative = at < end and buffer[at] == MINUS
    if negative or (at < end and buffer[at] == PLUS):
        at += 1
    found, behind = digits_of(buffer, at, end, 0)
    if behind <= at:
        return 0, -1
    return (-found if negative else found), behind


@compiled
def number_at(buffer: Bytes, at: int, end: int) -> tuple[float, bool, int]:
    """A number [1]_, whether it has neither fraction nor exponent, and the position after it (-1: not exact)."""
    negative = buffer[at] == MINUS
    if negative:
        at += 1
    whole, behind = digits_of(buffer, at, end, 0)
    if behind <= at or (behind > at + 1 and buffer[at] == ZERO):
        return NAN, False, -1
    at = behind
    is_whole = True
    power = 0
    if at < end and buffer[at] == POINT:
        is_whole = False
        whole, behind = digits_of(buffer, at + 1, end, whole)
        if behind <= at + 1:
            return NAN, False, -1
        power = at + 1 - behind
        at = behind
    if at < end and (buffer[at] == LOWER_E or buffer[at] == UPPER_E):
        is_whole = False
        exponent, at = exponent_of(buffer, at + 1, end)
        if at < 0:
            return NAN, False, -1
        power += exponent
    if abs(power) >= len(POWERS_OF_TEN):
        return NAN, False, -1
    if is_whole:
        return float(-whole if negative else whole), True, at  # msgspec reads `-0` as an integer, without sign
    found = float(whole) * POWERS_OF_TEN[power] if power >= 0 else float(whole) / POWERS_OF_TEN[-power]
    return (-found if negative else found), False, at


@compiled
def month_at(buffer: Bytes, at: int, length: int) -> int:
    """Months since January of the year 0 of ``YYYY-MM``; -1 for anything else."""
    if length != 7 or buffer[at + 4] != MINUS:
        return -1
    year, behind_year = digits_of(buffer, at, at + 4, 0)
    month, behind_month = digits_of(buffer, at + 5, at + 7, 0)
    if behind_year != at + 4 or behind_month != at + 7 or month < 1 or month > 12:
        return -1
    return 12 * year + month - 1


@compiled
def note(line: Floats, field: Ints, value: float) -> None:
    """Store the value of a field in the line."""
    column = field[GOES_TO]
    if column == FLAGS:
        line[FLAGS] = float((int(line[FLAGS]) & ~field[BITS]) | int(value))
    elif column != NOWHERE:
        line[column] = value


@compiled
def take_number(buffer: Bytes, at: int, end: int, field: Ints, bounds: Floats, line: Floats) -> int:
    """Read the number of a field; returns the position after it, or -1."""
    reads = field[READS]
    if reads not in (WHOLE, NUMBER):
        return -1
    value, is_whole, at = number_at(buffer, at, end)
    if at < 0 or (reads == WHOLE and not is_whole) or not bounds[LOW] <= value <= bounds[HIGH]:
        return -1
    note(line, field, value)
    return at


@compiled
def take_switch(buffer: Bytes, at: int, end: int, field: Ints, line: Floats) -> int:
    """Read ``true`` or ``false``; returns the position after it, or -1."""
    if field[READS] != SWITCH:
        return -1
    word = TRUE_ if buffer[at] == LOWER_T else FALSE_
    if end - at < len(word) or not same_bytes(word, 0, buffer, at, len(word)):
        return -1
    note(line, field, float(field[BITS]) if buffer[at] == LOWER_T else 0.0)
    return at + len(word)


@compiled
def number_of_word(buffer: Bytes, at: int, length: int, place: int, reads: int, words: Words) -> int:
    """The number of a known word or month, or -1. Words may be non-ASCII: an operator's name may be Chinese."""
    if reads == MONTH:
        return month_at(buffer, at, length)
    within = OPERATORS if reads == OPERATOR else FIRST_CHOICES + place
    return find_word(words[0], words[1], buffer, at, length, within)


@compiled
def take_string(
    buffer: Bytes, at: int, end: int, record: Ints, place: int, field: Ints, words: Words, line: Floats, id_: Ints
) -> int:
    """Read the string of a field, whose first byte is at `at`; returns the position after its quote, or -1."""
    quote, is_ascii = closing_quote(buffer, at, end)
    length = quote - at
    if quote < 0 or length < field[SHORTEST] or length > field[LONGEST]:
        return -1
    reads = field[READS]
    if reads in (CHOICE, OPERATOR, MONTH):
        number = number_of_word(buffer, at, length, place, reads, words)
        if number < 0:
            return -1
        note(line, field, float(number))
    elif not is_ascii:
        return -1
    elif reads == SUBSCRIBER:
        if length != record[KEY_LENGTH] or not same_bytes(buffer, record[KEY_AT], buffer, at, length):
            return -1
    elif reads == EVENT_ID:
        id_[0] = at
        id_[1] = length
    elif reads != TEXT:
        return -1
    return quote + 1


@compiled
def take_name(
    buffer: Bytes, at: int, end: int, kind: int, fields: Ints, words: Words, usual: Ints, nth: int
) -> tuple[int, int]:
    """The field whose name begins at `at` (-1: unknown), and the position after its quote.

    Producers write fields in a fixed order, so the name last seen at this position is tried first.
    """
    field = usual[kind, nth]
    length = fields[field, NAME_LENGTH]
    ends = length < end - at and buffer[at + length] == QUOTE
    if ends and same_bytes(words[1], fields[field, NAME_AT], buffer, at, length):
        return field, at + length + 1
    quote, _ = closing_quote(buffer, at, end)
    if quote < 0:
        return -1, -1
    field = find_word(words[0], words[1], buffer, at, quote - at, FIRST_NAMES + kind)
    if field >= 0:
        usual[kind, nth] = field
    return field, quote + 1


@compiled
def take_field(
    buffer: Bytes,
    at: int,
    end: int,
    record: Ints,
    place: int,
    contract: Contract,
    words: Words,
    line: Floats,
    id_: Ints,
) -> int:
    """Read colon and value after a field's name; returns the position after the value, or -1."""
    at = behind_spaces(buffer, at, end)
    if at >= end or buffer[at] != COLON:
        return -1
    at = behind_spaces(buffer, at + 1, end)
    if at >= end:
        return -1
    field = contract[0][place]
    first = buffer[at]
    if first == QUOTE:
        return take_string(buffer, at + 1, end, record, place, field, words, line, id_)
    if first in (LOWER_T, LOWER_F):
        return take_switch(buffer, at, end, field, line)
    if first == MINUS or ZERO <= first <= NINE:
        return take_number(buffer, at, end, field, contract[1][place], line)
    return -1  # null, or something nested


@compiled
def is_plain(buffer: Bytes, record: Ints, contract: Contract, words: Words, room: Room, line: Floats) -> bool:
    """Whether a value is a plain event; if so, `line` holds its numbers and `room` the position of its id."""
    kind = record[RECORD_KIND]
    at, end = record[VALUE_AT], record[VALUE_AT] + record[VALUE_LENGTH] - 1
    if buffer[at] != OPENING or buffer[end] != CLOSING:
        return False
    seen = 0
    for nth in range(FIELDS_A_KIND):
        at = behind_spaces(buffer, at + 1, end)
        if at >= end or buffer[at] != QUOTE:
            return False
        place, at = take_name(buffer, at + 1, end, kind, contract[0], words, room[0], nth)
        bit = 1 << (place % FIELDS_A_KIND)
        if place < 0 or seen & bit:
            return False
        seen |= bit
        at = take_field(buffer, at, end, record, place, contract, words, line, room[1])
        if at < 0:
            return False
        at = behind_spaces(buffer, at, end)
        if at == end:
            return bool(seen & contract[3][kind] == contract[3][kind])
        if buffer[at] != COMMA:
            return False
    return False


@compiled
def within_bounds(buffer: Bytes, record: Ints) -> bool:
    """Whether key and value lie within the buffer and have lengths possible for a plain event."""
    return bool(
        0 <= record[RECORD_KIND] <= CARE_CONTACT
        and 2 <= record[VALUE_LENGTH] <= LONGEST_VALUE
        and 1 <= record[KEY_LENGTH] <= LONGEST_KEY
        and 0 <= record[VALUE_AT] <= len(buffer) - record[VALUE_LENGTH]
        and 0 <= record[KEY_AT] <= len(buffer) - record[KEY_LENGTH]
    )


@compiled
def read_events(
    buffer: Bytes,
    records: Ints,
    contract: Contract,
    words: Words,
    room: Room,
    numbers: Floats,
    events: Hashes,
    status: Statuses,
) -> None:
    """Write the line of numbers and the id's hash of every plain event; mark the others as not plain."""
    id_ = room[1]
    for n in range(len(records)):
        record, line = records[n], numbers[n]
        events[n] = 0
        status[n] = NOT_PLAIN
        if not within_bounds(buffer, record):
            continue
        for column in range(ARRIVAL):
            line[column] = contract[2][record[RECORD_KIND], column]
        id_[1] = 0
        if is_plain(buffer, record, contract, words, room, line):
            status[n] = PLAIN
            if id_[1] > 0:
                events[n] = event_hash(buffer, id_[0], id_[1], room[2])

@compiled
def varint_length(value: int) -> int:
    """Number of bytes of a zigzag base-128 number."""
    left, length = (value << 1) ^ (value >> 63), 1
    while left > 127:
        left >>= 7
        length += 1
    return length


@compiled
def put_varint(out: Bytes, at: int, value: int) -> int:
    """Write a number in zigzag base 128; returns the position after it."""
    left = (value << 1) ^ (value >> 63)
    while left > 127:
        out[at] = np.uint8((left & 127) | 128)
        left >>= 7
        at += 1
    out[at] = np.uint8(left)
    return at + 1


@compiled
def put_eight(out: Bytes, at: int, bits: np.uint64) -> int:
    """Write eight bytes, the lowest first; returns the position after them."""
    for byte in range(8):
        out[at + byte] = np.uint8((bits >> np.uint64(8 * byte)) & np.uint64(255))
    return at + 8


@compiled
def eight_at(values: Bytes, at: int) -> np.uint64:
    """Read eight bytes, the lowest first."""
    found = np.uint64(0)
    for byte in range(8):
        found |= np.uint64(values[at + byte]) << np.uint64(8 * byte)
    return found


@compiled
def put_bytes(out: Bytes, at: int, source: Bytes, begin: int, length: int) -> int:
    """Copy `length` bytes; returns the position after them."""
    for byte in range(length):
        out[at + byte] = source[begin + byte]
    return at + length


@compiled
def put_head(out: Bytes, done: Ints, key_length: int, value_length: int) -> int:
    """Write the part of a record before its key; a value of length -1 is a tombstone."""
    count = done[COUNT]
    size = 3 + varint_length(count) + varint_length(key_length) + key_length + varint_length(value_length)
    at = put_varint(out, done[AT], size + max(value_length, 0))
    out[at] = 0  # attributes
    out[at + 1] = 0  # timestamp of the batch
    return put_varint(out, put_varint(out, at + 2, count), key_length)


@compiled
def put_end(out: Bytes, done: Ints, at: int) -> None:
    """Write the part of a record after its value."""
    out[at] = 0  # no headers
    done[AT] = at + 1
    done[COUNT] += 1


@compiled
def put_pairs(begin: int, lengths: Ints, source: Bytes, out: Bytes, done: Ints) -> int:
    """Write the keys and values that follow each other in `source`, as far as they fit; returns the next pair."""
    for pair in range(begin, len(lengths)):
        key_length, value_length = lengths[pair, 0], lengths[pair, 1]
        if done[AT] + key_length + value_length + LONGEST_HEADS > len(out):
            return pair
        at = put_bytes(out, put_head(out, done, key_length, value_length), source, done[TAKEN], key_length)
        at = put_varint(out, at, value_length)
        done[TAKEN] += key_length
        if value_length > 0:
            at = put_bytes(out, at, source, done[TAKEN], value_length)
            done[TAKEN] += value_length
        put_end(out, done, at)
    return len(lengths)


@compiled
def put_rows(begin: int, rows: Ints, columns: Columns, parts: Ints, names: Names, out: Bytes, done: Ints) -> int:
    """Write the changed parts of rows, as far as they fit, and clear their marks; returns the next row's place.

    `names` are the subscribers, one after the other. `parts` are the ring of event ids, the kept visits, and the
    blocks of the table, in this order.
    """
    table, ring, dirty, fill, slots, kept, visits = columns
    for place in range(begin, len(rows)):
        row, length = rows[place], names[1][place]
        if done[AT] + LONGEST_ROW + len(parts) * (length + LONGEST_HEADS) > len(out):
            return place
        for part in range(len(parts)):
            if dirty[row] & parts[part, PART_BIT] == 0:
                continue
            start, width, code = parts[part, PART_START], parts[part, PART_WIDTH], parts[part, PART_CODE]
            if part == RING_PART:
                size = block_size(ring, row, 0, width, fill, start)
            elif part == KEPT_PART:
                size = 2 + 8 * KEPT_COLUMNS * kept[slots[row]] if slots[row] >= 0 and kept[slots[row]] > 0 else -1
            else:
                size = block_size(table, row, start, width, fill, start)
            at = put_head(out, done, length + 1, size)
            out[at] = code
            at = put_varint(out, put_bytes(out, at + 1, names[0], done[TAKEN], length), size)
            if part == RING_PART:
                at = put_block(out, at, ring, row, 0, width, fill, start)
            elif part != KEPT_PART:
                at = put_block(out, at, table, row, start, width, fill, start)
            elif size > 0:
                at = put_visits(out, at, visits, slots[row], kept[slots[row]])
            put_end(out, done, at)
        dirty[row] = 0
        done[TAKEN] += length
    return len(rows)


@compiled
def block_size(data: Hashes, row: int, start: int, width: int, fill: Hashes, fill_at: int) -> int:
    """Number of bytes of a block's value."""
    size = 2 + ((width + 7) >> 3)
    for column in range(width):
        if data[row, start + column] != fill[fill_at + column]:
            size += 8
    return size


@compiled
def put_block(out: Bytes, at: int, data: Hashes, row: int, start: int, width: int, fill: Hashes, fill_at: int) -> int:
    """Write a block's value, the columns that differ from their fill values; returns the position after it."""
    marks, marks_at = (width + 7) >> 3, at + 2
    out[at] = SOME_COLUMNS
    out[at + 1] = marks
    for mark in range(marks):
        out[marks_at + mark] = 0
    at = marks_at + marks
    for column in range(width):
        bits = data[row, start + column]
        if bits != fill[fill_at + column]:
            out[marks_at + (column >> 3)] |= np.uint8(1 << (column & 7))
            at = put_eight(out, at, bits)
    return at


@compiled
def put_visits(out: Bytes, at: int, visits: Hashes, slot: int, count: int) -> int:
    """Write the kept visits of a row; returns the position after them."""
    out[at] = ALL_COLUMNS
    out[at + 1] = 0
    at += 2
    for visit in range(count):
        for column in range(KEPT_COLUMNS):
            at = put_eight(out, at, visits[slot, visit, column])
    return at


@compiled
def read_rows(rows: Ints, ends: Ints, values: Bytes, data: Hashes, fill: Hashes) -> int:
    """Put values of a block into its rows, the last one per row; returns the place of an unreadable one, or -1.

    `fill` are the block's fill values; `ends` is the end of each value.
    """
    begin = 0
    for place in range(len(rows)):
        row, length = rows[place], ends[place] - begin
        for column in range(len(fill)):
            data[row, column] = fill[column]
        if length < 2:
            return place
        version, marks = values[begin], values[begin + 1]
        if version == ALL_COLUMNS and marks == 0:
            read = read_all(values, begin + 2, length - 2, data, row)
        else:
            read = version == SOME_COLUMNS and read_some(values, begin + 2, length - 2, marks, data, row)
        if not read:
            return place
        begin += length
    return -1


@compiled
def read_all(values: Bytes, at: int, length: int, data: Hashes, row: int) -> bool:
    """Read a value with all columns that existed when it was written; whether it is readable."""
    if length & 7 != 0 or length >> 3 > data.shape[1]:
        return False
    for column in range(length >> 3):
        data[row, column] = eight_at(values, at + 8 * column)
    return True


@compiled
def read_some(values: Bytes, at: int, length: int, marks: int, data: Hashes, row: int) -> bool:
    """Read the columns marked in a value's bits; whether it is readable."""
    taken = marks
    for column in range(8 * marks):
        if marks > length or (values[at + (column >> 3)] >> (column & 7)) & 1 == 0:
            continue
        if column >= data.shape[1] or taken + 8 > length:
            return False
        data[row, column] = eight_at(values, at + taken)
        taken += 8
    return bool(taken == length)


@compiled
def varint(buffer: Bytes, at: int, end: int) -> tuple[int, int]:
    """A signed number of variable length, and the position after it; the position is -1 if there is none."""
    found = np.int64(0)
    shift = 0
    while 0 <= at < end and shift < 64:
        byte = np.int64(buffer[at])
        at += 1
        found |= (byte & 127) << shift
        if byte < 128:
            return int(((found >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(found & 1)), at
        shift += 7
    return 0, -1


@compiled
def span_of_bytes(buffer: Bytes, at: int, end: int) -> tuple[int, int, int]:
    """Length-prefixed bytes: their position, length (-1: null), and the position after them (-1: malformed)."""
    length, at = varint(buffer, at, end)
    if at < 0 or length < -1 or length > end - at:
        return 0, 0, -1
    return at, length, at + max(length, 0)


@compiled
def behind_headers(buffer: Bytes, at: int, end: int) -> int:
    """The position after the headers; -1 if they are malformed.

    A header must have a name; one that is not ASCII is left to the client, which may reject it as invalid text.
    """
    count, at = varint(buffer, at, end)
    if at < 0 or count < 0 or count > end - at:
        return -1
    for _ in range(count):
        name, length, at = span_of_bytes(buffer, at, end)
        if at < 0 or length < 0:
            return -1
        for byte in range(name, name + length):
            if buffer[byte] > 127:
                return -1
        _, length, at = span_of_bytes(buffer, at, end)
        if at < 0:
            return -1
    return at


@compiled
def take_record(buffer: Bytes, at: int, end: int, record: Ints) -> int:
    """The position after one record; -1 if it is malformed. Offset and timestamp are relative to the batch's."""
    length, at = varint(buffer, at, end)
    if at < 0 or length < 1 or length > end - at or buffer[at] != 0:  # attributes: none are defined
        return -1
    end = at + length
    record[STAMP], at = varint(buffer, at + 1, end)
    record[OFFSET], at = varint(buffer, at, end)
    record[KEY_AT], record[KEY_LENGTH], at = span_of_bytes(buffer, at, end)
    record[VALUE_AT], record[VALUE_LENGTH], at = span_of_bytes(buffer, at, end)
    return end if behind_headers(buffer, at, end) == end else -1


@compiled
def take_records(buffer: Bytes, at: int, end: int, offset: int, stamp: int, records: Ints) -> bool:
    """Read all records of the batch in `buffer` from `at` to `end`; whether it is well formed with rising offsets.

    `offset` and `stamp` are the batch's base values.
    """
    last = -1
    for n in range(len(records)):
        record = records[n]
        at = take_record(buffer, at, end, record)
        if at < 0 or record[OFFSET] <= last:
            return False
        last = record[OFFSET]
        record[OFFSET] += offset
        record[STAMP] += stamp
    return bool(at == end)


@compiled
def merge(records: Ints, dates: Ints, bounds: Ints, last: Ints, most_bytes: int, taken: Ints, order: Ints) -> int:
    """Write the next records to `order` and their counts by topic to `taken`; returns their number.

    Limited by the size of `order` and by `most_bytes`; a single larger record goes alone.

    Parameters
    ----------
    records, dates
        Records and dates, topic by topic in the order of their ranks.
    bounds
        Start of each topic, and the end.
    last
        For each topic, whether the merge must stop after its last record.
    """
    for n in range(len(order)):
        head, at = -1, -1
        for topic in range(len(taken)):
            place = bounds[topic] + taken[topic]
            if place < bounds[topic + 1] and (head < 0 or dates[place] < dates[at]):
                head, at = topic, place
        if head < 0:
            return n
        most_bytes -= max(records[at, KEY_LENGTH], 0) + max(records[at, VALUE_LENGTH], 0)
        if most_bytes < 0 and n > 0:
            return n
        order[n] = at
        taken[head] += 1
        if at + 1 < bounds[head + 1]:
            # A partition keeps its own order, even if its dates are not sorted.
            dates[at + 1] = max(dates[at], dates[at + 1])
        elif last[head] != 0:
            return n + 1
    return len(order)
MURMUR_M, MURMUR_SEED = 0x5BD1E995, 0x9747B28C
WORD = 0xFFFFFFFF


@compiled
def murmur2(buffer: Bytes, at: int, length: int) -> int:
    """32-bit hash of a key [1]_."""
    found = np.int64(MURMUR_SEED ^ length)
    whole = at + (length & ~3)
    for word in range(at, whole, 4):
        k = np.int64(buffer[word]) | np.int64(buffer[word + 1]) << 8
        k |= np.int64(buffer[word + 2]) << 16 | np.int64(buffer[word + 3]) << 24
        k = (k * MURMUR_M) & WORD
        k ^= k >> 24
        found = (found * MURMUR_M) & WORD ^ (k * MURMUR_M) & WORD
    rest = at + length - whole
    if rest > 0:
        for n in range(rest):
            found ^= np.int64(buffer[whole + n]) << (8 * n)
        found = (found * MURMUR_M) & WORD
    found ^= found >> 13
    found = (found * MURMUR_M) & WORD
    return int(found ^ (found >> 15))


@compiled
def count_misplaced(buffer: Bytes, records: Ints, partition: int, partitions: int, seen: Bytes, counts: Ints) -> None:
    """Count by topic the keys that belong to another partition; `seen` skips keys already checked."""
    for n in range(len(records)):
        record = records[n]
        if record[KEY_LENGTH] < 0:
            continue
        key = murmur2(buffer, record[KEY_AT], record[KEY_LENGTH])
        # The low bits choose the partition, so within one lane they are the same for all keys.
        place = (((key + record[TOPIC]) * MURMUR_M & WORD) >> 8) % len(seen)
        if seen[place] == 0:
            seen[place] = 1
            if (key & 0x7FFFFFFF) % partitions != partition:
                counts[record[TOPIC]] += 1
