"""The record of a subscriber, called their book: rare data that does not fit into columns.

Most subscribers have none. It holds open cases, contacts, and the episodes of open alerts. It is one JSON state record,
rewritten whole when it changes.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from models.contract.events import Channel
from models.contract.vocabulary import Kind

KEPT_TOUCHES: Final = 64


class Case(Struct):
    """A complaint or fault that the operator promised to resolve."""

    opened_ts: int
    reason: str
    due_ts: int | None = None
    department: str | None = None
    told: bool = False
    """Whether the overdue breach was already raised."""


class Touch(Struct, array_like=True):
    """A contact with the subscriber, by any department."""

    ts: int
    channel: Channel | None
    status: str
    by: str | None = None
    offer: str | None = None
    """Code of the offer made."""


def episode_key(kind: Kind, subject: str = "") -> str:
    """Key of an episode: a subscriber has at most one of a kind and subject.

    Examples
    --------
    >>> episode_key("silence"), episode_key("contract_expiry", "mobile")
    ('silence', 'contract_expiry:mobile')
    """
    return f"{kind}:{subject}" if subject else kind


class Episode(Struct):
    """An alert between its breach and its end.

    ``seq`` is the number of records published so far: 0 while the ``raised`` is withheld, and then later steps are not
    published either.
    """

    alert_id: str
    kind: Kind
    started_ts: int
    subject: str = ""
    """Distinguishes episodes of one kind where a subscriber may have several: the product of a contract, a case."""
    seq: int = 0
    level: int = 1
    """Strength of the strongest trigger so far: a stronger one escalates. For ``risk_tier`` it is the tier."""
    code: str = ""
    value: float = 0.0
    """Value behind the signal's own reason (`code`), for the card of an alert that is raised later than its breach."""
    appointment_ts: int | None = None
    promised_ts: int | None = None
    """By when the operator promised to settle the complaint, and the department that must."""
    department: str | None = None
    expires_ts: int | None = None
    withheld: str | None = None
    """Reason of the last suppression: of the ``raised`` while ``seq`` is 0, later of an escalation."""
    retry_ts: int | None = None
    """When to decide again on a withheld breach."""
    snoozed_until: int | None = None
    resumed: bool = False
    """Whether it is raised again after a snooze by the front line: the cooldown of its kind then does not apply."""
    trigger_topic: str | None = None
    trigger_offset: int | None = None
    trigger_tick: int | None = None

    @property
    def key(self) -> str:
        """Its key in the book."""
        return episode_key(self.kind, self.subject)


class Book(Struct):
    """Open cases, contacts and episodes of one subscriber."""

    cases: dict[str, Case] = field(default_factory=dict)
    touches: list[Touch] = field(default_factory=list)
    episodes: dict[str, Episode] = field(default_factory=dict)
    """Open episodes by :func:`episode_key`."""
    raised_ts: dict[str, int] = field(default_factory=dict)
    """When an alert of a kind was last raised, for the cooldown."""
    refused_ts: int | None = None
    appointment_ts: int | None = None
    appointment_case: str | None = None
    """Case id of the open appointment: withdrawing another case does not close it."""
    previous_tier: int | None = None
    """The tier before the last change."""
    risk_hidden: bool = False
    """Whether the subscriber refuses profiling: their risk is not published, and an earlier one is withdrawn."""
    silent_since: int | None = None
    """Last sign of life before the reported silence: one silence is one breach."""

    left: str | None = None
    """The outcome by which they left, until they return; the first one counts."""
    downgraded: list[int] = field(default_factory=list)
    """When they moved to a cheaper plan, kept as long as a label may need it."""

    def empty(self) -> bool:
        """Whether the book is empty, so that its record can be deleted."""
        return self == _EMPTY


_EMPTY: Final = Book()
