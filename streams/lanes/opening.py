"""Opening a lane, steps 1 to 4: fence, restore, check, bootstrap. :mod:`streams.lanes.lane` has the whole protocol.

A restore reads the lane's whole partition of the state topic, committed records only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec
import structlog
from aiokafka import TopicPartition

from streams.kafka.partition_read import chunks, reader
from streams.kafka.retries import patient
from streams.kafka.transaction import LaneProducer, fenced, lane_id
from streams.lanes import ledger as ledgers
from streams.lanes.ledger import LEDGER_KEY, LaneLogs, Ledger, LedgerMismatchError
from streams.lanes.ports import Fold, LaneSpec
from streams.records.topics import STATE

log = structlog.get_logger(__name__)


class OpenedState(NamedTuple):
    """A lane's state in memory, and the end of its state partition if no other worker has written since."""

    fold: Fold
    ledger: Ledger
    end: int


async def fence(spec: LaneSpec, partition: int) -> LaneProducer:
    """Step 1: after this no other worker can commit to the lane's state."""
    return await fenced(spec.client, lane_id(spec.prefix, partition), spec.prefix, partition)


async def restored(
    spec: LaneSpec,
    partition: int,
    new_fold: Callable[[], Fold],
    kept: OpenedState | None,
    remaining: Callable[[int], None],
) -> OpenedState:
    """Step 2: the committed state; kept state is reused if the partition still ends where it was left.

    ``remaining`` is called with the number of records left to read.
    """
    return await patient(
        lambda: _restored(spec, partition, new_fold, kept, remaining), f"lane {partition}: its state", takes_long=True
    )


async def _restored(
    spec: LaneSpec,
    partition: int,
    new_fold: Callable[[], Fold],
    kept: OpenedState | None,
    remaining: Callable[[int], None],
) -> OpenedState:
    topic = spec.prefix + STATE
    if kept is not None and await state_end(spec.client, topic, partition) == kept.end:
        log.info("state_kept", partition=partition)
        return kept
    fold = new_fold()
    found = await restore(spec.client, topic, partition, fold, remaining)
    ledger = found.ledger or Ledger(spec.group, spec.partitions, {}, {})
    fold.resume(ledger.clock, ledger.policy)
    log.info("state_restored", partition=partition, records=found.records)
    return OpenedState(fold, ledger, found.end)


def checked(spec: LaneSpec, partition: int, ledger: Ledger, logs: LaneLogs) -> Ledger:
    """Steps 3 and 4: the ledger from which reading continues.

    Raises
    ------
    LedgerMismatchError
        If state and topics disagree and the operator has not accepted the loss.
    """
    if not ledger.topic_ids:
        lost = ledgers.lost_state(logs)
        if lost and not spec.accept_loss:
            raise mismatch(partition, lost)
        return ledgers.new(spec.group, spec.partitions, logs)
    foreign = ledger.group != spec.group and not spec.take_over
    found = ledgers.mismatches(ledger, spec.group, spec.partitions, logs, take_over=spec.take_over)
    ledger = msgspec.structs.replace(ledger, group=spec.group)
    if not found:
        return ledger
    if foreign or not spec.accept_loss:
        raise mismatch(partition, found)
    log.warning("loss_accepted", partition=partition, faults=found)
    return ledgers.accept_loss(ledger, spec.partitions, logs)


def mismatch(partition: int, found: list[str]) -> LedgerMismatchError:
    """One error with all disagreements of a lane and what to do."""
    return LedgerMismatchError(
        f"lane {partition}: {'; '.join(found)}. Restore the topics, or start once with --accept-loss to go on "
        "without what is missing."
    )


class Restored(NamedTuple):
    """Result of a restore: the ledger, if there is one, the end of the partition, and the number of records read."""

    ledger: Ledger | None
    end: int
    records: int


async def restore(
    client: Mapping[str, Any],
    state_topic: str,
    partition: int,
    into: Fold,
    remaining: Callable[[int], None],
) -> Restored:
    """Read partition `partition` of `state_topic` from its start to its end into `into`.

    Call it after the lane has fenced its former holder: the end covers committed records only, and fencing settles a
    transaction that the former holder left open.

    Parameters
    ----------
    remaining
        Called with the number of offsets left to read, after each chunk.

    Raises
    ------
    RestoreStalledError
        If the position did not move for :data:`STALL_S` seconds.
    """
    consumer = reader(client)
    tp = TopicPartition(state_topic, partition)
    try:
        await consumer.start()
        consumer.assign([tp])
        end = (await consumer.end_offsets([tp]))[tp]
        found: Ledger | None = None
        count = 0
        async for batch in chunks(consumer, tp, end, remaining):
            rows = []
            for record in batch:
                if record.key == LEDGER_KEY:
                    if record.value is not None:
                        found = ledgers.decode(record.value)
                else:
                    rows.append((record.key, record.value))
            into.load(rows)
            count += len(batch)
        return Restored(found, end, count)
    finally:
        await consumer.stop()


async def state_end(client: Mapping[str, Any], state_topic: str, partition: int) -> int:
    """Offset after the last committed record of the lane's state."""
    consumer = reader(client)
    tp = TopicPartition(state_topic, partition)
    try:
        await consumer.start()
        return int((await consumer.end_offsets([tp]))[tp])
    finally:
        await consumer.stop()
