"""What a care contact leaves behind beside the counters: cases with promises, the appointment, the last opinion."""

from __future__ import annotations

from typing import Final

from models.book import Book, Case
from models.columns import CARE, NAN
from models.events import CareContact
from models.population import Population

KEPT_CASES: Final = 24
"""More open cases than these are not kept: a book must fit into one record of the state topic."""
_COMPLAINTS: Final = frozenset({"complaint", "billing_dispute"})
_CASE_REASONS: Final = _COMPLAINTS | {"fault"}
_LATEST: Final = {
    "leave_intent": CARE.index["leave_intent_ts"],
    "port_out_query": CARE.index["query_ts"],
    "port_out_code": CARE.index["code_ts"],
}
_APPOINTMENT: Final = CARE.index["appointment_ts"]
_APPOINTMENT_TOLD: Final = CARE.index["appointment_told_ts"]
_SATISFACTION: Final = CARE.index["satisfaction"]
_SATISFACTION_TS: Final = CARE.index["satisfaction_ts"]
_OPEN_COMPLAINTS: Final = CARE.index["open_complaints"]
_OPEN_FAULTS: Final = CARE.index["open_faults"]
_DUE: Final = CARE.index["due_ts"]


def take_care(population: Population, row: int, held: list[float], event: CareContact) -> None:
    """Move the columns of the ``care`` block behind the sums, and the book."""
    ts = float(event.ts)
    latest = _LATEST.get(event.reason)
    if latest is not None and event.status == "opened":
        held[latest] = held[latest] if ts < held[latest] else ts
    elif event.reason == "satisfaction" and event.score is not None and not ts < held[_SATISFACTION_TS]:
        held[_SATISFACTION], held[_SATISFACTION_TS] = event.score, ts
    elif event.reason == "disconnect_appointment" and not ts < held[_APPOINTMENT_TOLD]:
        held[_APPOINTMENT_TOLD] = ts
        _appoint(population, row, held, event)
    elif event.reason in _CASE_REASONS and event.case_id is not None:
        _take_case(population, row, held, event, event.case_id)


def _appoint(population: Population, row: int, held: list[float], event: CareContact) -> None:
    book = population.book(row)
    if event.status == "resolved":
        book.appointment_ts = None
        held[_APPOINTMENT] = NAN
    else:
        book.appointment_ts = event.ts if event.appointment_ts is None else event.appointment_ts
        held[_APPOINTMENT] = float(book.appointment_ts)
    population.mark_book(row)


def _take_case(population: Population, row: int, held: list[float], event: CareContact, case_id: str) -> None:
    book = population.book(row)
    population.mark_book(row)
    if event.status == "resolved":
        book.cases.pop(case_id, None)
    else:
        _open_case(book, event, case_id)
    complaints = [case for case in book.cases.values() if case.reason in _COMPLAINTS]
    promised = [case.due_ts for case in complaints if case.due_ts is not None]
    held[_OPEN_COMPLAINTS] = float(len(complaints))
    held[_OPEN_FAULTS] = float(len(book.cases) - len(complaints))
    held[_DUE] = float(min(promised)) if promised else NAN


def _open_case(book: Book, event: CareContact, case_id: str) -> None:
    """Open a case, or take a new promise for one that is open: the overdue breach may then come anew."""
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
