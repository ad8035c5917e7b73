"""The last event ids of each subscriber: a repeated event is counted and not applied again.

Ids are kept as 64-bit hashes in a ring, so a subscriber costs the same whatever his producers call their events.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from models.block import Block
from models.columns import SEEN
from models.rounds import Bools, Lineup

Hashes = npt.NDArray[np.uint64]
_FEW: Final = 16


def event_hash(event_id: str | None) -> int:
    """64 bits of an event id; 0 for none, which is never a duplicate.

    Examples
    --------
    >>> event_hash(None), event_hash("e-1") == event_hash("e-1"), event_hash("e-1") == event_hash("e-2")
    (0, True, False)
    """
    if event_id is None:
        return 0
    return int.from_bytes(blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") or 1


def hashes(event_ids: Sequence[str | None]) -> Hashes:
    """All ids of a piece at once."""
    digests = [
        b"\0\0\0\0\0\0\0\0" if i is None else blake2b(i.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        for i in event_ids
    ]
    found = np.frombuffer(b"".join(digests), dtype="<u8")
    zero = np.flatnonzero(found == 0)
    if all(event_ids[i] is None for i in zero.tolist()):
        return found
    return np.array([event_hash(i) for i in event_ids], dtype=np.uint64)


def admit(block: Block, line: Lineup, ids: Hashes) -> Bools:
    """Which arrivals (by index in the piece) are applied, and remember their ids.

    Repetitions are rare. A subscriber for whom nothing in the piece looks like one takes all his ids into the ring in
    one step with everybody else; the others are walked one by one, as is a piece of a few events, where that is less
    work than the step.
    """
    applied = np.ones(len(ids), dtype=bool)
    named = line.only(ids != 0)
    if not len(named.rows):
        return applied
    mine = ids[named.order]
    few = len(mine) <= _FEW
    doubtful = np.ones(len(mine), dtype=bool) if few else _doubtful(block, named, mine)
    _take_in(block, named, mine, ~doubtful)
    for begin in np.flatnonzero(doubtful & named.start).tolist():
        row = int(named.rows[begin])
        end = int(np.searchsorted(named.head, begin, side="right"))
        for index, new in _walk(block, row, named.order[begin:end].tolist(), mine[begin:end].tolist()):
            applied[index] = new
    return applied


def _doubtful(block: Block, named: Lineup, mine: Hashes) -> Bools:
    """Places of subscribers with an id that is in their ring or twice in the piece."""
    suspect = (block.data[named.rows, :SEEN] == mine[:, None]).any(axis=1)
    pairs = np.lexsort((mine, named.rows))
    again = np.flatnonzero((mine[pairs][1:] == mine[pairs][:-1]) & (named.rows[pairs][1:] == named.rows[pairs][:-1]))
    suspect[pairs[again]] = True
    marked = np.zeros(len(mine), dtype=bool)
    marked[named.head[suspect]] = True
    doubtful: Bools = marked[named.head]
    return doubtful


def _take_in(block: Block, named: Lineup, mine: Hashes, clean: Bools) -> None:
    places = np.flatnonzero(clean)
    if not len(places):
        return
    rows, rank = named.rows[places], (named.place - named.head)[places]
    slot = (block.data[rows, SEEN].astype(np.int64) + rank) % SEEN
    last = np.ones(len(named.rows), dtype=bool)
    last[:-1] = named.start[1:]
    size = np.zeros(len(named.rows), dtype=np.int64)
    size[named.head[last]] = (named.place - named.head)[last] + 1
    # Of more than 16 new ids the last 16 stay: no slot is written twice, so the order of writing cannot matter.
    kept = size[named.head[places]] - rank <= SEEN
    block.data[rows[kept], slot[kept]] = mine[places][kept]
    ends = np.flatnonzero(last & clean)
    done = named.rows[ends]
    block.data[done, SEEN] = (block.data[done, SEEN].astype(np.int64) + size[named.head[ends]]) % SEEN
    block.dirty[done] = True


def _walk(block: Block, row: int, indices: list[int], ids: list[int]) -> list[tuple[int, bool]]:
    """One subscriber, one event at a time."""
    ring: list[int] = block.data[row].tolist()
    answer = []
    for index, event_id in zip(indices, ids, strict=True):
        new = event_id not in ring[:SEEN]
        if new:
            ring[ring[SEEN]] = event_id
            ring[SEEN] = (ring[SEEN] + 1) % SEEN
            block.dirty[row] = True
        answer.append((index, new))
    block.data[row] = ring
    return answer
