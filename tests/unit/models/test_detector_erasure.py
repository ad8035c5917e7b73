"""Forgetting a subscriber: what goes, what is told of it, and that nothing brings him back by itself."""

from __future__ import annotations

from support.detecting import DAY, HOUR, START, Bench

from models.contract.alerts import subscriber_hash


def erased() -> Bench:
    bench = Bench()
    bench.send("profile", "s-1", START - DAY)
    bench.send("care", "s-1", START, reason="leave_intent")
    bench.send("call", "s-2", START)
    bench.send("erasure", "s-1", START + HOUR, request_id="r-7")
    return bench


def test_erasure_closes_deletes_and_gives_a_receipt() -> None:
    bench = erased()
    assert bench.life() == ["leave_intent raised", "leave_intent closed erased"]
    assert bench.detector.population.find("s-1") == -1
    assert not [key for key in bench.state if b"s-1" in key]
    (receipt,) = bench.receipts()
    assert receipt.request_id == "r-7"
    assert receipt.subscriber_hash == subscriber_hash("s-1")
    assert {d.where for d in receipt.deleted} == {"churn.state.v1", "churn.risk-scores.v1"}
    assert max(r.until for r in receipt.remaining) == START + HOUR + 30 * DAY - HOUR
    output = next(o for o in bench.outputs if o.kind == "receipt")
    assert output.key == subscriber_hash("s-1")
    assert "s-1" not in repr(output)


def test_erasure_takes_back_the_latest_risk() -> None:
    bench = Bench()
    bench.send("call", "s-1", START)
    bench.send("call", "s-2", START + DAY)  # the daily look at s-1 comes with it
    bench.send("erasure", "s-1", START + DAY + HOUR, request_id="r-7")
    scores = [o.body is None for o in bench.outputs if o.kind == "score" and o.key == "s-1"]
    assert scores == [False, True]


def test_events_from_before_an_erasure_do_not_bring_the_subscriber_back() -> None:
    bench = erased()
    bench.send("profile", "s-1", START - DAY)
    bench.send("care", "s-1", START + HOUR, reason="leave_intent")
    assert bench.detector.population.find("s-1") == -1
    assert bench.counts[-1].ignored == {"telecom.care-contacts.v1": 1}
    assert bench.counts[-1].applied == {}
    assert len(bench.alerts()) == 2


def test_newer_events_make_a_new_acquaintance() -> None:
    bench = erased()
    bench.send("profile", "s-1", START + 2 * HOUR)
    bench.send("care", "s-1", START + 2 * HOUR, reason="leave_intent")
    assert bench.life()[2:] == ["leave_intent raised"]
    bench.send("care", "s-1", START + HOUR, reason="leave_intent")
    assert len(bench.life()) == 3


def test_stop_mark_survives_a_restart_and_ends_after_thirty_days() -> None:
    bench = erased()
    bench.restart()
    bench.send("call", "s-1", START)
    assert bench.detector.population.find("s-1") == -1
    assert any(key.startswith(b"X") for key in bench.state)
    bench.send("call", "s-2", START + 32 * DAY)
    assert not any(key.startswith(b"X") for key in bench.state)
    bench.send("call", "s-1", START)
    assert bench.detector.population.find("s-1") >= 0


def test_erasure_of_nobody_gives_a_receipt_and_a_mark() -> None:
    bench = Bench()
    bench.send("erasure", "s-1", START)
    (receipt,) = bench.receipts()
    assert receipt.deleted == []
    bench.send("call", "s-1", START)
    assert bench.detector.population.find("s-1") == -1


def test_same_request_delivered_twice_is_done_once() -> None:
    bench = erased()
    bench.send("erasure", "s-1", START + HOUR, request_id="r-7")
    assert len(bench.receipts()) == 1
    assert bench.counts[-1].duplicates == {"telecom.erasures.v1": 1}
    bench.send("erasure", "s-1", START + 2 * HOUR, request_id="r-8")
    assert [r.request_id for r in bench.receipts()] == ["r-7", "r-8"]


def test_erasure_in_the_middle_of_a_batch_stops_what_comes_behind_it() -> None:
    bench = Bench()
    bench.apply(
        [
            bench.arrival("call", "s-1", START),
            bench.arrival("erasure", "s-1", START + HOUR),
            bench.arrival("call", "s-1", START + HOUR - 1),
            bench.arrival("call", "s-2", START + 2 * HOUR),
        ]
    )
    assert len(bench.detector.population) == 1
    assert bench.counts[-1].ignored == {"telecom.calls.v1": 1}
