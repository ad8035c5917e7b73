"""The body of an alert, for the agent who makes the contact: reasons, value at stake and action, all put into words.

A signal is said in business words. The cause of the risk depends on the value behind a reason: a contract that ends in
a year is no cause to talk about contracts, nor a falling bill about prices. An opening fits the channel, uses
disclosable reasons only, and never claims work that was not done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf, isnan
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
from models.detection.contact_rules import channels_for, contact_by, opens
from models.detection.decision_context import DecisionContext
from models.detection.signals import FORWARDS, PAYS_LESS, STRONG, notice_code
from models.features.account import PRODUCTS
from models.features.catalogue import CATALOGUE, INDEX, NAMES, reason_text
from models.features.feature_formula import FADED, family, unusual
from models.features.reason_text import duration
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


class AlertBody(NamedTuple):
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
    ) -> AlertBody:
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
        return AlertBody(alert, channels, answers_only)

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
        for code in dict.fromkeys((lead, *map(notice_code, PRODUCTS))):
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


# Wording

_OF_SIGNAL: Final[dict[str, Cause]] = {
    "leave_intent": "stated_leave",
    "port_out_query": "port_out_query",
    "port_out_code": "port_out_code",
    "disconnect_appointment": "disconnect",
    "complaint_overdue": "complaint",
    "downgraded": "plan_downgrade",
    "spend_decline": "spend_decline",
    "off_net_shift": "second_sim",
    "ported_out": "win_back",
    "disconnected": "win_back",
    "lapsed": "win_back",
}
_OF_KIND: Final[dict[Kind, Cause]] = {
    "competitor_browsing": "competitor_offer",
    "silence": "silence",
    "complaint_overdue": "complaint",
    "contract_expiry": "contract_notice",
}
_CONTRACT_DAYS: Final = 91.0
"""A contract is a cause if it ends within 90 days or ended in the last 90; days are shown whole."""
_CONTENT: Final = 7.0
"""Satisfaction, of ten points, from which a rating is no complaint."""
_RULES: Final[tuple[tuple[str, Cause, float, float], ...]] = (
    ("competitor", "competitor_offer", 0.0, inf),
    ("portability", "competitor_offer", 0.0, inf),
    ("off_net_share", "competitor_offer", 0.0, inf),
    ("off_net_calls", "competitor_offer", 1.0, inf),
    ("china_", "competitor_offer", 0.0, inf),
    ("forwarded", "competitor_offer", 0.0, inf),
    ("penalty_queries", "competitor_offer", 0.0, inf),
    ("leave_intent", "stated_leave", 0.0, inf),
    ("port_out_queries", "port_out_query", 0.0, inf),
    ("port_out_codes", "port_out_code", 0.0, inf),
    ("disconnect_appointment", "disconnect", 0.0, inf),
    ("complaint", "complaint", 0.0, inf),
    ("last_satisfaction", "complaint", -inf, _CONTENT),
    ("fault", "service_quality", 0.0, inf),
    ("dropped", "service_quality", 0.0, inf),
    ("data_failed", "service_quality", 0.0, inf),
    ("data_throttled", "plan_used_up", 0.0, inf),
    ("contract_days", "contract_end", -_CONTRACT_DAYS, _CONTRACT_DAYS),
    ("bill_slope", "price", 0.0, inf),
    ("bill_vs", "price", 1.0, inf),
    ("plan_fee", "price", 0.0, inf),
    ("bill_slope", "usage_decline", -inf, 0.0),
    ("bill_vs", "usage_decline", -inf, 1.0),
    ("plan_fee", "usage_decline", -inf, 0.0),
    ("subcard_unlinks", "subcard_unlinked", 0.0, inf),
    ("silent", "silence", 0.0, inf),
    ("recency", "silence", 1.0, inf),
    ("call_recency", "usage_decline", 1.0, inf),
    ("data_recency", "usage_decline", 1.0, inf),
    ("recharge_gap", "usage_decline", 1.0, inf),
    ("spend", "usage_decline", -inf, 1.0),
    ("data_stage_losing", "usage_decline", 0.0, inf),
    ("data_stage_cancelled", "usage_decline", 0.0, inf),
    ("suspensions", "usage_decline", 0.0, inf),
)
"""Prefix of the feature's name, cause, and the open interval of values in which it applies; a feature without a rule
(tenure, points, ARPU) is no cause by itself."""
_OF_USE: Final = ("calls_", "call_minutes_", "data_mb_", "data_sessions_")
"""Usage features: little use, or less than usual, is a usage decline."""


def _rules(name: str) -> list[tuple[Cause, float, float]]:
    found = [(cause, low, high) for start, cause, low, high in _RULES if name.startswith(start)]
    if name.startswith(_OF_USE):
        found.append(("usage_decline", -inf, 1.0 if "_vs_" in name else inf))
    return found


_OF_FEATURE: Final = {name: _rules(name) for name in NAMES}


def cause_of_value(code: str, value: float) -> Cause | None:
    """The cause that a feature stands for at this value, or None.

    Examples
    --------
    >>> cause_of_value("data_throttled_share_7d", 0.3), cause_of_value("last_satisfaction", 9.0)
    ('plan_used_up', None)
    >>> cause_of_value("contract_days_left_mobile", 21.0), cause_of_value("contract_days_left_mobile", 300.0)
    ('contract_end', None)
    """
    return next((cause for cause, low, high in _OF_FEATURE.get(code, ()) if low < value < high), None)


def cause_of(kind: Kind, code: str, reasons: Iterable[AlertReason]) -> Cause:
    """The cause of the risk: the signal's own, else that of the first reason that has one.

    Examples
    --------
    >>> cause_of("silence", "silent_days", []), cause_of("leave_intent", "leave_intent", [])
    ('silence', 'stated_leave')
    """
    said = _OF_KIND.get(kind) or _OF_SIGNAL.get(code)
    if said is not None:
        return said
    return next((cause for each in reasons if (cause := cause_of_value(each.code, each.value)) is not None), "general")


_LEFT: Final = {
    "ported_out": Text("ported out", "携出"),
    "disconnected": Text("had the line disconnected", "拆机"),
    "lapsed": Text("was declared lapsed", "认定三无离网"),  # their last use was earlier, by how much is not kept
}
_SIGNALS: Final = {
    "leave_intent": Text("said that they want to leave", "表达离网意向"),
    "port_out_query": Text("asked whether the number may be ported out", "查询携转资格"),
    "port_out_code": Text("was given a port-out authorisation code", "已获取携转授权码"),
    "disconnect_appointment": Text("has an appointment to disconnect", "已预约拆机"),
}


def signal_text(code: str, value: float, level: int, department: str | None = None) -> Text:
    """A signal in words. Its number is exact, unlike a feature's: the visits of the window are kept one by one.

    Examples
    --------
    >>> signal_text("competitor_page_dwell", 40.0, 2).en
    "40 seconds on one of a competitor's portability or checkout pages"
    >>> signal_text("leave_intent", 1.0, 2).zh
    '再次表达离网意向'
    >>> signal_text("complaint_overdue", 9.6, 1, "network").en
    'a complaint is not settled, and 9 hours of the promised time are left; it lies with: network'
    >>> signal_text("complaint_overdue", 0.52, 1).en, signal_text("complaint_overdue", -1.77, 1).zh
    ('a complaint is not settled, and 31 minutes of the promised time are left', '投诉超过承诺时限106分钟未办结')
    """
    said = _overdue(value, department) if code == "complaint_overdue" else _decline(code, value)
    if said is None and code in _LEFT:
        said = Text(f"{_LEFT[code].en} {_days(value)} ago", f"{_LEFT[code].zh}已{int(value)}天")
    if said is not None:
        return said
    if code == "leave_intent" and level >= STRONG:
        return Text("said again that they want to leave", "再次表达离网意向")
    match code:
        case "competitor_page_dwell":
            return Text(
                f"{value:.0f} seconds on one of a competitor's portability or checkout pages",
                f"浏览竞争对手携转或下单页面{value:.0f}秒",
            )
        case "competitor_dwell_7d":
            en, zh = duration(value)
            return Text(f"{en} on competitor sites in 7 days", f"近7天浏览竞争对手网站{zh}")
        case "competitor_visits_7d":
            return Text(f"{value:.0f} visits to competitor sites in 7 days", f"近7天访问竞争对手网站{value:.0f}次")
        case "silent_days":
            return Text(f"neither calls nor data for {_days(value)}", f"已沉默{int(value)}天")
        case "disconnect_appointment" if value >= 1:
            return Text(f"appointment to disconnect in {_days(value)}", f"已预约{int(value)}天后拆机")
        case _:
            return _SIGNALS.get(code, _SIGNALS["disconnect_appointment"])


def _decline(code: str, value: float) -> Text | None:
    """A slide: a cheaper plan, a bill that fell, use that moves off-net or is forwarded; None for other signals."""
    percent = f"{100 * (1 - value if code in ('spend_decline', 'pays_less') else abs(value)):.0f}"
    match code:
        case "spend_decline" | "pays_less":
            return Text(f"last bill {percent} % below those before", f"最近账单较之前下降{percent}%")
        case "forwards_more":
            return Text(f"{percent} % of the calls of the last week are forwarded", f"近1周呼叫转移占比{percent}%")
        case "off_net_shift":
            return Text(
                f"uses less, and {percent} % of the calls left go off-net, as with a second SIM",
                f"用量下降，剩余通话{percent}%为异网，疑似另有副号",
            )
        case "downgraded" if value < 0:
            return Text(f"moved to a plan {percent} % cheaper", f"改为月费低{percent}%的套餐")
        case "downgraded":
            return Text("moved to a cheaper plan", "已改为更低档套餐")
        case _:
            return None


def _overdue(hours: float, department: str | None) -> Text:
    """A complaint before or after its promised time, and the department that delays it."""
    unit_en, unit_zh = ("hour", "小时") if abs(hours) >= 2 else ("minute", "分钟")
    # Rounded first: 31 minutes must not read 30 by the last bit of a share of an hour.
    count = int(abs(hours) if unit_en == "hour" else round(60 * abs(hours), 6))
    en, zh = f"{count} {unit_en}{'' if count == 1 else 's'}", f"{count}{unit_zh}"
    if hours >= 0:
        said = Text(
            f"a complaint is not settled, and {en} of the promised time {'is' if count == 1 else 'are'} left",
            f"投诉未办结，距承诺时限还有{zh}",
        )
    else:
        said = Text(f"a complaint is {en} past the promised time", f"投诉超过承诺时限{zh}未办结")
    if department is None:
        return said
    return Text(f"{said.en}; it lies with: {department}", f"{said.zh}，责任部门：{department}")


def _days(value: float) -> str:
    return f"{int(value)} day{'' if int(value) == 1 else 's'}"


Said = tuple[Text, Text]
"""A sentence as spoken, and as written in a message."""


def _contract(code: str, value: float) -> Said:
    en, zh = PRODUCTS[code.removeprefix("contract_days_left_")]
    ends_en, ends_zh = ("ends soon", "即将到期") if value >= 0 else ("has ended", "已经到期")
    return (
        Text(
            f"Your {en} contract {ends_en}, and I would like to tell you what you can choose from.",
            f"您的{zh}合约{ends_zh}，想跟您介绍一下续约方案。",
        ),
        Text(
            f"Your {en} contract {ends_en}. What you can choose from is in our app and at our stores.",
            f"您的{zh}合约{ends_zh}，可在APP或营业厅了解续约方案。",
        ),
    )


_SATISFACTION: Final[Said] = (
    Text("I would like to hear what we can do better for you.", "想听听您觉得我们哪些地方还可以做得更好。"),
    Text("Please tell us what we can do better for you.", "您觉得我们哪些地方还可以做得更好，欢迎告诉我们。"),
)
_OPENINGS: Final[dict[Cause, Said]] = {
    "complaint": (
        Text(
            "You told us of a problem, and I would like to ask whether it is settled.",
            "您之前反映的问题，想跟您确认一下现在解决了没有。",
        ),
        Text(
            "If the problem that you told us of is not settled, please let us know.",
            "您之前反映的问题如果还没有解决，请告诉我们。",
        ),
    ),
    "service_quality": (
        Text(
            "I would like to ask how well calls and data work where you use them.",
            "想了解一下您平时打电话、上网是否顺畅。",
        ),
        Text(
            "If calls or data do not work well where you use them, please let us know.",
            "如果您打电话或上网不顺畅，请告诉我们。",
        ),
    ),
    "stated_leave": (
        Text(
            "You told us that you are thinking of leaving, and I would like to hear what went wrong.",
            "您之前提到可能不再使用我们的服务，想听听是哪方面让您不满意。",
        ),
        Text(
            "You told us that you are thinking of leaving. Please tell us what went wrong.",
            "您之前提到可能不再使用我们的服务，是哪方面让您不满意，请告诉我们。",
        ),
    ),
    "disconnect": (
        Text(
            "You made an appointment to disconnect, and I would like to go through it with you.",
            "您预约了拆机，想跟您确认一下具体安排。",
        ),
        Text(
            "You made an appointment to disconnect. If you want to change it, please let us know.",
            "您已预约拆机，如需改期或取消，请告诉我们。",
        ),
    ),
    "price": (
        Text(
            "I would like to ask whether your plan and your bill suit you.",
            "想了解一下您对目前的套餐和资费是否满意。",
        ),
        Text(
            "If your plan or your bill does not suit you, please let us know.",
            "如果您对目前的套餐或资费不满意，请告诉我们。",
        ),
    ),
    "win_back": (
        Text(
            "You were our customer, and I would like to hear what we could do better for you.",
            "您曾是我们的客户，想听听我们哪些地方可以做得更好。",
        ),
        Text(
            "You were our customer, and would be welcome back. Our plans are in our app and at our stores.",
            "您曾是我们的客户，欢迎回来，可在APP或营业厅了解现有套餐。",
        ),
    ),
    "plan_downgrade": (
        Text(
            "You changed your plan lately, and I would like to ask whether the new one suits you.",
            "您近期变更了套餐，想了解一下新套餐是否合适。",
        ),
        Text(
            "You changed your plan lately. If the new one does not suit you, please let us know.",
            "您近期变更了套餐，如果用着不合适，请告诉我们。",
        ),
    ),
    "plan_used_up": (
        Text(
            "Your data was slowed down lately, and I would like to tell you of plans with more of it.",
            "您近期的流量达到上限后被限速，想跟您介绍一下流量更多的套餐。",
        ),
        Text(
            "Your data was slowed down lately. Plans with more of it are in our app and at our stores.",
            "您近期的流量达到上限后被限速，可在APP或营业厅了解流量更多的套餐。",
        ),
    ),
}
_CARE: Final[Said] = (
    Text("I would like to ask how you find our service.", "想了解一下您近期对我们的服务是否满意。"),
    Text("Please tell us how you find our service.", "您近期对我们的服务是否满意，欢迎告诉我们。"),
)
_MANAGER: Final = Text("I am your account manager", "我是您的客户经理")
_CALLER: Final = Text("this is customer service", "这里是客户服务中心")
_VISITOR: Final = Text("I am from customer service", "我是客户服务人员")
MESSAGES: Final[frozenset[Channel]] = frozenset({"sms", "app_push", "wechat"})
"""One-way channels: messages sent there must not ask for an immediate answer."""
_ANSWERING: Final = Text(
    "Hello, thank you for coming to us. I will gladly answer whatever you want to know.",
    "您好，感谢您联系我们。您想了解的情况，我会如实为您说明。",
)


def opening(
    reasons: Sequence[AlertReason], channel: Channel, *, manager: bool = False, answers_only: bool = False
) -> Text:
    """Opening words from the first disclosable reason that has some, else a service-care opening.

    Parameters
    ----------
    channel
        Channel of the contact: a message introduces nobody and does not ask for a minute.
    manager
        Whether the subscriber has an account manager of their own.

    Examples
    --------
    >>> opening([], "outbound_call", manager=True).en
    'Hello, I am your account manager. I would like to ask how you find our service. Do you have a minute?'
    >>> opening([], "sms").zh
    '尊敬的客户，您好！您近期对我们的服务是否满意，欢迎告诉我们。'
    """
    if answers_only:
        return _ANSWERING
    spoken, written = next((said for each in reasons if (said := _said(each)) is not None), _CARE)
    if channel in MESSAGES:
        return Text(f"Dear customer: {written.en}", f"尊敬的客户，您好！{written.zh}")
    if channel == "store":
        return Text(f"Hello. {spoken.en}", f"您好。{spoken.zh}")
    who = _MANAGER if manager else _CALLER if channel == "outbound_call" else _VISITOR
    return Text(
        f"Hello, {who.en}. {spoken.en} Do you have a minute?",
        f"您好，{who.zh}。{spoken.zh}方便占用您一分钟吗？",
    )


def _said(reason: AlertReason) -> Said | None:
    if not reason.disclosable:
        return None
    cause = _OF_SIGNAL[reason.code] if reason.code in _OF_SIGNAL else cause_of_value(reason.code, reason.value)
    if cause is None:
        return None
    if cause == "contract_end":
        return _contract(reason.code, reason.value)
    return _SATISFACTION if reason.code == "last_satisfaction" else _OPENINGS.get(cause)
