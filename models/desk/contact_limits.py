"""Why a person is not contacted now, though law and consent allow it: instruction, refusal, cooldown or cap."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from models.contract.breaches import Person, account_person
from models.contract.policy import Cap
from models.contract.time_units import DAY_MS
from models.contract.vocabulary import Kind, SuppressionReason
from models.desk.desk_context import DeskContext
from models.desk.persons import Hand, Instruction, PersonFile, Standing
from models.detection.contact_rules import cooldown_ends


class Objection(NamedTuple):
    """A reason against a contact, and when it ends; None if only an instruction or a new trigger ends it."""

    reason: SuppressionReason
    until: int | None


class Objections:
    """Finds reasons against contacting a person now, and the manual instructions about them or their account.

    Parameters
    ----------
    context
        Policy and time.
    files
        The persons' files, as the registry keeps them; an account has one too.
    """

    def __init__(self, context: DeskContext, files: Mapping[Person, PersonFile]) -> None:
        self._context = context
        self._files = files

    def against(self, file: PersonFile, standing: Standing, at: int) -> Objection | None:
        """Why this breach may not be raised at that time, or None.

        A block holds for everything. What the customer started and mandatory notices pass all the rest: cooldown, the
        quiet period after a refusal, snooze and caps. An override passes all of these but the snooze. A breach of a
        person whose open order has not led to a contact yet joins it: that is no further contact, so no cap applies.
        """
        contact, kind, account = self._context.ruled.contact, standing.alert.kind, standing.alert.account_id
        appointment = standing.before_ts
        if kind == "disconnect_appointment" and appointment is not None and appointment <= at:
            return Objection("expired", None)
        found = self.left_alone(file, standing, at, None if standing.resumed else file.raised_ts.get(kind))
        joins = file.order is not None and file.order.contacted_ts is None
        if found is not None or joins or kind in contact.cooldown_exempt or self.overridden(file, account, at):
            return found
        full = capped((made.ts for made in file.contacts), contact.caps, at)
        return None if full is None else Objection("person_cap", full)

    def left_alone(
        self, file: PersonFile, standing: Standing, at: int, raised_ts: int | None = None
    ) -> Objection | None:
        """Why a person is to be left alone about a breach: block, cooldown or snooze; an open order ends by it too.

        Parameters
        ----------
        raised_ts
            When an alert of the kind was last raised; None if that begins no cooldown.
        """
        contact, kind, account = self._context.ruled.contact, standing.alert.kind, standing.alert.account_id
        found = self.by_hand("blocked", file, account, at)
        if found is not None or kind in contact.cooldown_exempt:
            return found
        ends = cooldown_ends(kind, raised_ts, file.refused_ts, contact)
        if ends is not None and ends > at and not self.overridden(file, account, at):
            return Objection("cooldown", ends)
        return self.by_hand("snoozed", file, account, at)

    def by_hand(
        self, word: Literal["blocked", "snoozed"], file: PersonFile, account_id: str | None, at: int
    ) -> Objection | None:
        """The block or snooze, of the person or of the line's account, that ends last; None if there is none."""
        said = [each for each in self._said(word, file, account_id) if each.stands(at)]
        if not said:
            return None
        ends = [each.until for each in said]
        return Objection(word, None if None in ends else max(end for end in ends if end is not None))

    def overridden(self, file: PersonFile, account_id: str | None, at: int) -> bool:
        """Whether an override lifts caps, cooldown and the quiet period after a refusal."""
        return any(each.stands(at) for each in self._said("overridden", file, account_id))

    def change_by(self, file: PersonFile, standing: Standing, at: int) -> int | None:
        """When the passing of time alone may next change what holds of a breach against which there is nothing now."""
        alert, full = standing.alert, None
        if "sms" in standing.channels:
            full = self.sms_capped(file, alert.kind, alert.account_id, at)
        overrides = [each.until for each in self._said("overridden", file, alert.account_id)]
        return min(
            (end for end in (standing.before_ts, full, *overrides) if end is not None and end > at), default=None
        )

    def sms_capped(self, file: PersonFile, kind: Kind, account_id: str | None, at: int) -> int | None:
        """When this person may get another SMS of that kind; None if they may now."""
        contact = self._context.ruled.contact
        if kind in contact.cooldown_exempt or self.overridden(file, account_id, at):
            return None
        return capped((made.ts for made in file.contacts if made.channel == "sms"), contact.sms_caps, at)

    def _said(self, word: Hand, file: PersonFile, account_id: str | None) -> list[Instruction]:
        account = None if account_id is None else self._files.get(account_person(account_id))
        files = (file,) if account is None else (file, account)
        return [each.by_hand[word] for each in files if word in each.by_hand]


def capped(contacts: Iterable[int], caps: Iterable[Cap], at: int) -> int | None:
    """When a further contact no longer breaks a cap; None if it breaks none now.

    Examples
    --------
    >>> day = 86_400_000
    >>> capped([0], [(1, 7.0), (2, 30.0)], 6 * day) / day
    7.0
    >>> capped([0, 8 * day], [(1, 7.0), (2, 30.0)], 16 * day) / day
    30.0
    >>> capped([0, 8 * day], [(1, 7.0), (2, 30.0)], 30 * day) is None
    True
    """
    times = sorted(contacts)
    until = at
    for most, days in caps:
        span = round(days * DAY_MS)
        inside = [ts for ts in times if ts > at - span]
        if len(inside) >= most:
            # Allowed again once enough contacts have left the window to leave one fewer than the cap inside.
            until = max(until, inside[len(inside) - most] + span if most else at + span)
    return until if until > at else None
