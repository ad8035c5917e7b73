"""Who belongs together: families under one roof, and the members of a corporate account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from models.arrays import Bools, Ints

DISTRICTS: Final = ("tianhe", "yuexiu", "haizhu", "liwan", "baiyun", "panyu")
UNITS: Final = tuple(f"{district}-{grid:02d}" for district in DISTRICTS for grid in range(1, 6))
"""The grids of one city: each is a unit with its own field team."""
ACCOUNT_UNITS: Final = ("key-accounts-1", "key-accounts-2", "key-accounts-3")
CORPORATE_SHARE: Final = 0.15
_HOME_SIZES: Final = (0.34, 0.28, 0.22, 0.11, 0.05)


@dataclass(frozen=True, slots=True)
class Homes:
    """Each subscriber's place among the others; numbers of subscribers, accounts and units, -1 for none.

    Accounts come first in the numbering of subscribers, then the households: both are runs of neighbours.
    """

    account: Ints
    account_size: Ints
    household: Ints
    customer: Ints
    main: Ints
    unit: Ints

    @property
    def corporate(self) -> Bools:
        """Who belongs to an account."""
        flags: Bools = self.account >= 0
        return flags


def settle(rng: np.random.Generator, count: int) -> Homes:
    """Put ``count`` subscribers into accounts of 5-40 (about 15 % of them) and households of 1-5.

    >>> homes = settle(np.random.default_rng(3), 2000)
    >>> round(float(homes.corporate.mean()), 2), int(homes.account_size.max()) <= 40
    (0.15, True)
    """
    wanted = round(count * CORPORATE_SHARE)
    sizes = rng.integers(5, 41, wanted // 5 + 1)
    sizes = sizes[np.cumsum(sizes) <= wanted]  # whole accounts only: a rest of three would be no account
    accounts = np.repeat(np.arange(len(sizes)), sizes)
    corporate = len(accounts)
    private = count - corporate
    homes = np.repeat(np.arange(private), rng.choice(np.arange(1, 6), private, p=_HOME_SIZES))[:private]
    first = np.searchsorted(homes, homes) + corporate
    number = np.arange(corporate, count)
    member = number > first
    sub_card = member & (rng.random(private) < 0.4)
    same_person = sub_card & (rng.random(private) < 0.5)
    unit_of_home = rng.integers(0, len(UNITS), count)
    none = np.full(corporate, -1, dtype=np.int64)
    return Homes(
        account=np.concatenate([accounts, np.full(private, -1, dtype=np.int64)]),
        account_size=np.concatenate([sizes[accounts], np.zeros(private, dtype=np.int64)]),
        household=np.concatenate([none, homes]),
        customer=np.concatenate([np.arange(corporate), np.where(same_person, first, number)]),
        main=np.concatenate([none, np.where(sub_card, first, -1)]),
        unit=np.concatenate([unit_of_home[accounts], unit_of_home[first]]),
    )
