"""Who gets which lane: partition p of every input goes to one member, and stays there while it can.

aiokafka's round-robin assignor deals out topic-partitions one by one, so with three workers partition 0 of the calls
and partition 0 of the care contacts would end with two of them, which would fence each other for ever.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

_VERSION: Final = 0


def deal_lanes(lanes: Iterable[int], held: Mapping[str, Iterable[int]]) -> dict[str, list[int]]:
    """Deal lanes to members evenly, keeping what each holds as far as that is even.

    Parameters
    ----------
    lanes
        All partition numbers.
    held
        What each member says it holds; of two who claim one lane the first by name keeps it.

    Examples
    --------
    >>> deal_lanes(range(4), {"a": [], "b": []})
    {'a': [0, 2], 'b': [1, 3]}
    >>> deal_lanes(range(4), {"a": [0, 2], "b": [1, 3], "c": []})
    {'a': [0, 2], 'b': [1], 'c': [3]}
    """
    free = set(lanes)
    members = sorted(held)
    base, more = divmod(len(free), len(members))
    dealt: dict[str, list[int]] = {}
    for member in sorted(members, key=lambda m: (-len(set(held[m]) & free), m)):
        quota = base + (1 if more > 0 else 0)
        kept = sorted(free.intersection(held[member]))[:quota]
        if len(kept) > base:
            more -= 1
        dealt[member] = kept
        free.difference_update(kept)
    for lane in sorted(free):
        member = min(members, key=lambda m: (len(dealt[m]), m))
        dealt[member].append(lane)
    return {member: sorted(dealt[member]) for member in members}


class LaneAssignor(AbstractPartitionAssignor):  # type: ignore[misc]
    """Kafka's port for :func:`deal_lanes`; ``held`` tells the lanes that this worker could reopen at once."""

    name = "holdfast-lanes"

    def __init__(self, held: Callable[[], Iterable[int]]) -> None:
        self._held = held

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """What this member tells the leader: its topics and the lanes that it holds."""
        return ConsumerProtocolMemberMetadata(_VERSION, sorted(topics), json.dumps(sorted(self._held())).encode())

    def assign(
        self, cluster: Any, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """The leader's deal: the same lanes of all topics to a member.

        Each member is dealt of the topics that it reads, among those that read the same: a group may hold the workers
        of two prefixes, and one that was given the other's partitions ended with an assertion of aiokafka's.
        """
        dealt: dict[str, ConsumerProtocolMemberAssignment] = {}
        for topics in {tuple(sorted(metadata.subscription)) for metadata in members.values()}:
            held = {
                member: json.loads(metadata.user_data or b"[]")
                for member, metadata in members.items()
                if tuple(sorted(metadata.subscription)) == topics
            }
            lanes = {lane for topic in topics for lane in cluster.partitions_for_topic(topic) or ()}
            for member, theirs in deal_lanes(lanes, held).items():
                dealt[member] = ConsumerProtocolMemberAssignment(_VERSION, [(topic, theirs) for topic in topics], b"")
        return dealt

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Nothing to note: the lanes know what they hold."""
