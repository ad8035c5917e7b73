"""The command as a whole: what is listed, how it refuses, and with which exit code."""

from __future__ import annotations

import gc
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from app import cli
from app.config.settings import KEYS, SECRETS
from app.errors import ExitCode, Refused


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in [*KEYS, "config"]:
        monkeypatch.delenv(f"HOLDFAST_{key.upper()}", raising=False)


def test_help_lists_what_is_there_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    told = capsys.readouterr().out
    for verb in ("worker", "topics", "alerts", "dlq", "config", "kafka"):
        assert f"\n  {verb} " in told
    listed = {line.split()[0] for line in told.partition("Commands:")[2].splitlines() if line.startswith("  ")}
    assert "nothing" not in listed


@pytest.mark.parametrize("verb", [name for name in cli.VERBS if name != "worker"])
def test_every_verb_of_the_table_is_a_command_with_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([verb, "--help"]) == 0
    assert f"holdfast {verb}" in capsys.readouterr().out


def piped(args: list[str], *, pipe: str = "cat", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command as a shell runs it, its stdout a pipe."""
    command = " ".join([sys.executable, "-m", "app.cli", *map(shlex.quote, args)])
    given = {**os.environ, **environment}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} | {pipe}"], check=False, capture_output=True, env=given
    )


@pytest.mark.parametrize("encoding", ["ascii", "gbk", "cp1252"])
def test_stdout_that_cannot_encode_replaces_and_no_traceback(encoding: str, tmp_path: Path) -> None:
    done = piped(["replay", "--help"], PYTHONIOENCODING=encoding)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    log = tmp_path / "log.csv"
    log.write_text(
        "subscriber_id,ts,direction,duration_s,peer_network\nМuñoz-张🙂,2026-05-01 09:00,outgoing,5,on_net\n"
    )
    done = piped(["replay", str(log), "--as", "calls", "--dry-run"], PYTHONIOENCODING=encoding)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert json.loads(done.stdout.decode(encoding))["key"] == "Мuñoz-张🙂", "JSON has an escape for every character"


@pytest.mark.parametrize("args", [["config", "show"], ["config", "show", "--json"], ["replay", "--help"]])
def test_a_reader_that_has_read_enough_is_no_failure(args: list[str]) -> None:
    done = piped(args, pipe="true", PYTHONUNBUFFERED="1")
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("stdout", "why"), [(">/dev/full", b"No space left on device"), (">&-", b"it is closed")])
@pytest.mark.parametrize("args", [["policy", "show"], ["config", "show"], ["--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_stdout_that_takes_nothing_is_said(args: list[str], stdout: str, why: bytes, unbuffered: str) -> None:
    """A click page, a table of rich, click's own help; written at once, or only at the end."""
    command = shlex.join([sys.executable, "-m", "app.cli", *args])
    given = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["bash", "-c", f"{command} {stdout}"], check=False, capture_output=True, env=given)
    assert done.returncode == ExitCode.FAILED
    assert b"holdfast: cannot write to stdout: " + why in done.stderr
    assert b"Traceback" not in done.stderr


def test_columns_say_how_wide_a_table_may_be_where_there_is_no_terminal() -> None:
    for columns in ("60", "100"):
        lines = piped(["config", "show"], COLUMNS=columns).stdout.decode().splitlines()
        assert 0.9 * int(columns) < max(map(len, lines)) <= int(columns)


@pytest.mark.parametrize("columns", ["0", "-5", "wide", "²", ""])
def test_columns_that_are_no_width_count_as_unset(columns: str, tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("subscriber_id,ts,direction,duration_s,peer_network\ns-1,2026-05-01 09:00,outgoing,5,on_net\n")
    for args in (["config", "show"], ["replay", str(log), "--as", "calls", "--dry-run"]):
        given = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        run = [sys.executable, "-m", "app.cli", *args]
        unset = subprocess.run(run, check=True, capture_output=True, env=given)
        done = subprocess.run(run, check=True, capture_output=True, env={**given, "COLUMNS": columns, "LINES": columns})
        assert (done.stdout, done.stderr) == (unset.stdout, unset.stderr)
        assert b"subscriber_id* " in done.stderr or args[0] != "replay"


def test_the_examples_of_replay_are_as_narrow_as_the_terminal() -> None:
    for columns in (60, 80):
        told = piped(["replay", "--help"], COLUMNS=str(columns)).stdout.decode()
        lines = told[told.index("Flags for what the guess misses:") :].splitlines()
        assert max(map(len, lines)) <= columns
        text = " ".join(" ".join(lines).split())
        assert "--timezone Europe/Berlin the zone of times without one; times that its clocks skip" in text
        assert "left.csv \\ --as calls --as data-usage" in text


def test_help_imports_neither_faust_nor_numpy() -> None:
    code = "import sys; from app.cli import main; main(['--help']); print([m for m in %r if m in sys.modules])"
    heavy = ["faust", "aiokafka", "numpy", "msgspec", "aiohttp", "prometheus_client", "rich"]
    done = subprocess.run([sys.executable, "-c", code % heavy], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_mistyped_verb_suggests_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["alrts"]) == ExitCode.USAGE
    told = capsys.readouterr()
    assert "Did you mean 'alerts'?" in told.err
    assert told.out == ""


def test_an_unknown_flag_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["alerts", "tail", "--frm-beginning"]) == ExitCode.USAGE
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "args",
    [
        ["worker"],
        ["topics", "create"],
        ["topics", "check"],
        ["alerts", "tail"],
        ["alerts", "show", "9f0c1122"],
        ["dlq", "list"],
        ["dlq", "show", "0:0"],
        ["dlq", "redrive", "--yes"],
    ],
)
def test_without_brokers_a_verb_refuses_and_says_what_to_do(
    args: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(args) == ExitCode.USAGE
    told = capsys.readouterr()
    assert "holdfast kafka start" in told.err
    assert "export HOLDFAST_BROKERS=" in told.err
    assert told.out == ""


@pytest.mark.parametrize("verb", [["topics", "check"], ["alerts", "tail"], ["model", "segments", "--now"]])
def test_a_broker_that_does_not_answer_is_not_ready_and_no_traceback(
    verb: list[str], capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert cli.main([*verb, "--brokers", "127.0.0.1:1"]) == ExitCode.NOT_FOUND
    gc.collect()
    told = capsys.readouterr().err + caplog.text
    assert "no Kafka broker answers at 127.0.0.1:1" in told
    assert "Traceback" not in told
    assert "Unclosed" not in told


def test_mistyped_variables_stop_every_verb_and_all_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOLDFAST_TOPIC_PREFX", "x")
    monkeypatch.setenv("HOLDFAST_PARTITIONS", "many")
    assert cli.main(["topics", "check", "--brokers", "127.0.0.1:1"]) == ExitCode.USAGE
    told = capsys.readouterr().err
    assert "did you mean HOLDFAST_TOPIC_PREFIX?" in told
    assert "HOLDFAST_PARTITIONS: expected a whole number" in told


def test_config_show_tells_value_and_source(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "holdfast.toml"
    path.write_text('group = "of-file"\n')
    for args in (
        ["--config", str(path), "config", "show", "--json"],
        ["config", "show", "--json", "--config", str(path)],
    ):
        assert cli.main([*args, "--partitions", "3"]) == 0
        lines = {each["key"]: each for each in map(json.loads, capsys.readouterr().out.splitlines())}
        assert lines["group"] == {"key": "group", "value": "of-file", "source": f"file {path}"}
        assert lines["partitions"] == {"key": "partitions", "value": 3, "source": "--partitions"}
        assert lines["metrics_port"]["source"] == "default"


def test_config_show_hides_secrets(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("HOLDFAST_SASL_PASSWORD", "hunter2")
    for args in (["config", "show"], ["config", "show", "--json"]):
        assert cli.main(args) == 0
        told = capsys.readouterr()
        assert "hunter2" not in told.out + told.err
        assert "********" in told.out


def test_no_secret_can_be_a_flag(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["config", "show", "--help"])
    told = capsys.readouterr().out
    assert "--sasl-username" in told
    assert not [secret for secret in SECRETS if f"--{secret.replace('_', '-')}" in told]


def test_ctrl_c_is_130_and_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.config.command.console", interrupted)
    assert cli.main(["config", "show"]) == ExitCode.INTERRUPTED
    assert "Traceback" not in capsys.readouterr().err


def test_a_refusal_is_shown_on_stderr_with_its_advice(capsys: pytest.CaptureFixture[str]) -> None:
    Refused("the sky fell", "prop it up").show()
    told = capsys.readouterr()
    assert told.err == "holdfast: the sky fell\n  prop it up\n"
    assert told.out == ""


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("holdfast ")


def test_the_worker_hands_its_flags_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, object] = {}

    class Worker:
        @staticmethod
        def detect(settings: object, *, take_over: bool, accept_loss: bool) -> None:
            seen.update(settings=settings, take_over=take_over, accept_loss=accept_loss)

    monkeypatch.setitem(sys.modules, "app.worker.process", Worker)  # type: ignore[arg-type]
    monkeypatch.setattr("app.process.logs.set_up", lambda level: seen.update(level=level))
    args = ["worker", "--brokers", "h:1", "--take-over", "--base-rate", "0.02", "--log-level", "error"]
    cli.main(args)  # the code is the process's: tests/unit/app/test_ending.py
    assert (seen["take_over"], seen["accept_loss"], seen["level"]) == (True, False, "error")
    assert getattr(seen["settings"], "base_rate", None) == 0.02
