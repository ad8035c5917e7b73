from __future__ import annotations

import re

import pytest

from models.features.catalogue import CATALOGUE, reason_text
from models.words import Text

NAN = float("nan")


@pytest.mark.parametrize(
    ("name", "value", "usual", "en", "zh"),
    [
        (
            "competitor_dwell_7d",
            1460.0,
            12.0,
            "24 minutes on competitor sites in 7 days",
            "近7天浏览竞争对手网站24分钟",
        ),
        ("calls_7d_vs_30d", 0.4, 1.0, "calls down 60 % on the usual", "通话量较平时下降60%"),
        ("calls_7d_vs_30d", 1.3, 1.0, "calls up 30 % on the usual", "通话量较平时上升30%"),
        ("calls_7d_vs_30d", 3.2, 1.0, "calls 3.2 times the usual", "通话量为平时的3.2倍"),
        ("calls_7d", 0.0, 20.0, "no calls in 7 days (typically 20)", "近7天通话0次(一般为20)"),
        ("contract_days_left_mobile", 21.4, 300.0, "mobile contract ends in 21 days", "手机合约剩21天"),
        ("contract_days_left_broadband", -1.2, NAN, "broadband contract ended 1 day ago", "宽带合约已到期1天"),
        ("port_out_queries_30d", 0.4, 0.0, "1 port-out eligibility query in 30 days", "近30天携转资格查询1次"),
        ("port_out_queries_30d", 2.0, 0.0, "2 port-out eligibility queries in 30 days", "近30天携转资格查询2次"),
        ("leave_intent_30d", 1.0, 0.0, "said once in 30 days to be leaving", "近30天表达离网意向1次"),
        ("off_net_share_30d", 0.453, 0.2, "45 % of calls are off-net (typically 20 %)", "异网呼叫占比45%(一般为20%)"),
        ("data_mb_7d", 2100.0, NAN, "2.1 GB of data in 7 days", "近7天流量2.1GB"),
        ("plan_fee_change_90d", -0.25, 0.0, "moved to a plan 25 % cheaper", "改档后套餐月费下降25%"),
        ("bill_slope_3_periods", -0.12, 0.0, "bill falls by 12 % a month", "账单每月下降12%"),
        ("arpu", 138.0, 60.0, "pays 138 a month", "月均消费138元"),
        ("corporate", 0.0, 0.0, "not a corporate subscriber", "非集团客户"),
        ("tenure_months", 27.9, 30.0, "with us for 27 months", "在网27个月"),
        ("complaint_overdue_days", 0.3, 0.0, "a complaint is less than a day overdue", "投诉超时不到1天"),
        ("recency_vs_rhythm", 3.16, 1.0, "silent for 3.2 times the usual gap", "沉默时长为平时间隔的3.2倍"),
        ("arpu", NAN, 60.0, "not in the customer file", "客户档案无此项信息"),
    ],
)
def test_reason_in_business_words(name: str, value: float, usual: float, en: str, zh: str):
    assert reason_text(name, value, usual) == Text(en, zh)


@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda f: f.name)
def test_every_feature_speaks_both_languages_at_any_value(feature):
    for value in (NAN, -3.7, 0.0, 0.0137, 0.5, 1.0, 13.2, 1e7):
        text = reason_text(feature.name, value, 0.37)
        assert text.en.isascii()
        assert re.search(r"[\u4e00-\u9fff]", text.zh)
        assert not re.search(r"[{}|]|nan|\d\.\d{2}|\d{12}", text.en + text.zh)
        assert "  " not in text.en
