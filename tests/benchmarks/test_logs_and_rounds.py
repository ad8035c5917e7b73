"""The logs of the benchmark: the same on every machine, and what their names say; and who runs when."""

from __future__ import annotations

import hashlib
from collections import Counter
from itertools import pairwise

import logs
import orjson
import pytest
from reference import expected
from roster import BARE, HOLDFAST, ROSTER
from rounds import order

SOME = 4_000


@pytest.mark.parametrize("name", logs.LOGS)
def test_log_is_made_of_its_seed_alone(name: str) -> None:
    first, again = (list(logs.events(logs.LOGS[name], SOME)) for _ in range(2))
    assert first == again
    assert expected(name, SOME) == expected.__wrapped__(name, SOME)


def test_first_events_are_the_ones_whose_figures_were_quoted() -> None:
    digests = {
        name: hashlib.sha256(b"".join(event.value for event in logs.events(log, SOME))).hexdigest()[:16]
        for name, log in logs.LOGS.items()
    }
    assert digests == {
        "day-thirds": "1fe879fec64e8c1c",
        "day-usage": "4d6c064e4765a34c",
        "month": "6e5e6f7184b9bde6",
    }


@pytest.mark.parametrize("name", logs.LOGS)
def test_shares_and_span_are_those_of_the_title(name: str) -> None:
    log = logs.LOGS[name]
    found = list(logs.events(log, SOME))
    shares = Counter(event.topic for event in found)
    assert shares[0] / SOME == pytest.approx(log.calls, abs=0.03)
    assert shares[1] / SOME == pytest.approx(log.data, abs=0.03)
    on_time = sum(later.ts >= earlier.ts for earlier, later in pairwise(found))
    assert on_time > 0.9 * SOME
    assert max(event.ts for event in found) - logs.START_MS == pytest.approx(
        log.days * logs.DAY_MS * SOME / log.events, rel=0.01
    )


def test_month_has_17_events_between_two_ticks_of_a_lane() -> None:
    month = logs.LOGS["month"]
    ticks = month.days * logs.DAY_MS // (15 * 60_000)
    assert month.events / ticks / logs.PARTITIONS == 17


def test_record_says_the_time_of_its_event() -> None:
    for event in logs.events(logs.LOGS["month"], 100):
        body = orjson.loads(event.value)
        assert (body["ts"], body["subscriber_id"]) == (event.ts, logs.name_of(event.subscriber))


def test_partition_is_the_one_that_the_java_client_would_choose() -> None:
    # Computed with org.apache.kafka.common.utils.Utils.murmur2.
    assert [logs.partition_of(key) for key in ("s-000000", "s-000001", "s-009999")] == [4, 7, 6]


@pytest.mark.parametrize("number", range(6))
def test_holdfast_follows_the_bare_loop_in_every_round(number: int) -> None:
    turns = order(list(ROSTER), number)
    assert sorted(turns) == sorted(ROSTER)
    assert turns.index(HOLDFAST) == turns.index(BARE) + 1


def test_each_round_has_another_order() -> None:
    assert len({tuple(order(list(ROSTER), number)) for number in range(3)}) == 3
