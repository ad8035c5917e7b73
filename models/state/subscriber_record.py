"""The book of a subscriber: what is rare about them and does not fit into columns.

Most subscribers have none. It holds open cases, the contacts made, and the episodes: the alerts
whose life goes on. It is one state record of JSON, written whole when it changed.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from models.contract.events import Channel

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
    """A contact with the subscriber, by whomever."""

    ts: int
    channel: Channel | None
    status: str
    by: str | None = None
    offer: str | None = None
    """Code of what was offered."""


class Episode(Struct):
    """An alert's life between its breach and its end.

    ``seq`` is the number of records published so far: 0 while the ``raised`` is withheld, and then nobody sees the
    rest of its life either.
    """

    alert_id: str
    kind: str
    started_ts: int
    seq: int = 0
    level: int = 1
    """Strength of the strongest trigger so far: a stronger one escalates. Of ``risk_tier`` it is the tier."""
    code: str = ""
    value: float = 0.0
    """The signal's own reason, for the card of an alert that is raised later than its breach."""
    appointment_ts: int | None = None
    expires_ts: int | None = None
    withheld: str | None = None
    """The reason of the last suppression: of the ``raised`` while ``seq`` is 0, and then of an escalation."""
    retry_ts: int | None = None
    """When to ask again whether a withheld breach may be raised."""
    snoozed_until: int | None = None
    resumed: bool = False
    """The front line asked for it to be raised anew: then the cooldown of its own kind does not hold."""
    trigger_topic: str | None = None
    trigger_offset: int | None = None
    trigger_tick: int | None = None


class Book(Struct):
    """See the module."""

    cases: dict[str, Case] = field(default_factory=dict)
    touches: list[Touch] = field(default_factory=list)
    episodes: dict[str, Episode] = field(default_factory=dict)
    """Open episodes by kind: a subscriber has at most one of a kind."""
    raised_ts: dict[str, int] = field(default_factory=dict)
    """When an alert of a kind was last raised, for the cooldown."""
    refused_ts: int | None = None
    appointment_ts: int | None = None
    appointment_case: str | None = None
    """Of the appointment that stands: the withdrawal of another case leaves it standing."""
    previous_tier: int | None = None
    """The tier before the last change."""
    risk_hidden: bool = False
    """Whether the subscriber refuses profiling: their risk is not published, and none that was is left."""
    silent_since: int | None = None
    """Last sign of life before the silence that was told: one silence is one breach."""

    left: str | None = None
    """The outcome with which they left, until they returned: the first is believed."""
    downgraded: list[int] = field(default_factory=list)
    """When they moved to a cheaper plan, as long as a label may ask for it."""

    def empty(self) -> bool:
        """Whether nothing is written in it, so that its record may go."""
        return self == _EMPTY


_EMPTY: Final = Book()
