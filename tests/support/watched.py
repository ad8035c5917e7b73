"""A worker and a learner under simulated load, scraped by a real Prometheus that runs the rules of deploy/."""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from support.black_box_worker import clean_environment, until
from support.programs import program
from support.relay_rig import SECRET
from support.rig import event, now_ms
from support.ruled_examples import examples
from support.warm_start import ROOT, run_holdfast

from app.generate.dashboards.rendering import PREFIX, rendered
from streams.embedded_kafka.ports import free_ports
from streams.records.topics import EXAMPLES

PROMETHEUS: Final = ROOT / "deploy" / "prometheus"
LANES: Final = 2
LEARNER_NUMBERS: Final = "warm_rows = 50\nwindow = 1000\nrecent_rows = 100\n"
"""Numbers with which some hundred labels are enough to publish a model."""

SELECTOR: Final = re.compile(r"(?:\bup|holdfast_\w+|\w+:holdfast_\w+:\w+)(?:\{[^}]*\})?")
PANELS: Final = [each for text in rendered().values() for each in json.loads(text)["panels"] if each["type"] != "row"]


class PanelFindings(NamedTuple):
    """Titles and legends of queries without any series, and titles of panels that show NaN."""

    empty: list[tuple[str, str]]
    unknown: set[str]


class _Accepts(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


A_UNIT = """
[[units]]
name = "tianhe-03"
capacity = { outbound_call = 500 }
target = 5
"""
"""Without a unit in the policy nothing stands beside capacity and target."""


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
        self._units = directory / "policy.toml"
        self._units.write_text(A_UNIT)
        self.environment = clean_environment(
            {
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOLDFAST_BROKERS": bootstrap,
                "HOLDFAST_TOPIC_PREFIX": prefix,
                "HOLDFAST_GROUP": f"{prefix}holdfast",
                "HOLDFAST_PARTITIONS": str(LANES),
                "HOLDFAST_LEARNER": str(numbers),
                "HOLDFAST_CHECKPOINT_S": "0.5",
                "HOLDFAST_RELAY_SECRET": SECRET,
                "COLUMNS": "120",  # as without a terminal; the one that the tests run in may be narrow
            }
        )
        self.ports = dict(zip(("9108", "9109", "9110", "9090"), free_ports(4), strict=True))
        """Those that are used here, by those that configuration and runbooks name."""

    def holdfast(self, *arguments: str) -> None:
        """Run a verb to its end."""
        done = run_holdfast(self.environment, *arguments, bound_s=100)
        assert done.returncode == 0, done.stderr

    def start(self, name: str, *arguments: str, port: str = "9108", **variables: str) -> Process:
        """Start a verb that goes on."""
        environment = self.environment | {"HOLDFAST_METRICS_PORT": str(self.ports[port])} | variables
        command = [sys.executable, "-m", "app.cli", *arguments]
        return Process(self._stack, command, environment, self._directory / f"{name}.log")

    def start_all(self) -> list[Process]:
        """Create the topics; start worker, learner, relay and Prometheus; wait until all of them are seen at work."""
        program("curl")  # of runbooks
        prometheus = self.start_prometheus()
        self.holdfast("topics", "create")
        processes = [
            prometheus,
            self.start("worker", "worker", HOLDFAST_POLICY=str(self._units)),
            self.start("learner", "learner", port="9109"),
            self.start("relay", "relay", "--to", self.endpoint(), "--notify", "json://127.0.0.1:9/", port="9110"),
        ]
        self.until("holdfast_lanes_open == 2", 60)
        self.until('up{job="holdfast-learner"} == 1', 60)
        self.until('holdfast_ready{job="holdfast-relay"} == 1', 60)
        return processes

    def endpoint(self) -> str:
        """An endpoint that accepts everything, for as long as the stack lives."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _Accepts)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._stack.callback(server.server_close)
        self._stack.callback(server.shutdown)
        return f"crm=http://127.0.0.1:{server.server_port}/"

    def send(self, topic: str, *values: bytes, key: str = "s-1") -> None:
        """Write values under one key."""

        async def sent() -> None:
            producer = AIOKafkaProducer(bootstrap_servers=self.environment["HOLDFAST_BROKERS"], linger_ms=5)
            await producer.start()
            try:
                full = self.environment["HOLDFAST_TOPIC_PREFIX"] + topic
                await asyncio.gather(*[await producer.send(full, value, key.encode()) for value in values])
            finally:
                await producer.stop()

        asyncio.run(sent())

    def send_poison(self, count: int = 1) -> None:
        """Records that are no events."""
        self.send("telecom.calls.v1", *[b"no JSON"] * count)

    def send_leave_intents(self) -> None:
        """One of a customer with a profile, who is alerted on, and one of somebody without, which is suppressed."""
        self.send("telecom.subscribers.v1", event("telecom.subscribers.v1", "known", now_ms()), key="known")
        for who in ("known", "unknown"):
            said = event("telecom.care-contacts.v1", who, now_ms(), reason="leave_intent")
            self.send("telecom.care-contacts.v1", said, key=who)

    def send_examples(self, count: int) -> None:
        """Labels of others than those simulated: a month of life is not waited for."""
        self.send(EXAMPLES, *(msgspec.json.encode(each) for each in examples(4, count)))

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
        return re.sub(r"localhost:(9108|9109|9110|9090)", lambda found: f"127.0.0.1:{self.ports[found[1]]}", text)

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

    def panels(self) -> PanelFindings:
        """Run every query of every panel."""
        findings = PanelFindings([], set())
        for panel in PANELS:
            for target in panel["targets"]:
                values = self.query(target["expr"].replace(PREFIX, "holdfast").replace("$__rate_interval", "1m"))
                if not values:
                    findings.empty.append((panel["title"], target["legendFormat"]))
                elif all(map(math.isnan, values)):
                    findings.unknown.add(panel["title"])
        return findings

    def rules_without_data(self) -> list[tuple[str, str]]:
        """Rules that fail, that record nothing, or that ask for a series that is not there."""
        found = []
        rules = [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]
        assert {rule["type"] for rule in rules} == {"recording", "alerting"}
        for rule in rules:
            wanted = [rule["name"]] if rule["type"] == "recording" else SELECTOR.findall(rule["query"])
            assert wanted or rule["query"] == "vector(1)", rule["query"]
            found += [(rule["name"], each) for each in wanted if not self.query(each)]
            if rule["health"] != "ok":
                found.append((rule["name"], rule.get("lastError", rule["health"])))
        return found

    def firing(self) -> set[str]:
        """Alerts that fire now."""
        alerts = self.ask("alerts")["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}
