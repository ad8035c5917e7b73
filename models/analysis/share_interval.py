"""A proportion with its confidence interval."""

from __future__ import annotations

from math import sqrt
from typing import Final, NamedTuple

Z_95: Final = 1.959963984540054


class Proportion(NamedTuple):
    """A share with its 95 % interval; of zero cases the interval is 0 to 1."""

    hits: int
    of: int
    rate: float
    low: float
    high: float


def proportion(hits: int, of: int) -> Proportion:
    """Wilson's score interval [1]_: unlike Wald's it stays within 0 and 1, and is right for small counts.

    References
    ----------
    .. [1] Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
       American Statistical Association 22(158).

    Examples
    --------
    >>> found = proportion(8, 10)
    >>> found.rate, round(found.low, 3), round(found.high, 3)
    (0.8, 0.49, 0.943)
    >>> proportion(0, 0)
    Proportion(hits=0, of=0, rate=0.0, low=0.0, high=1.0)
    """
    if of == 0:
        return Proportion(0, 0, 0.0, 0.0, 1.0)
    rate, z2 = hits / of, Z_95 * Z_95
    middle = (rate + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 * sqrt(rate * (1 - rate) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return Proportion(hits, of, rate, max(0.0, middle - half), min(1.0, middle + half))
