"""The shipped playbook and the words on a card: nothing in them that the law or decency forbids."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest
from msgspec.structs import replace
from support.detecting import DAY, HOUR, START, Bench, snapshot

from models.contract.alerts import Alert, AlertReason
from models.contract.playbook import DEFAULT_PLAYBOOK, Play, choose
from models.contract.vocabulary import SEGMENTS, Cause, Segment, Text
from models.detection.alert_body import cause_of, cause_of_value, opening
from models.detection.contact_rules import CHANNELS
from models.features.catalogue import NAMES

RIVALS = ("mobile", "unicom", "telecom", "broadnet", "移动", "联通", "电信", "广电", "竞对网站", "competitor site")


def raised(kind: str, profile: dict[str, Any] | None = None, **fields: Any) -> Alert:
    bench = Bench()
    bench.send("profile", "s-1", START - DAY, **(profile or {}))
    bench.send(kind, "s-1", START + HOUR, **fields)
    (alert,) = bench.alerts()
    return alert


def test_playbook_has_twelve_named_rows_at_least() -> None:
    assert len({(p.cause, p.strategy, p.segments) for p in DEFAULT_PLAYBOOK}) >= 12


@pytest.mark.parametrize("cause", get_args(Cause))
@pytest.mark.parametrize("segment", SEGMENTS)
def test_every_cause_and_segment_has_a_row_of_its_own(cause: Cause, segment: Any) -> None:
    assert choose(DEFAULT_PLAYBOOK, cause, segment, corporate=False).cause == cause


def test_low_value_goes_to_digital_channels_first() -> None:
    digital = {"app_push", "wechat", "sms"}
    for cause in ("competitor_offer", "usage_decline", "silence", "general"):
        assert choose(DEFAULT_PLAYBOOK, cause, "low", corporate=False).channels[0] in digital


def test_corporate_customers_get_their_own_row_and_others_never_do() -> None:
    corporate = [p for p in DEFAULT_PLAYBOOK if p.corporate]
    assert corporate
    for play in corporate:
        assert choose(DEFAULT_PLAYBOOK, play.cause, "high", corporate=True) is play
        assert choose(DEFAULT_PLAYBOOK, play.cause, "high", corporate=False) is not play


def test_operators_row_above_the_shipped_ones_wins() -> None:
    own = Play(cause="silence", strategy="ours", channels=("store",))
    assert choose((own, *DEFAULT_PLAYBOOK), "silence", "low", corporate=False) is own


def test_after_a_code_there_is_no_outbound_pressure_whatever_rings() -> None:
    bench = Bench()
    bench.send("profile", "s-1", START - DAY, preferred_channel="outbound_call")
    bench.send("care", "s-1", START + HOUR, reason="port_out_query")
    bench.send("care", "s-1", START + 2 * HOUR, reason="port_out_code")
    bench.send("visit", "s-1", START + 3 * HOUR, page="checkout", dwell_s=90)
    query, code, browsing = bench.alerts()
    assert query.action is not None
    assert (query.event, query.action.channel) == ("raised", "outbound_call")
    for alert in (code, browsing):
        assert alert.action is not None
        assert (alert.action.strategy, alert.action.channel, alert.action.offer) == ("answer_only", "store", None)
        assert "外呼" in alert.action.talk_track.dont[0].zh
    assert (code.event, code.kind) == ("escalated", "port_out")


def test_after_a_code_there_is_no_deadline_but_the_end_of_the_alert() -> None:
    bench = Bench()
    bench.send("profile", "s-1", START - DAY)
    bench.send("care", "s-1", START + 2 * HOUR, reason="port_out_code")
    bench.send("visit", "s-1", START + 3 * HOUR, page="checkout", dwell_s=90)
    code, browsing = bench.alerts()
    assert code.action is not None
    assert browsing.action is not None
    assert code.action.contact_by == code.ts + 30 * DAY
    assert browsing.action.contact_by == browsing.ts + 7 * DAY
    bench.send("call", "s-2", START + 33 * DAY)
    ended = [(a.kind, a.close_reason, a.ts - HOUR * 2 - START) for a in bench.alerts()[2:]]
    assert ("port_out", "expired", 30 * DAY) in ended


@pytest.mark.parametrize(
    ("kind", "risk"), [("leave_intent", 0.5), ("port_out_query", 0.6), ("disconnect_appointment", 0.7)]
)
def test_risk_of_a_signal_is_its_own(kind: str, risk: float) -> None:
    alert = raised("care", reason=kind)
    assert alert.risk == alert.priority_factors.propensity == risk
    assert alert.tier == "healthy"


def test_risk_of_a_signal_is_the_models_where_that_is_higher() -> None:
    bench = Bench(snapshot(-5.0, complaints_open=([0.0, 1.0], [0.0, 7.0])))
    bench.send("profile", "s-1", START - DAY)
    bench.send("care", "s-1", START, reason="complaint", case_id="c-1")
    bench.send("care", "s-1", START + HOUR, reason="leave_intent")
    assert bench.alerts()[-1].risk == pytest.approx(0.88, abs=0.01)


def test_opening_never_speaks_of_browsing_or_rivals() -> None:
    alert = raised("visit", operator="China Unicom", page="number_portability", dwell_s=600)
    assert alert.reasons is not None
    assert alert.action is not None
    assert not any(r.disclosable for r in alert.reasons if r.code.startswith("competitor"))
    spoken = alert.action.talk_track.opening
    for word in RIVALS:
        assert word not in spoken.en.lower()
        assert word not in spoken.zh


def reason(code: str, value: float = 1.0, *, disclosable: bool = True) -> AlertReason:
    return AlertReason(
        code=code, value=value, usual=0.0, contribution=1.0, disclosable=disclosable, text=Text("x", "x")
    )


def test_opening_is_built_from_disclosable_reasons_only() -> None:
    care = opening([], "outbound_call")
    hidden = reason("complaints_open", disclosable=False)
    assert opening([hidden], "outbound_call") == care
    told = opening([hidden, reason("contract_days_left_mobile")], "outbound_call")
    assert "Your mobile contract ends soon" in told.en
    assert "手机合约即将到期" in told.zh
    assert opening([reason("tenure_months")], "outbound_call") == care


@pytest.mark.parametrize(
    ("code", "value", "en", "zh"),
    [
        ("contract_days_left_broadband", 21.0, "Your broadband contract ends soon", "宽带合约即将到期"),
        ("contract_days_left_iptv", -3.0, "Your IPTV contract has ended", "IPTV合约已经到期"),
        ("contract_days_left_fixed", 300.0, "how you find our service", "服务是否满意"),
        ("last_satisfaction", 2.0, "do better", "做得更好"),
        ("last_satisfaction", 9.0, "how you find our service", "服务是否满意"),
        ("data_throttled_share_7d", 0.3, "plans with more of it", "流量更多的套餐"),
        ("leave_intent", 1.0, "thinking of leaving", "可能不再使用"),
    ],
)
def test_opening_by_reason_and_value(code: str, value: float, en: str, zh: str) -> None:
    told = opening([reason(code, value)], "outbound_call")
    assert en in told.en
    assert zh in told.zh


EVERY_REASON = [[], *([reason(code, value)] for code in (*NAMES, "leave_intent") for value in (-5.0, 0.0, 1.0, 21.0))]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("manager", [False, True])
def test_opening_fits_the_channel(channel: Any, manager: bool) -> None:
    for reasons in EVERY_REASON:
        told = opening(reasons, channel, manager=manager)
        if channel in ("sms", "app_push", "wechat"):
            assert not re.search(r"manager|Hello|\bI\b|a minute", told.en)
            assert not re.search("客户经理|一分钟|跟您", told.zh)
        else:
            assert told.en.startswith("Hello")
            assert ("account manager" in told.en) == ("客户经理" in told.zh) == (manager and channel != "store")
        # Nobody has compared, checked or worked anything out yet.
        assert not re.search(r"compared|went over|checked|found", told.en)
        assert not re.search("核对|专属|离网", told.zh)


@pytest.mark.parametrize(
    ("code", "value", "cause"),
    [
        ("data_throttled_share_7d", 0.3, "plan_used_up"),
        ("contract_days_left_mobile", 89.0, "contract_end"),
        ("contract_days_left_mobile", 120.0, None),
        ("contract_days_left_iptv", -400.0, None),
        ("last_satisfaction", 9.0, None),
        ("last_satisfaction", 10.0, None),
        ("last_satisfaction", 2.0, "complaint"),
        ("bill_vs_usual", 1.4, "price"),
        ("bill_vs_usual", 0.6, "usage_decline"),
        ("plan_fee_change_90d", -0.3, "usage_decline"),
        ("calls_7d_vs_30d", 0.3, "usage_decline"),
        ("calls_7d_vs_30d", 1.6, None),
        ("subcard_unlinks_30d", 1.0, "subcard_unlinked"),
        ("subcard_unlinks_30d", 0.0, None),
        ("silent_days", 20.0, "silence"),
        ("arpu", 200.0, None),
    ],
)
def test_cause_by_value_and_direction(code: str, value: float, cause: str | None) -> None:
    assert cause_of_value(code, value) == cause


def test_throttled_data_is_answered_with_a_larger_plan() -> None:
    for segment in SEGMENTS:
        play = choose(DEFAULT_PLAYBOOK, "plan_used_up", segment, corporate=False)
        assert (play.strategy, play.offer and play.offer.code) == ("larger_plan", "U-1")


def test_no_smaller_plan_is_offered_to_who_pays_much() -> None:
    for cause in get_args(Cause):
        offer = choose(DEFAULT_PLAYBOOK, cause, "high", corporate=False).offer
        assert offer is None or offer.code != "K-1", cause


def test_unlinked_sub_card_is_not_answered_with_a_sub_card() -> None:
    """Also where the card's first cause is another: who has stopped to call since."""
    model = snapshot(-5.0, call_recency_vs_rhythm=([1.0, 5.0], [0.0, 6.0]))
    offers = []
    for unlinks in (0, 1):
        bench = Bench(model)
        bench.send("profile", "s-1", START - DAY)
        last = bench.week("s-1", days=40)
        for _ in range(unlinks):
            bench.send("care", "s-1", last + DAY, reason="subcard_unlink")
        for day in range(41, 60):
            bench.send("call", "s-2", START + day * DAY)
        tier = [a for a in bench.alerts() if a.kind == "risk_tier"]
        assert tier
        assert tier[0].action is not None
        offers.append((tier[0].action.cause, tier[0].action.offer and tier[0].action.offer.code))
    assert offers[0] == ("usage_decline", "S-1")
    assert offers[1] == ("subcard_unlinked", None)


@pytest.mark.parametrize(
    ("profile", "unit"),
    [
        ({"account_id": "a-1", "account_unit": "corporate-2", "unit": "tianhe-03"}, "corporate-2"),
        ({"account_id": "a-1", "unit": "tianhe-03"}, "unassigned"),
        ({"account_unit": "corporate-2", "unit": "tianhe-03"}, "tianhe-03"),
    ],
)
def test_corporate_line_never_lands_in_a_residential_grid(profile: dict[str, Any], unit: str) -> None:
    for reason in ("leave_intent", "disconnect_appointment", "port_out_query"):
        alert = raised("care", profile, reason=reason)
        assert alert.action is not None
        assert alert.action.unit == unit
        assert (alert.action.strategy == "corporate_visit") == ("account_id" in profile)


def test_corporate_customer_with_a_code_gets_answers_only() -> None:
    assert choose(DEFAULT_PLAYBOOK, "port_out_code", "high", corporate=True).strategy == "answer_only"


@pytest.mark.parametrize("corporate", [False, True])
@pytest.mark.parametrize(
    "rows",
    [
        (),
        (Play(cause="general", strategy="ours", channels=("outbound_call",)),),
        (Play(cause="port_out_code", strategy="ours", channels=("store",)),),
        (Play(cause="port_out_code", strategy="ours", channels=("store", "sms"), answers_only=True),),
        (Play(cause="port_out_code", strategy="ours", channels=(), answers_only=True),),
    ],
    ids=["none", "general", "presses", "messages", "no channel"],
)
def test_a_code_is_answered_whatever_a_published_playbook_says(rows: tuple[Play, ...], corporate: bool) -> None:
    """Policies published by earlier releases were not checked for it."""
    for segment in SEGMENTS:
        found = choose(rows, "port_out_code", segment, corporate=corporate)
        assert (found.strategy, found.channels, found.answers_only) == ("answer_only", ("store",), True)


def test_a_code_takes_the_operators_own_answering_row() -> None:
    own = Play(cause="port_out_code", strategy="ours", channels=("store",), answers_only=True)
    press = Play(cause="general", strategy="corporate", channels=("field_visit",), corporate=True)
    assert choose((press, own), "port_out_code", "high", corporate=True) is own
    assert choose((press, own), "port_out_code", "low", corporate=False) is own


def test_a_row_without_channels_is_passed_over() -> None:
    none = Play(cause="general", strategy="ours", channels=(), corporate=True)
    assert choose((none, *DEFAULT_PLAYBOOK), "general", "high", corporate=True).channels


def test_card_says_what_was_said_once() -> None:
    bench = Bench(snapshot(-5.0, leave_intent_30d=([0.0, 1.0], [0.0, 1.4]), faults_open=([0.0, 1.0], [0.0, 0.4])))
    bench.send("profile", "s-1", START - DAY)
    bench.send("care", "s-1", START, reason="fault", case_id="f-1")
    bench.send("care", "s-1", START + HOUR, reason="leave_intent")
    (alert,) = bench.alerts()
    assert alert.reasons is not None
    assert [r.code for r in alert.reasons] == ["leave_intent", "faults_open"]


def test_reasons_are_what_is_unusual_and_raises_the_risk_four_at_most() -> None:
    curves = {
        "complaints_open": ([0.0, 2.0], [0.0, 4.0]),
        "complaint_overdue_days": ([0.0, 1.0], [0.0, 0.5]),
        "faults_open": ([0.0, 1.0], [0.0, 0.4]),
        "faults_30d": ([0.0, 1.0], [0.0, 0.09]),  # too little
        "care_contacts_30d": ([0.0, 3.0], [0.0, 0.6]),
        "last_satisfaction": ([0.0, 10.0], [0.0, 1.0]),  # the wrong way round: who is content is not at risk for it
        "penalty_queries_30d": ([0.0, 1.0], [0.0, 0.7]),
    }
    bench = Bench(snapshot(-5.0, **curves))
    bench.send("profile", "s-1", START - DAY)
    for case in (1, 2):
        bench.send("care", "s-1", START, reason="complaint", case_id=f"c-{case}", due_ts=START + HOUR)
    bench.send("care", "s-1", START, reason="fault", case_id="f-1")
    bench.send("care", "s-1", START, reason="satisfaction", score=10)
    bench.send("care", "s-1", START, reason="penalty_query")
    bench.send("care", "s-1", START + 2 * DAY, reason="leave_intent")
    (alert,) = (a for a in bench.alerts() if a.kind == "leave_intent")
    assert alert.reasons is not None
    found = [r.code for r in alert.reasons]
    assert found == ["leave_intent", "complaints_open", "penalty_queries_30d", "complaint_overdue_days"]
    assert all(r.contribution >= 0.1 for r in alert.reasons[1:])


def test_usual_is_that_of_customers_of_the_same_worth() -> None:
    """As the model brings it: of high worth they call 90 times a week, of low 2; nobody knows it of the middle."""
    calling = snapshot(-5.0, calls_7d=([0.0, 100.0], [2.0, 0.0]))
    usual_of: dict[Segment, float | None] = {"high": 90.0, "low": 2.0, "mid": None}
    curves = [replace(c, usual=None, usual_of=usual_of if c.feature == "calls_7d" else {}) for c in calling.curves]
    told = {}
    for arpu in (138.0, 60.0, 30.0):
        bench = Bench(replace(calling, curves=curves))
        bench.send("profile", "s-1", START - DAY, arpu=arpu)
        bench.send("care", "s-1", bench.week("s-1") + HOUR, reason="leave_intent")
        (alert,) = bench.alerts()
        told[alert.value.segment] = [(r.code, r.usual, r.text.en) for r in alert.reasons or []][1:]
    assert told == {
        "high": [("calls_7d", 90.0, "about 15 calls within the last week (similar customers: about 90)")],
        "mid": [],
        "low": [],
    }


def test_silence_is_said_once() -> None:
    bench = Bench(snapshot(-5.0, recency_vs_rhythm=([1.0, 9.0], [0.0, 2.0]), silent_days=([0.0, 9.0], [0.0, 1.0])))
    bench.send("profile", "s-1", START - DAY)
    bench.send("care", "s-1", bench.week("s-1") + 6 * DAY, reason="leave_intent")
    assert [r.code for r in bench.alerts()[0].reasons or []] == ["leave_intent", "recency_vs_rhythm"]


@pytest.mark.parametrize(
    ("kind", "code", "reasons", "cause"),
    [
        ("competitor_browsing", "competitor_dwell_7d", ["complaints_open"], "competitor_offer"),
        ("leave_intent", "leave_intent", ["complaints_open"], "stated_leave"),
        ("port_out", "port_out_code", [], "port_out_code"),
        ("disconnect_appointment", "disconnect_appointment", [], "disconnect"),
        ("silence", "silent_days", ["complaints_open"], "silence"),
        ("risk_tier", "", ["tenure_months", "faults_open", "calls_1d"], "service_quality"),
        ("risk_tier", "", ["tenure_months"], "general"),
    ],
)
def test_cause_of(kind: Any, code: str, reasons: list[str], cause: str) -> None:
    assert cause_of(kind, code, [reason(each) for each in reasons]) == cause


def test_card_without_unit_goes_to_the_unassigned_queue() -> None:
    alert = raised("care", {"unit": None, "manager": None}, reason="leave_intent")
    assert alert.action is not None
    assert (alert.action.unit, alert.action.assignee) == ("unassigned", None)


def test_refused_profiling_leaves_no_word_of_the_model_on_a_card() -> None:
    alert = raised("care", {"consent": {"profiling": False}}, reason="leave_intent")
    assert alert.risk == 0.5  # the policy's word on who says so
    assert alert.reasons is not None
    assert [r.code for r in alert.reasons] == ["leave_intent"]
