"""Wording of alerts: a signal in business words, the cause of the risk, and an opening that fits the channel.

A cause depends on the value behind a reason: a contract that ends in a year is no cause to talk about contracts, nor a
falling bill about prices. An opening uses disclosable reasons only, and never claims work that was not done.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from typing import Final

from models.contract.alerts import AlertReason
from models.contract.events import Channel
from models.contract.vocabulary import Cause, Kind, Text
from models.decisions.signals import STRONG
from models.features.account import PRODUCTS
from models.features.catalogue import NAMES
from models.features.reason_text import duration

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
    "lapsed": Text("stopped using it", "三无离网"),
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
    count = abs(int(hours))
    en = f"{count} hour{'' if count == 1 else 's'}"
    if hours >= 0:
        said = Text(
            f"a complaint is not settled, and {en} of the promised time {'is' if count == 1 else 'are'} left",
            f"投诉未办结，距承诺时限还有{count}小时",
        )
    else:
        said = Text(f"a complaint is {en} past the promised time", f"投诉超过承诺时限{count}小时未办结")
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
