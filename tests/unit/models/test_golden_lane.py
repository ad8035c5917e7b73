"""What a lane makes of logs with every kind of event, against what was frozen of them."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from support.golden_lane import SEEDS, counts_of, difference, golden, lived, outputs_of, subscribers_of

_SCRIPT = """
import sys
from unit.models.test_golden_lane import fingerprint
print(fingerprint(int(sys.argv[1])))
"""


@pytest.mark.parametrize("seed", SEEDS)
def test_lane_decides_as_was_frozen(seed: int):
    log = golden(seed)
    bench = lived(log)
    assert difference(log["outputs"], outputs_of(bench)) is None
    assert difference(log["clock"], msgspec.to_builtins(bench.detector.clock)) is None
    assert difference(log["counts"], counts_of(bench)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_lane_keeps_of_everybody_what_was_frozen(seed: int):
    log = golden(seed)
    assert difference(log["final"], subscribers_of(lived(log), log["now"])) is None


def fingerprint(seed: int) -> str:
    """One hash of all state and outputs, to the last bit."""
    bench = lived(golden(seed))
    digest = hashlib.blake2b(msgspec.json.encode(outputs_of(bench)))
    for key, value in sorted(bench.state.items()):
        digest.update(key + value)
    return digest.hexdigest()


def test_interpreted_and_compiled_for_any_processor_give_the_same_bits():
    tests = Path(__file__).parents[2]
    path = os.pathsep.join([str(tests), str(tests / "support"), str(tests.parent)])
    seed = SEEDS[0]
    others = [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", _SCRIPT, str(seed)],
            env=os.environ | {"PYTHONPATH": path, name: value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, value in (("NUMBA_DISABLE_JIT", "1"), ("NUMBA_CPU_NAME", "generic"))
    ]
    for other in others:
        out, err = other.communicate()
        assert other.returncode == 0, err
        assert out.strip() == fingerprint(seed), other.args
