"""Rates of the simulated population: who leaves and how, and how often each kind of event comes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of a simulation; a month is 30 days. All are assumptions, none is a measurement.

    Parameters
    ----------
    churn_per_month
        Share who leave of their own will (ported out, disconnected, lapsed); 1-2 % is what practice reports.
    passive_per_month
        Share of subscribers disconnected by the operator, for arrears or fraud.
    downgrade_per_month
        Share who stay and go down to a cheaper plan.
    decoys_per_month
        Share who browse, complain or go quiet for a while and stay: without them every signal would be a leaver.
    save_share
        Share of those about to leave who are persuaded to stay.
    silent_share
        Share of the leavers who give no sign at all: no model can find them.
    erasures_per_month, migrations_per_month
        Share who ask to be forgotten; share who move to another number of the same operator.
    calls_per_day, sessions_per_day
        Mean calls and short messages, and data sessions, of one subscriber.
    care_contacts_per_day
        Contacts with care of one subscriber who has no troubles; those with troubles have more, by their path.
    other_contacts_per_day
        Contacts by other departments with one subscriber: campaigns, surveys, notices.
    charges_per_day
        Charges beyond the plan of one subscriber with mean data use.
    lapse_after_days
        Days without activity after which a lapse is declared. Operators take months; a history of weeks would then
        hold no lapse at all, so it is shortened here.
    returns_share
        Share of the lapsed who come back.

    Examples
    --------
    >>> Rates().churn_per_month
    0.018
    >>> Rates(churn_per_month=1.5)
    Traceback (most recent call last):
        ...
    ValueError: churn_per_month must lie in [0, 1), not 1.5
    """

    churn_per_month: float = 0.018
    passive_per_month: float = 0.004
    downgrade_per_month: float = 0.006
    decoys_per_month: float = 0.06
    save_share: float = 0.2
    silent_share: float = 0.1
    erasures_per_month: float = 0.0005
    migrations_per_month: float = 0.001
    calls_per_day: float = 6.0
    sessions_per_day: float = 15.0
    care_contacts_per_day: float = 0.02
    other_contacts_per_day: float = 0.004
    charges_per_day: float = 0.03
    lapse_after_days: int = 15
    returns_share: float = 0.05

    def __post_init__(self) -> None:
        """Refuse a value outside [0, 1): 1.8 instead of 1.8 % would empty the population in a day."""
        for name in (
            "churn_per_month",
            "passive_per_month",
            "downgrade_per_month",
            "decoys_per_month",
            "save_share",
            "silent_share",
            "erasures_per_month",
            "migrations_per_month",
            "returns_share",
        ):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise ValueError(f"{name} must lie in [0, 1), not {value}")
