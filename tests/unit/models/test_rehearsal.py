"""After the rehearsal nothing that a lane does is compiled any more."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[2]

LIVED = """
import numpy as np
from support.golden_lane import SEEDS, arrivals_of, bench_of, golden

from models.kernel import compiled, places
from models.kernel.arrivals import EventReader
from models.scoring.rehearsal import rehearse


def overloads():
    return {name: list(each.signatures) for name, each in vars(compiled).items() if hasattr(each, "signatures")}


rehearsed = rehearse()
assert sum(rehearsed) >= 6, rehearsed
assert rehearse() == rehearsed, "a second time there is nothing to do"
before = overloads()
walked = ("emptied", "walk", "look", "score", "silences", "of_each")
read = ("read_events", "put_word")
for name in walked + read:
    assert before[name], name
for seed in SEEDS:
    log = golden(seed)
    bench, arrivals = bench_of(log), arrivals_of(log)
    half = len(arrivals) // 2
    bench.apply(arrivals[:half])
    bench.restart()
    bench.apply(arrivals[half:])
    bench.apply([bench.arrival("visit", f"many-{n}", log["now"] + n) for n in range(1_100)])
    bench.detector.switch(bench.detector.scorer)
    bench.apply([bench.arrival("call", "one-more", log["now"] + 2_000)])
value, key = b'{"subscriber_id":"s-1","ts":1780000000000,"event_id":"e-1","bytes":1.5e6}', b"s-1"
record = [0, len(value), len(value), len(key), 0, 1_780_000_000_000, 0, places.DATA_USE]
for buffer in (np.frombuffer(value + key, dtype=np.uint8), np.array(bytearray(value + key))):
    assert EventReader().read(buffer, np.array([record])).status[0] == places.PLAIN
after = overloads()
assert before == after, {name: found for name, found in after.items() if found != before[name]}
"""


def test_lane_compiles_nothing_more_after_the_rehearsal():
    """In a process of its own: other tests call parts of the compiled code with types that no lane has."""
    path = os.pathsep.join([str(TESTS), str(TESTS / "support"), str(TESTS.parent)])
    made = subprocess.run(
        [sys.executable, "-c", LIVED],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
