"""Turn a JUnit file into a report that can be quoted: what was run, on what, and the figures the tests recorded."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from xml.etree import ElementTree

VERSIONS = ("faust-streaming", "aiokafka", "river", "numpy", "msgspec", "orjson", "uvloop")


def machine() -> str:
    """The processor, cores and memory that the figures hold for."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        model = next(iter(names), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()} {platform.release()}"


def commit() -> str:
    """The commit, and whether the tree was changed since."""
    try:
        return subprocess.check_output(["git", "describe", "--always", "--dirty", "--abbrev=12"], text=True).strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def outcome(case: ElementTree.Element) -> str:
    """Passed, unless the case says otherwise."""
    return next((tag for tag in ("failure", "error", "skipped") if case.find(tag) is not None), "passed")


def rows(suite: ElementTree.Element) -> list[str]:
    """One row a test, its figures in the last column."""
    lines = []
    for case in suite.iter("testcase"):
        figures = "; ".join(f"{p.get('name')} = {p.get('value')}" for p in case.iter("property"))
        name = f"{case.get('classname', '')}.{case.get('name', '')}".removeprefix("tests.").replace("|", "\\|")
        lines.append(f"| {name} | {outcome(case)} | {float(case.get('time', 0)):.1f} | {figures.replace('|', '/')} |")
    return lines


def report(junit: Path, command: str) -> str:
    """The whole report in Markdown."""
    suite = ElementTree.parse(junit).getroot()
    started = next(suite.iter("testsuite")).get("timestamp", "")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in VERSIONS)
    return "\n".join(
        [
            "# Long tests and benchmarks",
            "",
            f"- When: {started}, commit {commit()}",
            f"- Command: `{command}`",
            f"- Machine: {machine()}",
            f"- Versions: Python {platform.python_version()}, {versions}",
            "",
            "| test | outcome | seconds | figures |",
            "| --- | --- | --- | --- |",
            *rows(suite),
            "",
        ]
    )


if __name__ == "__main__":
    source, target, command_line = sys.argv[1:]
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(report(Path(source), command_line), encoding="utf-8")
    print(f"wrote {target}")
