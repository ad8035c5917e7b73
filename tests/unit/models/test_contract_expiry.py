"""Notices of contracts that end: told in time, over the channel that the customer uses, until they know."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from support.detecting import DAY, HOUR, MINUTE, ROOMY, START, Bench

from models.contract.alerts import Action, Alert
from models.contract.policy import ExpiryPolicy

END = START + 100 * DAY


def product(kind: str = "mobile", end: int | None = END) -> dict[str, Any]:
    return {"product": kind, "contract_end_ts": end}


def bound(*products: dict[str, Any], bench: Bench | None = None, **profile: Any) -> Bench:
    """A customer whose contracts end, and a bystander who keeps the lane's time."""
    bench = bench or Bench()
    bench.send("call", "s-2", START)
    said = {"products": list(products or [product()]), "preferred_channel": "sms"} | profile
    bench.send("profile", "s-1", START + MINUTE, **said)
    return bench


def until(bench: Bench, days: float) -> None:
    """The lane's time goes on, to an hour past midnight of that day."""
    at = int(bench.detector.clock.watermark or START)
    while at < START + round(days * DAY) + HOUR:
        at = min(at + DAY, START + round(days * DAY) + HOUR)
        bench.send("call", "s-2", at)


def fed_back(bench: Bench, status: str, ts: int) -> None:
    bench.send("feedback", "s-1", ts, status=status, alert_id=bench.alerts()[-1].alert_id)


def action(alert: Alert) -> Action:
    assert alert.action is not None
    return alert.action


def test_notices_come_in_time_each_over_the_next_channel_and_end_with_the_contract() -> None:
    bench = bound()
    until(bench, 9.5)
    assert bench.life() == []
    until(bench, 101)
    assert bench.life() == [
        "contract_expiry raised",
        *["contract_expiry escalated"] * 4,
        "contract_expiry closed expired",
    ]
    *told, _ = bench.alerts()
    assert [a.trigger.tick for a in told] == [END - n * DAY for n in (90, 60, 30, 7, 1)]
    assert len({a.alert_id for a in told}) == 1
    assert [action(a).channel for a in told] == ["sms", "app_push", "wechat", "outbound_call", "store"]
    assert [a.severity for a in told] == ["normal", "normal", "normal", "high", "high"]
    assert all(a.ts < action(a).contact_by < END for a in told)
    assert [r.text.en for a in told for r in a.reasons or []] == [
        f"mobile contract ends in {n}" for n in ("90 days", "60 days", "30 days", "7 days", "1 day")
    ]


def test_a_notice_says_what_ends_and_sells_nothing() -> None:
    bench = bound(arpu=138.0)
    until(bench, 11)
    (alert,) = bench.alerts()
    said = action(alert)
    assert (said.cause, said.strategy, said.offer) == ("contract_notice", "expiry_notice", None)
    assert said.talk_track.opening.zh == "尊敬的客户，您好！您的手机合约即将到期，可在APP或营业厅了解续约方案。"
    assert "催促" in said.talk_track.dont[0].zh


@pytest.mark.parametrize("status", ["delivered", "read", "contacted", "retained", "dismissed"])
def test_nothing_more_is_told_to_who_knows(status: str) -> None:
    bench = bound()
    until(bench, 11)
    fed_back(bench, status, START + 11 * DAY + 2 * HOUR)
    bench.restart()
    until(bench, 99.5)
    closed = ["contract_expiry closed feedback"] if status in ("retained", "dismissed") else []
    assert bench.life() == ["contract_expiry raised", *closed]


@pytest.mark.parametrize("status", ["accepted", "unreachable"])
def test_a_notice_that_was_only_sent_is_not_done(status: str) -> None:
    bench = bound()
    until(bench, 11)
    fed_back(bench, status, START + 11 * DAY + 2 * HOUR)
    until(bench, 41)
    assert bench.life() == ["contract_expiry raised", "contract_expiry escalated"]
    assert [action(a).channel for a in bench.alerts()] == ["sms", "app_push"]


def test_a_renewal_closes_the_notice_and_the_new_contract_is_told_of_in_its_time() -> None:
    bench = bound()
    until(bench, 11)
    bench.send("profile", "s-1", START + 12 * DAY, products=[product(end=END + 100 * DAY)])
    until(bench, 109.5)
    assert bench.life() == ["contract_expiry raised", "contract_expiry closed recovered"]
    until(bench, 111)
    assert bench.life()[2:] == ["contract_expiry raised"]
    assert bench.alerts()[0].alert_id != bench.alerts()[-1].alert_id


def test_the_same_profile_again_tells_nothing_again() -> None:
    bench = bound()
    until(bench, 11)
    for day in (12, 13, 14):
        bench.send("profile", "s-1", START + day * DAY, products=[product()])
        until(bench, day)
    assert bench.life() == ["contract_expiry raised"]


def test_a_product_given_up_closes_its_notice() -> None:
    bench = bound()
    until(bench, 11)
    bench.send("profile", "s-1", START + 12 * DAY)
    assert bench.life() == ["contract_expiry raised", "contract_expiry closed superseded"]


def test_each_product_has_its_own_notices() -> None:
    bench = bound(product(), product("broadband", END + 5 * DAY))
    until(bench, 11)
    fed_back(bench, "read", START + 11 * DAY + 2 * HOUR)
    until(bench, 41 + 5)
    assert bench.life() == ["contract_expiry raised"] * 2 + ["contract_expiry escalated"]
    mobile, broadband, again = bench.alerts()
    assert mobile.alert_id != broadband.alert_id == again.alert_id
    assert again.reasons is not None
    assert [r.code for r in again.reasons] == ["contract_days_left_broadband"]


def test_contracts_that_end_on_one_day_are_told_of_at_once() -> None:
    bench = bound(product("fixed"), product("broadband", END + 3 * HOUR), product("iptv", END + 40 * DAY))
    until(bench, 41)
    first, second = bench.alerts()
    assert [r.code for r in first.reasons or []] == ["contract_days_left_broadband", "contract_days_left_fixed"]
    assert (first.event, second.event) == ("raised", "escalated")
    fed_back(bench, "delivered", START + 42 * DAY)
    # The one is renewed: of the other, of which they were told, nothing more is said.
    bench.send("profile", "s-1", START + 43 * DAY, products=[product("fixed"), product("broadband", END + 700 * DAY)])
    until(bench, 99.5)
    assert bench.life()[2:] == ["contract_expiry closed recovered"]


def test_a_contract_first_seen_between_two_notices_waits_for_the_next() -> None:
    bench = bound(product(end=START + 45 * DAY))
    until(bench, 14.5)
    assert bench.life() == []
    until(bench, 16)
    assert bench.life() == ["contract_expiry raised"]


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ({"do_not_contact": True}, "do_not_contact"),
        ({"status": "suspended_arrears"}, "passive_churn"),
        ({"status": "left"}, "passive_churn"),
        (
            {
                "consent": {
                    "marketing": dict.fromkeys(
                        ("sms", "app_push", "wechat", "outbound_call", "store", "field_visit", "account_manager"), False
                    )
                }
            },
            "no_consent",
        ),
    ],
)
def test_who_may_not_be_contacted_is_told_nothing_and_the_reason_once(profile: dict[str, Any], reason: str) -> None:
    bench = bound(**profile)
    until(bench, 99.5)
    assert bench.life() == [f"contract_expiry suppressed {reason}"]
    assert bench.breaches() == 1


def test_an_involuntary_leaver_is_told_nothing() -> None:
    bench = bound()
    bench.send("outcome", "s-1", START + DAY, outcome="involuntary")
    until(bench, 99.5)
    assert bench.life() == ["contract_expiry suppressed passive_churn"]


def test_who_left_is_told_nothing() -> None:
    bench = bound()
    until(bench, 11)
    bench.send("outcome", "s-1", START + 12 * DAY)
    until(bench, 99.5)
    assert bench.life() == ["contract_expiry raised", "contract_expiry closed outcome"]


def test_a_notice_passes_cooldown_and_the_peace_after_a_refusal() -> None:
    bench = bound()
    bench.send("feedback", "s-1", START + DAY, status="refused")
    until(bench, 11)
    assert bench.life() == ["contract_expiry raised"]


def test_a_consent_given_later_releases_the_notice() -> None:
    bench = bound(do_not_contact=True)
    until(bench, 11)
    bench.send("profile", "s-1", START + 15 * DAY, products=[product()])
    assert bench.life() == ["contract_expiry suppressed do_not_contact", "contract_expiry raised"]
    assert [r.text.en for r in bench.alerts()[0].reasons or []] == ["mobile contract ends in 85 days"]
    assert bench.breaches() == 2


def test_a_kind_that_is_switched_off_says_so_once() -> None:
    kinds = replace(ROOMY.kinds, contract_expiry=replace(ROOMY.kinds.contract_expiry, enabled=False))
    bench = bound(bench=Bench(policy=replace(ROOMY, kinds=kinds)))
    until(bench, 99.5)
    assert bench.life() == ["contract_expiry suppressed low_priority"]


def test_notices_are_no_forecast_and_use_no_budget() -> None:
    bench = Bench(policy=replace(ROOMY, tiers=replace(ROOMY.tiers, budget=0.0)), recorded_until=START + 20 * DAY)
    bound(bench=bench)
    until(bench, 41)
    assert bench.life() == ["contract_expiry suppressed expired", "contract_expiry raised"]
    assert [o for o in bench.outputs if o.kind == "example" and "contract" in str(o.body)] == []


def test_a_restart_between_two_notices_changes_nothing() -> None:
    one, other = bound(), bound()
    for day in range(9, 101):
        until(one, day)
        other.restart()
        until(other, day)
    assert one.outputs == other.outputs
    assert one.state == other.state
    assert len(one.alerts()) == 6


def test_state_of_a_release_without_notices_is_read_on() -> None:
    bench = bound()
    until(bench, 5)
    # As that release wrote it: no term for the contract.
    bench.state = {key: value for key, value in bench.state.items() if key != b"rs-1"}
    bench.restart()
    until(bench, 11)
    assert bench.life() == ["contract_expiry raised"]


def test_days_that_the_operator_chose() -> None:
    policy = replace(ROOMY, expiry=ExpiryPolicy(notice_days=(20.0,)))
    bench = bound()
    bench.detector.switch(policy=policy)
    bench.policy = policy
    until(bench, 79.5)
    assert bench.life() == []
    until(bench, 81)
    assert bench.life() == ["contract_expiry raised"]


def test_a_long_jump_of_time_leaves_no_notice_out() -> None:
    bench = bound()
    bench.send("call", "s-2", START + 72 * DAY)
    assert bench.life() == ["contract_expiry raised", "contract_expiry escalated", "contract_expiry escalated"]
