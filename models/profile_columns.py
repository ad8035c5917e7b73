"""A profile as numbers, for the features; the profile itself is kept beside them for the policy."""

from __future__ import annotations

from typing import Final

from models.columns import NAN, OUTCOME, OUTCOME_CODES, PROFILE
from models.events import Deletion, Outcome, ProductKind, Profile
from models.population import Population

_TS: Final = PROFILE.index["ts"]
_KINDS: Final[tuple[ProductKind, ...]] = ("mobile", "broadband", "iptv", "fixed")
_GONE: Final = frozenset({"ported_out", "disconnected", "lapsed", "involuntary"})


def _number(value: float | None) -> float:
    return NAN if value is None else float(value)


def _contract_end(profile: Profile, kind: ProductKind) -> float:
    """Latest end among the products of a kind: a renewal is listed beside the contract that it prolongs."""
    ends = [p.contract_end_ts for p in profile.products if p.product == kind and p.contract_end_ts is not None]
    return float(max(ends)) if ends else NAN


def profile_row(profile: Profile) -> list[float]:
    """Columns of the ``profile`` block; what the operator did not tell is NaN."""
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
        float(profile.consent.behaviour),
    ]


def take_profile(population: Population, row: int, held: list[float], event: Profile | Deletion) -> None:
    """Replace the profile whole, unless the one held is newer; a deletion clears it and leaves the history."""
    if isinstance(event, Deletion):
        population.set_profile(row, None)
        held[:] = PROFILE.fill
    elif not event.ts < held[_TS]:
        population.set_profile(row, event)
        held[:] = profile_row(event)


_OUTCOME_TS: Final = OUTCOME.index["ts"]
_CODE: Final = OUTCOME.index["code"]
_LEFT: Final = OUTCOME.index["left"]
_LEFT_TS: Final = OUTCOME.index["left_ts"]


def take_outcome(population: Population, row: int, held: list[float], event: Outcome) -> None:
    """Note whether the subscriber is gone; an outcome older than the one held changes nothing."""
    if event.ts < held[_OUTCOME_TS]:
        return
    held[_OUTCOME_TS] = float(event.ts)
    held[_CODE] = float(OUTCOME_CODES.index(event.outcome))
    if event.outcome in _GONE:
        held[_LEFT], held[_LEFT_TS] = 1.0, float(event.ts)
    elif event.outcome == "returned":
        held[_LEFT] = 0.0
