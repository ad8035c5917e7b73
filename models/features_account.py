"""Features of bills and profile: what the subscriber pays, how that moves, what binds him, since when he is here."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.columns import NAN
from models.decay import Floats
from models.events import BILLING, SUBSCRIBERS
from models.feature import Compute, Feature, Unit, change, held
from models.view import View

_MONTH_DAYS: Final = 30.4375
_PLAN_CHANGE_DAYS: Final = 90.0
_BEFORE: Final = ("bill_before", "bill_two_before", "bill_three_before")


def _account(name: str, unit: Unit, text_en: str, text_zh: str, compute: Compute, source: str = SUBSCRIBERS) -> Feature:
    return Feature(name, unit, source, text_en, text_zh, True, compute)


def _bill_slope(view: View) -> Floats:
    """Slope over the last three bills as a share of their mean: the least-squares line of three equidistant points."""
    last, middle, first = (view.column("billing", c) for c in ("bill", "bill_before", "bill_two_before"))
    mean = (last + middle + first) / 3.0
    return np.where(mean > 0.0, (last - first) / 2.0 / mean, NAN)


def _bill_vs_usual(view: View) -> Floats:
    """Last bill against the mean of those of the three periods before that are known."""
    amount, count = np.zeros(len(view.now)), np.zeros(len(view.now))
    for column in _BEFORE:
        bill = view.column("billing", column)
        amount = amount + np.where(np.isnan(bill), 0.0, bill)
        count = count + ~np.isnan(bill)
    return np.where(amount > 0.0, view.column("billing", "bill") * count / amount, NAN)


def _recharge_gap(view: View) -> Floats:
    """Time since the last recharge in units of the usual time between two; NaN before the third."""
    first, last = view.column("billing", "recharge_first_ts"), view.column("billing", "recharge_last_ts")
    count = view.column("billing", "recharges")
    usual = (last - first) / (count - 1.0)
    return np.where((count >= 3.0) & (usual > 0.0), np.maximum(view.now - last, 0.0) / usual, NAN)


def _plan_fee_change(view: View) -> Floats:
    """Change of the plan's fee in the last 90 days; 0 without one, NaN for who was never billed."""
    recent = view.days(view.column("billing", "plan_change_ts")) <= _PLAN_CHANGE_DAYS
    found = np.where(recent, view.column("billing", "plan_fee_change"), 0.0)
    return np.where(view.never("billing"), NAN, found)


def _days_left(kind: str) -> Feature:
    def compute(view: View) -> Floats:
        return -view.days(view.column("profile", f"contract_end_{kind}"))

    zh = {"mobile": "手机", "broadband": "宽带", "iptv": "IPTV", "fixed": "固话"}[kind]
    en = "fixed-line" if kind == "fixed" else kind.replace("iptv", "IPTV")
    return _account(
        f"contract_days_left_{kind}",
        "days_left",
        f"{en} contract ends in {{v}}|{en} contract ended {{v}} ago",
        f"{zh}合约剩{{v}}|{zh}合约已到期{{v}}",
        compute,
    )


def _tenure(view: View) -> Floats:
    """Months since activation; an activation yet to come is not known to be one."""

    def compute() -> Floats:
        months = view.days(view.column("profile", "activated_ts")) / _MONTH_DAYS
        return np.where(months >= 0.0, months, NAN)

    return view.once("tenure", compute)


def _first_year(view: View) -> Floats:
    """Whole months 1 to 11, a band in which many leave."""
    tenure = _tenure(view)
    return np.where(np.isnan(tenure), NAN, ((tenure >= 1.0) & (tenure < 12.0)) * 1.0)


def _over_five_years(view: View) -> Floats:
    """Month 61 and later, the other one."""
    tenure = _tenure(view)
    return np.where(np.isnan(tenure), NAN, (tenure >= 61.0) * 1.0)


FEATURES: Final = (
    _account("arpu", "money", "pays {v} a month", "月均消费{v}", held("profile", "arpu")),
    _account(
        "bill_slope_3_periods",
        "slope",
        "bill falls by {v} a month|bill rises by {v} a month",
        "账单每月下降{v}|账单每月上升{v}",
        _bill_slope,
        BILLING,
    ),
    _account("bill_vs_usual", "change", "last bill {v}", "最近账单{v}", _bill_vs_usual, BILLING),
    _account(
        "spend_7d_vs_30d",
        "change",
        "spending {v}",
        "近期消费{v}",
        change("billing", "accrued_7", "accrued_30"),
        BILLING,
    ),
    _account(
        "recharge_gap_vs_usual",
        "times",
        "no recharge for {v} times the usual gap",
        "未充值时长为平时间隔的{v}倍",
        _recharge_gap,
        BILLING,
    ),
    _account(
        "plan_fee_change_90d",
        "step",
        "moved to a plan {v} cheaper|moved to a plan {v} dearer",
        "改档后套餐月费下降{v}|改档后套餐月费上升{v}",
        _plan_fee_change,
        BILLING,
    ),
    _days_left("mobile"),
    _days_left("broadband"),
    _days_left("iptv"),
    _days_left("fixed"),
    _account("tenure_months", "months", "with us for {v}", "在网{v}", _tenure),
    _account(
        "tenure_first_year",
        "flag",
        "in the first year with us|not in the first year with us",
        "入网首年(1-11个月)|已过入网首年",
        _first_year,
    ),
    _account(
        "tenure_over_five_years",
        "flag",
        "with us for over five years|with us for less than five years",
        "在网超过5年(61个月以上)|在网不足5年",
        _over_five_years,
    ),
    _account("products", "count", "holds {v} product{s}", "持有{v}项产品", held("profile", "products")),
    _account("points", "points", "{v} loyalty points", "积分{v}分", held("profile", "points")),
    _account(
        "penalty", "money", "leaving would cost a penalty of {v}", "提前解约违约金{v}", held("profile", "penalty")
    ),
    _account(
        "corporate",
        "flag",
        "corporate subscriber|not a corporate subscriber",
        "集团客户|非集团客户",
        held("profile", "corporate"),
    ),
    _account("subcard", "flag", "a sub-card|not a sub-card", "副卡用户|非副卡用户", held("profile", "subcard")),
    _account(
        "portable",
        "flag",
        "number may be ported out|number may not be ported out",
        "号码具备携转资格|号码不具备携转资格",
        held("profile", "portable"),
    ),
)
