"""The latent paths to leaving: who is on which, from when to when, and what becomes of him.

These are our assumptions about why people leave, with a time course of two to six weeks each. A detector that finds
them has found our assumptions: no quality figure may be quoted from them without saying so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from app.simulator.people.population import SimulatedPopulation
from app.simulator.rates import Rates
from models.arrays import Floats, Ints
from models.contract.time_units import DAY_MS, HOUR_MS

LONGEST_DAYS: Final = 42


class Path(IntEnum):
    """Why somebody is on his way out."""

    SECOND_SIM = 0
    RIVAL = 1
    BAD_SERVICE = 2
    PRICE = 3
    CORPORATE = 4
    DOWNGRADE = 5
    PASSIVE = 6


class PathEnd(IntEnum):
    """Where a course ends: gone, talked into staying, or never meant to go."""

    LEAVES = 0
    SAVED = 1
    STAYS = 2


_PRIVATE: Final = (Path.SECOND_SIM, Path.RIVAL, Path.BAD_SERVICE, Path.PRICE)
_PRIVATE_SHARES: Final = (0.3, 0.3, 0.2, 0.2)
_DECOYS: Final = (*_PRIVATE, Path.DOWNGRADE, Path.PASSIVE)
_DECOY_SHARES: Final = (0.2, 0.25, 0.25, 0.2, 0.04, 0.06)
_ACCOUNT_JOINS: Final = 0.8
"""Share of an account's members who go with it."""


@dataclass(frozen=True, slots=True)
class Courses:
    """One row a course, at most one course a subscriber.

    Attributes
    ----------
    onset, peak
        Where it begins to show, and where it is decided: the leaving, the save, the turn back.
    height
        How far the course has come at its peak: 1 for who leaves.
    strength
        How plainly it shows in what he does: 0 is a leaver without any sign.
    recovery
        How long it takes to fade after the peak (ms).
    """

    who: Ints
    path: Ints
    fate: Ints
    onset: Ints
    peak: Ints
    height: Floats
    strength: Floats
    recovery: Ints

    def __len__(self) -> int:
        return len(self.who)

    def progress(self, ts: int) -> Floats:
        """How plainly each course shows at ``ts``, 0 to 1; who went down a plan keeps two fifths of his decline."""
        rising = np.clip((ts - self.onset) / np.maximum(self.peak - self.onset, 1), 0, 1)
        fading = np.clip(1 - (ts - self.peak) / self.recovery, 0, 1)
        floor = np.where((self.fate == PathEnd.LEAVES) & (self.path == Path.DOWNGRADE), 0.4, 0.0)
        shape = np.where(ts < self.peak, rising, np.maximum(fading, floor))
        shown: Floats = shape * self.height * self.strength
        return shown


def _leaning(population: SimulatedPopulation, start_ms: int) -> Floats:
    """Who leaves more readily: the new, those near a contract's end, those whom nothing holds at home. Mean 1."""
    months = (start_ms - population.activated) / (30.4 * DAY_MS)
    weight = np.where(months < 12, 1.5, np.where(months < 61, 1.05, 0.6))
    end = population.contract_end - start_ms
    weight = weight * np.where((end > -60 * DAY_MS) & (end < 75 * DAY_MS), 1.8, np.where(end >= 0, 0.7, 1.1))
    weight = weight * np.where(population.broadband_end >= 0, 0.75, 1.0)
    return np.asarray(weight / weight.mean(), dtype=np.float64)


def _monthly(rng: np.random.Generator, share: float, weight: Floats) -> Floats:
    """Days until each is struck by something that strikes ``share`` of them in 30 days."""
    rate = -np.log1p(-share) / 30
    if rate == 0:
        return np.full(len(weight), np.inf)
    days: Floats = rng.exponential(1, len(weight)) / (rate * weight)
    return days


def _accounts(rng: np.random.Generator, population: SimulatedPopulation, share: float, first: int, last: int) -> Floats:
    """Days until each member goes with his account; infinite for who does not.

    A demonstration in which no account leaves would show nothing of it, so with eight accounts or more the smallest
    one goes when chance sends none.
    """
    account = population.homes.account
    count = int(account.max()) + 1
    days = _monthly(rng, share, np.ones(count))
    if count >= 8 and not ((days > first) & (days < last)).any():
        days[np.argmin(np.bincount(account[account >= 0]))] = first + (last - first) * rng.uniform(0.6, 0.95)
    joins = (account >= 0) & population.portable & (rng.random(len(population)) < _ACCOUNT_JOINS)
    together: Floats = np.where(joins, days[account] if count else np.inf, np.inf)
    return together + rng.uniform(0, 4, len(population))


def _fates(
    rng: np.random.Generator, population: SimulatedPopulation, rates: Rates, start_ms: int, days: int
) -> tuple[Floats, Ints, Ints]:
    """Day of the peak counted from the opening of the window (infinite: no course), path, fate."""
    count, opens, ends = len(population), rates.lapse_after_days, rates.lapse_after_days + days
    share = rates.churn_per_month / (1 - rates.save_share)
    corporate = population.homes.corporate
    path = rng.choice(_PRIVATE, count, p=_PRIVATE_SHARES)
    path = np.where((path == Path.RIVAL) & ~population.portable, Path.SECOND_SIM, path)
    fate = np.where(rng.random(count) < rates.save_share, PathEnd.SAVED, PathEnd.LEAVES)
    at = _monthly(rng, share, _leaning(population, start_ms) * np.where(corporate, 0.3, 1.0))
    together = _accounts(rng, population, share, opens, ends)
    by_account = together < np.minimum(at, ends + LONGEST_DAYS)
    at, path = np.where(by_account, together, at), np.where(by_account, Path.CORPORATE, path)
    saved_account = rng.random(count) < rates.save_share / 2
    fate = np.where(by_account, np.where(saved_account[population.homes.account], PathEnd.SAVED, PathEnd.LEAVES), fate)
    # Who would have gone before the beginning is no subscriber any more; only a lapse is still to be declared.
    at[(at < opens) & ~((path == Path.SECOND_SIM) & (fate == PathEnd.LEAVES))] = np.inf
    for other, share, also in (
        (Path.PASSIVE, rates.passive_per_month, ~corporate),
        (Path.DOWNGRADE, rates.downgrade_per_month, ~corporate & (population.plan > 1)),
    ):
        then = opens + _monthly(
            rng, share, np.full(count, 1 / max(float(also.mean()), 0.1))
        )  # those it spares weigh in
        free = (at > ends + LONGEST_DAYS) & also & (then < ends + LONGEST_DAYS)
        at, path, fate = np.where(free, then, at), np.where(free, other, path), np.where(free, PathEnd.LEAVES, fate)
    then = opens + _monthly(rng, rates.decoys_per_month, np.ones(count))
    free = (at > ends + LONGEST_DAYS) & (then < ends + LONGEST_DAYS)
    decoys = rng.choice(_DECOYS, count, p=_DECOY_SHARES)
    decoys = np.where(corporate & (decoys == Path.PASSIVE), Path.BAD_SERVICE, decoys)  # the company pays, or nobody
    at, path, fate = np.where(free, then, at), np.where(free, decoys, path), np.where(free, PathEnd.STAYS, fate)
    at[at > ends + LONGEST_DAYS] = np.inf
    return at, path.astype(np.int64), fate.astype(np.int64)


def _in_office_hours(rng: np.random.Generator, ts: Ints, start_ms: int) -> Ints:
    """Move each to 09:00-20:00 of its day, and never over the beginning: stores and hotlines sleep at night."""
    moved = ts // DAY_MS * DAY_MS + (rng.uniform(1, 12, len(ts)) * HOUR_MS).astype(np.int64)
    return np.where((moved < start_ms) & (ts >= start_ms), moved + DAY_MS, moved)


def draw(rng: np.random.Generator, population: SimulatedPopulation, rates: Rates, start_ms: int, days: int) -> Courses:
    """Send people on their ways. Courses that peak up to six weeks after the end already show before it.

    >>> from app.simulator.people.population import settle
    >>> rng = np.random.default_rng(5)
    >>> courses = draw(rng, settle(rng, 3000, 0), Rates(), 0, 60)
    >>> sorted(set(courses.path.tolist())) == [int(path) for path in Path]
    True
    """
    at, path, fate = _fates(rng, population, rates, start_ms, days)
    who = np.flatnonzero(np.isfinite(at))
    path, fate, count = path[who], fate[who], len(who)
    end = _in_office_hours(rng, start_ms + ((at[who] - rates.lapse_after_days) * DAY_MS).astype(np.int64), start_ms)
    length = rng.uniform(14, np.where(path == Path.CORPORATE, 30, LONGEST_DAYS))
    length = np.where(fate == PathEnd.STAYS, rng.uniform(5, 25, count), length)
    height = np.where(fate == PathEnd.LEAVES, 1.0, rng.uniform(0.45, 0.9, count))
    strength = rng.uniform(0.35, 1.0, count)
    strength = np.where((fate == PathEnd.LEAVES) & (rng.random(count) < rates.silent_share), 0.0, strength)
    onset = end - (length * DAY_MS).astype(np.int64)
    saved_at = onset + ((end - onset) * height).astype(np.int64)
    return Courses(
        who=who,
        path=path,
        fate=fate,
        onset=onset,
        peak=np.where(fate == PathEnd.SAVED, saved_at, end),
        height=height,
        strength=strength,
        recovery=(rng.uniform(4, 12, count) * DAY_MS).astype(np.int64),
    )
