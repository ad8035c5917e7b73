from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.broker_home import BrokerHome, Resident, cluster_id, command_of
from streams.embedded_kafka.broker_settings import BrokerSettings

SLEEP = "import sys, time; print('up', flush=True); time.sleep(600)"


@pytest.fixture
def home(tmp_path: Path) -> BrokerHome:
    home = BrokerHome(tmp_path / "broker")
    home.write_properties(9092, 9093, {})
    return home


@pytest.fixture
def tenant(home: BrokerHome) -> Iterator[subprocess.Popen[bytes]]:
    """A process that names the home's properties as a broker does."""
    with subprocess.Popen([sys.executable, "-c", SLEEP, str(home.properties)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def properties(home: BrokerHome) -> dict[str, str]:
    return dict(line.split("=", 1) for line in home.properties.read_text(encoding="ascii").splitlines())


def test_properties_listen_on_loopback_only(home: BrokerHome) -> None:
    written = properties(home)
    assert written["listeners"] == "PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093"
    assert written["controller.quorum.voters"] == "1@127.0.0.1:9093"
    assert written["log.dirs"] == str(home.data)


def test_own_properties_win(home: BrokerHome) -> None:
    home.write_properties(9092, 9093, {"log.segment.bytes": "1048576", "num.partitions": "3"})
    written = properties(home)
    assert (written["log.segment.bytes"], written["num.partitions"]) == ("1048576", "3")


def test_directory_is_closed_to_others(home: BrokerHome) -> None:
    assert stat.S_IMODE(home.directory.stat().st_mode) == 0o700


def test_broker_that_runs_here_is_found(home: BrokerHome, tenant: subprocess.Popen[bytes]) -> None:
    home.note(Resident(tenant.pid, 9092))
    assert home.resident() == (tenant.pid, 9092)
    tenant.kill()
    tenant.wait()
    assert home.resident() is None


def test_ended_but_unreaped_broker_counts_as_gone(home: BrokerHome, tenant: subprocess.Popen[bytes]) -> None:
    home.note(Resident(tenant.pid, 9092))
    tenant.kill()
    os.waitid(os.P_PID, tenant.pid, os.WEXITED | os.WNOWAIT)
    assert home.resident() is None


def test_pid_that_now_belongs_to_another_program_is_never_signalled(home: BrokerHome) -> None:
    home.note(Resident(os.getpid(), 9092))
    assert home.resident() is None
    assert home.evict() is None  # this test would not come back from a SIGTERM


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"pid": "x", "port": 1}', '{"pid": 0, "port": 1}', '{"pid": -1, "port": 1}']
)
def test_broken_note_is_nobody(home: BrokerHome, text: str) -> None:
    (home.directory / "broker.json").write_text(text)
    assert home.resident() is None


def test_evict_ends_the_broker_and_forgets_it(home: BrokerHome, tenant: subprocess.Popen[bytes]) -> None:
    home.note(Resident(tenant.pid, 9092))
    assert home.evict() == (tenant.pid, 9092)
    assert tenant.wait() != 0
    assert not (home.directory / "broker.json").exists()


def test_note_of_a_newer_broker_is_not_forgotten(home: BrokerHome) -> None:
    home.note(Resident(123, 9092))
    home.forget_if(122)
    assert json.loads((home.directory / "broker.json").read_text())["pid"] == 123


def test_wipe_takes_only_what_a_broker_wrote(home: BrokerHome) -> None:
    home.data.mkdir()
    (home.data / "meta.properties").touch()
    (home.directory / "thesis.txt").write_text("mine")
    assert home.wipe()
    assert [file.name for file in home.directory.iterdir()] == ["thesis.txt"]


def test_wipe_leaves_data_that_kafka_did_not_format(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "photo").touch()
    BrokerHome(tmp_path).wipe()
    assert (tmp_path / "data" / "photo").exists()


def test_wipe_of_nothing_says_so(tmp_path: Path) -> None:
    assert not BrokerHome(tmp_path / "none").wipe()


def test_long_log_begins_anew_and_a_short_one_goes_on(home: BrokerHome) -> None:
    with home.open_log() as log:
        log.write(b"first\n")
    with home.open_log() as log:
        log.write(b"second\n" * 30)
    assert home.log_tail(2) == "second\nsecond"
    assert home.log.read_bytes().startswith(b"first")
    with home.log.open("r+b") as file:
        file.truncate(9 << 20)
    home.open_log().close()
    assert home.log.stat().st_size == 0


def test_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match="Cannot write to"), BrokerHome(tmp_path / "file" / "x").locked():
        pass


def test_cluster_ids_are_22_letters_differ_and_never_look_like_an_option(tmp_path: Path) -> None:
    made = []
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        made.append(cluster_id(tmp_path / str(number)))
    assert len(set(made)) == 20
    assert all(len(one) == 22 and one[0] != "-" for one in made)


def test_own_command_is_read() -> None:
    assert "python" in command_of(os.getpid())


def test_cache_and_state_follow_the_desktop_rules() -> None:
    told = BrokerSettings.from_environment({"HOME": "/home/li", "XDG_STATE_HOME": "/state"})
    assert told.cache == Path("/home/li/.cache/holdfast")
    assert told.state == Path("/state/holdfast")


@pytest.mark.parametrize("text", ["64", "1g", "-5"])
def test_heap_that_cannot_work_is_refused(text: str) -> None:
    with pytest.raises(BrokerError, match="HOLDFAST_KAFKA_HEAP_MB"):
        BrokerSettings.from_environment({"HOME": "/home/li", "HOLDFAST_KAFKA_HEAP_MB": text})
