"""State changes by the rarer events: profile, outcome, open cases, contacts.

Numbers go into the row's columns, the rest into the profile or the book. :mod:`models.kernel` folds calls, data
sessions, bills, visits, and the numbers of care contacts.
"""

from __future__ import annotations

from bisect import insort_right
from operator import attrgetter
from typing import Final

from models.arrays import Floats
from models.contract.events import (
    GONE,
    LEAVING,
    REACHED,
    AnyEvent,
    CareContact,
    Contact,
    Deletion,
    Feedback,
    Outcome,
    ProductKind,
    Profile,
)
from models.contract.policy import ConsentDefault
from models.state.columns import CARE, NAN, OUTCOME, OUTCOME_CODES, PROFILE, VISITS
from models.state.population import Population
from models.state.subscriber_record import KEPT_TOUCHES, Book, Case, Touch

KEPT_CASES: Final = 24
"""Open cases kept at most: a book must fit into one record of the state topic."""
BY_OTHERS: Final = "others"
"""Author of the contacts in ``telecom.contacts.v1``."""
COMPLAINTS: Final = frozenset({"complaint", "billing_dispute"})
"""Reasons of cases that are complaints."""
_CASE_REASONS: Final = COMPLAINTS | {"fault"}
_KINDS: Final[tuple[ProductKind, ...]] = ("mobile", "broadband", "iptv", "fixed")
_TOUCHING: Final = REACHED | {"unreachable"}
"""Feedback statuses that mean a contact with the subscriber; the others concern the alert."""
_BY_TS: Final = attrgetter("ts")


def take_rare(population: Population, row: int, event: AnyEvent | Deletion) -> None:
    """Apply an event's changes to profile, outcome and book; the compiled code has already folded its numbers."""
    match event:
        case CareContact():
            take_care(population, row, event)
        case Contact() | Feedback():
            take_touch(population, row, event)
        case Outcome():
            take_outcome(population, row, event)
        case Profile() | Deletion():
            take_profile(population, row, event)
        case _:
            pass


def profile_row(profile: Profile) -> list[float]:
    """Columns of the ``profile`` block; NaN where the operator gave no value."""
    return [
        float(profile.ts),
        _number(profile.activated_ts),
        _number(profile.arpu),
        _number(profile.penalty),
        _number(profile.points),
        _number(profile.star),
        _number(profile.portable),
        float(profile.account_id is not None),
        _number(profile.account_size),
        float(profile.main_subscriber_id is not None),
        float(len(profile.products)) if profile.products else NAN,
        *(_contract_end(profile, kind) for kind in _KINDS),
        NAN,  # see _take_consent
    ]


def _number(value: float | None) -> float:
    return NAN if value is None else float(value)


def _contract_end(profile: Profile, kind: ProductKind) -> float:
    """Latest contract end among the products of a kind: a renewal is listed beside the contract it prolongs."""
    ends = [p.contract_end_ts for p in profile.products if p.product == kind and p.contract_end_ts is not None]
    return float(max(ends)) if ends else NAN


def take_profile(population: Population, row: int, event: Profile | Deletion) -> None:
    """Replace the whole profile, unless the stored one is newer; a deletion clears it and keeps the history."""
    block = population.blocks[PROFILE.name]
    if isinstance(event, Deletion):
        population.set_profile(row, None)
        block.data[row] = block.fill
    elif not event.ts < block.data[row, PROFILE.index["ts"]]:
        population.set_profile(row, event)
        block.data[row] = profile_row(event)
        _take_consent(population, row, event)
    population.touch(row, PROFILE.name)


def consent_by(population: Population, default: ConsentDefault) -> None:
    """Apply the policy's default consent to everybody whose profile leaves it open."""
    population.consent = default
    column = population.blocks[PROFILE.name].column("behaviour")
    changed = []
    for row, profile in enumerate(population.profiles):
        if profile is None or (profile.consent.behaviour is not None and profile.consent.profiling is not None):
            continue
        population.mark_profiling(row)
        if column[row] != float(default.behaviour_of(profile)):
            changed.append((profile.subscriber_id, row, profile))
    # By id: row numbers change with a restart, and these rows are written in this order.
    for _, row, profile in sorted(changed, key=lambda each: each[0]):
        _take_consent(population, row, profile)
        population.touch(row, PROFILE.name)


def _take_consent(population: Population, row: int, profile: Profile) -> None:
    """Record whether visits may be used; if not, delete the kept ones."""
    allowed = population.consent.behaviour_of(profile)
    population.blocks[PROFILE.name].data[row, PROFILE.index["behaviour"]] = float(allowed)
    visited = population.blocks[VISITS.name].data[row, VISITS.index["ref_ts"]]
    if not allowed and visited == visited:  # noqa: PLR0124 - NaN
        population.forget_visits(row)


def take_outcome(population: Population, row: int, event: Outcome) -> None:
    """Record whether the subscriber is gone; an outcome older than the stored one changes nothing.

    Who left of their own will cannot leave again before they were back: billing disconnects a line a month after it was
    ported out, and a source may repeat its outcomes. How and when they left stays as it was first said.
    """
    held = population.blocks[OUTCOME.name].data[row]
    population.touch(row, OUTCOME.name)
    if event.ts < held[OUTCOME.index["ts"]]:
        return
    held[OUTCOME.index["ts"]] = event.ts
    if event.outcome in LEAVING and _still_gone(held, population.profiles[row], event.ts):
        return
    held[OUTCOME.index["code"]] = OUTCOME_CODES.index(event.outcome)
    if event.outcome in GONE:
        held[OUTCOME.index["left"]], held[OUTCOME.index["left_ts"]] = 1.0, event.ts
    elif event.outcome == "returned":
        held[OUTCOME.index["left"]] = 0.0


def _still_gone(held: Floats, profile: Profile | None, now: int) -> bool:
    """Whether they had left of their own will and were not in service since, by outcome or profile."""
    left_ts = held[OUTCOME.index["left_ts"]]
    if held[OUTCOME.index["left"]] != 1.0 or OUTCOME_CODES[int(held[OUTCOME.index["code"]])] not in LEAVING:
        return False
    if profile is None:
        return True
    # A new ledger applies today's profiles first: of the time before it, one only says when they were activated.
    active = profile.status == "active" and left_ts < profile.ts <= now
    return not active and (profile.activated_ts is None or not left_ts < profile.activated_ts <= now)


def take_touch(population: Population, row: int, event: Contact | Feedback) -> None:
    """Keep a contact with the subscriber, by any department: all count towards the caps."""
    if isinstance(event, Contact):
        touch = Touch(event.ts, event.channel, "contacted", BY_OTHERS)
    elif event.status in _TOUCHING:
        touch = Touch(event.ts, event.channel, event.status, event.by, event.offer_code)
    else:
        return
    book = population.book(row)
    insort_right(book.touches, touch, key=_BY_TS)
    del book.touches[:-KEPT_TOUCHES]
    if touch.status == "refused":
        book.refused_ts = max(touch.ts, book.refused_ts or 0)
    population.mark_book(row)


def take_care(population: Population, row: int, event: CareContact) -> None:
    """Keep the appointment, or the case with its promised date."""
    held = population.blocks[CARE.name].data[row]
    told_ts = CARE.index["appointment_told_ts"]
    if event.reason == "disconnect_appointment" and not event.ts < held[told_ts]:
        if not _of_another_case(population, row, event):
            held[told_ts] = event.ts
            _appoint(population, row, event)
    elif event.reason in _CASE_REASONS and event.case_id is not None:
        _take_case(population, row, event, event.case_id)


def _of_another_case(population: Population, row: int, event: CareContact) -> bool:
    """Whether this withdraws an appointment that was replaced by a later one; without a case id it means the latest."""
    book = population.books.get(row)
    standing = None if book is None else book.appointment_case
    return event.status == "resolved" and None not in (standing, event.case_id) and event.case_id != standing


def _appoint(population: Population, row: int, event: CareContact) -> None:
    book, held = population.book(row), population.blocks[CARE.name].data[row]
    if event.status == "resolved":
        book.appointment_ts = book.appointment_case = None
        held[CARE.index["appointment_ts"]] = NAN
    else:
        book.appointment_ts = event.ts if event.appointment_ts is None else event.appointment_ts
        book.appointment_case = event.case_id
        held[CARE.index["appointment_ts"]] = book.appointment_ts
    population.mark_book(row)


def _take_case(population: Population, row: int, event: CareContact, case_id: str) -> None:
    book, held = population.book(row), population.blocks[CARE.name].data[row]
    population.mark_book(row)
    if event.status == "resolved":
        book.cases.pop(case_id, None)
    else:
        _open_case(book, event, case_id)
    complaints = [case for case in book.cases.values() if case.reason in COMPLAINTS]
    promised = [case.due_ts for case in complaints if case.due_ts is not None]
    held[CARE.index["open_complaints"]] = len(complaints)
    held[CARE.index["open_faults"]] = len(book.cases) - len(complaints)
    held[CARE.index["due_ts"]] = min(promised) if promised else NAN


def _open_case(book: Book, event: CareContact, case_id: str) -> None:
    """Open a case, or give an open one a new promised date, after which it may become overdue again."""
    case = book.cases.get(case_id)
    if case is None:
        book.cases[case_id] = Case(event.ts, event.reason, event.due_ts, event.department)
        if len(book.cases) > KEPT_CASES:
            del book.cases[min(book.cases, key=lambda c: (book.cases[c].opened_ts, c))]
        return
    case.opened_ts = min(case.opened_ts, event.ts)
    case.department = event.department or case.department
    if event.due_ts is not None and event.due_ts != case.due_ts:
        case.due_ts, case.told = event.due_ts, False
