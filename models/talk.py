"""What is said: the reason of a signal in business words, and an opening built from disclosable reasons only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from models.alerts import Reason
from models.features.catalogue import CATALOGUE, INDEX, reason_text
from models.signals import STRONG
from models.words import Cause, Kind, Text

_OF_CODE: Final[dict[str, Cause]] = {
    "competitor_page_dwell": "competitor_offer",
    "leave_intent": "stated_leave",
    "port_out_query": "port_out_query",
    "port_out_code": "port_out_code",
    "disconnect_appointment": "disconnect",
    "last_satisfaction": "complaint",
    "arpu": "price",
    "recharge_gap_vs_usual": "usage_decline",
    "spend_7d_vs_30d": "usage_decline",
}
_OF_PREFIX: Final[tuple[tuple[str, Cause], ...]] = (
    ("competitor", "competitor_offer"),
    ("portability", "competitor_offer"),
    ("off_net", "competitor_offer"),
    ("china_", "competitor_offer"),
    ("forwarded", "competitor_offer"),
    ("penalty_queries", "competitor_offer"),
    ("leave_intent", "stated_leave"),
    ("port_out_queries", "port_out_query"),
    ("port_out_codes", "port_out_code"),
    ("complaint", "complaint"),
    ("fault", "service_quality"),
    ("dropped", "service_quality"),
    ("data_failed", "service_quality"),
    ("data_throttled", "price"),
    ("bill_", "price"),
    ("plan_fee", "price"),
    ("contract_days", "contract_end"),
    ("call", "usage_decline"),
    ("data_", "usage_decline"),
    ("silent", "usage_decline"),
    ("recency", "usage_decline"),
    ("subcard_unlinks", "usage_decline"),
    ("suspensions", "usage_decline"),
)
"""The first prefix that fits; a feature without one (tenure, points) is no cause by itself."""


def _cause(code: str) -> Cause | None:
    if code in _OF_CODE:
        return _OF_CODE[code]
    return next((cause for prefix, cause in _OF_PREFIX if code.startswith(prefix)), None)


_CAUSES: Final[dict[str, Cause | None]] = {f.name: _cause(f.name) for f in CATALOGUE} | dict(_OF_CODE)
_OF_KIND: Final[dict[Kind, Cause]] = {"competitor_browsing": "competitor_offer", "silence": "silence"}


def cause_of(kind: Kind, code: str, reasons: Iterable[str]) -> Cause:
    """Why they may leave: what the signal says, else the first reason that is a cause.

    Examples
    --------
    >>> cause_of("silence", "silent_days", [])
    'silence'
    >>> cause_of("risk_tier", "", ["tenure_months", "contract_days_left_mobile"])
    'contract_end'
    """
    if kind in _OF_KIND:
        return _OF_KIND[kind]
    for each in (code, *reasons):
        cause = _CAUSES.get(each)
        if cause is not None:
            return cause
    return "general"


def signal_text(code: str, value: float, usual: float, level: int) -> Text:
    """A signal in words.

    Examples
    --------
    >>> signal_text("competitor_page_dwell", 40.0, 0.0, 2).en
    "40 seconds on one of a competitor's portability or checkout pages"
    >>> signal_text("leave_intent", 1.0, 0.0, 2).zh
    '再次表达离网意向'
    """
    if code in INDEX and code != "disconnect_appointment":
        return reason_text(code, value, usual)
    match code:
        case "competitor_page_dwell":
            seconds = f"{value:.0f}"
            return Text(
                f"{seconds} seconds on one of a competitor's portability or checkout pages",
                f"浏览竞争对手携转或下单页面{seconds}秒",
            )
        case "leave_intent":
            if level >= STRONG:
                return Text("said again that he wants to leave", "再次表达离网意向")
            return Text("said that he wants to leave", "表达离网意向")
        case "port_out_query":
            return Text("asked whether the number may be ported out", "查询携转资格")
        case "port_out_code":
            return Text("was given a port-out authorisation code", "已获取携转授权码")
        case _:
            return _appointment_text(int(value))


def _appointment_text(days: int) -> Text:
    if days < 1:
        return Text("has an appointment to disconnect", "已预约拆机")
    return Text(f"appointment to disconnect in {days} day{'' if days == 1 else 's'}", f"已预约{days}天后拆机")


def _asking(en: str, zh: str) -> Text:
    return Text(
        f"Hello, this is your account manager. {en} Do you have a minute?",
        f"您好，我是您的专属客户经理。{zh}方便占用您一分钟吗？",
    )


_OPENINGS: Final[dict[Cause, Text]] = {
    "contract_end": _asking(
        "On your contract term: I have compared a plan that fits what you used in the last three months.",
        "关于您的合约期，我按您近三个月用量核对了一档更合适的套餐。",
    ),
    "complaint": _asking(
        "You told us of a problem, and I want to be sure that it is settled.",
        "您之前反映的问题，我想跟您确认是否已经解决。",
    ),
    "service_quality": _asking(
        "I would like to check with you how our network works where you use it.",
        "想跟您了解一下您常用地点的网络使用情况。",
    ),
    "stated_leave": _asking(
        "You told us that you are thinking of leaving, and I would like to hear what went wrong.",
        "您之前提到有离网的想法，想听听是哪方面让您不满意。",
    ),
    "disconnect": _asking(
        "You made an appointment to disconnect, and I would like to arrange it as it suits you.",
        "您预约了拆机，想跟您确认一下具体安排。",
    ),
    "price": _asking(
        "I went over your bill and would like to tell you what fits your use better.",
        "我核对了您的账单，想给您介绍更合适的资费。",
    ),
}
_CARE: Final = _asking(
    "I am calling to ask how our service has been for you lately.",
    "想做个服务回访，了解您近期的使用感受。",
)
_OF_REASON: Final = {code: _OPENINGS[cause] for code, cause in _CAUSES.items() if cause in _OPENINGS}
_ANSWERING: Final = Text(
    "Hello, thank you for coming to us. I will gladly answer whatever you want to know.",
    "您好，感谢您的联系，您想了解的情况我都如实为您说明。",
)


def opening(reasons: Sequence[Reason], *, answers_only: bool = False) -> Text:
    """First sentence of the talk: from the first disclosable reason that gives one, else a service-care opening.

    Examples
    --------
    >>> opening([]).zh
    '您好，我是您的专属客户经理。想做个服务回访，了解您近期的使用感受。方便占用您一分钟吗？'
    """
    if answers_only:
        return _ANSWERING
    for reason in reasons:
        if reason.disclosable and reason.code in _OF_REASON:
            return _OF_REASON[reason.code]
    return _CARE
