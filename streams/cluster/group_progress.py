"""Progress of a group with the inputs, read without joining it: ends of the logs, committed offsets, members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from streams.cluster.broker_view import BrokerView, Input
from streams.cluster.topic_admin import Cluster
from streams.cluster.topic_tail import REFUSED, UNREACHABLE


class GroupProgress(NamedTuple):
    """Progress at one time; topics are without prefix, and only those that exist.

    Attributes
    ----------
    done
        Offsets that the group has committed.
    members
        None if no coordinator answered.
    """

    starts: Mapping[Input, int]
    ends: Mapping[Input, int]
    done: Mapping[Input, int]
    members: int | None

    def lag(self) -> int:
        """Number of records not applied yet.

        Examples
        --------
        >>> calls, data = ("calls", 0), ("data", 0)
        >>> GroupProgress({calls: 5, data: 0}, {calls: 9, data: 7}, {data: 6}, 1).lag()
        5
        """
        return sum(max(0, end - max(self.starts[place], self.done.get(place, 0))) for place, end in self.ends.items())


async def look(
    client: Mapping[str, Any], view: BrokerView, prefix: str, group: str, topics: Iterable[str]
) -> GroupProgress | None:
    """Read the progress with these topics once; None if the broker did not answer in time."""
    try:
        async with Cluster(client) as cluster:
            there = await cluster.topics([prefix + name for name in topics])
            done = await cluster.committed(group)
    except (*UNREACHABLE, REFUSED):
        return None
    places = [(each.name.removeprefix(prefix), at) for each in there.values() for at in range(each.partitions)]
    bounds = await view.bounds(places)
    if bounds is None:
        return None
    found = await view.group(group)
    applied = {(name.removeprefix(prefix), at): offset for (name, at), offset in done.items()}
    return GroupProgress(*bounds, applied, None if found is None else len(found.members))
