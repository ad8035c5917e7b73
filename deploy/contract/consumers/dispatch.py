"""A dispatch service in its smallest form: ``python dispatch.py ORDERS``; deploy/docs/subscribe.md says why each line.

Needs ``pip install aiokafka``, and HOLDFAST_BROKERS, HOLDFAST_TOPIC_PREFIX as for Holdfast itself. A folder stands for
the database of orders: a name is there once, whichever process writes it, as with a unique index on ``ce_id``.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord
from aiokafka.errors import CommitFailedError

BROKERS, PREFIX = os.environ["HOLDFAST_BROKERS"], os.environ.get("HOLDFAST_TOPIC_PREFIX", "")
ORDERS = Path(sys.argv[1])


async def handle(record: ConsumerRecord, producer: AIOKafkaProducer) -> None:
    """Book what an alert asks for, unless it is booked or too late; then accept it."""
    ce_id, alert, now = dict(record.headers)["ce_id"].decode(), json.loads(record.value), int(time.time() * 1000)
    order, draft = ORDERS / f"{ce_id.replace(':', '-')}.json", ORDERS / f".{os.getpid()}"
    action = alert["action"] or {}  # `eased` and `closed` have none
    if action.get("contact_by", now) < now and not order.exists():
        print("late", ce_id, flush=True)
        return
    draft.unlink(missing_ok=True)  # the last one is the same file as an order
    draft.write_bytes(record.value)
    try:
        os.link(draft, order)  # whole or not at all, and never a second time
        print(alert["event"], ce_id, action.get("unit"), action.get("channel"), flush=True)
    except FileExistsError:
        pass  # it came again
    if alert["event"] == "raised" and (who := alert["subscriber_id"]) is not None:
        # Also of what came again, since we may have ended before we said so: one event_id counts once.
        said = {"subscriber_id": who, "ts": now, "event_id": ce_id, "alert_id": alert["alert_id"], "status": "accepted"}
        body = json.dumps(said | {"by": "dispatch"}).encode()
        await producer.send_and_wait(PREFIX + "churn.alert-feedback.v1", body, key=who.encode())  # placed by murmur2


async def main() -> None:
    """Read committed alerts; what is committed here is booked and accepted."""
    settings = {"isolation_level": "read_committed", "enable_auto_commit": False, "auto_offset_reset": "earliest"}
    consumer = AIOKafkaConsumer(
        PREFIX + "churn.retention-alerts.v1", bootstrap_servers=BROKERS, group_id=PREFIX + "dispatch-python", **settings
    )
    async with consumer, AIOKafkaProducer(bootstrap_servers=BROKERS, enable_idempotence=True) as producer:
        while True:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    await handle(record, producer)
            # Failed by a rebalance: the partition's new owner reads these alerts again, and finds them booked.
            with suppress(CommitFailedError):
                await consumer.commit()


ORDERS.mkdir(parents=True, exist_ok=True)
asyncio.run(main())
