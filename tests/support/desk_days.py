"""Days at a desk: breaches with the times that lanes give them, and the steps that come of them."""

from __future__ import annotations

from typing import Any, get_args

from support.alerts_made import an_action
from support.breaches_made import DAY, HOUR, NINE, a_breach

from models.contract.alerts import Alert
from models.contract.breaches import Breach, Mark, Moved
from models.contract.events import Channel
from models.contract.policy import Policy, UnitPolicy
from models.contract.work_orders import WorkOrder
from models.detection.contact_rules import contact_by, opens
from models.detection.outbox import Output

POLICY = Policy(
    version="p-1",
    units=(UnitPolicy(name="tianhe-03", head="head-3", team={"assault_team": ("li",), "counter": ("mei",)}),),
)
"""Without a limit of capacity, so that all is decided as it comes."""
TEN = NINE + HOUR
TUESDAY = TEN + DAY
MINUTE = HOUR // 60


def given(
    name: str,
    at: int,
    kind: Any = "leave_intent",
    before_ts: int | None = None,
    unit: str = "tianhe-03",
    policy: Policy = POLICY,
    **fields: Any,
) -> Breach:
    """A breach with the times that a lane gives it."""
    begins, by = opens(at, policy.contact), contact_by(kind, 1, at, before_ts, policy)
    action = an_action(unit=unit, channel="outbound_call", contact_from=begins, contact_by=by)
    whose = {"customer": "c-1"} | fields
    return a_breach(name, at, kind=kind, before_ts=before_ts, action=action, **whose)


def profile(subscriber: str, at: int, unit: str = "tianhe-03", **fields: Any) -> Moved:
    """A new profile of a number of this customer, who allows every channel."""
    values = {"customer_id": "c-1", "allowed": get_args(Channel)} | fields
    return Moved(lane=0, clock=at, subscriber_id=subscriber, unit=unit, **values)


def a_code(name: str, at: int, **fields: Any) -> Breach:
    """A port-out code: from now on they are only answered, at the store, until the alert's life ends."""
    action = an_action(unit="tianhe-03", channel="store", contact_from=at, contact_by=at + 30 * DAY)
    whose = {"customer": "c-1", "channels": ("store",), "answers_only": True} | fields
    return a_breach(name, at, kind="port_out", action=action, **whose)


def over(name: str, at: int, kind: Any = "leave_intent", **fields: Any) -> Breach:
    return a_breach(name, at, "closed", kind=kind, **({"customer": "c-1"} | fields))


def mark(at: int) -> Mark:
    return Mark(lane=0, tick=at)


def orders(outputs: list[Output]) -> list[WorkOrder]:
    return [output.body for output in outputs if isinstance(output.body, WorkOrder)]


def steps(outputs: list[Output]) -> list[tuple[str, str]]:
    return [(order.step, order.reason) for order in orders(outputs)]


def raised(outputs: list[Output]) -> Alert:
    (alert,) = (output.body for output in outputs if isinstance(output.body, Alert))
    return alert
