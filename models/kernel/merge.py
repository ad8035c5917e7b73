"""The one order of a lane: the next record is always the smallest head, by date and then by the topic's rank."""

from __future__ import annotations

from models.arrays import Ints
from models.kernel.compiling import compiled
from models.kernel.places import KEY_LENGTH, VALUE_LENGTH


@compiled
def merge(records: Ints, dates: Ints, bounds: Ints, last: Ints, most_bytes: int, taken: Ints, order: Ints) -> int:
    """Put the next records in `order`, of each topic how many into `taken`; how many there are.

    No more than `order` has room for, nor than so many bytes; but one that is larger goes alone.

    Parameters
    ----------
    records, dates
        Of one topic after the other, in the order of their ranks.
    bounds
        Where each topic begins, and the end.
    last
        Whether nothing may follow upon the last record of a topic.
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
            # A partition keeps its own order, whatever the dates say.
            dates[at + 1] = max(dates[at], dates[at + 1])
        elif last[head] != 0:
            return n + 1
    return len(order)
