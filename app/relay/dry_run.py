"""Dry run: the messages that would be sent now. Nothing is sent, and no offset moves."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, NamedTuple

from app.alerts.alert_filter import AlertFilter
from app.relay.digest import EVENTS
from app.relay.endpoints import Endpoint
from app.relay.envelope import envelope, past_contact_by
from app.relay.process import RelayPlan
from app.relay.route import Wanted, keeps
from models.contract.alerts import Alert
from streams.kafka.subscription import group_position
from streams.kafka.topic_tail import TailRecord, as_alert, polls


class Message(NamedTuple):
    """A message that one endpoint would get; `sent` is the request's headers and body, or a digest's title and body."""

    endpoint: str
    sent: dict[str, Any]


async def would_send(plan: RelayPlan) -> AsyncGenerator[Message, None]:
    """The messages for each endpoint, from where it stands to the topic's present end."""
    for endpoint in plan.webhooks:
        async with aclosing(_waiting(plan.wanted, endpoint)) as waiting:
            async for record, alert in waiting:
                made = envelope(record, past=past_contact_by(alert, plan.wanted.now_ms()))
                headers = {"webhook-id": made.message_id, "content-type": made.content_type}
                yield Message(endpoint.name, {"headers": headers, "body": json.loads(made.body)})
    for endpoint, _ in plan.chats:
        units: defaultdict[str, list[Alert]] = defaultdict(list)
        async with aclosing(_waiting(plan.wanted, endpoint)) as waiting:
            async for _, alert in waiting:
                if alert.event in EVENTS and alert.action and not past_contact_by(alert, plan.wanted.now_ms()):
                    units[alert.action.unit].append(alert)
        for unit in sorted(units):
            yield Message(endpoint.name, plan.writer.write(units[unit])._asdict())


async def _waiting(wanted: Wanted, endpoint: Endpoint) -> AsyncGenerator[tuple[TailRecord, Alert], None]:
    """Alerts that an endpoint wants and has not had; unreadable ones, which would be parked, are left out."""
    found = await group_position(wanted.client, wanted.topic, endpoint.group(wanted.group), wanted.start)
    filters: dict[int, AlertFilter] = {}
    async with aclosing(polls(wanted.client, wanted.topic, newest=None, follow=False, places=found.begin)) as polled:
        async for poll in polled:
            for record in poll.records:
                if record.partition not in filters:
                    filters[record.partition] = await wanted.filter_at(record.partition, record.offset)
                alert = as_alert(record.value)
                if alert is not None and keeps(filters[record.partition], alert):
                    yield record, alert
