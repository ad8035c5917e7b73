"""Features of bills and profile: what subscribers pay, how it changes, their contracts and their tenure."""

from __future__ import annotations

from typing import Final

from models.contract.events import BILLING as BILLING_TOPIC
from models.contract.events import SUBSCRIBERS
from models.features.feature_formula import Feature, Formula, Unit, change, held
from models.state.columns import BILLING, PROFILE

_PLAN_CHANGE_DAYS: Final = 90.0
_BILL_SLOPE: Final = "slope_of_three(c_bill, c_bill_before, c_bill_two_before)"
"""Slope over the last three bills as a share of their mean: the least-squares line of three equidistant points."""
_BILL_VS_USUAL: Final = "against_known(c_bill, c_bill_before, c_bill_two_before, c_bill_three_before)"
"""Last bill relative to the mean of the known bills of the three periods before."""
_RECHARGE_GAP: Final = "gap_against_usual(c_recharge_first_ts, c_recharge_last_ts, c_recharges, now)"
"""Time since the last recharge in units of the usual gap; NaN before the third."""
_PLAN_FEE_CHANGE: Final = f"c_plan_fee_change if (now - c_plan_change_ts) / DAY <= {_PLAN_CHANGE_DAYS} else 0.0"
"""Change of the plan's fee in the last 90 days; 0 without one."""
_TENURE: Final = "months_since(c_activated_ts, now)"
"""Months since activation; NaN if it lies in the future."""
_FIRST_YEAR: Final = f"within({_TENURE}, 1.0, 12.0)"
"""Whole months 1 to 11, a band in which many leave."""
_OVER_FIVE_YEARS: Final = f"within({_TENURE}, 61.0, math.inf)"
"""Month 61 and later, the other such band."""


def _account(name: str, unit: Unit, text_en: str, text_zh: str, formula: Formula) -> Feature:
    return Feature(name, unit, SUBSCRIBERS, text_en, text_zh, True, formula)


def _billing(name: str, unit: Unit, text_en: str, text_zh: str, formula: Formula) -> Feature:
    """A feature of billing; only a change of plan is disclosable: the rest would show customers that we watch them."""
    return Feature(name, unit, BILLING_TOPIC, text_en, text_zh, name == "plan_fee_change_90d", formula)


PRODUCTS: Final = {
    "mobile": ("mobile", "手机"),
    "broadband": ("broadband", "宽带"),
    "iptv": ("IPTV", "IPTV"),
    "fixed": ("fixed-line", "固话"),
}
"""Products with a contract, in both languages."""


def _days_left(kind: str) -> Feature:
    en, zh = PRODUCTS[kind]
    return _account(
        f"contract_days_left_{kind}",
        "days_left",
        f"{en} contract ends in {{v}}|{en} contract ended {{v}} ago",
        f"{zh}合约剩{{v}}|{zh}合约已到期{{v}}",
        Formula(PROFILE, f"-((now - c_contract_end_{kind}) / DAY)"),
    )


FEATURES: Final = (
    _account("arpu", "money", "pays {v} a month", "月均消费{v}", held(PROFILE, "arpu")),
    _billing(
        "bill_slope_3_periods",
        "slope",
        "bill falls by {v} a month|bill rises by {v} a month",
        "账单每月下降{v}|账单每月上升{v}",
        Formula(BILLING, _BILL_SLOPE),
    ),
    _billing("bill_vs_usual", "change", "last bill {v}", "最近账单{v}", Formula(BILLING, _BILL_VS_USUAL)),
    _billing("spend_7d_vs_30d", "change", "spending {v}", "近期消费{v}", change(BILLING, "accrued_7", "accrued_30")),
    _billing(
        "recharge_gap_vs_usual",
        "times",
        "no recharge for {v} times the usual gap",
        "未充值时长为平时间隔的{v}倍",
        Formula(BILLING, _RECHARGE_GAP),
    ),
    _billing(
        "plan_fee_change_90d",
        "step",
        "moved to a plan {v} cheaper|moved to a plan {v} dearer",
        "改档后套餐月费下降{v}|改档后套餐月费上升{v}",
        Formula(BILLING, _PLAN_FEE_CHANGE),
    ),
    _days_left("mobile"),
    _days_left("broadband"),
    _days_left("iptv"),
    _days_left("fixed"),
    _account("tenure_months", "months", "with us for {v}", "在网{v}", Formula(PROFILE, _TENURE)),
    _account(
        "tenure_first_year",
        "flag",
        "in the first year with us|not in the first year with us",
        "入网未满1年|入网已满1年",
        Formula(PROFILE, _FIRST_YEAR),
    ),
    _account(
        "tenure_over_five_years",
        "flag",
        "with us for over five years|with us for less than five years",
        "在网超过5年|在网不足5年",
        Formula(PROFILE, _OVER_FIVE_YEARS),
    ),
    _account("products", "count", "holds {v} product{s}", "持有{v}项产品", held(PROFILE, "products")),
    _account("points", "points", "{v} loyalty points", "积分{v}分", held(PROFILE, "points")),
    # Not disclosable: said to a customer, it sounds like a threat.
    Feature(
        "penalty",
        "money",
        SUBSCRIBERS,
        "leaving would cost a penalty of {v}",
        "提前解约违约金{v}",
        False,
        held(PROFILE, "penalty"),
    ),
    _account(
        "corporate",
        "flag",
        "corporate subscriber|not a corporate subscriber",
        "集团客户|非集团客户",
        held(PROFILE, "corporate"),
    ),
    _account("subcard", "flag", "a sub-card|not a sub-card", "副卡用户|非副卡用户", held(PROFILE, "subcard")),
    _account(
        "portable",
        "flag",
        "number may be ported out|number may not be ported out",
        "号码具备携转资格|号码不具备携转资格",
        held(PROFILE, "portable"),
    ),
)
