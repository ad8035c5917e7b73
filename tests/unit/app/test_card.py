"""The card: what it must show, what it must never show, in both languages."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from support.alerts_made import NUMBER, RAISED_MS, a_suppression, an_action, an_alert

from app.alerts.card_and_line import _EN, _ZH, Card
from app.alerts.masking import masked
from app.config.settings import Language
from models.contract.alerts import Alert
from models.contract.vocabulary import KINDS

SHANGHAI = ZoneInfo("Asia/Shanghai")


def shown(
    alert: Alert, lang: Language = "en", *, line: bool = False, width: int = 200, read_ms: int | None = None
) -> str:
    console = Console(width=width, color_system=None, highlight=False)
    card = Card(lang, SHANGHAI, None if read_ms is None else lambda: read_ms)
    with console.capture() as capture:
        console.print(card.line(alert) if line else card.card(alert), soft_wrap=line)
    return capture.get()


def unboxed(card: str) -> str:
    """The lines inside the frame."""
    return "".join(line.strip("│ \n") + "\n" for line in card.splitlines())


def test_the_chinese_card_is_that_of_the_trade() -> None:
    text = shown(an_alert(), "zh")
    for expected in (
        "高危 · 竞对网站访问",
        "138****8000 · 高价值 · 138元/月 · tianhe-03 · 今日10:00前首触",
        "12%，为平均水平的8倍",
        "原因：浏览竞对网站24分钟（仅内部）；合约剩21天",
        "开场：“您的合约下月到期，方便吗？”",
        "荐：上门维系 · 续约礼包A（上限60元）",
        "✔ 先听后荐；先办结投诉再谈优惠；当场回单",
        "✘ 不提浏览记录；不提竞对名称；不阻拦携转；不夸大违约金；拒绝即止",
    ):
        assert expected in text


def test_the_english_card_says_the_same() -> None:
    text = shown(an_alert())
    for expected in (
        "HIGH RISK · competitor browsing",
        "138****8000 · high value · 138 a month · tianhe-03 · first contact by 10:00 today",
        "12 %, 8 times the average",
        "24 minutes on competitor sites (internal only); 21 days of contract left",
        "Renewal package A (up to 60)",
        "✔ Listen before you recommend",
        "✘ Do not mention browsing records",
    ):
        assert expected in text


@pytest.mark.parametrize(
    ("lang", "said", "dated"), [("en", "by 10:00 today", "by {} 10:00"), ("zh", "今日10:00", "{} 10:00前")]
)
def test_today_is_the_day_of_the_reader(lang: Language, said: str, dated: str) -> None:
    """Days later, and the evening before, a deadline has its date."""
    assert said in shown(an_alert(), lang, read_ms=RAISED_MS)
    day = datetime.fromtimestamp(RAISED_MS / 1000, SHANGHAI)
    for days in (-1, 1, 3):
        text = shown(an_alert(), lang, read_ms=RAISED_MS + days * 86_400_000)
        assert said not in text
        assert dated.format(f"{day:%m-%d}") in text


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("line", [True, False])
def test_no_number_no_milliseconds_no_bare_risk(lang: Language, line: bool) -> None:
    text = shown(an_alert(), lang, line=line)
    assert NUMBER not in text
    assert not re.search(r"\d{11,}(?![0-9a-f])", text.replace(an_alert().alert_id, ""))
    assert "0.12" not in text


def test_only_reasons_that_may_not_be_told_are_marked() -> None:
    assert shown(an_alert()).count("internal only") == 1


def test_a_line_is_one_line_however_long() -> None:
    text = shown(an_alert(), line=True, width=40)
    assert text.count("\n") == 1
    assert "9f0c1122" in text
    assert "24 minutes on competitor sites" in text


@pytest.mark.parametrize("width", [80, 120, 160])
@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("kind", ["risk_tier", "competitor_browsing"])
def test_a_line_fills_the_terminal_and_its_columns_stand_below_each_other(
    width: int, lang: Language, kind: str
) -> None:
    """A Chinese character takes two cells: counted as one, every column to its right would stand elsewhere."""
    card = Card(lang, SHANGHAI, lambda: RAISED_MS + 600_000)
    alerts = [
        an_alert(kind=kind),
        an_alert(kind=kind, action=an_action(unit="天河区团队"), risk=0.9),
        an_alert(kind=kind, event="closed", close_reason="expired", action=None, reasons=None, tier="healthy"),
        an_alert(kind=kind, subscriber_id="9f0c112233", base_rate=0.0),
    ]
    lines = [card.line(alert, width, before=0.3).plain for alert in alerts]
    assert [cell_len(line) for line in lines] == [width] * 4
    worth = {"en": "high", "zh": "高"}[lang]
    columns = {cell_len(line[: line.rindex(f" {worth} ")]) for line in lines}
    assert len(columns) == 1


@pytest.mark.parametrize("width", [None, 40, 80, 120, 160])
@pytest.mark.parametrize("lang", ["en", "zh"])
@given(
    st.text("9f0c-", min_size=1, max_size=64),
    st.text("tianhe-天河区", min_size=1, max_size=40),
    st.sampled_from(["raised", "escalated"]),
    st.sampled_from(KINDS),
)
def test_customers_and_units_are_whole_and_others_give_way(
    width: int | None, lang: Language, who: str, unit: str, event: str, kind: str
) -> None:
    card = Card(lang, SHANGHAI, lambda: RAISED_MS + 600_000)
    alert = an_alert(kind=kind, event=event, subscriber_id=who, action=an_action(unit=unit))
    decision = a_suppression(kind=kind, subscriber_id=who, action=an_action(unit=unit))
    for line in (card.line(alert, width).plain, card.withheld(decision, width).plain):
        assert f" {who} " in line
        assert f" {unit}" in line
        if width is None:
            assert "…" not in line
        else:
            fixed, least_who, least_unit = (60, 13, 12) if width >= 120 else (44, 11, 10)
            least = fixed + max(least_who, cell_len(who)) + max(least_unit, cell_len(unit))
            assert cell_len(line) == width or least > width, "else it need not wrap"


def test_a_line_says_each_thing_in_words() -> None:
    card = Card("en", SHANGHAI, lambda: RAISED_MS + 600_000)
    alert = an_alert(kind="risk_tier")
    assert card.line(alert, 80, before=0.06).plain.rstrip() == (
        "04:26 9f0c1122 HIGH RISK    8x +4    138****8000 high tianhe-03  24 minutes on …"
    )
    assert card.line(alert, before=0.18).plain == (
        "05-29 04:26 9f0c1122 HIGH RISK              8x -4    138****8000   high tianhe-03    field visit 10m  "
        "24 minutes on competitor sites"
    )
    assert " 9f0c1122 ^ HIGH RISK " in card.line(an_alert(kind="risk_tier", event="escalated"), 80).plain
    assert " 9f0c1122 escalated HIGH RISK " in card.line(an_alert(kind="risk_tier", event="escalated"), 120).plain
    chinese = Card("zh", SHANGHAI, lambda: RAISED_MS + 3 * 86_400_000).line(an_alert(), 80).plain
    assert chinese == "05-29 9f0c1122 竞对网站访问 8倍      138****8000 高   tianhe-03  浏览竞对网站24…"


@pytest.mark.parametrize(("passed", "said"), [(30_000, "0m"), (3_600_000, "1h"), (50 * 3_600_000, "2d"), (-1, "0m")])
def test_age_has_its_largest_unit(passed: int, said: str) -> None:
    assert f" {said} " in Card("en", SHANGHAI, lambda: RAISED_MS + passed).line(an_alert()).plain


def test_a_message_asks_nothing_and_what_costs_nothing_has_no_cap() -> None:
    called, written = an_action(), an_action(channel="sms")
    assert "问：" in shown(an_alert(action=called), "zh")
    assert "问：" not in shown(an_alert(action=written), "zh")
    assert called.offer is not None
    free = msgspec.structs.replace(called.offer, cost_cap=0.0)
    assert "荐：上门维系 · 续约礼包A\n" in unboxed(shown(an_alert(action=an_action(offer=free)), "zh"))


def test_without_an_offer_a_card_says_how_to_reach_them_and_recommends_nobody() -> None:
    text = shown(an_alert(action=an_action(offer=None)), "zh")
    assert "触达：上门维系" in text
    assert "荐：" not in text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_kind_has_a_name(kind: str, lang: Language) -> None:
    assert kind not in shown(an_alert(kind=kind), lang) or kind == "silence"


def test_both_languages_have_the_same_words() -> None:
    assert _EN.keys() == _ZH.keys()


@pytest.mark.parametrize("reason", ["recovered", "expired", "feedback", "outcome", "suspended", "erased", "superseded"])
def test_the_end_of_an_alert_has_no_action_and_says_why(reason: str) -> None:
    text = shown(an_alert(event="closed", close_reason=reason, action=None, reasons=None))
    assert f"closed ({_EN[reason]})" in text
    assert "first contact" not in text


def test_an_account_has_its_name_and_its_members() -> None:
    alert = an_alert(kind="account_exodus", subscriber_id=None, account_id="a-9", members=["s-1", "s-2", "s-3"])
    text = shown(alert)
    assert "account a-9" in text
    assert "3 members" in text
    assert "s-1" not in text


def test_contact_by_another_day_has_its_date() -> None:
    assert "05-30 04:26" in shown(an_alert(action=an_action(contact_by=RAISED_MS + 86_400_000)))


def test_a_signal_from_a_healthy_subscriber_does_not_call_him_healthy() -> None:
    assert "healthy" not in shown(an_alert(kind="leave_intent", tier="healthy"))


def test_whoever_holds_a_porting_code_is_asked_nothing() -> None:
    assert "Ask" in shown(an_alert())
    assert "Ask" not in shown(an_alert(action=an_action(cause="port_out_code", offer=None)))


def test_a_risk_like_everybodys_is_not_called_one_times() -> None:
    assert "times" not in shown(an_alert(risk=0.015))


def test_no_unit_is_the_queue_that_everybody_sees() -> None:
    assert "未归属" in shown(an_alert(action=an_action(unit="unassigned")), "zh")


@pytest.mark.parametrize("where", ["unit", "assignee"])
def test_a_name_cannot_steer_the_terminal(where: str) -> None:
    changed: dict[str, Any] = {where: "\x1b[2Jx"}
    assert "\x1b" not in shown(an_alert(action=an_action(**changed)))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("13812348000", "138****8000"),
        ("+8613812348000", "138****8000"),
        ("s-10086", "s-10086"),
        ("9f0c11223344556677889900aabbccdd", "9f0c11223344556677889900aabbccdd"),
        ("1381234800012", "1381234800012"),
    ],
)
def test_phone_numbers_are_masked_and_pseudonyms_kept(given: str, expected: str) -> None:
    assert masked(given) == expected


def test_after_a_port_out_code_no_contact_is_due() -> None:
    given = an_alert(kind="port_out", action=an_action(cause="port_out_code", channel="store"))
    assert "first contact" not in shown(given)
    assert "first contact" in shown(an_alert())
