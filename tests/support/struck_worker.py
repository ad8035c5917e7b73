"""``holdfast worker`` that is killed where its desk is at work: python struck_worker.py worker.

STRIKE_AT names a file. The desk that comes to the step written there removes the file and dies of SIGKILL; so of
several workers only the one dies that holds the desk, and once. Steps of a transaction count only if it carries one of
a work order. Beside those of :mod:`streams.desk.host` there are, of the desk's producer,

``desk_begun``
    The transaction has begun, and nothing is sent.
``desk_state_sent``, ``desk_outputs_sent``
    State and position are in the log, and nothing else yet; the first of the outputs is, too.
``desk_produced``, ``desk_committing``
    All records are in the log, and the commit is not asked for; it is asked for, and not confirmed.

A session lasts six seconds, so that the other worker takes over soon, and is not lost on a busy machine.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import aiokafka

import app.worker.process as worker
from app.cli import main
from models.desk.desk import Desk, DeskChanges
from streams.records.topics import DESK_STATE

OPENING = ("desk_fenced", "desk_restored")
STEPS = (
    "desk_folded",
    "desk_before_commit",
    "desk_begun",
    "desk_state_sent",
    "desk_outputs_sent",
    "desk_produced",
    "desk_committing",
    "desk_after_commit",
    *OPENING,
)
"""In the order of a desk's life, from one that is at work to the one that follows it."""


class Blow:
    """Falls at the step that the file names."""

    def __init__(self, wanted: Path) -> None:
        self.carries = False
        """Whether the transaction carries a step of a work order."""
        self._wanted = wanted

    def __call__(self, step: str) -> None:
        if step not in OPENING and not self.carries:
            return
        try:
            if self._wanted.read_text() != step:
                return
            self._wanted.unlink()
        except FileNotFoundError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


def look_into(blow: Blow) -> None:
    """Note what the desk is about to write."""
    take = Desk.take

    def taken(self: Desk) -> DeskChanges:
        changes = take(self)
        blow.carries = any(placed.output.kind == "work_order" for placed in changes.outputs)
        return changes

    Desk.take = taken  # type: ignore[method-assign]


def strike_inside_transactions(blow: Blow) -> None:
    """Let it fall between the calls of the desk's producer, too."""
    kafka = aiokafka.AIOKafkaProducer
    begin, send, commit = kafka.begin_transaction, kafka.send_batch, kafka.commit_transaction

    def of_desk(producer: Any) -> bool:
        return bool(producer._txn_manager.transactional_id.endswith(DESK_STATE))

    async def begin_transaction(self: Any) -> None:
        await begin(self)
        if of_desk(self):
            blow("desk_begun")

    async def send_batch(self: Any, batch: Any, topic: str, **place: Any) -> Any:
        sent = await send(self, batch, topic, **place)
        if of_desk(self):
            await asyncio.wait([sent])
            blow("desk_state_sent" if topic.endswith(DESK_STATE) else "desk_outputs_sent")
        return sent

    async def commit_transaction(self: Any) -> None:
        if not of_desk(self):
            return await commit(self)
        blow("desk_produced")
        asked = asyncio.ensure_future(commit(self))
        await asyncio.sleep(0.002)
        blow("desk_committing")
        return await asked

    kafka.begin_transaction, kafka.send_batch, kafka.commit_transaction = (
        begin_transaction,
        send_batch,
        commit_transaction,
    )


def hook(blow: Blow) -> Callable[[str | None], Callable[[str], None]]:
    """What takes the place of :func:`app.process.fault.fail_at`."""
    return lambda _: blow


if __name__ == "__main__":
    falling = Blow(Path(os.environ["STRIKE_AT"]))
    look_into(falling)
    strike_inside_transactions(falling)
    worker.fail_at = hook(falling)  # type: ignore[attr-defined]
    worker.LaneSpec = partial(worker.LaneSpec, session_timeout_s=6.0)  # type: ignore[attr-defined, misc, assignment]
    sys.exit(main())
