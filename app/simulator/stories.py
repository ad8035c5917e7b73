"""Five stories, written to a running demonstration by the keys 1 to 5.

Each raises an alert at once, without the model and without a history: the stopwatch from event to alert can start
with its last record. All of it is made up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from app.publishing.record import TimedRecord, encode
from app.simulator.people.population import CHANNELS
from models.contract.events import BILLING, CALLS, CARE_CONTACTS, DATA_USAGE, SITE_VISITS, SUBSCRIBERS
from models.contract.time_units import DAY_MS, HOUR_MS, MINUTE_MS
from streams.records.topics import RANK


class StoryEvent(NamedTuple):
    """One event of a story: ms before the story's end, topic, and fields."""

    before: int
    topic: str
    fields: dict[str, Any]


class Story(NamedTuple):
    """Title in both languages, and the function that makes the story's events for a given now."""

    title: dict[str, str]
    events: Callable[[int], list[StoryEvent]]


def _browsing(now: int) -> list[StoryEvent]:
    visit = {"operator": "china-telecom", "site": "www.china-telecom.example"}
    return [
        StoryEvent(4 * MINUTE_MS, SITE_VISITS, {**visit, "dwell_s": 48.0, "pages": 2, "page": "home"}),
        StoryEvent(2 * MINUTE_MS, SITE_VISITS, {**visit, "dwell_s": 160.0, "pages": 4, "page": "plans"}),
        StoryEvent(0, SITE_VISITS, {**visit, "dwell_s": 95.0, "pages": 3, "page": "number_portability"}),
    ]


def _hotline(now: int) -> list[StoryEvent]:
    return [StoryEvent(0, CARE_CONTACTS, {"reason": "leave_intent", "channel": "hotline", "product": "mobile"})]


def _port_out(now: int) -> list[StoryEvent]:
    return [
        StoryEvent(MINUTE_MS, CARE_CONTACTS, {"reason": "port_out_query", "channel": "app"}),
        StoryEvent(0, CARE_CONTACTS, {"reason": "port_out_code", "channel": "app"}),
    ]


def _appointment(now: int) -> list[StoryEvent]:
    booked = {"reason": "disconnect_appointment", "channel": "store", "product": "mobile"}
    return [StoryEvent(0, CARE_CONTACTS, {**booked, "appointment_ts": now + 2 * DAY_MS})]


def _storm(now: int) -> list[StoryEvent]:
    call = {"direction": "outgoing", "duration_s": 11, "peer_network": "on_net", "dropped": True}
    session = {"bytes": 0, "duration_s": 0, "rat": "4g", "failed": True}
    case = {"reason": "complaint", "channel": "hotline", "department": "network", "case_id": f"case-story-{now}"}
    rings = [StoryEvent((90 - 10 * n) * MINUTE_MS, CALLS, dict(call)) for n in range(5)]
    stalls = [StoryEvent((85 - 10 * n) * MINUTE_MS, DATA_USAGE, dict(session)) for n in range(5)]
    return [
        StoryEvent(52 * HOUR_MS, CARE_CONTACTS, {**case, "due_ts": now - 4 * HOUR_MS}),
        *rings,
        *stalls,
        StoryEvent(30 * MINUTE_MS, CARE_CONTACTS, {**case, "due_ts": now - 4 * HOUR_MS}),
        StoryEvent(20 * MINUTE_MS, BILLING, {"kind": "accrual", "amount": 38.0}),
        StoryEvent(5 * MINUTE_MS, CARE_CONTACTS, {"reason": "penalty_query", "channel": "hotline"}),
        StoryEvent(0, CARE_CONTACTS, {"reason": "leave_intent", "channel": "hotline"}),
    ]


STORIES: Final[dict[int, Story]] = {
    1: Story(
        {"en": "A customer reads a competitor's portability page", "zh": "客户浏览竞争对手的携号转网页面"},
        _browsing,
    ),
    2: Story({"en": "A customer tells the hotline that they will leave", "zh": "客户致电热线表示要离网"}, _hotline),
    3: Story(
        {"en": "A customer asks whether they may port out, and takes the code", "zh": "客户查询携转资格并获取授权码"},
        _port_out,
    ),
    4: Story({"en": "A customer books a disconnection at the store", "zh": "客户在营业厅预约拆机"}, _appointment),
    5: Story(
        {
            "en": "A heavy user: dropped calls, an overdue complaint, the penalty asked for, then 'I leave'",
            "zh": "高价值客户：频繁掉话、投诉超时、咨询违约金，随后表示离网",
        },
        _storm,
    ),
}


def _stranger(subscriber_id: str, now: int) -> dict[str, Any]:
    """Profile of a high-value customer who may be contacted."""
    return {
        "subscriber_id": subscriber_id,
        "ts": now,
        "activated_ts": now - 1400 * DAY_MS,
        "arpu": 138.0,
        "plan": "5g-129",
        "products": [{"product": "mobile", "contract_end_ts": now + 21 * DAY_MS}],
        "customer_id": f"c-{subscriber_id}",
        "household_id": f"h-{subscriber_id}",
        "unit": "tianhe-03",
        "manager": "manager-7",
        "preferred_channel": "outbound_call",
        "language": "zh",
        "penalty": 60.0,
        "points": 4200.0,
        "star": 4,
        "portable": True,
        "consent": {"marketing": dict.fromkeys(CHANNELS, True), "behaviour": True, "profiling": True},
        "do_not_contact": False,
        "status": "active",
    }


def story(number: int, subscriber_id: str | None, now_ms: int) -> list[TimedRecord]:
    """The records of a story that ends at ``now_ms``, in order; with the profile of a new subscriber if none is named.

    Examples
    --------
    >>> [record.topic for record in story(2, None, 1_780_000_000_000)]
    ['telecom.subscribers.v1', 'telecom.care-contacts.v1']
    >>> [record.ts for record in story(4, "s-000007", 1_780_000_000_000)]
    [1780000000000]
    """
    who = subscriber_id if subscriber_id is not None else f"s-story-{number}-{now_ms}"
    events = sorted(STORIES[number].events(now_ms), key=lambda event: (-event.before, RANK[event.topic]))
    records = []
    if subscriber_id is None:
        opening = now_ms - events[0].before
        value = {"event_id": f"story-{number}-{now_ms}-{who}-0", **_stranger(who, opening)}
        records.append(TimedRecord(SUBSCRIBERS, who.encode(), encode(value), opening))
    for at, event in enumerate(events, 1):
        ts = now_ms - event.before
        head = {"event_id": f"story-{number}-{now_ms}-{who}-{at}", "subscriber_id": who, "ts": ts}
        records.append(TimedRecord(event.topic, who.encode(), encode({**head, **event.fields}), ts))
    return records
