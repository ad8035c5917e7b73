"""The body of an alert: why, what is at stake, and what to do, for the one who has to pick up the phone."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from models.alerts import (
    UNASSIGNED,
    Action,
    Alert,
    AlertId,
    Offer,
    PriorityFactors,
    Reason,
    Suppression,
    TalkTrack,
    Trigger,
    Value,
)
from models.book import Episode
from models.contact import contact_by, pick_channel
from models.decisions.context import Moment
from models.features.catalogue import CATALOGUE, INDEX, reason_text
from models.features.definitions import family
from models.playbook import GENERAL_DO, GENERAL_DONT, Play, choose
from models.policy import DAY_MS, Policy
from models.risk import Scorer, logit
from models.signals import STRONG
from models.talk import cause_of, opening, signal_text
from models.tiers import TIERS
from models.words import AlertEvent, CloseReason, Kind, Segment, Severity, SuppressionReason, Text

MAX_REASONS: Final = 5
_FAMILY: Final = tuple(family(feature.name) for feature in CATALOGUE)
"""Counts over 1, 7 and 30 days say one thing three times; a card says it once."""
_CODE_GIVEN: Final = INDEX["port_out_codes_30d"]
_CODE_FADED: Final = 0.36
"""A port-out code counts as issued for about 30 days: its forward-decayed count is then down to 1/e."""


def severity(kind: Kind, level: int, policy: Policy) -> Severity:
    """How urgent: the policy's word for the kind, and for its stronger triggers."""
    settings = policy.kind(kind)
    return settings.strong_severity if level >= STRONG else settings.severity


def segment(arpu: float, policy: Policy) -> Segment:
    """Worth of a subscriber in one word.

    Examples
    --------
    >>> segment(138.0, Policy()), segment(20.0, Policy())
    ('high', 'low')
    """
    return "high" if arpu >= policy.value.high_arpu else "mid" if arpu >= policy.value.mid_arpu else "low"


def compose(
    moment: Moment,
    episode: Episode,
    kind: Kind,
    step: AlertEvent,
    close_reason: CloseReason | None,
    scorer: Scorer,
    policy: Policy,
) -> Alert:
    """One record in the life of an alert; what has eased or closed needs neither reasons nor action.

    The trigger of a `raised` is that of its breach, also when it was raised later; a later step names its own.
    """
    profile, settings = moment.profile, policy.kind(kind)
    risk = moment.risk if moment.profiled else scorer.base_rate
    arpu = max(0.0, profile.arpu or 0.0) if profile is not None else 0.0
    propensity = max(risk, settings.propensity)
    factors = PriorityFactors(propensity=round(propensity, 6), value=arpu, actionability=settings.actionability)
    value = Value(
        arpu=arpu,
        segment=segment(arpu, policy),
        revenue_at_risk=round(propensity * arpu * policy.value.months, 2),
    )
    reasons = action = None
    if step in ("raised", "escalated"):
        reasons = _reasons(moment, episode, propensity, value.segment, scorer, policy)
        action = _action(moment, episode, kind, value.segment, reasons, policy)
    return Alert(
        alert_id=AlertId(episode.alert_id),
        seq=episode.seq,
        event=step,
        kind=kind,
        close_reason=close_reason,
        severity=severity(kind, episode.level, policy),
        subscriber_id=moment.subscriber_id,
        customer_id=None if profile is None else profile.customer_id,
        account_id=None if profile is None else profile.account_id,
        members=None,
        ts=moment.ts,
        risk=round(risk, 6),
        base_rate=scorer.base_rate,
        tier=TIERS[moment.tier],
        previous_tier=None if moment.previous is None else TIERS[moment.previous],
        model_version=scorer.version,
        policy_version=policy.version,
        reasons=reasons,
        value=value,
        priority=round(propensity * arpu * settings.actionability, 4),
        priority_factors=factors,
        action=action,
        trigger=_trigger(moment, episode) if step == "raised" else moment.trigger,
    )


def suppression(whole: Alert, reason: SuppressionReason, decision: str, moment: Moment) -> Suppression:
    """The decision not to raise this alert, with its body as far as it may be and could be made."""
    fields = msgspec.structs.asdict(whole)
    if moment.profile is None:
        # Neither worth nor unit, channel and manager are known.
        fields |= {"value": None, "priority": None, "priority_factors": None, "action": None}
    if reason == "no_consent" and whole.kind in ("risk_tier", "competitor_browsing"):
        # What may not be used is not told either.
        fields |= {"reasons": None, "action": None}
    return Suppression(decision_id=decision, reason=reason, **fields)


def _trigger(moment: Moment, episode: Episode) -> Trigger:
    return Trigger(
        topic=episode.trigger_topic,
        partition=moment.trigger.partition,
        offset=episode.trigger_offset,
        tick=episode.trigger_tick,
    )


def _reasons(
    moment: Moment, episode: Episode, propensity: float, worth: Segment, scorer: Scorer, policy: Policy
) -> list[Reason]:
    """The signal's own reason first, then what raises his risk most above the usual for customers of his worth."""
    lead = [] if episode.kind == "risk_tier" else [_lead(moment, episode, propensity, scorer, policy)]
    told = {_FAMILY[INDEX[r.code]] for r in lead if r.code in INDEX}
    if not moment.profiled:
        return lead
    x = moment.x
    contributions, usual = scorer.contributions(x[:, None], worth)[:, 0], scorer.usual(worth)
    found: list[Reason] = []
    for f in np.argsort(-contributions, kind="stable").tolist():
        if len(lead) + len(found) >= MAX_REASONS or (contributions[f] <= 0.0 and (lead or found)):
            break
        if np.isnan(x[f]) or _FAMILY[f] in told:
            continue
        told.add(_FAMILY[f])
        found.append(_feature_reason(f, float(x[f]), float(contributions[f]), float(usual[f])))
    return lead + found


def _feature_reason(f: int, value: float, contribution: float, usual: float) -> Reason:
    feature = CATALOGUE[f]
    return Reason(
        code=feature.name,
        value=round(value, 4),
        usual=0.0 if np.isnan(usual) else round(usual, 4),
        contribution=round(contribution, 4),
        disclosable=feature.disclosable,
        text=Text(**reason_text(feature.name, value, usual)),
    )


def _lead(moment: Moment, episode: Episode, propensity: float, scorer: Scorer, policy: Policy) -> Reason:
    """The signal as a reason. It contributes what it takes to lift the model's risk to the policy's propensity."""
    place = INDEX.get(episode.code)
    usual = float("nan") if place is None else float(scorer.usual()[place])
    return Reason(
        code=episode.code,
        value=round(episode.value, 4),
        usual=0.0 if np.isnan(usual) else round(usual, 4),
        contribution=round(_logit(propensity) - _logit(moment.risk), 4),
        disclosable=episode.code in policy.disclosable_signals,
        text=signal_text(episode.code, episode.value, usual, episode.level),
    )


def _logit(risk: float) -> float:
    return logit(min(max(risk, 1e-9), 1.0 - 1e-9))


def _action(
    moment: Moment, episode: Episode, kind: Kind, worth: Segment, reasons: list[Reason], policy: Policy
) -> Action:
    profile = moment.profile
    cause = cause_of(kind, episode.code, [r.code for r in reasons])
    if moment.x[_CODE_GIVEN] >= _CODE_FADED:
        # After an authorisation code there is no outbound pressure, whatever else rings.
        cause = "port_out_code"
    corporate = profile is not None and profile.account_id is not None
    play = choose(policy.playbook, cause, worth, corporate=corporate)
    return Action(
        cause=cause,
        strategy=play.strategy,
        channel=pick_channel(profile, play.channels, own_choice=not play.answers_only),
        unit=UNASSIGNED if profile is None or not profile.unit else profile.unit,
        assignee=None if profile is None else profile.manager,
        contact_by=contact_by(kind, episode.level, moment.ts, episode.appointment_ts, policy),
        offer=_offer(play, moment.ts),
        talk_track=TalkTrack(
            opening=opening(reasons, answers_only=play.answers_only),
            do=list(play.do or GENERAL_DO),
            dont=list(play.dont or GENERAL_DONT),
        ),
    )


def _offer(play: Play, ts: int) -> Offer | None:
    plan = play.offer
    if plan is None:
        return None
    return Offer(
        code=plan.code, name=plan.name, valid_until=ts + round(plan.valid_days * DAY_MS), cost_cap=plan.cost_cap
    )
