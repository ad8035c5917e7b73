"""Explains an alert's risk, and why it was published or withheld, from its records, its model and its policy.

A model's log-odds are those of the usual customer plus what each feature adds. An alert's record holds the features
that add most; the rest is shown as one term for all others, so the sum always equals the alert's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final, Literal, NamedTuple

from models.contract.alerts import Alert, AlertReason, Suppression
from models.contract.policy import Policy
from models.contract.vocabulary import SuppressionReason
from models.detection.contact_rules import LAW, STAGES
from models.scoring.scorer import Scorer, logit, sigmoid
from models.scoring.snapshot import Snapshot

CheckResult = Literal["passed", "objected", "one of these objected", "not asked", "not recorded"]
Origin = Literal["usual customer", "average customer"]


class Term(NamedTuple):
    """A term of the log-odds, and the risk up to and with it; without a reason it is the features not recorded."""

    reason: AlertReason | None
    added: float
    risk: float


class PolicyStep(NamedTuple):
    """One check of the policy, its result, and the settings that it depends on, if the policy is known."""

    name: str
    verdict: CheckResult
    settings: Mapping[str, Any] = {}


class Explanation(NamedTuple):
    """The arithmetic of one record.

    Attributes
    ----------
    subject
        The newest record that has reasons; for a closed alert that is an earlier step.
    origin, begin
        Where the sum begins: at the usual customer of the value segment if the alert's model is still in the topic,
        else at the base rate.
    terms
        In order: features, the others together, and the signal; the last risk is the alert's. Empty if the risk may not
        be shown.
    """

    subject: Alert | Suppression
    origin: Origin
    begin: float
    terms: tuple[Term, ...]
    policy: tuple[PolicyStep, ...]


_NAMES: Final = {stage: stage.__name__.removeprefix("_") for stage in STAGES}
BUDGET: Final = "budget"
DESK: Final = ("cooldown", "person_cap", "channel_cap", "capacity")
"""Checks of the desk, after those of the lane. For tiers the lane checks the cooldown too, to save its budget."""
_OF_REASON: Final[dict[SuppressionReason, tuple[str, ...]]] = {
    "expired": ("recorded", "expired"),
    "low_priority": ("switched_off", BUDGET),
}
"""Suppression reasons that two checks share; each of the others has the name of its check."""
_TURNS_ON: Final[Mapping[str, tuple[str, ...]]] = {
    "no_consent": ("consent_default.marketing", "consent_default.behaviour", "consent_default.profiling"),
    "do_not_contact": ("contact.do_not_contact_exempt",),
    "cooldown": ("contact.cooldown_days", "contact.refusal_days", "contact.cooldown_exempt"),
    "stale_feed": ("silence.stale_feed_hours",),
    "switched_off": ("kinds.{kind}.enabled",),
    "hold_out": ("contact.hold_out_share", "contact.hold_out_exempt"),
    BUDGET: ("tiers.budget",),
    "person_cap": ("contact.caps", "contact.cooldown_exempt"),
    "channel_cap": ("contact.sms_caps", "contact.cooldown_exempt"),
    "capacity": ("desk.wait_days", "desk.urgent"),
}
"""Policy fields that a check depends on; the other checks depend on none."""


def explain(
    life: Sequence[Alert], withheld: Sequence[Suppression], snapshot: Snapshot | None, policy: Policy | None
) -> Explanation:
    """Explain the newest record with reasons, or the newest one if none has any.

    Parameters
    ----------
    snapshot, policy
        Those in force for that record; None if they are not available.
    """
    subject = record_explained(life, withheld)
    worth = None if subject.value is None else subject.value.segment
    scorer = None if snapshot is None else Scorer(snapshot, subject.base_rate)
    begin = logit(subject.base_rate) if scorer is None else scorer.baseline(worth)
    origin: Origin = "average customer" if scorer is None else "usual customer"
    steps = [
        each._replace(settings=_settings(policy, each.name, subject.kind))
        for each in _policy(subject, policy or Policy())
    ]
    return Explanation(subject, origin, begin, tuple(_terms(subject, begin)), tuple(steps))


def _settings(policy: Policy | None, question: str, kind: str) -> dict[str, Any]:
    fields = [field.format(kind=kind) for field in _TURNS_ON.get(question, ())]
    return {} if policy is None else {field: attrgetter(field)(policy) for field in fields}


def record_explained(life: Sequence[Alert], withheld: Sequence[Suppression]) -> Alert | Suppression:
    """The record that is explained."""
    records: list[Alert | Suppression] = [*withheld, *life]
    return next((each for each in reversed(records) if each.reasons), records[-1])


def _terms(subject: Alert | Suppression, begin: float) -> list[Term]:
    """The sum, term by term."""
    if subject.risk is None or not 0.0 < subject.risk < 1.0:
        return []
    reasons = list(subject.reasons or ())
    # The first reason of a signal is the signal: it lifts the model's risk to the policy's propensity.
    signal = reasons.pop(0) if reasons and subject.kind != "risk_tier" else None
    model = logit(subject.risk) - (0.0 if signal is None else signal.contribution)
    terms, so_far = [], begin
    for reason in reasons:
        so_far += reason.contribution
        terms.append(Term(reason, reason.contribution, sigmoid(so_far)))
    terms.append(Term(None, model - so_far, sigmoid(model)))
    if signal is not None:
        terms.append(Term(signal, signal.contribution, subject.risk))
    return terms


def _asked(subject: Alert | Suppression, policy: Policy) -> list[str]:
    """The checks of the lane, and for a raised alert those of the desk; urgent kinds do not wait for capacity."""
    if subject.event == "escalated":
        return [_NAMES[stage] for stage in LAW]
    if subject.event != "raised":
        return []
    tier = subject.kind == "risk_tier"
    lane = [name for name in _NAMES.values() if tier or name != "cooldown"] + [BUDGET] * tier
    desk = [name for name in DESK if name not in lane]
    return [*lane, *(name for name in desk if name != "capacity" or subject.kind not in policy.desk.urgent)]


def _policy(subject: Alert | Suppression, policy: Policy) -> list[PolicyStep]:
    """The policy's checks in order; the first one that objects decides, and the rest are not made."""
    names = _asked(subject, policy)
    if not isinstance(subject, Suppression):
        return [PolicyStep(name, "passed") for name in names]
    objecting = [name for name in _OF_REASON.get(subject.reason, (subject.reason,)) if name in names]
    if not objecting:
        return [PolicyStep(subject.reason, "objected")]
    sure = len(objecting) == 1
    said: CheckResult = "objected" if sure else "one of these objected"
    after: CheckResult = "not asked" if sure else "not recorded"
    first = names.index(objecting[0])
    return [
        PolicyStep(name, said if name in objecting else "passed" if place < first else after)
        for place, name in enumerate(names)
    ]
