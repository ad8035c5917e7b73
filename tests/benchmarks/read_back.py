"""What came out: all committed records of a topic."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from logs import PARTITIONS


def committed(bootstrap: str, topic: str, bound_s: float = 60.0) -> list[bytes]:
    """Values of a topic from its beginning to its end, as a reader of committed records sees them."""
    return [message.value() for message in messages(bootstrap, topic, PARTITIONS, bound_s)]


def messages(bootstrap: str, topic: str, partitions: int, bound_s: float = 60.0) -> list[Message]:
    """Its records, with key, offset and time."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "read-back",  # asked for, never joined
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    consumer.assign([TopicPartition(topic, p, 0) for p in range(partitions)])
    found: list[Message] = []
    ended: set[int] = set()
    deadline = time.monotonic() + bound_s
    try:
        while len(ended) < partitions:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic} could not be read to its end within {bound_s:.0f} s")
            for message in consumer.consume(5_000, 0.2):
                error = message.error()
                if error is None:
                    found.append(message)
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise KafkaException(error)
    finally:
        consumer.close()
    return found
