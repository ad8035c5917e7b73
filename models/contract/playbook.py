"""The playbook: strategy, offer and channels by cause and customer segment.

Rows are read from the top and the first match is taken, so specific rows stand above general ones. The shipped rows are
trade judgement. None names a competitor, obstructs a port-out or makes an offer that only leavers get.

A policy file may replace all rows. :func:`lacks` names what no playbook may be without: the law after an authorisation
code is not left to a row that somebody has to remember.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Final, NamedTuple

from msgspec import Meta, Struct

from models.contract.events import Channel
from models.contract.vocabulary import SEGMENTS, Cause, Segment, Text


class OfferPlan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An offer, how long it is valid, and what it may cost."""

    code: str
    name: Text
    valid_days: Annotated[float, Meta(gt=0)] = 20.0
    cost_cap: Annotated[float, Meta(ge=0)] = 0.0


class Play(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row: it applies to a cause and segments, and to corporate customers only if it says so."""

    cause: Cause
    strategy: str
    channels: tuple[Channel, ...]
    """In order of preference, for customers without a preferred channel; the first with consent is taken."""
    segments: tuple[Segment, ...] = SEGMENTS
    corporate: bool = False
    """For corporate customers only, who get such a row, even a ``general`` one, before any other."""
    answers_only: bool = False
    """No outbound pressure: the row's first channel is used, not the customer's preferred one."""
    offer: OfferPlan | None = None
    do: tuple[Text, ...] = ()
    dont: tuple[Text, ...] = ()


LISTEN_FIRST: Final = Text("Listen before you recommend", "先听后荐")
COMPLAINT_FIRST: Final = Text("Settle the complaint before any offer", "先办结投诉再谈优惠")
FEED_BACK: Final = Text("Feed back on the spot", "当场回单")
ANSWER: Final = Text("Answer what is asked, completely", "有问必答，如实说明")
GENERAL_DO: Final = (LISTEN_FIRST, COMPLAINT_FIRST, FEED_BACK)
GENERAL_DONT: Final = (
    Text("Do not mention browsing records", "不提浏览记录"),
    Text("Do not name competitors", "不提竞对名称"),
    Text("Do not obstruct porting out", "不阻拦携转"),
    Text("Do not exaggerate the penalty", "不夸大违约金"),
    Text("Stop at a refusal", "拒绝即止"),
)

_RENEWAL_A: Final = OfferPlan(code="R-A", name=Text("Renewal package A", "续约礼包A"), cost_cap=60.0)
_RENEWAL_B: Final = OfferPlan(code="R-B", name=Text("Renewal package B", "续约礼包B"), cost_cap=30.0)
_POINTS: Final = OfferPlan(code="P-1", name=Text("Points gift", "积分赠礼"), cost_cap=10.0)
_RECHARGE: Final = OfferPlan(code="C-1", name=Text("Recharge gift", "充值赠礼"), cost_cap=20.0)
_KEEP_NUMBER: Final = OfferPlan(
    code="K-1", name=Text("Smaller plan, number kept", "降档保号"), valid_days=30.0, cost_cap=0.0
)
_LARGER_PLAN: Final = OfferPlan(code="U-1", name=Text("Plan with more data", "升档大流量套餐"), cost_cap=20.0)
_SUB_CARD: Final = OfferPlan(code="S-1", name=Text("Second card free for six months", "副卡减免六个月"), cost_cap=30.0)
_FAMILY: Final = OfferPlan(code="F-1", name=Text("Family bundle with broadband", "家庭融合套餐"), cost_cap=50.0)


def _corporate(cause: Cause, offer: OfferPlan | None = None) -> Play:
    return Play(
        cause=cause,
        strategy="corporate_visit",
        channels=("account_manager", "field_visit", "outbound_call"),
        corporate=True,
        offer=offer,
    )


_ANSWER_ONLY: Final = Play(
    cause="port_out_code",
    strategy="answer_only",
    channels=("store",),
    answers_only=True,
    do=(ANSWER, Text("Help with the port-out if they wish it", "客户要求时协助办理携转")),
    dont=(Text("No outbound call, message or visit", "不外呼、不发短信、不上门"), *GENERAL_DONT),
)
DEFAULT_PLAYBOOK: Final[tuple[Play, ...]] = (
    _ANSWER_ONLY,
    _corporate("competitor_offer", _RENEWAL_A),
    _corporate("contract_end", _RENEWAL_A),
    _corporate("contract_notice"),
    _corporate("general"),
    Play(
        cause="competitor_offer",
        strategy="home_visit_renewal",
        channels=("field_visit", "account_manager", "outbound_call"),
        segments=("high",),
        offer=_RENEWAL_A,
    ),
    Play(
        cause="competitor_offer",
        strategy="call_renewal",
        channels=("outbound_call", "store", "sms"),
        segments=("mid",),
        offer=_RENEWAL_B,
    ),
    Play(
        cause="competitor_offer",
        strategy="digital_nudge",
        channels=("app_push", "wechat", "sms", "outbound_call"),
        segments=("low",),
        offer=_POINTS,
    ),
    Play(
        cause="stated_leave",
        strategy="manager_listens",
        channels=("account_manager", "field_visit", "outbound_call"),
        segments=("high",),
        offer=_RENEWAL_A,
    ),
    Play(
        cause="stated_leave",
        strategy="specialist_call",
        channels=("outbound_call", "store", "sms"),
        segments=("mid", "low"),
        offer=_KEEP_NUMBER,
    ),
    Play(
        cause="port_out_query",
        strategy="answer_and_compare",
        channels=("account_manager", "outbound_call", "store"),
        offer=_RENEWAL_B,
        do=(ANSWER, *GENERAL_DO),
    ),
    Play(
        cause="disconnect",
        strategy="visit_before_appointment",
        channels=("field_visit", "account_manager", "outbound_call"),
        segments=("high",),
        offer=_FAMILY,
    ),
    Play(
        cause="disconnect",
        strategy="specialist_before_appointment",
        channels=("outbound_call", "store", "sms"),
        offer=_KEEP_NUMBER,
    ),
    Play(
        cause="complaint",
        strategy="complaint_first",
        channels=("outbound_call", "account_manager", "store"),
        do=(COMPLAINT_FIRST, LISTEN_FIRST, FEED_BACK),
    ),
    Play(
        cause="service_quality",
        strategy="network_visit",
        channels=("field_visit", "outbound_call"),
        segments=("high", "mid"),
        do=(Text("Measure the network at the place of trouble", "到现场测网"), *GENERAL_DO),
    ),
    Play(cause="service_quality", strategy="network_care_call", channels=("outbound_call", "app_push", "sms")),
    Play(
        cause="contract_end",
        strategy="home_visit_renewal",
        channels=("field_visit", "account_manager", "outbound_call"),
        segments=("high",),
        offer=_RENEWAL_A,
    ),
    Play(
        cause="contract_end",
        strategy="call_renewal",
        channels=("outbound_call", "app_push", "sms"),
        offer=_RENEWAL_B,
    ),
    # A notice that is owed: messages first, a call when none was delivered, and nothing to sell.
    Play(
        cause="contract_notice",
        strategy="expiry_notice",
        channels=("app_push", "sms", "wechat", "outbound_call", "store"),
        do=(
            Text("Say when the contract ends and what then applies", "讲清到期日和到期后的资费"),
            Text("Report whether it was delivered or read", "回报是否送达、已读"),
        ),
        dont=(Text("Do not press for a renewal", "不催促续约"), *GENERAL_DONT),
    ),
    # High-value customers are asked what they miss; no smaller plan is offered unless they ask for it.
    Play(
        cause="price",
        strategy="bill_review",
        channels=("account_manager", "outbound_call"),
        segments=("high",),
        offer=_RENEWAL_A,
    ),
    Play(cause="price", strategy="downgrade_number_kept", channels=("outbound_call", "app_push"), offer=_KEEP_NUMBER),
    Play(
        cause="plan_used_up",
        strategy="larger_plan",
        channels=("outbound_call", "app_push", "sms"),
        segments=("high", "mid"),
        offer=_LARGER_PLAN,
    ),
    Play(cause="plan_used_up", strategy="larger_plan", channels=("app_push", "wechat", "sms"), offer=_LARGER_PLAN),
    Play(cause="subcard_unlinked", strategy="service_care_call", channels=("outbound_call", "app_push", "sms")),
    Play(
        cause="usage_decline",
        strategy="sub_card",
        channels=("outbound_call", "app_push"),
        segments=("high", "mid"),
        offer=_SUB_CARD,
    ),
    Play(cause="usage_decline", strategy="digital_nudge", channels=("app_push", "wechat", "sms"), offer=_RECHARGE),
    Play(
        cause="plan_downgrade",
        strategy="downgrade_repair",
        channels=("account_manager", "outbound_call"),
        segments=("high",),
        offer=_POINTS,
        do=(Text("Ask what the former plan did not give", "问清原套餐哪里不合适"), *GENERAL_DO),
    ),
    Play(
        cause="plan_downgrade", strategy="downgrade_repair", channels=("outbound_call", "app_push"), segments=("mid",)
    ),
    Play(cause="plan_downgrade", strategy="digital_nudge", channels=("app_push", "wechat", "sms"), offer=_POINTS),
    Play(
        cause="spend_decline",
        strategy="bill_review",
        channels=("account_manager", "outbound_call"),
        segments=("high",),
    ),
    Play(cause="spend_decline", strategy="digital_nudge", channels=("app_push", "wechat", "sms"), offer=_RECHARGE),
    Play(
        cause="second_sim",
        strategy="sub_card",
        channels=("outbound_call", "app_push"),
        segments=("high", "mid"),
        offer=_SUB_CARD,
    ),
    Play(cause="second_sim", strategy="digital_nudge", channels=("app_push", "wechat", "sms"), offer=_RECHARGE),
    # Offers open to all customers: none is made only to those who left.
    Play(
        cause="win_back",
        strategy="win_back_call",
        channels=("outbound_call", "sms"),
        segments=("high", "mid"),
        offer=_RECHARGE,
        do=(Text("Ask why they left before anything else", "先问清离网原因"), LISTEN_FIRST, FEED_BACK),
    ),
    Play(cause="win_back", strategy="win_back_message", channels=("sms", "wechat", "outbound_call"), offer=_RECHARGE),
    Play(
        cause="silence",
        strategy="service_care_call",
        channels=("outbound_call", "sms"),
        segments=("high", "mid"),
        offer=_RECHARGE,
    ),
    Play(cause="silence", strategy="digital_nudge", channels=("sms", "app_push", "wechat"), offer=_RECHARGE),
    Play(
        cause="general",
        strategy="service_care_visit",
        channels=("account_manager", "field_visit", "outbound_call"),
        segments=("high",),
    ),
    Play(
        cause="general", strategy="service_care_call", channels=("outbound_call", "app_push", "sms"), segments=("mid",)
    ),
    Play(cause="general", strategy="digital_nudge", channels=("app_push", "wechat", "sms"), offer=_POINTS),
)
_LAST_RESORT: Final = Play(cause="general", strategy="service_care_call", channels=("outbound_call", "sms"))


def choose(playbook: Iterable[Play], cause: Cause, segment: Segment, *, corporate: bool) -> Play:
    """The first matching row; a cause without a row of its own is treated as ``general``.

    For a corporate customer, corporate rows and answers-only rows come first. After an authorisation code only a row
    that answers is taken, of this playbook or else the shipped one, whatever else a policy published earlier says.

    Examples
    --------
    >>> choose(DEFAULT_PLAYBOOK, "competitor_offer", "high", corporate=False).strategy
    'home_visit_renewal'
    >>> choose(DEFAULT_PLAYBOOK, "silence", "low", corporate=True).strategy
    'corporate_visit'
    >>> choose((), "silence", "low", corporate=False).strategy
    'service_care_call'
    >>> choose((), "port_out_code", "low", corporate=False).strategy
    'answer_only'
    """
    rows = [play for play in playbook if segment in play.segments and play.channels]
    if cause == "port_out_code":
        answering = (play for play in rows if _only_answers(play) and (corporate or not play.corporate))
        return next(answering, _ANSWER_ONLY)
    ours = [play for play in rows if play.corporate or play.answers_only] if corporate else []
    for part in (ours, [play for play in rows if not play.corporate]):
        for wanted in (cause, "general"):
            for play in part:
                if play.cause == wanted:
                    return play
    return _LAST_RESORT


def _only_answers(play: Play) -> bool:
    """Whether a row is for customers with an authorisation code, and they are only answered where they come."""
    return play.cause == "port_out_code" and play.answers_only and set(play.channels) == {"store"}


class Lack(NamedTuple):
    """What a playbook lacks: the row, counted from 0, and its field; neither if a row is missing."""

    row: int | None
    field: str
    text: str


_NEEDED: Final[tuple[tuple[Cause, str], ...]] = (
    ("port_out_code", "after an authorisation code customers may only be answered"),
    ("general", "it is taken for every cause without a row of its own"),
)


def lacks(playbook: Sequence[Play]) -> Iterator[Lack]:
    """What a playbook of an operator lacks that the shipped one has.

    Each row has a channel. In each segment there is a row for customers with an authorisation code, which only answers,
    and a ``general`` row. All other causes may be left out, and so may rows for corporate customers alone.

    Examples
    --------
    >>> list(lacks(DEFAULT_PLAYBOOK))
    []
    >>> for each in lacks([Play(cause="general", strategy="s", channels=(), segments=("high",))]):
    ...     print(each.row, each.field, each.text)
    0 channels a row without a channel contacts nobody
    None  no port_out_code row for high, mid, low: after an authorisation code customers may only be answered
    None  no general row for mid, low: it is taken for every cause without a row of its own
    """
    for number, play in enumerate(playbook):
        if not play.channels:
            yield Lack(number, "channels", "a row without a channel contacts nobody")
        elif play.cause == "port_out_code" and not _only_answers(play):
            field = "channels" if play.answers_only else "answers_only"
            said = "is only where the customer comes, the store" if play.answers_only else "must be true"
            yield Lack(number, field, f"after an authorisation code this {said}")
    for cause, why in _NEEDED:
        given = {
            segment for play in playbook if play.cause == cause and not play.corporate for segment in play.segments
        }
        if missing := [segment for segment in SEGMENTS if segment not in given]:
            yield Lack(None, "", f"no {cause} row for {', '.join(missing)}: {why}")


def strategies(playbook: Iterable[Play]) -> list[str]:
    """The strategies that :func:`choose` may answer with, each once.

    Examples
    --------
    >>> strategies(DEFAULT_PLAYBOOK[:2]), strategies(())
    (['answer_only', 'corporate_visit', 'service_care_call'], ['answer_only', 'service_care_call'])
    """
    return list(dict.fromkeys(play.strategy for play in (*playbook, _ANSWER_ONLY, _LAST_RESORT)))
