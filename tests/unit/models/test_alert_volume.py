"""The budget as the lanes keep it: whole detectors through ten weeks, by the policy that is shipped."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from statistics import mean

import pytest
from support.detecting import DAY, HOUR, LETTERS, START, event, snapshot

from models.contract.alerts import Alert
from models.contract.events import Arrival
from models.contract.policy import Policy
from models.detection.detector import Detector
from models.scoring.scorer import Scorer

SCORER = Scorer(snapshot(-5.0, last_satisfaction=([1.0, 5.0, 10.0], [7.0, 2.6, 0.0])))
"""High risk from an answer a little below 5 on, and higher with each point less."""
DAYS, FROM, UNTIL = 70, 42, 70
CONTENT_AFTER_DAYS = 8
A_DAY = 2.1
"""Who becomes discontent, a day per 1,000: about twice what there is room for."""


def lane_of(partition: int, subscribers: int, dice: random.Random) -> int:
    """Tier alerts that one lane raises in the last four weeks."""
    detector, offset, raised = Detector(SCORER, Policy(), partition), 0, 0
    names = [f"s-{partition}-{n}" for n in range(subscribers)]
    answers: defaultdict[int, list[tuple[str, float]]] = defaultdict(list)
    for day in range(8, DAYS):
        for who in names:
            if dice.random() < A_DAY / 1000:
                answers[day].append((who, max(1.0, 5.0 - dice.expovariate(0.6))))
                answers[day + CONTENT_AFTER_DAYS].append((who, 10.0))

    def said(kind: str, who: str, ts: int, **fields: object) -> Arrival:
        nonlocal offset
        offset += 1
        return Arrival(LETTERS[kind], offset, ts, event(kind, who, ts, **fields))

    rest = [said("profile", who, START) for who in names]
    rest += [said("care", who, START + n, reason="satisfaction", score=10.0) for n, who in enumerate(names)]
    for day in range(1, DAYS + 1):
        noon = START + day * DAY + 12 * HOUR
        rest += [
            said("care", who, noon + n, reason="satisfaction", score=score)
            for n, (who, score) in enumerate(answers[day])
        ]
        rest.append(said("care", names[0], noon + HOUR))
        while rest or detector.owed:
            rest = rest[detector.apply(rest) :]
            bodies = [output.body for output in detector.take().outputs]
            tier = [b for b in bodies if isinstance(b, Alert) and (b.kind, b.event) == ("risk_tier", "raised")]
            raised += sum(FROM <= (alert.ts - START) // DAY - 1 < UNTIL for alert in tier)
    return raised


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("lanes", "subscribers", "seeds"), [(1, 400, 10), (8, 400, 10), (1, 20_000, 1), (8, 20_000, 1)]
)
def test_volume_is_the_budget_within_a_quarter_over_28_days(
    lanes: int, subscribers: int, seeds: int, record_property: Callable[[str, object], None]
) -> None:
    """Of 400 subscribers in the mean: eleven alerts are too few for each four weeks to be within three of them."""
    volumes = []
    for seed in range(seeds):
        dice = random.Random(seed)
        volumes.append(sum(lane_of(partition, subscribers // lanes, dice) for partition in range(lanes)))
    record_property(f"tier_alerts_{lanes}_lanes_{subscribers}", volumes)
    assert mean(volumes) == pytest.approx(subscribers / 1000 * 28, rel=0.25)
