"""Units by the day: their capacity and how much of it is used, who gets an order, and how many customers they saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple, get_args

import msgspec
from msgspec import Struct, field

from models.contract.events import Channel
from models.contract.policy import Policy, UnitPolicy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import Kind, Role, Segment
from models.detection.alert_body import MESSAGES
from models.detection.contact_rules import local_day, opens
from models.state.state_records import StateRecord

UNIT: Final = b"u"
"""Prefix of the days' state records."""
_CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
_BETWEEN: Final = "\x1f"
"""Separates the unit's name from the day in a key."""
_EPOCH: Final = date(1970, 1, 1)
_ROLES: Final[dict[Channel, Role]] = {
    "field_visit": "visitor",
    "account_manager": "account_manager",
    "outbound_call": "caller",
    "store": "counter",
}
_ASSAULT: Final[frozenset[Kind]] = frozenset({"risk_tier", "leave_intent", "port_out"})
"""Kinds that go to the assault team if the customer's value is high."""


class UnitDay(Struct):
    """A unit's contacts, orders and saves of one day."""

    used: dict[Channel, int] = field(default_factory=dict)
    """Contacts by channel."""
    dealt: dict[str, int] = field(default_factory=dict)
    """Orders by assignee."""
    saved: int = 0
    """Customers reported as retained; whether they stayed shows a month later."""


class UnitProgress(NamedTuple):
    """A unit's contacts and saves of one day, beside its capacity and target."""

    contacts: int
    """Contacts taken on, over the channels with a limit."""
    capacity: int | None
    """Contacts that these channels allow; None if no channel has a limit."""
    saved: int
    target: int | None
    """Saves a day; None for no target."""


def unit_and_day(key: bytes) -> tuple[str, int]:
    """Unit and local day from the key of a state record."""
    unit, _, day = key[1:].decode().rpartition(_BETWEEN)
    return unit, int(day)


class Units:
    """The units of the policy and what they did on each day; one state record a unit and day.

    Parameters
    ----------
    freed
        Called with a unit that has capacity again.

    Attributes
    ----------
    days
        By unit and local day.
    """

    def __init__(self, freed: Callable[[str], None] = lambda _: None) -> None:
        self._freed = freed
        self.days: dict[tuple[str, int], UnitDay] = {}
        self._changed: set[tuple[str, int]] = set()
        self._units: dict[str, UnitPolicy] = {}
        self._policy = Policy()

    def load(self, key: bytes, value: bytes | None) -> None:
        """Read the state record of a day; None if it was dropped."""
        day = unit_and_day(key)
        self.days.pop(day, None)
        if value is not None:
            self.days[day] = msgspec.json.decode(value, type=UnitDay)

    def take_changes(self) -> list[StateRecord]:
        """State records of the days that have changed since the last call."""
        records: list[StateRecord] = []
        for unit, day in sorted(self._changed):
            found = self.days.get((unit, day))
            key = UNIT + f"{unit}{_BETWEEN}{day}".encode()
            records.append((key, None if found is None else msgspec.json.encode(found)))
        self._changed.clear()
        return records

    def govern(self, policy: Policy) -> None:
        """Take up another policy."""
        self._policy = policy
        self._units = {unit.name: unit for unit in policy.units}

    @property
    def names(self) -> list[str]:
        """The units that the policy names."""
        return list(self._units)

    def head(self, unit: str) -> str | None:
        """The head of a unit, who gets orders past their deadline."""
        found = self._units.get(unit)
        return None if found is None else found.head

    def limit(self, unit: str, channel: Channel, day: int) -> int | None:
        """Contacts that the unit can make over a channel on a day; None for no limit."""
        found = self._units.get(unit)
        if found is None:
            return None
        iso = (_EPOCH + timedelta(days=day)).isoformat()
        for exception in found.exceptions:
            on_that_day = exception.first <= iso <= (exception.last or exception.first)
            if on_that_day and exception.channel in (None, channel):
                return exception.contacts
        return found.capacity.get(channel)

    def limits(self, unit: str, channels: Iterable[Channel]) -> bool:
        """Whether the unit has a limit on all of these channels, or on some dated exception."""
        found = self._units.get(unit)
        return found is not None and (bool(found.exceptions) or all(each in found.capacity for each in channels))

    def today(self, at: int) -> dict[str, UnitProgress]:
        """Contacts and saves of the day at `at`, beside capacity and target, of each unit that the policy names."""
        day = local_day(at, self._policy.contact)
        return {
            name: self._beside(unit, self.days.get((name, day), UnitDay()), day) for name, unit in self._units.items()
        }

    def _beside(self, unit: UnitPolicy, done: UnitDay, day: int) -> UnitProgress:
        limits = {channel: self.limit(unit.name, channel, day) for channel in _CHANNELS}
        counted = {channel: limit for channel, limit in limits.items() if limit is not None}
        contacts = sum(done.used.get(channel, 0) for channel in counted)
        return UnitProgress(contacts, sum(counted.values()) if counted else None, done.saved, unit.target)

    def free(self, unit: str, channel: Channel, at: int) -> bool:
        """Whether the unit has capacity left on that channel today; none once nobody works any more that day."""
        day = self._contact_day(at)
        limit = self.limit(unit, channel, day)
        if limit is None:
            return True
        return day == local_day(at, self._policy.contact) and self._day(unit, day).used.get(channel, 0) < limit

    def manned(self, unit: str, channel: Channel, at: int) -> bool:
        """Whether the unit works on that channel then, even if its capacity is used up; a capacity of 0 means not."""
        return self.limit(unit, channel, self._contact_day(at)) != 0

    def past_limit(self, unit: str, channels: Sequence[Channel], at: int) -> Channel:
        """The channel of an order that does not wait for capacity: the first on which the unit works, or the first."""
        return next((channel for channel in channels if self.manned(unit, channel, at)), channels[0])

    def next_day(self, at: int) -> int:
        """When the next local day begins that has contact hours, and so capacity of its own."""
        offset = round(self._policy.contact.utc_offset_hours * HOUR_MS)
        midnight = (local_day(at, self._policy.contact) + 1) * DAY_MS - offset
        return self._contact_day(midnight) * DAY_MS - offset

    def _contact_day(self, at: int) -> int:
        """The local day on which an order that is given then can first lead to a contact."""
        return local_day(opens(at, self._policy.contact), self._policy.contact)

    def take(self, unit: str, channel: Channel, at: int) -> None:
        """Count one contact, on the day on which it can be made; urgent ones count even past the limit."""
        day = self._contact_day(at)
        used = self._day(unit, day).used
        used[channel] = used.get(channel, 0) + 1
        self._changed.add((unit, day))

    def give_back(self, unit: str, channel: Channel, taken_at: int, at: int) -> None:
        """Give back the capacity of a contact that will not be made; only on the day for which it was taken."""
        day = self._contact_day(taken_at)
        held = self.days.get((unit, day))
        if held is not None and day == self._contact_day(at) and held.used.get(channel):
            held.used[channel] -= 1
            self._changed.add((unit, day))
            self._freed(unit)

    def save(self, unit: str, at: int) -> None:
        """Count a customer whom the unit reports as retained."""
        day = local_day(at, self._policy.contact)
        self._day(unit, day).saved += 1
        self._changed.add((unit, day))

    def deal(self, unit: str, role: Role, manager: str | None, at: int) -> str | None:
        """Assignee of an order: the customer's manager, else the team member with fewest today; None for the pool."""
        if role == "account_manager" and manager:
            return manager
        found = self._units.get(unit)
        team = () if found is None else found.team.get(role, ())
        if not team:
            return manager
        day = local_day(at, self._policy.contact)
        dealt = self._day(unit, day).dealt
        name = min(team, key=lambda each: (dealt.get(each, 0), team.index(each)))
        dealt[name] = dealt.get(name, 0) + 1
        self._changed.add((unit, day))
        return name

    def forget_before(self, at: int) -> None:
        """Drop the days that are over."""
        today = local_day(at, self._policy.contact)
        for key in [key for key in self.days if key[1] < today - 1]:
            del self.days[key]
            self._changed.add(key)

    def _day(self, unit: str, day: int) -> UnitDay:
        found = self.days.get((unit, day))
        if found is None:
            found = self.days[unit, day] = UnitDay()
        return found


def role_of(kind: Kind, channel: Channel, segment: Segment, *, corporate: bool, answers_only: bool = False) -> Role:
    """The role that works an order of this kind and channel.

    A customer who may only be answered is left to those who answer on the channel: the assault team goes out to win.

    Examples
    --------
    >>> role_of("risk_tier", "outbound_call", "high", corporate=False)
    'assault_team'
    >>> role_of("risk_tier", "outbound_call", "mid", corporate=False)
    'caller'
    >>> role_of("leave_intent", "field_visit", "high", corporate=True)
    'account_manager'
    >>> role_of("contract_expiry", "wechat", "high", corporate=True)
    'digital'
    >>> role_of("port_out", "store", "high", corporate=False, answers_only=True)
    'counter'
    """
    if channel in MESSAGES:
        return "digital"
    if kind == "disconnect_appointment":
        return "disconnect_specialist"
    if corporate:
        return "account_manager"
    if segment == "high" and kind in _ASSAULT and not answers_only:
        return "assault_team"
    return _ROLES[channel]
