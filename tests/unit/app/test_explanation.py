"""The arithmetic of an alert: its terms add up to its risk, whatever is known of the model."""

from __future__ import annotations

import math
from operator import attrgetter
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from support.alerts_made import an_alert

from app.alerts.explain_command import _WORDS
from app.alerts.explanation import _TURNS_ON, BUDGET, DESK, CheckResult, explain
from models.contract.alerts import Alert, AlertReason, Suppression
from models.contract.policy import Policy
from models.contract.vocabulary import SuppressionReason, Text
from models.detection.contact_rules import STAGES
from models.features.catalogue import NAMES
from models.scoring.prior import prior
from models.scoring.scorer import Scorer, logit

BASE_RATE = 0.015


def a_reason(code: str, contribution: float) -> AlertReason:
    return AlertReason(
        code=code, value=2.0, usual=0.0, contribution=contribution, disclosable=True, text=Text(en=code, zh=code)
    )


def withheld(reason: SuppressionReason, **changed: Any) -> Suppression:
    fields = msgspec.structs.asdict(an_alert(kind="silence")) | {"decision_id": "d", "reason": reason} | changed
    return Suppression(**fields)


def scored() -> tuple[Scorer, Alert, float]:
    """An alert of the shipped model as a lane writes it, with two of its reasons; and what all others add."""
    scorer = Scorer(prior(), BASE_RATE)
    x = scorer.usual("high").copy()
    alone = scorer.contributions(np.full((len(NAMES), 1), 3.0), "high")[:, 0]
    x[np.flatnonzero((alone > 0.1) & (alone < 1.0))[:6]] = 3.0
    contributions = scorer.contributions(x[:, None], "high")[:, 0]
    risk = float(scorer.score(x[:, None]).risk[0])
    first, second = np.argsort(contributions)[-2:].tolist()
    others = float(contributions.sum() - contributions[first] - contributions[second])
    assert contributions[first] > 0
    assert abs(others) > 0.1
    alert = an_alert(
        kind="risk_tier",
        risk=risk,
        base_rate=BASE_RATE,
        model_version=scorer.version,
        reasons=[a_reason(NAMES[feature], float(contributions[feature])) for feature in (second, first)],
    )
    return scorer, alert, others


def test_features_and_what_is_left_over_add_up_to_the_risk() -> None:
    scorer, alert, others = scored()
    found = explain([alert], [], scorer.snapshot, None)
    assert found.origin == "usual customer"
    assert math.isclose(found.begin, scorer.baseline("high"))
    assert [term.reason and term.reason.code for term in found.terms] == [
        *(reason.code for reason in alert.reasons or ()),
        None,
    ]
    assert math.isclose(found.terms[-1].added, others, abs_tol=1e-9)
    assert math.isclose(found.begin + sum(term.added for term in found.terms), logit(alert.risk))
    assert math.isclose(found.terms[-1].risk, alert.risk)


def test_without_the_model_the_sum_begins_with_the_base_rate() -> None:
    _, alert, _ = scored()
    found = explain([alert], [], None, None)
    assert (found.origin, found.begin) == ("average customer", logit(BASE_RATE))
    assert math.isclose(found.terms[-1].risk, alert.risk)


def test_a_signal_lifts_the_models_risk_to_the_policys() -> None:
    lift = logit(0.5) - logit(0.03)
    alert = an_alert(kind="leave_intent", risk=0.5, reasons=[a_reason("leave_intent", lift), a_reason("x", 0.4)])
    terms = explain([alert], [], None, None).terms
    assert [term.reason and term.reason.code for term in terms] == ["x", None, "leave_intent"]
    assert math.isclose(terms[1].risk, 0.03)
    assert terms[2].risk == 0.5


def test_the_newest_record_that_has_reasons_is_taken_apart() -> None:
    closed = an_alert(seq=3, event="closed", close_reason="expired", action=None, reasons=None)
    escalated = an_alert(seq=2, event="escalated")
    found = explain([an_alert(), escalated, closed], [], None, None)
    assert found.subject is escalated
    assert [step.name for step in found.policy] == ["passive_churn", "no_profile", "no_consent", "do_not_contact"]


def test_what_objected_and_what_was_asked_before() -> None:
    steps = explain([], [withheld("do_not_contact")], None, None).policy
    assert [step.verdict for step in steps[:5]] == ["passed"] * 4 + ["objected"]
    assert {step.verdict for step in steps[5:]} == {"not asked"}


def test_a_reason_that_two_questions_share_is_not_guessed() -> None:
    steps = {
        step.name: step.verdict for step in explain([], [withheld("low_priority", kind="risk_tier")], None, None).policy
    }
    assert steps["switched_off"] == steps[BUDGET] == "one of these objected"
    assert steps["hold_out"] == "not recorded"
    assert steps["cooldown"] == "passed"
    certain = {step.name: step.verdict for step in explain([], [withheld("low_priority")], None, None).policy}
    assert certain["switched_off"] == "objected"


@pytest.mark.parametrize("reason", DESK)
def test_the_desk_asks_after_the_lane(reason: Any) -> None:
    steps = explain([], [withheld(reason, kind="silence")], None, None).policy
    names = [step.name for step in steps]
    assert names[-len(DESK) :] == list(DESK)
    at = names.index(reason)
    assert [step.verdict for step in steps] == [
        *["passed"] * at,
        "objected",
        *["not asked"] * (len(steps) - at - 1),
    ]


def test_an_urgent_kind_waits_for_no_hand() -> None:
    urgent = msgspec.structs.replace(Policy(), desk=msgspec.structs.replace(Policy().desk, urgent=("silence",)))
    for policy, asked in ((urgent, False), (Policy(), True)):
        steps = explain([an_alert(kind="silence")], [], None, policy).policy
        assert ("capacity" in [step.name for step in steps]) == asked
        assert {step.verdict for step in steps} == {"passed"}


def test_a_risk_that_may_not_be_told_has_no_terms() -> None:
    assert explain([], [withheld("no_consent", risk=None, reasons=None)], None, None).terms == ()


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_question_and_verdict_has_words(lang: Any) -> None:
    """A stage that is added to the policy, or renamed, needs its words here."""
    names = {stage.__name__.removeprefix("_") for stage in STAGES} | {BUDGET, *DESK} | set(get_args(CheckResult))
    assert names <= _WORDS[lang].keys()
    assert _WORDS["en"].keys() == _WORDS["zh"].keys()


def test_a_step_says_what_it_turned_on_in_the_policy_of_the_record() -> None:
    then = msgspec.structs.replace(
        Policy(), version="p-6", contact=msgspec.structs.replace(Policy().contact, cooldown_days=12.0)
    )
    steps = {step.name: step.settings for step in explain([], [withheld("cooldown")], None, then).policy}
    assert steps["cooldown"]["contact.cooldown_days"] == 12.0
    assert steps["switched_off"] == {"kinds.silence.enabled": True}
    for question, kinds in _TURNS_ON.items():
        for field in kinds:
            assert attrgetter(field.format(kind="silence"))(Policy()) is not None, question
    unknown = explain([], [withheld("cooldown")], None, None).policy
    assert [step.settings for step in unknown] == [{}] * len(steps)
