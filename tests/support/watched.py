"""A worker and a learner under simulated load, scraped by a real Prometheus that runs the rules of deploy/."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from support.black_box_worker import ROOT, clean_environment, until
from support.watch_tools import program

PROMETHEUS: Final = ROOT / "deploy" / "prometheus"
LANES: Final = 2
LEARNER_NUMBERS: Final = "warm_rows = 50\nwindow = 1000\nrecent_rows = 100\n"
"""Numbers with which some hundred labels are enough to publish a model."""


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


class Process:
    """A child and its log; killed with its stack."""

    def __init__(self, stack: ExitStack, command: list[str], environment: dict[str, str], log: Path) -> None:
        self.log = log
        with log.open("wb") as out:
            self._child = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
        stack.callback(self.kill)

    @property
    def code(self) -> int | None:
        return self._child.poll()

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()

    def wait(self, bound_s: float) -> int:
        return self._child.wait(bound_s)

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


class Watched:
    """What a test watches, and the Prometheus that does."""

    def __init__(self, stack: ExitStack, bootstrap: str, prefix: str, directory: Path) -> None:
        self._stack = stack
        self._directory = directory
        numbers = directory / "learner.toml"
        numbers.write_text(LEARNER_NUMBERS)
        self.environment = clean_environment(
            {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOLDFAST_BROKERS": bootstrap,
                "HOLDFAST_TOPIC_PREFIX": prefix,
                "HOLDFAST_GROUP": f"{prefix}holdfast",
                "HOLDFAST_PARTITIONS": str(LANES),
                "HOLDFAST_LEARNER": str(numbers),
                "HOLDFAST_CHECKPOINT_S": "0.5",
            }
        )
        self.ports = {"9108": free_port(), "9109": free_port(), "9090": free_port()}
        """Those that are used here, by those that configuration and runbooks name."""

    def holdfast(self, *arguments: str) -> None:
        """Run a verb to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "app.cli", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def start(self, name: str, *arguments: str, port: str = "9108") -> Process:
        """Start a verb that goes on."""
        environment = self.environment | {"HOLDFAST_METRICS_PORT": str(self.ports[port])}
        command = [sys.executable, "-m", "app.cli", *arguments]
        return Process(self._stack, command, environment, self._directory / f"{name}.log")

    def start_prometheus(self) -> Process:
        """Start it with the shipped configuration, but for ports, and for looking each second."""
        text = (PROMETHEUS / "prometheus.yml").read_text()
        text = self.here(text).replace("15s", "1s").replace("rules/*.yml", str(PROMETHEUS / "rules" / "*.yml"))
        configuration = self._directory / "prometheus.yml"
        configuration.write_text(text)
        command = [
            program("prometheus"),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self._directory / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.ports['9090']}",
        ]
        return Process(self._stack, command, dict(os.environ), self._directory / "prometheus.log")

    def here(self, text: str) -> str:
        """Text with the ports that are used here."""
        return re.sub(r"localhost:(9108|9109|9090)", lambda found: f"127.0.0.1:{self.ports[found[1]]}", text)

    def ask(self, page: str, **parameters: str) -> Any:
        """What Prometheus' API says."""
        url = f"http://127.0.0.1:{self.ports['9090']}/api/v1/{page}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[float]:
        """The values of an expression now."""
        found = self.ask("query", query=expression)
        return [float(each["value"][1]) for each in found["result"]]

    def until(self, expression: str, bound_s: float) -> None:
        """Wait until an expression gives something."""

        def given() -> bool:
            try:
                return bool(self.query(expression))
            except OSError:
                return False  # Prometheus does not listen yet

        until(given, expression, bound_s, pause_s=0.3)
