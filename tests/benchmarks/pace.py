"""A paced producer of live events, in a process of its own so that nobody who measures slows it down.

``python pace.py '{"bootstrap": ..., "prefix": ..., "rate": ..., "begin_at": ..., "seconds": ..., "first": ...}'``
sends events with the present time as ``ts`` and as record timestamp, each at its own due time, and at the end prints
one line of JSON: of each *trigger* its topic, partition, offset and the time of its ``produce()``; how many events
there were; and the most by which one was late.

One event in twenty is a trigger: somebody new opens a competitor's number-portability page for half a minute, or
tells the hotline that they will leave, which raises an alert at once. The others are calls and data usage as in
``day-usage``.
"""

from __future__ import annotations

import json
import sys
import time
from random import Random
from typing import Any, Final

import logs
import orjson
from confluent_kafka import Message, Producer

EVERY: Final = 20
"""Events from one trigger to the next."""
CARE: Final = "telecom.care-contacts.v1"
CALLS, DATA, VISITS = logs.TOPICS


def trigger(number: int, subscriber: int, ts: int) -> tuple[str, bytes]:
    """What raises an alert at once, by turns."""
    common = {"subscriber_id": logs.name_of(subscriber), "ts": ts, "event_id": f"t-{subscriber}"}
    if number % 2:
        return CARE, orjson.dumps({**common, "reason": "leave_intent", "channel": "hotline"})
    page = {"operator": "china-unicom", "dwell_s": 35, "pages": 2, "page": "number_portability"}
    return VISITS, orjson.dumps({**common, **page})


class Pacer:
    """Sends and remembers.

    Parameters
    ----------
    first
        Number of the first subscriber who has not triggered anything before.
    """

    def __init__(self, bootstrap: str, prefix: str, first: int) -> None:
        self.triggers: list[list[Any]] = []
        self._prefix = prefix
        self._next = first
        self._draw = Random(first)
        self._places = logs.Places()
        self._producer = Producer({"bootstrap.servers": bootstrap, "acks": 1, "linger.ms": 1})

    def send(self, number: int) -> None:
        """One event, now."""
        now = time.time()
        ts = int(now * 1000)
        if number % EVERY == 0:
            subscriber, self._next = self._next, self._next + 1
            topic, value = trigger(number // EVERY, subscriber, ts)

            def written(error: object, message: Message) -> None:
                if error is not None:
                    raise RuntimeError(error)
                self.triggers.append([topic, message.partition(), message.offset(), now])

            self._produce(topic, subscriber, ts, value, on_delivery=written)
            return
        subscriber = self._draw.randrange(logs.SUBSCRIBERS)
        topic, make = (CALLS, logs.call) if self._draw.random() < 0.43 else (DATA, logs.data)
        self._produce(topic, subscriber, ts, make(self._draw, subscriber, ts, f"l-{self._next}-{number}"))

    def _produce(self, topic: str, subscriber: int, ts: int, value: bytes, **more: Any) -> None:
        key, partition = self._places[subscriber]
        self._producer.produce(self._prefix + topic, value, key, partition=partition, timestamp=ts, **more)

    def run(self, rate: float, begin_at: float, seconds: float) -> dict[str, Any]:
        """Send at a rate, from a moment on."""
        events, latest = round(rate * seconds), 0.0
        for number in range(events):
            due = begin_at + number / rate
            while (wait := due - time.time()) > 0:
                self._producer.poll(0)
                time.sleep(min(wait, 0.005))
            latest = max(latest, -wait)
            self.send(number)
        self._producer.flush(30)
        return {"triggers": self.triggers, "sent": events, "late_ms": round(latest * 1000, 1)}


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    pacer = Pacer(given["bootstrap"], given["prefix"], given["first"])
    sys.stdout.write(json.dumps(pacer.run(given["rate"], given["begin_at"], given["seconds"])) + "\n")
