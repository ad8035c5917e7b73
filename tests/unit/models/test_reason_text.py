from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from models.contract.vocabulary import Text
from models.features.catalogue import CATALOGUE, reason_text
from models.features.feature_formula import Feature

NAN = float("nan")
SPOKEN = ("models/features", "models/analysis", "app/demo", "app/model", "app/simulator")
ROOT = Path(__file__).parents[3]
ASCII_MARK = re.compile(r"[\u4e00-\u9fff\0][,:;!?()]|[,:;!?()][\u4e00-\u9fff]")


@pytest.mark.parametrize(
    "path", [path for each in SPOKEN for path in sorted((ROOT / each).rglob("*.py"))], ids=lambda path: path.name
)
def test_chinese_texts_have_chinese_marks(path: Path) -> None:
    def text(node: ast.AST) -> str:
        """A string as written, each of its values a zero byte."""
        if isinstance(node, ast.JoinedStr):
            return "".join(text(part) for part in node.values)
        return str(node.value) if isinstance(node, ast.Constant) else "\0"

    found = [
        text(node) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.JoinedStr | ast.Constant)
    ]
    chinese = [re.sub(r"\{[^{}]*\}", "\0", each) for each in found if any("\u4e00" <= c <= "\u9fff" for c in each)]
    assert [each for each in chinese if ASCII_MARK.search(each)] == []


@pytest.mark.parametrize(
    ("name", "value", "usual", "en", "zh"),
    [
        (
            "competitor_dwell_7d",
            1460.0,
            12.0,
            "about 24 minutes on competitor sites within the last week",
            "近1周浏览竞争对手网站约24分钟",
        ),
        (
            "calls_7d_vs_30d",
            0.4,
            1.0,
            "calls within the last week about 60 % below their usual",
            "近1周通话量较平时下降约60%",
        ),
        (
            "calls_7d_vs_30d",
            1.3,
            1.0,
            "calls within the last week about 30 % above their usual",
            "近1周通话量较平时上升约30%",
        ),
        (
            "calls_7d_vs_30d",
            3.2,
            1.0,
            "calls within the last week about 3.2 times their usual",
            "近1周通话量约为平时的3.2倍",
        ),
        (
            "calls_7d",
            0.0,
            20.0,
            "no calls within the last week (similar customers: about 20)",
            "近1周无通话（同类客户：约20）",
        ),
        ("dropped_share_7d", 0.3, 0.0, "about 30 % of calls dropped within the last week", "近1周掉话率约30%"),
        ("calls_7d", 3.4, NAN, "about 3 calls within the last week", "近1周通话约3次"),
        ("complaints_30d", 0.3, NAN, "no complaint within the last month", "近1个月无投诉"),
        ("complaints_30d", 0.4, NAN, "complained within the last month", "近1个月有投诉"),
        ("complaints_30d", 1.2, NAN, "complained within the last month", "近1个月有投诉"),
        ("complaints_30d", 1.8, NAN, "complained several times within the last month", "近1个月多次投诉"),
        ("complaints_open", 2.0, NAN, "2 open complaints", "未办结投诉2件"),
        ("contract_days_left_mobile", 21.4, 300.0, "mobile contract ends in 21 days", "手机合约剩21天"),
        ("contract_days_left_broadband", -1.2, NAN, "broadband contract ended 1 day ago", "宽带合约已到期1天"),
        (
            "leave_intent_30d",
            1.0,
            0.0,
            "said that they want to leave within the last month",
            "近1个月表达过离网意向",
        ),
        (
            "off_net_share_30d",
            0.453,
            0.2,
            "about 45 % of calls are off-net (similar customers: about 20 %)",
            "异网呼叫占比约45%（同类客户：约20%）",
        ),
        ("data_mb_7d", 2100.0, NAN, "about 2.1 GB of data within the last week", "近1周流量约2.1GB"),
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


@pytest.mark.parametrize("feature", [f for f in CATALOGUE if f.decayed], ids=lambda f: f.name)
def test_decayed_sum_is_told_as_no_exact_number(feature):
    for value in (0.2, 0.7, 1.9, 3.3, 14.2, 70.6):
        text = reason_text(feature.name, value, NAN)
        assert re.search(r"within the last (day|week|month)", text.en)
        assert re.search(r"近1(天|周|个月)", text.zh)
        for number in re.findall(r"[\d.]+ ?\w+", text.en):
            assert f"about {number}" in text.en


def test_nothing_is_compared_where_the_usual_is_not_known():
    for feature in CATALOGUE:
        text = reason_text(feature.name, 5.0, NAN)
        assert "similar" not in text.en
        assert "同类" not in text.zh


def test_words_that_no_service_desk_says_are_gone():
    said = [reason_text(f.name, value, NAN) for f in CATALOGUE for value in (0.0, 1.0, 3.0)]
    for text in said:
        assert not re.search(r"\b(he|his|him)\b", text.en)
        assert not re.search("习惯期|兴趣期|获取期|减退期|停用期", text.zh)


@pytest.mark.parametrize("feature", CATALOGUE, ids=lambda feature: feature.name)
@pytest.mark.parametrize("value", [-0.5, 0.0, 1.0, 40.0, NAN])
def test_no_reason_is_a_code(feature: Feature, value: float) -> None:
    said = reason_text(feature.name, value, 3.0)
    for text in (said.en, said.zh):
        assert text
        assert "_" not in text
        assert "{" not in text
