"""Immediate signals: rules that trigger an alert without the model, each with a strength.

A signal needs no history. Its level is the strength of the trigger: a stronger one than before escalates the open
alert.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, get_args

from models.arrays import Floats
from models.contract.events import CareContact, Page, SiteVisit
from models.contract.policy import BrowsingPolicy
from models.contract.time_units import DAY_MS
from models.contract.vocabulary import Kind
from models.kernel import places
from models.state.kept_visits import Visit

_PAGES: Final = get_args(Page)
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
