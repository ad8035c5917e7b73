"""Complaints close to their promised time: a warning once most of that time is gone."""

from __future__ import annotations

from math import inf

from models.contract.policy import ComplaintPolicy
from models.decisions.signals import ORDINARY, Signal
from models.state.record_updates import COMPLAINTS
from models.state.subscriber_record import Book, Case


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
