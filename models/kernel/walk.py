"""The walk over the arrivals of a batch, and the look at the subscribers of a tick.

The walk stops after each arrival that needs a decision, so that the state is exactly as of that arrival.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from models.arrays import Floats, Hashes, Ints
from models.kernel.arithmetic import NAN, exp, fmax, fmin, span, usual_rate
from models.kernel.compiling import compiled
from models.kernel.places import (
    ABOVE,
    ACCOUNT_BILL,
    ACCOUNT_FORWARDED,
    ACCOUNT_LEAST,
    ALIVE,
    APPLIED,
    BEHAVIOUR,
    BILL,
    BROWSE_DWELL,
    BROWSE_PAGE_DWELL,
    BROWSE_VISITS,
    BROWSE_WINDOW,
    BROWSING_LEVEL,
    BROWSING_TTL,
    BROWSING_UNTIL,
    CALLS_7,
    CALLS_30,
    CALLS_FIRST,
    CALLS_REF,
    CALM,
    CAME_FROM,
    CARE_CONTACT,
    CODE,
    CORPORATE,
    CUT_WARNING,
    DAILY,
    DATA_FIRST,
    DATA_REF,
    DATA_USE,
    DAY,
    DECLINE_CALLS,
    DECLINE_DATA,
    DECLINE_HIGH,
    DECLINE_LEAST,
    DECLINE_MONTH,
    DECLINE_OFF_NET,
    DECLINE_PLAN,
    DECLINE_QUIET,
    DECLINE_SEGMENT,
    DECLINED_TS,
    DUPLICATE,
    EXCLUDED_PAGES,
    FEEDS,
    FIRST,
    FIRST_TS,
    FORWARDED_7,
    FORWARDED_30,
    FRESH,
    FULL,
    HIGH_ABOVE,
    HIGH_LEFT,
    HISTORY,
    IDLE,
    IGNORED,
    INTERCEPT,
    IS_LATE,
    KEPT_AWAY,
    KIND,
    LAST_TICK,
    LAST_TS,
    LATE,
    LEFT,
    LOOK_BILL,
    LOOK_FORWARDS,
    LOOK_IDLE,
    LOOK_MOVES,
    LOOK_NEWS,
    LOOK_OFF_NET,
    LOOK_PAYS_LESS,
    LOOK_PLAN,
    LOOKED_HISTORY,
    LOOKED_LEFT,
    LOOKED_NOW,
    LOOKED_PLACE,
    LOOKED_PUBLISHED,
    LOOKED_REACHES,
    LOOKED_RISK,
    LOOKED_TIER,
    LOOKED_WHY,
    MB_7,
    MB_30,
    MIN_HISTORY,
    NEXT_TICK,
    NOW,
    OFF_NET_7,
    OFF_NET_30,
    PERIOD,
    PLAN_CHANGE_TS,
    PLAN_FEE_CHANGE,
    PROFILED,
    PUBLISHED,
    QUEUED,
    RAISES,
    RARE,
    REACHED,
    REACHED_TS,
    REPEATED,
    RISK_BIT,
    ROOM,
    ROW,
    SCORE,
    SCORE_STEP,
    SEEN_BIT,
    SESSIONS_30,
    SIGNALS,
    SILENCE_FLOOR,
    SILENCE_GAPS,
    SILENCE_HISTORY,
    SILENCE_PER_WEEK,
    SILENT,
    SMOOTHING,
    SMS_30,
    STRONG_PAGES,
    TICK,
    TICKS,
    TIER,
    TOO_LATE,
    TS,
    UNPROFILED,
    VISIT,
    WAKES,
    WARNING_LEFT,
    WATERMARK,
    WEEKLY,
    WHY,
)
from models.kernel.row_fold import Visits, admit, month_of, take, touch

if TYPE_CHECKING:  # the generator reads this part to make that file
    from models.kernel.compiled import features, log_odds

Arrivals = tuple[Floats, Hashes]
"""Lines of arrivals, and the hashes of their event ids."""
State = tuple[Floats, Hashes, Ints, Ints, Ints]
"""A population's table, ring, marks, dirty and touched."""
Model = tuple[Floats, Floats, Floats]
"""Curves, their sums for empty blocks, and the parameters of model and policy."""

MOST_LOG_ODDS = 40.0
NEAR = -1.0
"""Log-odds relative to the warning cut-off: smoothed values below this are not stored."""
ROW_BYTES = 350.0
"""Estimated bytes that a subscriber's first event adds to a transaction: it writes blocks of the row."""
EVENT_BYTES = 30.0
"""Estimated bytes that each event adds."""


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
