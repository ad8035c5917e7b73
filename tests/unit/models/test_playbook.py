"""The shipped playbook and the words on a card: nothing in them that the law or decency forbids."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from support.detecting import DAY, HOUR, START, Bench, snapshot

from models.alerts import Alert, Reason
from models.playbook import DEFAULT_PLAYBOOK, Play, choose
from models.talk import cause_of, opening
from models.words import SEGMENTS, Cause, Text

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


def reason(code: str, *, disclosable: bool) -> Reason:
    return Reason(code=code, value=1.0, usual=0.0, contribution=1.0, disclosable=disclosable, text=Text("x", "x"))


def test_opening_is_built_from_disclosable_reasons_only() -> None:
    care = opening([])
    hidden = reason("contract_days_left_mobile", disclosable=False)
    assert opening([hidden]) == care
    told = opening([hidden, reason("contract_days_left_mobile", disclosable=True)])
    assert "contract" in told.en
    assert "合约" in told.zh
    assert opening([reason("tenure_months", disclosable=True)]) == care


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
    assert cause_of(kind, code, reasons) == cause


def test_card_without_unit_goes_to_the_unassigned_queue() -> None:
    alert = raised("care", {"unit": None, "manager": None}, reason="leave_intent")
    assert alert.action is not None
    assert (alert.action.unit, alert.action.assignee) == ("unassigned", None)


def test_refused_profiling_leaves_no_word_of_the_model_on_a_card() -> None:
    alert = raised("care", {"consent": {"profiling": False}}, reason="leave_intent")
    assert alert.risk == 0.5  # the policy's word on who says so
    assert alert.reasons is not None
    assert [r.code for r in alert.reasons] == ["leave_intent"]
