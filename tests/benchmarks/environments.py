"""Where the contenders run that cannot live beside Holdfast: virtual environments and a Java program of their own.

Quix Streams, Bytewax and Pathway pin versions that conflict with ours, so each gets an environment below a cache
folder, made once and used again. What cannot be installed is left out of the race, and the table says why.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

CONTENDERS: Final = Path(__file__).parent / "contenders"
PATIENCE_S: Final = 1_800
"""Pathway alone is 800 MB."""


class Unavailable(Exception):  # noqa: N818 - a reason to leave a contender out, not a fault
    """Why a contender cannot run here."""


def default_cache() -> Path:
    """Below the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "holdfast-benchmark"


def python_with(requirements: Sequence[str], cache: Path) -> Path:
    """The interpreter of an environment that holds these packages; made at the first call."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    name = hashlib.sha256("\n".join([version, *requirements]).encode()).hexdigest()[:12]
    home = cache / f"python-{re.match(r'[a-z]+', requirements[0])[0]}-{name}"
    interpreter, complete = home / "bin/python", home / "complete"
    if not complete.exists():
        shutil.rmtree(home, ignore_errors=True)  # of an installation that was interrupted
        cache.mkdir(parents=True, exist_ok=True)
        run([sys.executable, "-m", "venv", str(home)])
        run([str(interpreter), "-m", "pip", "install", "--quiet", *requirements])
        complete.touch()
    return interpreter


def kafka_streams(cache: Path) -> str:
    """The class path of the Kafka Streams program, built by Maven at the first call."""
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            raise Unavailable(f"there is no {tool} on the PATH")
    source = CONTENDERS / "kstreams"
    files = sorted(path for path in source.rglob("*") if path.is_file())
    name = hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:12]
    home = cache / f"kstreams-{name}"
    complete = home / "complete"
    if not complete.exists():
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(source, home)
        goals = ["package", "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=target/lib"]
        run(["mvn", "-q", "-B", "-f", str(home / "pom.xml"), *goals])
        complete.touch()
    return os.pathsep.join([str(home / "target/classes"), str(home / "target/lib/*")])


def run(command: list[str]) -> None:
    """Run an installer to its end; what stands in its way is the reason why a contender is left out."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"{Path(command[0]).name} took longer than {PATIENCE_S} s") from late
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Unavailable(f"{Path(command[0]).name}: {said[-1] if said else f'exit {done.returncode}'}")
