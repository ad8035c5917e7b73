"""What an operations team would read: tier alerts of simulated operators, by the policy that is shipped.

Lane and learner live through a log as ``holdfast evaluate events`` has them. All of it is simulated: who leaves shows
what our simulator thinks that leavers do.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from statistics import median

import msgspec
import pytest
from support.desk_rig import published
from support.lived import SIMULATED_SINCE, simulated

from app.evaluate.events import lived
from app.publishing.record import TimedRecord
from models.contract.alerts import Alert
from models.contract.events import OUTCOMES
from models.contract.policy import Policy
from models.contract.time_units import DAY_MS
from models.learning.learner import Learner, LearnerSettings
from models.scoring.prior import prior

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
SUBSCRIBERS, DAYS, FROM, HORIZON = 2_000, 120, 14, 30


class Leavers:
    """Those of a log who left of their own will: when they did, and when the operator was told."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.known: dict[str, int] = {}

    def watched(self, records: Iterator[TimedRecord]) -> Iterator[TimedRecord]:
        for record in records:
            if record.topic == OUTCOMES:
                outcome = msgspec.json.decode(record.value)
                if outcome["outcome"] in ("ported_out", "disconnected", "lapsed"):
                    who = outcome["subscriber_id"]
                    self.known.setdefault(who, record.ts)
                    self.left.setdefault(who, outcome.get("last_activity_ts", record.ts))
            yield record


@pytest.mark.parametrize(("seed", "recall"), [(31, 0.60), (47, 0.60), (61, 0.60)])
def test_tier_alerts_are_worth_watching(
    seed: int, recall: float, record_property: Callable[[str, object], None]
) -> None:
    """An alert is right if they left within 30 days of it; a lapse is known to be one two weeks after it began.

    The lead runs to the outcome's record. To the last activity, by which a front line would count, it is shorter.
    """
    leavers, learner = Leavers(), Learner(LearnerSettings(), prior())
    records = leavers.watched(simulated(seed, SUBSCRIBERS, DAYS, 0.018))
    bodies = published(lived(records, Policy(), learner), Policy())
    published_alerts = [body for body in bodies if isinstance(body, Alert)]
    alerts = [body for body in published_alerts if body.kind == "risk_tier"]
    incidents = [b for b in published_alerts if b.kind == "account_exodus" and b.event in ("raised", "escalated")]
    left, known = leavers.left, leavers.known
    begin, end = SIMULATED_SINCE + FROM * DAY_MS, SIMULATED_SINCE + DAYS * DAY_MS
    raised, times = [a for a in alerts if a.event == "raised"], defaultdict(list)
    for alert in raised:
        times[alert.subscriber_id].append(alert.ts)

    def right(alert: Alert) -> bool:
        who = alert.subscriber_id
        return who in left and known[who] > alert.ts - DAY_MS and left[who] <= alert.ts + HORIZON * DAY_MS

    matured = [a for a in raised if begin <= a.ts < end - HORIZON * DAY_MS]
    before = {
        who: [ts for ts in times[who] if 0 <= at - ts <= HORIZON * DAY_MS]
        for who, at in known.items()
        if begin + HORIZON * DAY_MS < at < end
    }
    foretold = {who: min(found) for who, found in before.items() if found}
    began = {a.alert_id: a.ts for a in raised}
    lengths = [(a.ts - began[a.alert_id]) / DAY_MS for a in alerts if a.close_reason == "recovered"]
    named = defaultdict(list, {who: list(found) for who, found in times.items()})
    for incident in incidents:  # which stands for the tier alerts of the lines it names
        for who in incident.members or []:
            named[who].append(incident.ts)
    of_account = {
        who
        for who in before
        if who not in foretold and any(0 <= known[who] - ts <= HORIZON * DAY_MS for ts in named[who])
    }
    figures = {
        "a day per 1,000": round(sum(a.ts >= begin for a in raised) / SUBSCRIBERS / (DAYS - FROM) * 1_000, 2),
        "precision": round(sum(map(right, matured)) / len(matured), 3),
        "of alerts": len(matured),
        "recall": round((len(foretold) + len(of_account)) / len(before), 3),
        "of it by an incident of their account": round(len(of_account) / len(before), 3),
        "of leavers": len(before),
        "lead, days": round(median((known[who] - ts) / DAY_MS for who, ts in foretold.items()), 1),
        "lead to the last activity": round(median((left[who] - ts) / DAY_MS for who, ts in foretold.items()), 1),
        "over in two days": round(sum(days <= 2.0 for days in lengths) / len(lengths), 3),
    }
    record_property(f"seed {seed}", figures)
    sys.stdout.write(f"seed {seed}: {figures}\n")
    assert 0.5 <= figures["a day per 1,000"] <= 1.25  # at most the budget; where candidates are few, all of them
    assert figures["precision"] >= 0.35
    assert figures["recall"] >= recall  # deploy/adr/0017 has what was tried on the third
    assert figures["lead, days"] >= 3.0
    assert figures["over in two days"] <= 0.10
