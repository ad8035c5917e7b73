"""The body of an alert: reasons, value at stake and action, for the agent who makes the contact."""

from __future__ import annotations

from math import isnan
from typing import Final, NamedTuple

import msgspec
import numpy as np

from models.contract.alerts import (
    UNASSIGNED,
    Action,
    Alert,
    AlertId,
    AlertReason,
    Offer,
    PriorityFactors,
    Score,
    Suppression,
    TalkTrack,
    Trigger,
    Value,
)
from models.contract.events import Channel, Profile
from models.contract.playbook import GENERAL_DO, GENERAL_DONT, Play, choose
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS, HOUR_MS
from models.contract.vocabulary import (
    HEALTHY,
    SEGMENTS,
    TIERS,
    AlertEvent,
    Cause,
    CloseReason,
    Kind,
    Segment,
    Severity,
    SuppressionReason,
    Text,
)
from models.decisions.alert.wording import cause_of, opening, signal_text
from models.decisions.contact_rules import channels_for, contact_by, opens
from models.decisions.deadlines.contract_notices import code_of
from models.decisions.decision_context import DecisionContext
from models.decisions.signals import FORWARDS, PAYS_LESS, STRONG
from models.features.account import PRODUCTS
from models.features.catalogue import CATALOGUE, INDEX, NAMES, reason_text
from models.features.feature_formula import FADED, family, unusual
from models.kernel import compiled
from models.scoring.scorer import Scorer, logit
from models.state.subscriber_record import Episode

MAX_REASONS: Final = 4
LEAST_CONTRIBUTION: Final = 0.1
"""Least log-odds that a reason must add; smaller contributions convince nobody."""
_FAMILY: Final = tuple(family(feature.name) for feature in CATALOGUE)
"""Family of each feature: counts over 1, 7 and 30 days are one reason, given once on a card."""
_CODE_GIVEN: Final = INDEX["port_out_codes_30d"]
_SUBCARD: Final = INDEX["subcard_unlinks_30d"]
_SILENT: Final = ("silent_days", "recency_vs_rhythm", "call_recency_vs_rhythm", "data_recency_vs_rhythm")
_ALSO: Final = {
    "leave_intent": ("leave_intent", "care_contacts"),
    "port_out_query": ("port_out_queries", "care_contacts"),
    "port_out_code": ("port_out_codes", "port_out_queries", "care_contacts"),
    "disconnect_appointment": ("disconnect_appointment", "care_contacts"),
    "competitor_page_dwell": ("portability_visits", "competitor_shop_visits"),
    "complaint_overdue": ("complaints", "complaints_open", "complaint_overdue_days", "care_contacts"),
    "downgraded": ("plan_fee_change", "bill_vs_usual", "bill_slope_3_periods"),
    "spend_decline": ("bill_vs_usual", "bill_slope_3_periods", "spend"),
    "off_net_shift": ("off_net_share", "off_net_calls"),
    FORWARDS: ("forwarded_share",),
    PAYS_LESS: ("bill_vs_usual", "bill_slope_3_periods", "spend"),
    "silent_days": _SILENT,
    "recency_vs_rhythm": _SILENT,
}
"""Features that a reason already covers: a leave intent is also a care contact, and a silent subscriber neither calls
nor uses data."""


def severity(kind: Kind, level: int, policy: Policy) -> Severity:
    """Severity by the policy: by kind, and higher for strong triggers."""
    settings = policy.kind(kind)
    return settings.strong_severity if level >= STRONG else settings.severity


def segment(arpu: float, policy: Policy) -> Segment:
    """Value segment of a subscriber, by ARPU.

    Examples
    --------
    >>> segment(138.0, Policy()), segment(20.0, Policy())
    ('high', 'low')
    """
    return "high" if arpu >= policy.value.high_arpu else "mid" if arpu >= policy.value.mid_arpu else "low"


class Card(NamedTuple):
    """The body of an alert, and what else the desk needs: the fields of :class:`models.contract.breaches.Breach`."""

    alert: Alert
    channels: tuple[Channel, ...] = ()
    answers_only: bool = False


class Cards:
    """Writes the bodies of alerts for one model and one policy, with lookups prepared once.

    Parameters
    ----------
    scorer, policy
        Model and policy in force.
    """

    def __init__(self, scorer: Scorer, policy: Policy) -> None:
        self._scorer = scorer
        self._policy = policy
        self._curves = scorer.table()
        self._contributions, self._order = np.empty(len(CATALOGUE)), np.empty(len(CATALOGUE), dtype=np.int64)
        self._usual = {worth: scorer.usual(worth).tolist() for worth in SEGMENTS}
        self._shown = {worth: [_shown(value) for value in usual] for worth, usual in self._usual.items()}
        self._plays: dict[tuple[Cause, Segment, bool], Play] = {}

    def compose(
        self, moment: DecisionContext, episode: Episode, step: AlertEvent, close_reason: CloseReason | None
    ) -> Card:
        """One record of an alert; `eased` and `closed` carry neither reasons nor action.

        The trigger of a `raised` is that of its breach, even if raised later; later steps name their own.
        """
        scorer, policy, profile, kind = self._scorer, self._policy, moment.profile, episode.kind
        settings = policy.kind(kind)
        # The model does not score subscribers who have left.
        risk = moment.risk if moment.profiled and kind != "win_back" else scorer.base_rate
        arpu = max(0.0, profile.arpu or 0.0) if profile is not None else 0.0
        worth, propensity = segment(arpu, policy), max(risk, settings.propensity)
        reasons = action = None
        channels: tuple[Channel, ...] = ()
        answers_only = False
        if step in ("raised", "escalated"):
            reasons = self._reasons(moment, episode, propensity, worth)
            cause = self._cause(moment, episode, reasons)
            play = self._play(cause, worth, corporate=profile is not None and profile.account_id is not None)
            answers_only, channels = play.answers_only, self._channels(moment, episode, play)
            action = self._action(moment, episode, reasons, cause, play, channels[0])
        alert = Alert(
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
            # A signal shows its own propensity: the model's 3 % beside a booked disconnection would not look urgent.
            risk=round(propensity, 6),
            base_rate=scorer.base_rate,
            tier=TIERS[moment.tier],
            previous_tier=None if moment.previous is None else TIERS[moment.previous],
            model_version=scorer.version,
            policy_version=policy.version,
            reasons=reasons,
            value=Value(arpu=arpu, segment=worth, revenue_at_risk=round(propensity * arpu * policy.value.months, 2)),
            priority=round(propensity * arpu * settings.actionability, 4),
            priority_factors=PriorityFactors(
                propensity=round(propensity, 6), value=arpu, actionability=settings.actionability
            ),
            action=action,
            trigger=_trigger(moment, episode) if step == "raised" else moment.trigger,
        )
        return Card(alert, channels, answers_only)

    def score(self, moment: DecisionContext) -> Score:
        """The latest risk, with unit, value segment and strongest reason for sorting lists of subscribers at risk."""
        profile, tier = moment.profile, moment.tier
        worth = segment(0.0 if profile is None else profile.arpu or 0.0, self._policy)
        return Score(
            subscriber_id=moment.subscriber_id,
            ts=moment.ts,
            risk=round(moment.risk, 6),
            base_rate=self._scorer.base_rate,
            tier=TIERS[tier],
            previous_tier=None if moment.previous is None else TIERS[moment.previous],
            model_version=self._scorer.version,
            policy_version=self._policy.version,
            unit=UNASSIGNED if profile is None or not profile.unit else profile.unit,
            segment=None if profile is None else worth,
            reason=None if tier == HEALTHY else self._strongest(moment, worth),
        )

    def _strongest(self, moment: DecisionContext, worth: Segment) -> str | None:
        """The feature that raises the risk most above the usual; None if none does."""
        found = self._standing_out(moment, worth, 0.0)
        return NAMES[found[0]] if found and self._contributions[found[0]] > 0.0 else None

    def _standing_out(self, moment: DecisionContext, worth: Segment, least: float) -> list[int]:
        """Features that raise the risk above the usual by so much or more, the strongest first."""
        usual, order = self._scorer.usual_curves(worth), self._order
        count = compiled.contributions(moment.x, self._curves, usual, least, self._contributions, order)
        found: list[int] = order[:count].tolist()
        return found

    def _reasons(
        self, moment: DecisionContext, episode: Episode, propensity: float, worth: Segment
    ) -> list[AlertReason]:
        """The signal's own reason first, then the features unusual for the value segment that raise the risk most."""
        risk = moment.risk if moment.profiled and episode.kind != "win_back" else self._scorer.base_rate
        if episode.kind == "contract_expiry":
            return self._endings(moment, episode.code, worth)
        reasons = [] if episode.kind == "risk_tier" else [self._lead(moment, episode, propensity, risk, worth)]
        if not moment.profiled or episode.kind == "win_back":
            return reasons
        given = {name for r in reasons for name in _ALSO.get(r.code, (family(r.code),))}
        usual, shown = self._usual[worth], self._shown[worth]
        for f in self._standing_out(moment, worth, LEAST_CONTRIBUTION):
            if len(reasons) >= MAX_REASONS:
                break
            contribution, value = float(self._contributions[f]), float(moment.x[f])
            if _FAMILY[f] in given or not unusual(CATALOGUE[f], value, usual[f]):
                continue
            name, text = NAMES[f], reason_text(NAMES[f], value, usual[f])
            given.update(_ALSO.get(name, (_FAMILY[f],)))
            reasons.append(_reason(name, value, shown[f], contribution, text, disclosable=CATALOGUE[f].disclosable))
        return reasons

    def _endings(self, moment: DecisionContext, lead: str, worth: Segment) -> list[AlertReason]:
        """The contract that ends, and others that end on the same day, as of now: a notice may be late."""
        end, reasons = moment.x[INDEX[lead]], []
        for code in dict.fromkeys((lead, *map(code_of, PRODUCTS))):
            place = INDEX[code]
            if abs(moment.x[place] - end) < 1.0:
                # A notice goes out at the tick after it was due: 90 days less some minutes must not read "89 days".
                value, usual = round(float(moment.x[place]), 1), self._shown[worth][place]
                text = reason_text(code, value, usual)
                reasons.append(_reason(code, value, usual, 0.0, text, disclosable=CATALOGUE[place].disclosable))
        return reasons

    def _lead(
        self, moment: DecisionContext, episode: Episode, propensity: float, risk: float, worth: Segment
    ) -> AlertReason:
        """The signal as a reason. Its contribution is the gap from the model's risk to the policy's propensity."""
        code, value, place = episode.code, episode.value, INDEX.get(episode.code)
        if episode.promised_ts is not None:
            value = (episode.promised_ts - moment.ts) / HOUR_MS
        usual = 0.0 if place is None else self._shown[worth][place]
        lift = _logit(propensity) - _logit(risk)
        text = signal_text(code, value, episode.level, episode.department)
        return _reason(code, value, usual, lift, text, disclosable=code in self._policy.disclosable_signals)

    def _cause(self, moment: DecisionContext, episode: Episode, reasons: list[AlertReason]) -> Cause:
        if moment.x[_CODE_GIVEN] >= FADED and episode.kind != "win_back":
            return "port_out_code"
        cause = cause_of(episode.kind, episode.code, reasons)
        if cause in ("usage_decline", "second_sim") and moment.x[_SUBCARD] >= FADED:
            # Do not offer a sub-card to subscribers who have just unlinked one.
            return "subcard_unlinked"
        return cause

    def _channels(self, moment: DecisionContext, episode: Episode, play: Play) -> tuple[Channel, ...]:
        return channels_for(
            moment.profile,
            play.channels,
            self._policy.consent_default,
            own_choice=not play.answers_only,
            tries=max(0, episode.seq - 1) if episode.kind == "contract_expiry" else 0,
        )

    def _action(
        self,
        moment: DecisionContext,
        episode: Episode,
        reasons: list[AlertReason],
        cause: Cause,
        play: Play,
        channel: Channel,
    ) -> Action:
        profile, kind = moment.profile, episode.kind
        if cause == "port_out_code":
            # After an authorisation code outbound pressure is forbidden, so there is no contact deadline: the card is
            # valid as long as the alert.
            by = episode.expires_ts or moment.ts + round(self._policy.kind(kind).ttl_days * DAY_MS)
        else:
            by = contact_by(kind, episode.level, moment.ts, before_of(episode), self._policy)
        return Action(
            cause=cause,
            strategy=play.strategy,
            channel=channel,
            unit=unit_of(profile),
            assignee=None if profile is None else profile.manager,
            contact_from=opens(moment.ts, self._policy.contact),
            contact_by=by,
            offer=_offer(play, moment.ts),
            talk_track=TalkTrack(
                opening=opening(
                    reasons,
                    channel,
                    manager=profile is not None and bool(profile.manager),
                    answers_only=play.answers_only,
                ),
                do=list(play.do or GENERAL_DO),
                dont=list(play.dont or GENERAL_DONT),
            ),
        )

    def _play(self, cause: Cause, worth: Segment, *, corporate: bool) -> Play:
        found = self._plays.get((cause, worth, corporate))
        if found is None:
            found = choose(self._policy.playbook, cause, worth, corporate=corporate)
            self._plays[cause, worth, corporate] = found
        return found


def suppression(whole: Alert, reason: SuppressionReason, decision: str, moment: DecisionContext) -> Suppression:
    """The decision not to raise this alert, with as much of its body as is known and permitted."""
    fields = msgspec.structs.asdict(whole)
    if moment.profile is None:
        # Without a profile value, unit, channel and manager are unknown.
        fields |= {"value": None, "priority": None, "priority_factors": None, "action": None}
    if reason == "no_consent" and whole.kind in ("risk_tier", "competitor_browsing"):
        # Data that must not be used must not be published either.
        fields |= {"reasons": None, "action": None}
    return Suppression(decision_id=decision, reason=reason, **fields)


def unit_of(profile: Profile | None) -> str:
    """The unit that is to act; for a corporate line the account's unit, never the grid of a home address."""
    if profile is None:
        return UNASSIGNED
    return (profile.unit if profile.account_id is None else profile.account_unit) or UNASSIGNED


def before_of(episode: Episode) -> int | None:
    """Latest time of a contact: the end of a promised time or of a contract, or an appointment."""
    return episode.appointment_ts if episode.promised_ts is None else episode.promised_ts


def _trigger(moment: DecisionContext, episode: Episode) -> Trigger:
    return Trigger(
        topic=episode.trigger_topic,
        partition=moment.trigger.partition,
        offset=episode.trigger_offset,
        tick=episode.trigger_tick,
    )


def _reason(
    code: str, value: float, usual: float, contribution: float, text: Text, *, disclosable: bool
) -> AlertReason:
    return AlertReason(
        code=code,
        value=round(value, 4),
        usual=usual,
        contribution=round(contribution, 4),
        disclosable=disclosable,
        text=text,
    )


def _shown(usual: float) -> float:
    return 0.0 if isnan(usual) else round(usual, 4)


def _logit(risk: float) -> float:
    return logit(min(max(risk, 1e-9), 1.0 - 1e-9))


def _offer(play: Play, ts: int) -> Offer | None:
    plan = play.offer
    if plan is None:
        return None
    return Offer(
        code=plan.code, name=plan.name, valid_until=ts + round(plan.valid_days * DAY_MS), cost_cap=plan.cost_cap
    )
