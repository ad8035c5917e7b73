"""Merge of a lane's topics into one order: always the topic head with the smallest date, then the topic's rank."""

from __future__ import annotations

from models.arrays import Ints
from models.kernel.compiling import compiled
from models.kernel.places import KEY_LENGTH, VALUE_LENGTH


@compiled
def merge(records: Ints, dates: Ints, bounds: Ints, last: Ints, most_bytes: int, taken: Ints, order: Ints) -> int:
    """Write the next records to `order` and their counts by topic to `taken`; returns their number.

    Limited by the size of `order` and by `most_bytes`; a single larger record goes alone.

    Parameters
    ----------
    records, dates
        Records and dates, topic by topic in the order of their ranks.
    bounds
        Start of each topic, and the end.
    last
        For each topic, whether the merge must stop after its last record.
    """
    for n in range(len(order)):
        head, at = -1, -1
        for topic in range(len(taken)):
            place = bounds[topic] + taken[topic]
            if place < bounds[topic + 1] and (head < 0 or dates[place] < dates[at]):
                head, at = topic, place
        if head < 0:
            return n
        most_bytes -= max(records[at, KEY_LENGTH], 0) + max(records[at, VALUE_LENGTH], 0)
        if most_bytes < 0 and n > 0:
            return n
        order[n] = at
        taken[head] += 1
        if at + 1 < bounds[head + 1]:
            # A partition keeps its own order, even if its dates are not sorted.
            dates[at + 1] = max(dates[at], dates[at + 1])
        elif last[head] != 0:
            return n + 1
    return len(order)
