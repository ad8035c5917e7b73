"""Filters of alerts: by flags, and by an expression such as ``times >= 5 and unit == "tianhe-03"``.

An expression is read by ``simpleeval``: comparisons, arithmetic and ``in``. It gets no functions and no attributes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection
from difflib import get_close_matches
from typing import Any, Final

import click
from simpleeval import EvalWithCompoundTypes, InvalidExpression

from models.contract.alerts import UNASSIGNED, Alert, Suppression

_Fact = Callable[[Alert], Any]


def _of_action(name: str) -> _Fact:
    return lambda alert: None if alert.action is None else getattr(alert.action, name)


_FACTS: Final[dict[str, _Fact]] = {
    "kind": lambda alert: alert.kind,
    "event": lambda alert: alert.event,
    "close_reason": lambda alert: alert.close_reason,
    "severity": lambda alert: alert.severity,
    "tier": lambda alert: alert.tier,
    "previous_tier": lambda alert: alert.previous_tier,
    "risk": lambda alert: alert.risk,
    "times": lambda alert: alert.risk / alert.base_rate if alert.base_rate > 0 else 0.0,
    "reason": lambda alert: alert.reasons[0].code if alert.reasons else None,
    "reasons": lambda alert: [reason.code for reason in alert.reasons or ()],
    "value": lambda alert: alert.value.segment,
    "arpu": lambda alert: alert.value.arpu,
    "revenue_at_risk": lambda alert: alert.value.revenue_at_risk,
    "priority": lambda alert: alert.priority,
    "subscriber": lambda alert: alert.subscriber_id,
    "customer": lambda alert: alert.customer_id,
    "account": lambda alert: alert.account_id,
    **{name: _of_action(name) for name in ("cause", "strategy", "channel", "unit", "assignee")},
    "model": lambda alert: alert.model_version,
    "policy": lambda alert: alert.policy_version,
}
"""Names for expressions: ``times`` is the risk as a multiple of the usual, ``reason`` the code of the first reason."""


class Expression:
    """A condition on an alert.

    Raises
    ------
    click.UsageError
        If it cannot be parsed, or uses an unknown name.

    Examples
    --------
    >>> Expression("rsk > 0.1")
    Traceback (most recent call last):
    click.exceptions.UsageError: --where: an alert has no rsk. Did you mean risk?
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._eval = EvalWithCompoundTypes(allowed_attrs={})
        self._eval.functions = {}
        try:
            self._parsed = ast.parse(text.strip(), mode="eval").body
        except SyntaxError as error:
            raise self._refused(error.msg) from None
        except ValueError as error:
            raise self._refused(error) from None
        self._named = {node.id for node in ast.walk(self._parsed) if isinstance(node, ast.Name)}
        for name in sorted(self._named - _FACTS.keys()):
            nearest = get_close_matches(name, _FACTS, n=1)
            hint = f"Did you mean {nearest[0]}?" if nearest else f"It has {', '.join(_FACTS)}."
            raise click.UsageError(f"--where: an alert has no {name}. {hint}")

    def holds(self, alert: Alert) -> bool:
        """Whether it is true of an alert; < and > with a missing field (a closed alert has no action) are false.

        So is an expression that cannot be computed, as by a division by zero: one alert must not end a relay.
        """
        self._eval.names = found = {name: _FACTS[name](alert) for name in self._named}
        try:
            return bool(self._eval.eval(self._text, previously_parsed=self._parsed))
        except TypeError as error:
            if None in found.values():
                return False
            raise self._refused(error) from None
        except ArithmeticError:
            return False
        except (InvalidExpression, ValueError) as error:
            raise self._refused(error) from None

    def _refused(self, error: Exception | str) -> click.UsageError:
        return click.UsageError(f"--where {self._text}: {error}.")


class AlertFilter:
    """Passes the alerts that meet every given condition.

    Parameters
    ----------
    since, until
        Bounds of the alert's time, epoch ms; `until` is excluded.
    """

    def __init__(
        self,
        *,
        kinds: Collection[str] = (),
        tiers: Collection[str] = (),
        units: Collection[str] = (),
        since: int | None = None,
        until: int | None = None,
        where: str | None = None,
    ) -> None:
        self._kinds, self._tiers, self._units = frozenset(kinds), frozenset(tiers), frozenset(units)
        self.since, self.until = since, until
        self._where = None if where is None else Expression(where)
        self._known: dict[str, str] = {}

    @property
    def remembers(self) -> bool:
        """Whether it needs the earlier steps of an alert to judge its last one."""
        return bool(self._units)

    @property
    def all(self) -> bool:
        """Whether there is no condition."""
        return not (self._kinds or self._tiers or self._units or self.since or self.until or self._where)

    def keeps(self, alert: Alert | Suppression) -> bool:
        """Whether an alert passes."""
        return (
            # First: the unit must be remembered for the alert's later steps, also when this one is filtered out.
            (not self._units or self.unit(alert) in self._units)
            and (not self._kinds or alert.kind in self._kinds)
            and (not self._tiers or alert.tier in self._tiers)
            and (self.since is None or alert.ts >= self.since)
            and (self.until is None or alert.ts < self.until)
            and (self._where is None or (isinstance(alert, Alert) and self._where.holds(alert)))
        )

    def unit(self, alert: Alert | Suppression) -> str:
        """The alert's unit. It is remembered, since a closed step has no action and belongs to the unit that had it."""
        if alert.action is not None:
            self._known[alert.alert_id] = alert.action.unit
        known = self._known.get(alert.alert_id, UNASSIGNED)
        if alert.event == "closed":
            self._known.pop(alert.alert_id, None)
        return known
