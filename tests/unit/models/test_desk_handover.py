"""Open alerts, contacts and refusals of a release without a desk: the desk takes them over, and says nothing of it."""

from __future__ import annotations

from typing import Any

import pytest
from support.desk_rig import DeskBench
from support.detecting import DAY, HOUR, Bench
from support.without_desk import left

from models.contract.alerts import Alert, Suppression
from models.contract.breaches import Governed, Inherited, Joined, OtherContact
from models.contract.policy import Policy
from models.contract.work_orders import WorkOrder

LANE = 3


class Upgraded(Bench):
    """A lane that opens on what the former release has left, and its desk."""

    def __init__(self, *, joined: bool = True) -> None:
        super().__init__(policy=Policy())
        found = left()
        self.alerts_before = found.alerts
        self.state = dict(found.state)
        self.detector = self._new()
        self.detector.load(self.state.items())
        self.detector.resume(found.clock, found.policy)
        self.now = found.clock["watermark"] + HOUR
        self.handed = self.detector.handed_over()
        self.desk = DeskBench(None)
        self.taken_over = self.desk.hear(Governed(policy=self.policy), *self.handed)
        if joined:
            self.join()

    def join(self) -> None:
        self.taken_over += self.desk.hear(Joined(lane=LANE))

    def came(self, kind: str, subscriber: str, **fields: Any) -> list[Any]:
        """The bodies that follow from an event."""
        self.now += HOUR
        return [output.body for output in self.send(kind, subscriber, self.now, **fields)]

    def steps(self, bodies: list[Any]) -> list[tuple[str, Any]]:
        """In short: of an alert event and seq, of an order step and seq, of a suppression the reason."""
        said: list[tuple[str, Any]] = []
        for body in bodies:
            match body:
                case Alert():
                    said.append((body.event, body.seq))
                case WorkOrder():
                    said.append((body.step, body.seq))
                case Suppression():
                    said.append((body.reason, body.seq))
        return said


@pytest.fixture(params=[False, True], ids=["straight on", "restarted"])
def upgraded(request: pytest.FixtureRequest) -> Upgraded:
    made = Upgraded()
    if request.param:
        made.restart()
    return made


def test_each_is_told_once_and_only_what_matters() -> None:
    made = Upgraded()
    inherited = {each.subscriber_id: each for each in made.handed if isinstance(each, Inherited)}
    published = {name: [(b.alert.alert_id, b.alert.seq) for b in each.alerts] for name, each in inherited.items()}
    assert published == {
        "s-open": [(made.alerts_before["s-open"], 1)],
        "s-twice": [(made.alerts_before["s-twice"], 2)],
        "s-fed": [(made.alerts_before["s-fed"], 1)],
        "s-refused": [],
    }
    assert inherited["s-refused"].refused_ts is not None
    contacts = [(each.subscriber_id, each.channel) for each in made.handed if isinstance(each, OtherContact)]
    assert contacts == [
        ("s-called", "sms"),
        ("s-called", "outbound_call"),
        ("s-fed", "outbound_call"),
        ("s-refused", "outbound_call"),
    ]
    assert made.taken_over == []


def test_a_stronger_trigger_goes_on_with_the_next_seq_and_opens_the_first_order(upgraded: Upgraded) -> None:
    bodies = upgraded.came("care", "s-open", reason="leave_intent")
    assert upgraded.steps(bodies) == [("escalated", 2), ("dispatched", 1)]
    assert bodies[0].alert_id == upgraded.alerts_before["s-open"]
    assert upgraded.steps(upgraded.came("feedback", "s-open", status="accepted", by="li")) == [("accepted", 2)]


def test_feedback_closes_it_and_there_is_no_order_to_end(upgraded: Upgraded) -> None:
    alert = upgraded.alerts_before["s-twice"]
    bodies = upgraded.came("feedback", "s-twice", status="retained", alert_id=alert, by="li")
    assert upgraded.steps(bodies) == [("closed", 3)]


def test_it_expires(upgraded: Upgraded) -> None:
    upgraded.now += 40 * DAY
    bodies = upgraded.came("call", "s-called")
    closed = {b.alert_id: (b.close_reason, b.seq) for b in bodies if isinstance(b, Alert) and b.event == "closed"}
    assert [closed[upgraded.alerts_before[name]] for name in ("s-open", "s-twice", "s-fed")] == [
        ("expired", 2),
        ("expired", 3),
        ("expired", 2),
    ]
    assert sum(counts.unknown for counts in upgraded.desk.counts) == 0


def test_contacts_and_refusals_from_before_count(upgraded: Upgraded) -> None:
    browses = {"operator": "china-unicom", "dwell_s": 900, "page": "number_portability"}
    assert upgraded.steps(upgraded.came("visit", "s-called", **browses)) == [("person_cap", 0)]
    assert upgraded.steps(upgraded.came("visit", "s-refused", **browses)) == [("cooldown", 0)]
    assert upgraded.steps(upgraded.came("visit", "s-fed", **browses)) == [("person_cap", 0)]


def test_what_gets_stronger_before_all_lanes_are_there_goes_on_once_they_are() -> None:
    made = Upgraded(joined=False)
    assert made.came("care", "s-open", reason="leave_intent") == []
    made.join()
    assert made.steps([output.body for output in made.taken_over]) == [("escalated", 2), ("dispatched", 1)]


def test_a_lane_with_nothing_open_says_nothing() -> None:
    assert Bench().detector.handed_over() == []
