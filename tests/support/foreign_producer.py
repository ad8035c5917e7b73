"""Somebody else's producer: events by the contract's text alone, through librdkafka, and garbage whose fate is known.

Nothing of the product is imported here, and nothing of its simulator: field names, enums and bounds are copied from
the contract by hand, values are plain dicts, and the client is not the one that the product uses. What both sides
agree on is then the contract and not a shared mistake.
"""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import accumulate
from typing import Any, Final, NamedTuple

from confluent_kafka import KafkaError, Message, Producer

CALLS: Final = "telecom.calls.v1"
DATA: Final = "telecom.data-usage.v1"
VISITS: Final = "telecom.site-visits.v1"
CARE: Final = "telecom.care-contacts.v1"
BILLING: Final = "telecom.billing.v1"
CONTACTS: Final = "telecom.contacts.v1"
SUBSCRIBERS: Final = "telecom.subscribers.v1"
OUTCOMES: Final = "telecom.outcomes.v1"
ERASURES: Final = "telecom.erasures.v1"
FEEDBACK: Final = "churn.alert-feedback.v1"

REASONS: Final = (
    "not_json",
    "not_utf8",
    "null_key",
    "null_value",
    "key_mismatch",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "unknown_enum",
    "non_finite",
    "future_ts",
    "too_large",
    "too_deep",
)
"""Of the contract, all thirteen."""
MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR
MIX: Final[Mapping[str, float]] = {
    CALLS: 38,
    DATA: 36,
    VISITS: 6,
    CARE: 6,
    BILLING: 7,
    CONTACTS: 2,
    SUBSCRIBERS: 2,
    OUTCOMES: 0.4,
    FEEDBACK: 1,
    ERASURES: 0.02,
}
"""Shares of the topics once everybody's first profile is told."""
CARE_REASONS: Final = (
    *("leave_intent", "disconnect_appointment", "port_out_query", "port_out_code", "penalty_query"),
    *("complaint", "complaint", "billing_dispute", "fault", "suspend_keep_number", "subcard_unlink", "transfer"),
    *("satisfaction", "inquiry", "inquiry", "inquiry"),
)
DUPLICATES: Final = 0.02
GARBAGE: Final = 0.01
LARGE_EVERY: Final = 60
"""Every so-many-th garbage is one of more than 1 MiB: they are slow to make, and fifty say as much as 300."""


class Sent(NamedTuple):
    """A record as it goes out; `garbage` is the reason that it must be refused for."""

    topic: str
    key: bytes | None
    value: bytes | None
    stamp: int
    garbage: str | None = None


class Landed(NamedTuple):
    """Where a record went, as its delivery report says."""

    topic: str
    partition: int
    offset: int


class Town:
    """Subscribers and what they do, the same for the same seed.

    Parameters
    ----------
    begin, days
        Event time that the story spans.
    mix
        Shares of the topics; one topic alone is a mix too.
    """

    def __init__(self, seed: int, subscribers: int, begin: int, days: float, mix: Mapping[str, float] = MIX) -> None:
        self._draw = draw = random.Random(seed)
        self._begin, self._span = begin, days * DAY
        self._ids = [f"u-{seed}-{n:05d}" for n in range(subscribers)]
        # A few use the service all day, most now and then.
        self._weights = list(accumulate(draw.paretovariate(2.5) for _ in self._ids))
        self._topics, self._shares = list(mix), list(accumulate(mix.values()))
        self._away = {
            who: (begin + int(draw.uniform(0.35, 0.55) * self._span), begin + int(draw.uniform(0.7, 1.5) * self._span))
            for who in draw.sample(self._ids, subscribers // 20)
        }
        self._to_erase = draw.sample(self._ids, max(1, subscribers // 200))
        self._erasable = frozenset(self._to_erase)
        self._cases: dict[str, str] = {}
        self._number = 0
        self.unique = 0
        self.duplicates = 0
        self.garbage: Counter[str] = Counter()
        self._makers: dict[str, Callable[[str, int], dict[str, Any]]] = {
            CALLS: self._call,
            DATA: self._session,
            VISITS: self._visit,
            CARE: self._care,
            BILLING: self._bill,
            CONTACTS: self._contact,
            SUBSCRIBERS: self._profile,
            OUTCOMES: self._outcome,
            FEEDBACK: self._feedback,
        }

    def profiles(self) -> Iterator[Sent]:
        """What is known of nearly everybody before the story begins."""
        for place, who in enumerate(self._ids):
            if self._draw.random() < 0.95:
                yield self._told(SUBSCRIBERS, who, self._begin - 2 * DAY + place)

    def story(self, events: int) -> Iterator[Sent]:
        """So many events in the order of time, give or take; duplicates and garbage come on top."""
        repeats: list[tuple[int, Sent]] = []
        for number in range(events):
            now = self._begin + int(self._span * number / events)
            sent = self._event(now)
            yield sent
            if self._draw.random() < DUPLICATES and self._repeatable(sent):
                repeats.append((number + self._draw.randint(0, 20), sent))
            if self._draw.random() < GARBAGE:
                yield self._bad(now)
            while repeats and repeats[0][0] <= number:
                self.duplicates += 1
                yield repeats.pop(0)[1]
        self.duplicates += len(repeats)
        yield from (sent for _, sent in repeats)

    def _repeatable(self, sent: Sent) -> bool:
        """Whether its second coming must be told by its id: not of who is erased meanwhile, with all his ids."""
        key = sent.key or b""
        return b'"event_id"' in (sent.value or b"") and key.decode() not in self._erasable

    def _event(self, now: int) -> Sent:
        draw = self._draw
        topic = draw.choices(self._topics, cum_weights=self._shares)[0]
        if topic == ERASURES and self._to_erase:
            return self._told(ERASURES, self._to_erase.pop(), now)
        if topic == ERASURES:
            topic = CALLS
        who = self._somebody(now)
        if topic == SUBSCRIBERS and draw.random() < 0.02:
            self.unique += 1
            return Sent(SUBSCRIBERS, who.encode(), None, now)
        return self._told(topic, who, now)

    def _somebody(self, now: int) -> str:
        while True:
            who = self._draw.choices(self._ids, cum_weights=self._weights)[0]
            since, until = self._away.get(who, (now + 1, now + 1))
            if not since <= now < until:
                return who

    def _told(self, topic: str, who: str, now: int) -> Sent:
        body, stamp = self._body(topic, who, now)
        self.unique += 1
        return Sent(topic, who.encode(), json.dumps(body, ensure_ascii=False).encode(), stamp)

    def _body(self, topic: str, who: str, now: int) -> tuple[dict[str, Any], int]:
        draw = self._draw
        self._number += 1
        ts = now
        chance = draw.random()
        if chance < 0.03:
            ts -= draw.randint(1, 90 * MINUTE)
        elif chance < 0.004 + 0.03:
            ts -= draw.randint(7 * DAY, 9 * DAY)  # on both sides of the bound behind which nothing is triggered
        body = {"subscriber_id": who, "ts": ts}
        if draw.random() < 0.97:
            body["event_id"] = f"e-{self._number}"
        if draw.random() < 0.1:
            body["source_system"] = draw.choice(["msc-4", "计费", "crm\\2"])
        body |= {"request_id": f"r-{self._number}"} if topic == ERASURES else self._makers[topic](who, ts)
        # Half of what comes late is stamped when it happened, half when it was sent.
        return body, ts if draw.random() < 0.5 else now

    # What happens

    def _call(self, who: str, ts: int) -> dict[str, Any]:
        draw = self._draw
        network = draw.choice(["on_net", "on_net", "off_net", "off_net", "fixed", "international", "own_care"])
        if draw.random() < 0.01:
            network = "competitor_care"
        body = {
            "direction": draw.choice(["outgoing", "incoming"]),
            "duration_s": draw.choice([0, 12, 61.5, 240, 1800]),
            "peer_network": network,
        }
        if network in ("off_net", "competitor_care"):
            body["peer_operator"] = draw.choice(["China Unicom", "中国电信", "Broadnet", "Lebara"])
        if draw.random() < 0.15:
            body |= {"kind": "sms", "duration_s": 0}
        for flag, share in (("forwarded", 0.02), ("dropped", 0.03), ("roaming", 0.05)):
            if draw.random() < share:
                body[flag] = True
        return body

    def _session(self, who: str, ts: int) -> dict[str, Any]:
        draw = self._draw
        body: dict[str, Any] = {"bytes": int(draw.lognormvariate(15, 2))}
        if draw.random() < 0.7:
            body |= {"duration_s": draw.randint(1, 7200), "rat": draw.choice(["2g", "3g", "4g", "5g", "wifi"])}
        if draw.random() < 0.5:
            body["app_category"] = draw.choice(["video", "社交", "games"])
        if draw.random() < 0.05:
            body[draw.choice(["failed", "throttled", "roaming"])] = True
        return body

    def _visit(self, who: str, ts: int) -> dict[str, Any]:
        draw = self._draw
        pages = ["home", "plans", "number_portability", "store_locator", "checkout", "support", "other"]
        body: dict[str, Any] = {
            "operator": draw.choice(["China Unicom", "中国移动", "cbn"]),
            "dwell_s": round(draw.expovariate(1 / 45), 1),
        }
        if draw.random() < 0.8:
            body |= {"pages": draw.randint(1, 9), "page": draw.choice(pages), "site": "example.test"}
        return body

    def _care(self, who: str, ts: int) -> dict[str, Any]:
        draw = self._draw
        if who in self._cases and draw.random() < 0.5:
            return {"reason": "complaint", "status": "resolved", "case_id": self._cases.pop(who)}
        reason = draw.choice(CARE_REASONS)
        body: dict[str, Any] = {"reason": reason}
        if draw.random() < 0.7:
            body["channel"] = draw.choice(["hotline", "store", "app", "account_manager", "web"])
        if reason in ("complaint", "billing_dispute", "fault"):
            body |= {"case_id": f"case-{self._number}", "due_ts": ts + draw.randint(1, 9) * DAY, "department": "网络"}
            self._cases[who] = body["case_id"]
        elif reason == "disconnect_appointment":
            body |= {"appointment_ts": ts + draw.randint(1, 5) * DAY - draw.randint(0, HOUR), "product": "broadband"}
        elif reason == "satisfaction":
            body["score"] = draw.randint(1, 10)
        return body

    def _bill(self, who: str, ts: int) -> dict[str, Any]:
        draw = self._draw
        kind = draw.choice(["accrual", "accrual", "bill", "recharge", "plan_change"])
        body: dict[str, Any] = {"kind": kind, "amount": round(draw.uniform(-5, 300), 2)}
        if kind == "bill":
            body["period"] = f"2026-{draw.randint(1, 12):02d}"
        elif kind == "plan_change":
            body |= {"plan": "5G-59", "fee": 59, "from_plan": "5G-129", "from_fee": 129.0}
        return body

    def _contact(self, who: str, ts: int) -> dict[str, Any]:
        channels = ["field_visit", "account_manager", "outbound_call", "store", "sms", "app_push", "wechat"]
        return {"channel": self._draw.choice(channels), "purpose": "满意度回访"}

    def _profile(self, who: str, ts: int) -> dict[str, Any]:
        draw = self._draw
        body: dict[str, Any] = {
            "activated_ts": ts - draw.randint(5, 3000) * DAY,
            "arpu": round(draw.lognormvariate(4.2, 0.6), 2),
            "plan": draw.choice(["5G-129", "4G-39", "家庭套餐"]),
            "products": [{"product": "mobile", "contract_end_ts": ts + draw.randint(-30, 400) * DAY}],
            "customer_id": f"c-{who}",
            "unit": f"unit-{draw.randint(1, 9)}",
            "language": draw.choice(["zh", "en"]),
        }
        if draw.random() < 0.3:
            body["products"].append({"product": draw.choice(["broadband", "iptv", "fixed"])})
        if draw.random() < 0.6:
            body |= {"manager": "manager-7", "star": draw.randint(0, 5), "penalty": 200, "portable": True}
        if draw.random() < 0.1:
            allowed = {draw.choice(["sms", "outbound_call", "wechat"]): False}
            body["consent"] = {
                "marketing": allowed,
                "behaviour": draw.random() < 0.5,
                "profiling": draw.random() < 0.5,
            }
        if draw.random() < 0.03:
            body["do_not_contact"] = True
        if draw.random() < 0.04:
            body["status"] = draw.choice(["suspended_arrears", "suspended_fraud", "suspended_voluntary", "left"])
        return body

    def _outcome(self, who: str, ts: int) -> dict[str, Any]:
        draw = self._draw
        outcomes = ["ported_out", "disconnected", "lapsed", "downgraded", "migrated", "involuntary", "returned"]
        body: dict[str, Any] = {"outcome": draw.choice(outcomes)}
        if body["outcome"] == "lapsed":
            body["last_activity_ts"] = ts - 3 * DAY
        return body

    def _feedback(self, who: str, ts: int) -> dict[str, Any]:
        draw = self._draw
        status = ["accepted", "contacted", "unreachable", "delivered", "read", "retained", "lost", "refused"]
        body: dict[str, Any] = {"status": draw.choice([*status, "dismissed", "snoozed", "withdrawn"])}
        if draw.random() < 0.2:
            body["alert_id"] = f"{draw.getrandbits(128):032x}"  # of an alert that there never was
        if draw.random() < 0.5:
            body |= {"by": "shop-3", "channel": "store", "attempt": draw.randint(0, 3)}
        return body

    # Garbage

    def _bad(self, now: int) -> Sent:
        """A record with exactly one fault."""
        draw = self._draw
        made = sum(self.garbage.values())
        small = [reason for reason in REASONS if reason != "too_large"]
        reason = "too_large" if made % LARGE_EVERY == LARGE_EVERY // 2 else small[made % len(small)]
        self.garbage[reason] += 1
        topic = draw.choice([t for t in self._topics if t in self._makers])
        if reason in ("null_key", "null_value") and topic == SUBSCRIBERS:
            # There a null value deletes, and a compacted topic takes no record without a key.
            topic = CALLS if CALLS in self._topics else CARE
        body, stamp = self._body(topic, draw.choice(self._ids), now)
        return self._spoilt(reason, Sent(topic, body["subscriber_id"].encode(), None, stamp, reason), body)

    def _spoilt(self, reason: str, sent: Sent, body: dict[str, Any]) -> Sent:
        draw = self._draw
        good = json.dumps(body).encode()
        if reason in ("null_key", "null_value", "key_mismatch", "too_large", "future_ts"):
            return self._misplaced(reason, sent, body, good)
        if reason == "not_json":
            value = draw.choice([good[: -draw.randint(1, 9)], b"", b"\x00\x01", good + b"}", b"subscriber_id,ts"])
        elif reason == "not_utf8":
            value = good.replace(body["subscriber_id"].encode(), b"\xc3\x28" + body["subscriber_id"].encode())
        elif reason == "missing_field":
            gone = draw.choice(["subscriber_id", "ts"])
            value = json.dumps({name: said for name, said in body.items() if name != gone}).encode()
        elif reason == "wrong_type":
            value = draw.choice([json.dumps(body | {"ts": str(body["ts"])}).encode(), b"[1, 2]", b'"s-1"', b"null"])
        elif reason == "out_of_range":
            beyond = draw.choice([{"ts": -1}, {"subscriber_id": ""}, {"event_id": "x" * 300}])
            value = json.dumps(body | beyond).encode()
        elif reason == "unknown_enum":
            value = json.dumps(body | UNKNOWN[sent.topic]).encode()
        elif reason == "non_finite":
            value = good[:-1] + draw.choice([b', "note2": NaN}', b', "ts": Infinity}', b', "ts": 1e999}'])
        else:
            value = good[:-1] + b', "deep": ' + b"[" * 20_000 + b"]" * 20_000 + b"}"
        return sent._replace(value=value)

    def _misplaced(self, reason: str, sent: Sent, body: dict[str, Any], good: bytes) -> Sent:
        """The value would do, but not in this record."""
        draw = self._draw
        if reason == "null_key":
            return sent._replace(key=None, value=good)
        if reason == "key_mismatch":
            return sent._replace(key=draw.choice([b"somebody-else", b"\xff\xfe", b""]), value=good)
        if reason == "too_large":
            if draw.random() < 0.3:
                return sent._replace(key=b"k" * 70_000, value=good)
            return sent._replace(value=json.dumps(body | {"padding": "x" * (1 << 20)}).encode())
        if reason == "future_ts":
            if draw.random() < 0.3:
                # By the broker's clock: the record itself is stamped ahead. Past an hour the broker would refuse it.
                ahead = int(time.time() * 1000) + 50 * MINUTE
                return sent._replace(value=json.dumps(body | {"ts": ahead}).encode(), stamp=ahead)
            value = json.dumps(body | {"ts": sent.stamp + 6 * MINUTE}).encode()
            return sent._replace(value=value)
        return sent


UNKNOWN: Final[Mapping[str, dict[str, Any]]] = {
    CALLS: {"peer_network": "satellite"},
    DATA: {"rat": "6g"},
    VISITS: {"page": "blog"},
    CARE: {"reason": "weather"},
    BILLING: {"kind": "refund"},
    CONTACTS: {"channel": "fax"},
    SUBSCRIBERS: {"status": "asleep"},
    OUTCOMES: {"outcome": "abducted"},
    FEEDBACK: {"status": "maybe"},
}


class ForeignProducer:
    """librdkafka as another team would set it up, and what its delivery reports say. All calls block.

    Attributes
    ----------
    ends
        Offset after the last delivered record of each topic (without prefix) and partition.
    planted
        Garbage by where it landed.
    """

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.ends: dict[tuple[str, int], int] = {}
        self.planted: dict[Landed, Sent] = {}
        self.delivered = 0
        self._prefix = prefix
        self._refused: list[str] = []
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 20,
                "message.max.bytes": 4_000_000,
                "queue.buffering.max.messages": 200_000,
            }
        )

    def send(self, records: Iterable[Sent], a_second: float | None = None) -> None:
        """Send all, at most so many a second; returns when all are acknowledged."""
        began = time.monotonic()
        for number, sent in enumerate(records):
            self._put(sent)
            if a_second and number % 50 == 0:
                self._producer.poll(0)
                while (ahead := number / a_second - (time.monotonic() - began)) > 0:
                    self._producer.poll(min(ahead, 0.1))
        self._flush()

    def copy(self, topic: str, partition: int, records: Iterable[Any]) -> None:
        """Send records of another log to the same partition, each with its timestamp."""
        for record in records:
            self._put(Sent(topic, record.key, record.value, record.timestamp), partition)
        self._flush()

    def _put(self, sent: Sent, partition: int | None = None) -> None:
        place = {} if partition is None else {"partition": partition}
        while True:
            try:
                return self._producer.produce(
                    self._prefix + sent.topic,
                    sent.value,
                    sent.key,
                    timestamp=sent.stamp,
                    on_delivery=partial(self._landed, sent),
                    **place,
                )
            except BufferError:
                self._producer.poll(0.1)

    def _flush(self) -> None:
        left = self._producer.flush(60)
        if left or self._refused:
            raise AssertionError(f"{left} records not delivered, refused: {self._refused[:5]}")

    def _landed(self, sent: Sent, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._refused.append(f"{sent.topic} {sent.garbage}: {error}")
            return
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        self.delivered += 1
        place = sent.topic, partition
        self.ends[place] = max(self.ends.get(place, 0), offset + 1)
        if sent.garbage is not None:
            self.planted[Landed(sent.topic, partition, offset)] = sent
