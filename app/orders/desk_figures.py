"""Figures on units and plays from the desk's state topic, read without disturbing the desk."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from app.alerts.topic_reading import each_record
from app.config.settings import Settings
from models.contract.policy import Policy
from models.desk.capacity import UnitProgress, Units
from models.desk.desk import DeskFile
from models.desk.effect import EffectCounts
from models.desk.registry import PERSON
from models.desk.state_records import OfUnit, read
from models.detection.contact_rules import local_day
from streams.kafka.topic_tail import TailRecord
from streams.records.topics import DESK_STATE

_EPOCH: Final = date(1970, 1, 1)


@dataclass(slots=True)
class DeskFigures:
    """The units' day and the effect of contacts, as of the desk's last transaction.

    Attributes
    ----------
    policy
        The policy by which the desk decides; None before it has one.
    now
        The desk's time, ms; 0 before the first mark.
    effect
        Settled contacts and leavers since the prefix began.
    """

    policy: Policy | None = None
    now: int = 0
    effect: EffectCounts = field(default_factory=EffectCounts)
    _units: Units = field(default_factory=Units)

    def take(self, record: TailRecord) -> None:
        """Add a state record; the last one of a key counts."""
        key, value = record.key or b"", record.value
        if key.startswith(PERSON):
            return  # most records, and none is needed here
        found = read(key, value)
        match found:
            case Policy():
                self.policy = found
                self._units.govern(found)
            case DeskFile():
                self.now = found.time.now
            case EffectCounts():
                self.effect = found
            case OfUnit():
                self._units.load(key, value)
            case _:
                pass

    def today(self) -> dict[str, UnitProgress]:
        """Today's figures of each unit that the policy names."""
        return self._units.today(self.now)

    @property
    def day(self) -> date:
        """The operator's day that :meth:`today` is about."""
        return _EPOCH + timedelta(days=local_day(self.now, (self.policy or Policy()).contact))


def desk_figures(settings: Settings) -> DeskFigures:
    """Read the desk's state topic.

    Raises
    ------
    app.errors.Refused
        If there is no such topic.
    """
    figures = DeskFigures()
    each_record(settings, DESK_STATE, figures.take)
    return figures
