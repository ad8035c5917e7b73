"""Where compiled code is kept, what is said where it cannot be, and that the next process uses what is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from app.process import compilation
from app.process.compilation import VARIABLE, Compilation, Keeping, settle
from models.scoring import rehearsal
from models.scoring.rehearsal import Rehearsed

ROOT = Path(__file__).parents[3]
LOCATORS = "NUMBA_CACHE_LOCATOR_CLASSES"

IMPORT = """
import json, os, sys
from app.process.compilation import settle
keeping = settle()
from models.kernel import compiled
print(json.dumps([keeping.fault, compiled.exp(0.0), compiled.exp.stats.cache_path]))
"""


@pytest.fixture
def in_the_way(tmp_path: Path) -> Path:
    """A file where a directory should be: nobody can write below it, not even root."""
    path = tmp_path / "file"
    path.write_text("")
    return path


def imported(environment: dict[str, str]) -> tuple[list[object], str]:
    """What a new process says of its import."""
    made = subprocess.run(
        [sys.executable, "-c", IMPORT],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout), made.stderr


def test_compiled_code_is_kept_beside_the_jars(tmp_path: Path):
    environment = {"HOLDFAST_CACHE": str(tmp_path / "cache")}
    keeping = settle(environment)
    assert keeping.folder.parent == tmp_path / "cache"
    assert keeping.folder.name.startswith("compiled-")
    assert (keeping.fault, keeping.warning) == (None, None)
    assert keeping.folder.stat().st_mode & 0o077 == 0
    assert environment[VARIABLE] == str(keeping.folder)
    assert LOCATORS not in environment


def test_folder_of_the_operator_is_taken(tmp_path: Path):
    environment = {VARIABLE: str(tmp_path / "theirs"), "HOLDFAST_CACHE": str(tmp_path / "cache")}
    assert settle(environment) == Keeping(tmp_path / "theirs")
    assert environment[VARIABLE] == str(tmp_path / "theirs")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", [VARIABLE, "HOLDFAST_CACHE"])
def test_folder_that_cannot_be_written_is_named(in_the_way: Path, name: str):
    environment = {name: str(in_the_way / "below")}
    keeping = settle(environment)
    assert keeping.fault == "Not a directory"
    warning = keeping.warning or ""
    assert str(in_the_way / "below") in warning
    assert "each start takes some 20 s longer" in warning
    assert settle(environment) == keeping, "a process that is started from here says the same"


def test_no_home_directory_is_a_fault_and_no_error(monkeypatch: pytest.MonkeyPatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert settle({}).fault == "Could not determine home directory."


def test_unwritable_folder_never_fails_the_import(in_the_way: Path):
    (fault, one, kept_in), _ = imported({"HOLDFAST_CACHE": str(in_the_way / "below"), "HOME": str(in_the_way)})
    assert (fault, one, kept_in) == ("Not a directory", 1.0, None)


def test_numba_keeps_what_it_compiles_where_it_was_told(tmp_path: Path):
    (fault, one, kept_in), _ = imported({"HOLDFAST_CACHE": str(tmp_path)})
    assert (fault, one) == (None, 1.0)
    assert Path(str(kept_in)).parent.parent == tmp_path


class Rehearsals:
    """In place of the compiler: what it finds, or which error it meets first."""

    def __init__(self, found: Rehearsed, error: OSError | None = None) -> None:
        self.found, self.error, self.kept = found, error, True
        self.lines: list[tuple[str, dict[str, object]]] = []

    def rehearse(self) -> Rehearsed:
        if self.kept and self.error is not None:
            raise self.error
        return self.found

    def keep_nothing(self) -> None:
        self.kept = False

    def info(self, event: str, **fields: object) -> None:
        self.lines.append((event, fields))

    warning = info


@pytest.fixture
def rehearsals(monkeypatch: pytest.MonkeyPatch) -> Iterator[Rehearsals]:
    made = Rehearsals(Rehearsed(compiled=0, loaded=6))
    monkeypatch.setattr(rehearsal, "rehearse", made.rehearse)
    monkeypatch.setattr(rehearsal, "keep_nothing", made.keep_nothing)
    monkeypatch.setattr(compilation, "log", made)
    return made


@pytest.mark.parametrize(("found", "state"), [(Rehearsed(0, 6), "from the cache"), (Rehearsed(62, 0), "anew")])
async def test_beginning_and_end_are_logged(rehearsals: Rehearsals, tmp_path: Path, found: Rehearsed, state: str):
    rehearsals.found = found
    compiling = Compilation(Keeping(tmp_path))
    assert not compiling.done
    await compiling.run()
    assert compiling.done
    assert [event for event, _ in rehearsals.lines] == ["compiling", "compiled"]
    assert rehearsals.lines[-1][1] == {"seconds": 0.0, "state": state}


async def test_full_disk_costs_the_cache_and_nothing_else(rehearsals: Rehearsals, tmp_path: Path):
    rehearsals.error = OSError(28, "No space left on device")
    await Compilation(Keeping(tmp_path)).run()
    assert [event for event, _ in rehearsals.lines] == ["compiling", "compiled_code_not_kept", "compiled"]
    assert "No space left on device" in str(rehearsals.lines[1][1]["detail"])


async def test_fault_is_logged_before_the_wait(rehearsals: Rehearsals, tmp_path: Path):
    keeping = Keeping(tmp_path, "Permission denied")
    await Compilation(keeping).run()
    assert rehearsals.lines[0] == ("compiled_code_not_kept", {"detail": keeping.warning})


def test_second_process_waits_for_the_first_but_not_for_ever(
    rehearsals: Rehearsals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    second = threading.Thread(target=compilation.compile_now, args=(Keeping(tmp_path),))
    with (tmp_path / "lock").open("w") as first:
        flock(first, LOCK_EX)
        second.start()
        second.join(0.3)
        assert second.is_alive()
    second.join(5)
    assert not second.is_alive()
    monkeypatch.setattr(compilation, "PATIENCE_S", 0.2)
    with (tmp_path / "lock").open("w") as paused:
        flock(paused, LOCK_EX)
        compilation.compile_now(Keeping(tmp_path))
    assert len(rehearsals.lines) == 4
