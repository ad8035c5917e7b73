"""What it costs to read an event: run ``pytest -m benchmark -s tests/benchmarks/test_bench_reader.py``.

Processor time, median of rounds in which the ways take turns, so that a busy machine does not count as a slow program.
Plain: the compiled reader; msgspec: `streams.records.wire.decode` and `arrivals.table_of`. Rows are found alike.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import logs
import pytest
from support.plain_events import LATEST, Told, packed, teach

from models.contract.events import Arrival
from models.kernel import places
from models.kernel.arrivals import EventReader, table_of
from streams.records.wire import Rejected, decode

ROUNDS = 21
EVENTS = 20_000


def by_msgspec(batches: Sequence[Sequence[Told]]) -> None:
    for told in batches:
        arrivals = []
        for one in told:
            event = decode(one.topic, one, LATEST)
            assert not isinstance(event, Rejected)
            arrivals.append(Arrival(one.topic, one.offset, one.timestamp, event))
        table_of(arrivals)


@pytest.mark.benchmark
@pytest.mark.parametrize("at_once", [1, 10, 100, 5_000])
@pytest.mark.parametrize("log", ["day-thirds", "day-usage"])
def test_cost_of_reading(log: str, at_once: int, record_property: Callable[[str, float], None]) -> None:
    told = [
        Told(logs.TOPICS[one.topic], logs.name_of(one.subscriber).encode(), one.value)
        for one in logs.events(logs.LOGS[log], max(2_000, min(EVENTS, 400 * at_once)))
    ]
    batches = [told[at : at + at_once] for at in range(0, len(told), at_once)]
    ready = [packed(batch) for batch in batches]
    reader = EventReader()
    teach(reader, told)
    by_msgspec(batches)
    assert all((reader.read(*batch).status == places.PLAIN).all() for batch in ready)

    def plain() -> None:
        for buffer, records in ready:
            reader.read(buffer, records)

    ways = {"plain": plain, "msgspec": lambda: by_msgspec(batches)}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, work in ways.items():
            began = time.process_time()
            work()
            spent[name].append((time.process_time() - began) / len(told) * 1e6)
    for name, each in spent.items():
        record_property(f"read_{name}_us_{log}_{at_once}", round(median(each), 3))
    line = "  ".join(f"{name} {median(each):7.3f}" for name, each in spent.items())
    print(f"\n{log}, {at_once} at once, us/event: {line}")  # noqa: T201 - its table is what a benchmark is for
