"""Random mixes of all that a lane receives: few subscribers, many events each, late ones, repeated ones."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from models.contract.events import (
    INPUTS,
    SUBSCRIBERS,
    Arrival,
    Billing,
    Call,
    CareContact,
    CareReason,
    Channel,
    Consent,
    Contact,
    DataUsage,
    Deletion,
    Erasure,
    Feedback,
    FeedbackStatus,
    Outcome,
    OutcomeKind,
    Page,
    PeerNetwork,
    Product,
    ProductKind,
    Profile,
    SiteVisit,
)

START = 1_780_000_000_000
DAY = 86_400_000
TOPICS = {kind: topic for topic, kind in INPUTS.items()} | {Deletion: SUBSCRIBERS}

subscriber_ids = st.sampled_from(["s-1", "s-1", "s-1", "s-2", "s-3", "s-移动"])
times = st.one_of(
    st.integers(START, START + 3 * DAY),
    st.integers(START - 80 * DAY, START + 80 * DAY),
    st.sampled_from([START, START + DAY, 0]),
)
event_ids = st.one_of(st.none(), st.sampled_from([f"e-{i}" for i in range(40)]))
operators = st.sampled_from(["china-mobile", "china-unicom", "china-telecom", "china-broadnet", "lebara"])
amounts = st.floats(0, 1e6, allow_nan=False)
money = st.floats(-100, 1000, allow_nan=False)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def one_of(literal: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(get_args(literal))


COMMON = {"subscriber_id": subscriber_ids, "ts": times, "event_id": event_ids}
calls = st.builds(
    Call,
    **COMMON,
    direction=st.sampled_from(["outgoing", "incoming"]),
    duration_s=amounts,
    peer_network=one_of(PeerNetwork),
    peer_operator=maybe(operators),
    kind=st.sampled_from(["voice", "voice", "sms"]),
    forwarded=st.booleans(),
    dropped=st.booleans(),
)
sessions = st.builds(DataUsage, **COMMON, bytes=amounts, failed=st.booleans(), throttled=st.booleans())
visits = st.builds(
    SiteVisit, **COMMON, operator=operators, dwell_s=amounts, pages=st.integers(1, 50), page=one_of(Page)
)
care = st.builds(
    CareContact,
    **COMMON,
    reason=st.one_of(one_of(CareReason), st.sampled_from(["complaint", "billing_dispute", "fault"])),
    case_id=maybe(st.sampled_from(["c-1", "c-2"])),
    status=st.sampled_from(["opened", "opened", "resolved"]),
    due_ts=maybe(times),
    appointment_ts=maybe(times),
    department=maybe(st.sampled_from(["network", "billing"])),
    score=maybe(st.floats(1, 10)),
)
billing = st.builds(
    Billing,
    **COMMON,
    kind=st.sampled_from(["accrual", "bill", "bill", "recharge", "plan_change"]),
    amount=money,
    period=maybe(st.sampled_from(["2026-02", "2026-04", "2026-05", "2026-06", "2031-01"])),
    fee=maybe(money),
    from_fee=maybe(money),
)
usage = st.one_of(calls, sessions, visits, care, billing)
contacts = st.builds(Contact, **COMMON, channel=one_of(Channel))
feedback = st.builds(
    Feedback, **COMMON, status=one_of(FeedbackStatus), channel=maybe(one_of(Channel)), by=maybe(st.just("m-7"))
)
outcomes = st.builds(Outcome, **COMMON, outcome=one_of(OutcomeKind))
profiles = st.builds(
    Profile,
    **COMMON,
    activated_ts=maybe(times),
    arpu=maybe(money),
    products=st.lists(st.builds(Product, product=one_of(ProductKind), contract_end_ts=maybe(times)), max_size=3),
    main_subscriber_id=maybe(st.just("s-9")),
    account_id=maybe(st.just("a-1")),
    account_size=maybe(st.integers(0, 500)),
    penalty=maybe(money),
    points=maybe(money),
    portable=maybe(st.booleans()),
    consent=st.builds(Consent, behaviour=st.none() | st.booleans()),
)
deletions = st.builds(Deletion, subscriber_id=subscriber_ids)
erasures = st.builds(Erasure, **COMMON, request_id=st.just("r-1"))
events = st.one_of(usage, usage, usage, contacts, feedback, outcomes, profiles, deletions, erasures)


def arrivals_of(found: list[Any]) -> list[Arrival]:
    return [Arrival(TOPICS[type(event)], offset, START + offset, event) for offset, event in enumerate(found)]


mixes = st.one_of(st.lists(events, max_size=8), st.lists(events, min_size=30, max_size=50)).map(arrivals_of)
