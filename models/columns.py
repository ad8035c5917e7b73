"""The columns of a subscriber, by block: what the fold keeps of the events.

Times are epoch milliseconds (exact in a float64 until the year 287396), sums are forward-decayed to the block's
``ref_ts`` with time constants of 1, 7 and 30 days, NaN is "never". Adding a column is a new row version.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

NAN: Final = float("nan")


class BlockSpec(NamedTuple):
    """Name, one-byte code in the state key, columns and their fill values.

    ``identity`` marks the one block that every living subscriber has.
    """

    name: str
    code: bytes
    columns: tuple[str, ...]
    fill: tuple[float, ...]
    index: dict[str, int]
    dtype: Any = "<f8"
    identity: bool = False


def _block(name: str, code: bytes, *columns: str, identity: bool = False) -> BlockSpec:
    """A block; a column that ends in ``?`` starts as NaN ("never"), the others at zero."""
    names = tuple(c.rstrip("?") for c in columns)
    fill = tuple(NAN if c.endswith("?") else 0.0 for c in columns)
    return BlockSpec(name, code, names, fill, {c: i for i, c in enumerate(names)}, "<f8", identity)


BLOCKS: Final = (
    _block("activity", b"a", "first_ts?", "last_ts?", identity=True),
    _block(
        "risk",
        b"r",
        "risk?",  # as last scored
        "scored_ts?",
        "published?",  # as last written to churn.risk-scores
        "tier",  # 0 healthy, 1 warning, 2 high_risk
        "tier_ts?",  # since when
        "due_ts?",  # the next tick at or after this looks at the subscriber (expiry, snooze, case, silence)
    ),
)
