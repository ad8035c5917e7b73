"""Signals: rules that trigger an alert without the model, at an event or because a time has come, each with a strength.

Those at an event need no history. A signal's level is the strength of the trigger: a stronger one than before escalates
the open alert.

Those by time are notices that a contract ends, complaints close to their promised time, and win-back. A notice is given
at the tick that lies some days before the end, and only then, so no state is needed of which were given; if contracts
of several products end on one day, the first notice covers all. Once the customer knows of an end, no further notice is
given. A complaint is warned of once most of its time is gone. Subscribers who left are asked to return once, within a
window some months later: a number that was ported cannot move again for 120 days, so to ask earlier would only disturb.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, isnan
from typing import Final, NamedTuple, get_args

from models.arrays import Floats
from models.contract.events import LEAVING, CareContact, Page, SiteVisit
from models.contract.policy import BrowsingPolicy, ComplaintPolicy, ExpiryPolicy, WinBackPolicy
from models.contract.time_units import DAY_MS
from models.contract.vocabulary import Kind
from models.features.account import PRODUCTS
from models.kernel import places
from models.kernel.places import CONTRACT_END, LEFT, LEFT_TS, OUTCOME_CODE, TOLD_END
from models.state.columns import OUTCOME_CODES
from models.state.lane_time import TICK_MS
from models.state.population import Visit
from models.state.record_updates import COMPLAINTS
from models.state.subscriber_record import Book, Case

_PAGES: Final = get_args(Page)
_PRODUCTS: Final = tuple(PRODUCTS)
_ENDS: Final = slice(CONTRACT_END, CONTRACT_END + len(_PRODUCTS))
_TOLD: Final = slice(TOLD_END, TOLD_END + len(_PRODUCTS))
ORDINARY: Final = 1
STRONG: Final = 2
ACCOUNT_KIND: Final[Kind] = "account_exodus"
FORWARDS: Final = "forwards_more"
PAYS_LESS: Final = "pays_less"
ACCOUNT_SIGNS: Final = (FORWARDS, PAYS_LESS)
"""Codes of the signs of a corporate line."""


class Signal(NamedTuple):
    """A trigger: its kind and strength, and the code and value of its reason."""

    kind: Kind
    level: int
    code: str
    value: float
    appointment_ts: int | None = None
    """Latest time of the contact: an appointment, or the end of a contract."""
    subject: str = ""
    promised_ts: int | None = None
    department: str | None = None
    """These three fields are those of :class:`models.state.subscriber_record.Episode`."""


def browsing(visits: Sequence[Visit], visit: SiteVisit, now: float, policy: BrowsingPolicy) -> Signal | None:
    """The signal of competitor browsing, if this visit triggers it, given all kept visits including itself.

    The window ends at `now`, the subscriber's own time; `visits` are the kept ones, oldest first. A visit to an
    excluded page neither triggers nor counts.

    Examples
    --------
    >>> policy, day = BrowsingPolicy(), 86_400_000
    >>> def read(ts, page="home", dwell=20.0):
    ...     return SiteVisit(subscriber_id="s-1", ts=ts, operator="cucc", dwell_s=dwell, page=page)
    >>> kept = [(d * day, 20.0, 0.0) for d in (0, 3, 6)]
    >>> browsing(kept, read(6 * day), 6 * day, policy)  # doctest: +ELLIPSIS
    Signal(kind='competitor_browsing', level=1, code='competitor_visits_7d', value=3.0, ...)
    >>> browsing(kept, read(8 * day), 8 * day, policy) is None
    True
    >>> browsing([], read(0, "number_portability", 30.0), 0, policy).level
    2
    """
    if visit.page in policy.excluded_pages:
        return None
    if visit.page in policy.strong_pages and visit.dwell_s >= policy.page_dwell_s:
        return Signal("competitor_browsing", STRONG, "competitor_page_dwell", visit.dwell_s)
    since = now - policy.window_days * DAY_MS
    recent = [dwell for ts, dwell, page in visits if ts > since and _PAGES[int(page)] not in policy.excluded_pages]
    dwell = 0.0
    for each in recent:
        dwell += each
    if dwell >= policy.dwell_s:
        return Signal("competitor_browsing", ORDINARY, "competitor_dwell_7d", dwell)
    if len(recent) >= policy.visits:
        return Signal("competitor_browsing", ORDINARY, "competitor_visits_7d", float(len(recent)))
    return None


UNUSED: Final = "unused"
UNUSED_VISIT: Final = Signal("competitor_browsing", ORDINARY, UNUSED, 0.0)
"""A visit by a subscriber who refused the use of site visits: it is not kept, and a suppression says it was unused."""


def care(event: CareContact) -> Signal | None:
    """The signal of a care contact, or None; a resolved case triggers nothing.

    Examples
    --------
    >>> care(CareContact(subscriber_id="s-1", ts=0, reason="port_out_code")).level
    2
    >>> care(CareContact(subscriber_id="s-1", ts=0, reason="fault")) is None
    True
    """
    if event.status != "opened":
        return None
    match event.reason:
        case "leave_intent":
            return Signal("leave_intent", ORDINARY, "leave_intent", 1.0)
        case "port_out_query":
            return Signal("port_out", ORDINARY, "port_out_query", 1.0)
        case "port_out_code":
            return Signal("port_out", STRONG, "port_out_code", 1.0)
        case "disconnect_appointment":
            at = event.appointment_ts
            days = 0.0 if at is None else max(0.0, (at - event.ts) / DAY_MS)
            return Signal("disconnect_appointment", ORDINARY, "disconnect_appointment", days, at)
        case _:
            return None


CARE_TRIGGERS: Final = frozenset({"leave_intent", "port_out_query", "port_out_code", "disconnect_appointment"})
"""Reasons for which :func:`care` returns a signal."""


def decline(why: int, columns: Floats, bill_vs_usual: float) -> Signal:
    """The signal of a value decline that the daily look found."""
    if why & places.LOOK_PLAN:
        return downgraded(float(columns[places.PLAN_FEE_CHANGE]))
    if why & places.LOOK_BILL:
        return Signal("value_decline", ORDINARY, "spend_decline", bill_vs_usual)
    return Signal(
        "value_decline", ORDINARY, "off_net_shift", float(columns[places.OFF_NET_7] / columns[places.CALLS_7])
    )


def account_signs(why: int, columns: Floats, bill_vs_usual: float, account_id: str) -> list[Signal]:
    """Signs found by the daily look that the account of a corporate line is about to leave.

    The account is part of the subject, so the same finding under another account is another sign.
    """
    found = []
    if why & places.LOOK_FORWARDS:
        share = float(columns[places.FORWARDED_7] / columns[places.CALLS_7])
        found.append(Signal(ACCOUNT_KIND, ORDINARY, FORWARDS, share, subject=sign_subject(FORWARDS, account_id)))
    if why & places.LOOK_PAYS_LESS:
        subject = sign_subject(PAYS_LESS, account_id)
        found.append(Signal(ACCOUNT_KIND, ORDINARY, PAYS_LESS, bill_vs_usual, subject=subject))
    return found


def sign_subject(code: str, account_id: str | None) -> str:
    """The subject of a line's sign: code and account."""
    return f"{code} {account_id}"


def downgraded(change: float = 0.0) -> Signal:
    """The signal of a move to a cheaper plan; `change` is the change of the fee, 0 if unknown."""
    return Signal("value_decline", ORDINARY, "downgraded", change)


def silence(last_ts: float, at: float) -> Signal:
    """The signal of a subscriber silent since `last_ts`."""
    return Signal("silence", ORDINARY, "silent_days", (at - last_ts) / DAY_MS)


def notice_code(product: str) -> str:
    """The feature that holds when a product's contract ends; also the code of the notice's reason."""
    return f"contract_days_left_{product}"


def contract_end(columns: Floats, product: str) -> float:
    """When a product's contract ends; NaN for never."""
    return float(columns[CONTRACT_END + _PRODUCTS.index(product)])


def beside(columns: Floats, product: str) -> list[str]:
    """Other products whose contracts end on the same day."""
    end = contract_end(columns, product)
    return [each for each in _PRODUCTS if each != product and abs(contract_end(columns, each) - end) < DAY_MS]


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
    for end, told_end in zip(ends, columns[_TOLD].tolist(), strict=True):
        if end == told_end:
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
        end = contract_end(columns, product)
        led = any(_PRODUCTS.index(other) < place for other in beside(columns, product))
        if led or end == told[product]:
            continue
        days = [each for each in policy.notice_days if tick - TICK_MS < end - each * DAY_MS <= tick]
        if days:
            level = STRONG if min(days) <= policy.urgent_days else ORDINARY
            found.append(Signal("contract_expiry", level, notice_code(product), min(days), int(end), product))
    return found


def told_of_end(columns: Floats, product: str) -> None:
    """Note that the customer knows when this contract ends, and those that end with it."""
    for each in (product, *beside(columns, product)):
        place = _PRODUCTS.index(each)
        columns[TOLD_END + place] = columns[CONTRACT_END + place]


def warning_ts(case: Case, policy: ComplaintPolicy) -> float:
    """When to warn of a case; infinity if it is no complaint, has no promised time, or has had its warning.

    Examples
    --------
    >>> hour = 3_600_000
    >>> warning_ts(Case(0, "complaint", due_ts=48 * hour), ComplaintPolicy()) / hour
    38.4
    """
    if case.told or case.due_ts is None or case.reason not in COMPLAINTS:
        return inf
    return case.opened_ts + policy.warn_share * max(0, case.due_ts - case.opened_ts)


def next_warning(book: Book, policy: ComplaintPolicy) -> float:
    """When the next warning of a complaint is due."""
    return min([warning_ts(case, policy) for case in book.cases.values()], default=inf)


def due_warnings(book: Book, policy: ComplaintPolicy, clock: float) -> list[Signal]:
    """Warnings due by now, each once: the cases are marked as warned."""
    found = []
    for case_id, case in sorted(book.cases.items()):
        if warning_ts(case, policy) <= clock:
            case.told = True
            signal = Signal("complaint_overdue", ORDINARY, "complaint_overdue", 0.0, subject=case_id)
            found.append(signal._replace(promised_ts=case.due_ts, department=case.department))
    return found


def _asking_ts(columns: Floats, policy: WinBackPolicy) -> float:
    """When a leaver is asked; infinity for subscribers who have not left, or not of their own will."""
    if columns[LEFT] != 1.0 or OUTCOME_CODES[int(columns[OUTCOME_CODE])] not in LEAVING:
        return inf
    return float(columns[LEFT_TS]) + policy.after_days * DAY_MS


def next_asking(columns: Floats, policy: WinBackPolicy, after: float) -> float:
    """When to ask, if that is in the future; infinity otherwise.

    Examples
    --------
    >>> from models.state.population import Population
    >>> columns = Population().table[0]
    >>> columns[LEFT], columns[LEFT_TS], columns[OUTCOME_CODE] = 1.0, 0.0, OUTCOME_CODES.index("ported_out")
    >>> next_asking(columns, WinBackPolicy(), 0.0) / DAY_MS
    110.0
    """
    at = _asking_ts(columns, policy)
    return at if at > after else inf


def due_asking(columns: Floats, policy: WinBackPolicy, tick: int) -> Signal | None:
    """The signal, at the tick at which the subscriber is to be asked and at no other."""
    if not tick - TICK_MS < _asking_ts(columns, policy) <= tick:
        return None
    left = float(columns[LEFT_TS])
    until = int(left + policy.until_days * DAY_MS)
    code = OUTCOME_CODES[int(columns[OUTCOME_CODE])]
    return Signal("win_back", ORDINARY, code, (tick - left) / DAY_MS, until)
