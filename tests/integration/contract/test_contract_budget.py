"""A budget that has room for one: who is raised, what becomes of the others, and what a switched-off kind says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.black_box import World
from support.black_box_subscriber import Subscriber
from support.known_model import AT_RISK

from streams.embedded_kafka.broker import EmbeddedBroker

ONE_IN_TEN_DAYS = """
[tiers]
budget = 25.0  # a day per 1,000: of three subscribers and a bystander a tenth of an alert
smoothing = 1.0
[kinds.competitor_browsing]
enabled = false
"""


@pytest.fixture(scope="module")
def tight(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("budget")
    with World(broker.bootstrap, "contract-budget.", directory, lanes=1, policy=ONE_IN_TEN_DAYS) as world:
        world.new_worker().wait_open(1)
        yield world


def ringing(subscriber: Subscriber) -> list[str]:
    """What was said of their tier."""
    return [event for event, _ in subscriber.steps("risk_tier")]


def test_the_best_is_raised_and_the_others_are_withheld_once_until_there_is_room(tight: World) -> None:
    fair, good, _ = people = [tight.subscriber() for _ in range(3)]
    for person in people:
        person.profile()
        person.rates(10)
    tight.drive(0)
    fair.sleeps(9)
    for person, answer in zip(people, (3, 2, AT_RISK), strict=True):
        person.rates(answer)
    fair.sleeps(2)
    assert [ringing(person) for person in people] == [[], [], ["raised"]]
    assert [person.withheld() for person in people] == [["low_priority"], ["low_priority"], []]
    fair.sleeps(5)
    assert [ringing(person) for person in people] == [[], [], ["raised"]], "a tenth of an alert a day"
    fair.sleeps(7)
    assert [ringing(person) for person in people] == [[], ["raised"], ["raised"]]
    assert [person.withheld() for person in people] == [["low_priority"], ["low_priority"], []], "once an episode"
    assert good.alerts()[0]["alert_id"] == good.suppressions()[0]["alert_id"]
    metrics = tight.metrics()
    assert metrics.value("breaches_total", kind="risk_tier") == 4, "two raised, and two decisions not to"
    assert metrics.value("suppressions_total", reason="low_priority") == 2
    assert metrics.value("alerts_total", kind="risk_tier", event="raised", tier="high_risk") == 2


def test_a_signal_needs_no_room(tight: World) -> None:
    person = tight.subscriber()
    person.profile()
    person.care("leave_intent")
    assert person.steps() == [("raised", None)]


def test_what_a_switched_off_kind_would_raise_is_told(tight: World) -> None:
    person = tight.subscriber()
    person.profile()
    person.browses()
    assert person.alerts() == []
    assert person.withheld() == ["low_priority"]
