"""Arithmetic of the hot path: decay, and shared formulas.

The exponential uses only additions, multiplications and divisions. The C library's differs in the last bit from
processor to processor, so two workers of one group would write different bytes for the same events.

References
----------
.. [1] G. Cormode, V. Shkapenyuk, D. Srivastava, B. Xu, "Forward Decay: A Practical Time Decay Model for Streaming
   Systems", ICDE 2009: the sum of a column with time constant *tau*, as of a reference time *R*, is
   ``sum(x_i * exp(-(R - t_i) / tau))``. Moving the reference forward multiplies the whole sum by one factor, and an
   event older than the reference enters with its smaller weight, so order matters up to rounding only.
.. [2] Sun Microsystems, FDLIBM 5.3, ``e_exp.c``: argument reduction by ln 2 and a rational function.
"""

from __future__ import annotations

import math

import numpy as np

from models.arrays import Floats, Ints
from models.kernel.compiling import compiled
from models.kernel.places import DAY

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
