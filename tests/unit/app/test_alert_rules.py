"""Alert rules: valid, tried firing and not firing, each with a runbook. What they query: test_watching.py."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from support.programs import program

DEPLOY = Path(__file__).parents[3] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
RULES = (PROMETHEUS / "rules" / "alerts.yml").read_text(encoding="utf-8")
ALERTS = sorted(set(re.findall(r"- alert: (\w+)", RULES)))
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
PARTS = ("Meaning", "Impact", "Look", "Decide", "Roll back")


def run(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=PROMETHEUS, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_configuration_and_rules_are_valid() -> None:
    run(program("promtool"), "check", "config", "prometheus.yml")


def test_alertmanager_example_is_valid_and_pages_for_pages() -> None:
    amtool = program("amtool")
    run(amtool, "check-config", "alertmanager.yml")
    route = (amtool, "config", "routes", "test", "--config.file=alertmanager.yml")
    assert run(*route, "alertname=HoldfastNoWorker", "severity=page").strip() == "pager"
    assert run(*route, "alertname=HoldfastModelStale", "severity=ticket").strip() == "ticket"
    assert run(*route, "alertname=HoldfastWatchdog", "severity=info").strip() == "dead-man"


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_rules_fire_when_they_should_and_only_then(path: Path) -> None:
    assert "SUCCESS" in run(program("promtool"), "test", "rules", path)


def test_each_alert_is_tried() -> None:
    tried = set(re.findall(r"Holdfast\w+", "".join(path.read_text(encoding="utf-8") for path in TESTS)))
    assert sorted(set(ALERTS) - tried) == []


def test_each_alert_has_a_severity_and_addresses() -> None:
    alerts = RULES.split("- alert: ")[1:]
    for alert in alerts:
        name = alert.split(maxsplit=1)[0]
        assert re.search(r"labels: \{ severity: (page|ticket|info)[ ,]", alert), name
        assert f"runbook_url: https://runbooks.example.com/holdfast/{name}.md\n" in alert, name
        assert re.search(
            r"dashboard_url: https://grafana.example.com/d/holdfast-(operations|pipeline|model)\n", alert
        ), name


@pytest.mark.parametrize("alert", ALERTS)
def test_each_alert_has_a_runbook(alert: str) -> None:
    text = (DEPLOY / "runbooks" / f"{alert}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {alert}\n")
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == PARTS
    assert len(re.findall(r"^\$ ", text, re.MULTILINE)) == 3


def test_each_runbook_of_an_alert_has_its_alert() -> None:
    assert sorted(path.stem for path in (DEPLOY / "runbooks").glob("Holdfast*.md")) == ALERTS
