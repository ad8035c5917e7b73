"""What contacts achieved: how many customers stayed, by unit and by play; and why leavers left and where they went.

Counts since the prefix began, over closed sets of words, so the state stays small and names nobody.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct, field

from models.contract.breaches import Left
from models.contract.vocabulary import Destination, LeaveReason
from models.desk.persons import PersonFile, Settling
from models.desk.publications import Publications
from models.state.state_records import StateRecord

EFFECT_KEY: Final = b"~effect"


class EffectCounts(Struct):
    """The counts; one state record."""

    units: dict[str, list[int]] = field(default_factory=dict)
    """By unit: customers who stayed, and all settled contacts."""
    plays: dict[str, list[int]] = field(default_factory=dict)
    """The same by strategy of the playbook."""
    leavers: dict[LeaveReason, dict[Destination, int]] = field(default_factory=dict)
    """Customers who left of their own will, contacted or not, by reason and destination."""


class Effect:
    """Counts settled contacts, and the reasons and destinations of leavers.

    Attributes
    ----------
    counts
        Since the prefix began.
    """

    def __init__(self, published: Publications) -> None:
        self.counts = EffectCounts()
        self._published = published
        self._changed = False

    def settled(self, contact: Settling, *, stayed: bool) -> None:
        """Count a contact after which it is known whether the customer stayed."""
        for table, name in ((self.counts.units, contact.unit), (self.counts.plays, contact.strategy)):
            result = table.setdefault(name, [0, 0])
            result[0] += stayed
            result[1] += 1
        self._published.counts.settled[contact.strategy, "stayed" if stayed else "left"] += 1
        self._changed = True

    def left(self, file: PersonFile, heard: Left) -> None:
        """A customer has left: settle their contacts, and count their reason once."""
        reason = heard.reason
        for contact in [each for each in file.settling if each.subscriber_id == heard.subscriber_id]:
            file.settling.remove(contact)
            self.settled(contact, stayed=False)
            if reason == "unknown":
                reason = contact.leave_reason  # the reason that the front line fed back
        if reason is None:
            return
        of_reason = self.counts.leavers.setdefault(reason, {})
        of_reason[heard.to] = of_reason.get(heard.to, 0) + 1
        self._published.counts.leavers[reason, heard.to] += 1
        self._changed = True

    def shares(self) -> dict[str, float]:
        """Share of the settled contacts after which the customer stayed, by unit."""
        return {unit: stayed / contacted for unit, (stayed, contacted) in sorted(self.counts.units.items())}

    # State

    def load(self, value: bytes | None) -> None:
        """Read the state record."""
        self.counts = EffectCounts() if value is None else msgspec.json.decode(value, type=EffectCounts)

    def take_changes(self) -> list[StateRecord]:
        """The state record, if it has changed since the last call."""
        changed, self._changed = self._changed, False
        return [(EFFECT_KEY, msgspec.json.encode(self.counts))] if changed else []


def hear_reason(file: PersonFile, subscriber_id: str, reason: LeaveReason) -> None:
    """Keep the reason that the front line fed back with the contact, until it is known whether the customer leaves."""
    for contact in file.settling:
        if contact.subscriber_id == subscriber_id:
            contact.leave_reason = reason
