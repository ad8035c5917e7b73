"""What events add to the decayed sums of a block, folded in rounds.

Only one thing in a sum depends on the event before: the sum itself. Everything else - how far the reference moves,
what it costs the sum so far, what the new event weighs - is computed for all events of the piece at once, so a round
is one gather, one multiplication, one addition and one scatter. A subscriber with three hundred events in the piece
costs three hundred such steps of one row, some microseconds each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from models.block import Block
from models.columns import BLOCKS, BlockSpec
from models.decay import Floats, factors
from models.rounds import Ints, Lineup

FIRST_SUM: Final = 2
"""The sums stand behind ``ref_ts`` and ``first_ts``."""
_TAUS: Final = {spec.name: np.array(spec.taus, dtype=np.int64) for spec in BLOCKS}


def after_sums(spec: BlockSpec) -> int:
    """Position of the first column behind the sums."""
    return FIRST_SUM + len(spec.taus)


def accumulate(block: Block, line: Lineup, times: Floats, amounts: Mapping[str, Floats]) -> Floats:
    """All columns of the block after each event of `line`, with its times and sums moved on.

    `times` and `amounts` (what each event adds, by stem of the column) are in the order of the line. The columns
    behind the sums are the subscriber's old ones at every place: they are the caller's.
    """
    spec = block.spec
    after = block.data[line.rows]
    held = after[:, 0].copy()
    newest = line.largest(times, held)
    before = np.empty_like(newest)
    before[1:] = newest[:-1]
    before = np.where(line.start, held, before)
    # Who has no sum yet has nothing to decay; NaN would stay in it for good.
    before = np.where(np.isnan(before), newest, before)
    taus = _TAUS[spec.name]
    keep = factors(newest - before).take(taus, axis=1)
    added = factors(newest - times).take(taus, axis=1) * np.column_stack([amounts[stem] for stem in spec.stems])
    sums = after[:, FIRST_SUM : after_sums(spec)].copy()
    for number, places in enumerate(line.rounds()):
        former = sums[places - 1] if number else sums[places]
        sums[places] = former * keep[places] + added[places]
    after[:, FIRST_SUM : after_sums(spec)] = sums
    after[:, 1] = line.smallest(times, after[:, 1])
    after[:, 0] = newest
    return after


def put(block: Block, rows: Ints, line: Lineup, at: Ints, after: Floats) -> Floats:
    """Write the block's rows as of the end of the piece, and answer with its columns right after each arrival.

    `line` is that of the whole piece, `at` the indices of the arrivals that changed the block, `after` its columns
    after each of them.
    """
    state: Floats = block.data[rows]
    source = line.latest(at)
    changed = np.flatnonzero(source >= 0)
    state[changed] = after[source[changed]]
    ends = line.ends()
    ends = ends[source[ends] >= 0]
    block.data[rows[ends]] = state[ends]
    block.dirty[rows[ends]] = True
    return state
