"""Poison of every kind, amid events: kept with its coordinates, and stopping nothing."""

from __future__ import annotations

import hashlib
import json

from support.history_check import Record
from support.rig import Rig, clean, event, mix, now_ms

from models.contract.events import BILLING, CALLS, DATA_USAGE, SUBSCRIBERS
from streams.records.topics import DEAD_LETTERS
from streams.records.wire import DEAD_LETTER_REASONS, MAX_VALUE_BYTES

MINUTE_MS = 60_000


def plan(ts: int) -> list[tuple[str, str, bytes | None, bytes | None, int]]:
    """Reason, topic, key, value and record timestamp."""

    def call(**fields: object) -> bytes:
        return event(CALLS, "s", ts, **fields)

    return [
        ("not_json", CALLS, b"s", call()[:-1], ts),
        ("not_json", CALLS, b"s", b"", ts),
        ("not_utf8", CALLS, b"s", call(peer_operator="x").replace(b'"x"', b'"\xff"'), ts),
        ("null_key", CALLS, None, call(), ts),
        ("null_value", CALLS, b"s", None, ts),
        ("key_mismatch", CALLS, b"other", call(), ts),
        ("missing_field", BILLING, b"s", b'{"subscriber_id":"s","ts":1780000000000,"kind":"bill"}', ts),
        ("wrong_type", CALLS, b"s", call(duration_s="60"), ts),
        ("out_of_range", CALLS, b"s", call(duration_s=-1), ts),
        ("out_of_range", CALLS, b"s", event(CALLS, "s", 10**30), ts),
        ("unknown_enum", CALLS, b"s", call(direction="sideways"), ts),
        ("non_finite", DATA_USAGE, b"s", event(DATA_USAGE, "s", ts, bytes=float("nan")), ts),
        ("non_finite", DATA_USAGE, b"s", event(DATA_USAGE, "s", ts, bytes=0).replace(b": 0}", b": 1e999}"), ts),
        ("future_ts", CALLS, b"s", event(CALLS, "s", ts + 6 * MINUTE_MS), ts),
        ("future_ts", CALLS, b"s", call(), ts + 60 * MINUTE_MS),
        ("too_large", CALLS, b"s", call(peer_operator="x" * MAX_VALUE_BYTES), ts),
        ("too_deep", CALLS, b"s", call(note=0).replace(b": 0}", b": " + b"[" * 50_000 + b"]" * 50_000 + b"}"), ts),
    ]


async def test_every_poison_is_kept_and_stops_nothing(rig: Rig) -> None:
    await rig.create(overrides={"max.message.bytes": str(4 << 20)})
    begin = now_ms() - 10 * MINUTE_MS
    planted = plan(begin + 5_000)
    assert {reason for reason, *_ in planted} == set(DEAD_LETTER_REASONS)
    worker = rig.worker()
    await rig.send_all(mix(1, 100, rig.partitions, begin))
    places = {}
    for number, (reason, topic, key, value, stamp) in enumerate(planted):
        offset = await rig.send(topic, number % 2, value, key, stamp)
        places[topic, number % 2, offset] = (reason, key, value)
    ts = begin + 10_000
    # A null value is a deletion there, and no poison.
    await rig.send(SUBSCRIBERS, 0, None, b"s0-1", ts)
    await rig.send_all(mix(2, 100, rig.partitions, ts))
    await rig.applied()
    assert await worker.stop() == 0
    await clean(rig, 200 + len(planted) + 1)
    letters = [(p, letter) for p, found in (await rig.log())[DEAD_LETTERS].items() for letter in found]
    assert len(letters) == len(planted)
    for partition, letter in letters:
        headers = dict(letter.headers)
        topic = headers["__connect.errors.topic"].decode().removeprefix(rig.prefix)
        place = (topic, partition, int(headers["__connect.errors.offset"]))
        _as_planted(letter, headers, partition, *places.pop(place))
    assert not places


def _as_planted(
    letter: Record, headers: dict[str, bytes], partition: int, reason: str, key: bytes | None, value: bytes | None
) -> None:
    assert headers["holdfast.reason"].decode() == reason
    assert int(headers["__connect.errors.partition"]) == partition
    assert letter.key == key
    if value is not None and len(value) > 256 << 10:
        assert letter.value is None
        assert int(headers["holdfast.value.length"]) == len(value)
        assert headers["holdfast.value.sha256"].decode() == hashlib.sha256(value).hexdigest()
    else:
        assert letter.value == value


async def test_flood_of_poison_is_kept_whole(rig: Rig) -> None:
    rig.partitions = 1
    await rig.create()
    begin = now_ms() - MINUTE_MS
    for number in range(200):
        await rig.send(CALLS, 0, json.dumps({"number": number}).encode(), b"s", begin + number)
        if number % 2:
            await rig.send(CALLS, 0, event(CALLS, "s", begin), b"s", begin + number)
    worker = rig.worker()
    await rig.applied()
    assert await worker.stop() == 0
    verdict = await clean(rig, 300)
    assert verdict.outputs["dead_letter"] == 200
