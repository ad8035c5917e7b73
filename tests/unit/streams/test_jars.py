from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from broker_mirror import Mirror, listing_of

from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.broker_settings import BrokerSettings
from streams.embedded_kafka.jars import KAFKA_VERSION, Jar, JarStore, ensure_jars, parse_jars, pinned_list, write_error

CONTENTS = {"pump": b"pump" * 5000, "valve": b"valve" * 3000, "gauge": b"gauge" * 100}


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Heard:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[tuple[int, int]] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def received(self, done: int, total: int) -> None:
        self.steps.append((done, total))


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))  # this machine's own repository must not answer
    with Mirror() as serving:
        for artifact, content in CONTENTS.items():
            serving.hold(content, artifact)
        yield serving


@pytest.fixture
def store(tmp_path: Path) -> JarStore:
    return JarStore(tmp_path / "cache", short_listing())


def short_listing() -> str:
    return listing_of(*(Mirror.hold(_Unserved(), content, artifact) for artifact, content in CONTENTS.items()))


class _Unserved(Mirror):
    """Only to name jars."""

    def __init__(self) -> None:
        self.files = {}


def settings(mirror: Mirror, tmp_path: Path) -> BrokerSettings:
    return BrokerSettings(cache=tmp_path / "cache", state=tmp_path / "state", mirror=mirror.url)


def test_mirror_of_the_setting_is_asked_and_the_size_is_said_first(
    mirror: Mirror, store: JarStore, tmp_path: Path
) -> None:
    heard = Heard()
    ensure_jars(settings(mirror, tmp_path), heard, store)
    assert {asked.path for asked in mirror.asked} == {f"/maven2/{jar.repository_path}" for jar in store.jars}
    assert store.is_complete()
    assert f"from {mirror.host}, once: 3 jars" in heard.lines[0]
    assert heard.steps[-1] == (store.size, store.size)


def test_second_start_neither_fetches_nor_reads_the_jars(
    mirror: Mirror, store: JarStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_jars(settings(mirror, tmp_path), Heard(), store)
    mirror.asked.clear()
    monkeypatch.setattr(Jar, "is_in", lambda *_: pytest.fail("hashed a jar"))
    heard = Heard()
    ensure_jars(settings(mirror, tmp_path), heard, JarStore(tmp_path / "cache", store.listing))
    assert mirror.asked == []
    assert heard.lines == []


@pytest.mark.parametrize("harm", ["deleted", "truncated"])
def test_jar_that_is_gone_or_short_is_fetched_again(mirror: Mirror, store: JarStore, tmp_path: Path, harm: str) -> None:
    ensure_jars(settings(mirror, tmp_path), Heard(), store)
    victim = store.path(store.jars[0])
    if harm == "deleted":
        victim.unlink()
    else:
        victim.write_bytes(b"pu")
    mirror.asked.clear()
    assert not store.is_complete()
    ensure_jars(settings(mirror, tmp_path), Heard(), store)
    assert store.missing() == []
    assert len(mirror.asked) == 1


def test_interrupted_set_is_not_complete_and_goes_on(mirror: Mirror, store: JarStore, tmp_path: Path) -> None:
    lost = mirror.files.pop(f"/maven2/{store.jars[1].repository_path}")
    with pytest.raises(BrokerError, match="answers 404"):
        ensure_jars(settings(mirror, tmp_path), Heard(), store)
    assert not store.is_complete()
    mirror.files[f"/maven2/{store.jars[1].repository_path}"] = lost
    ensure_jars(settings(mirror, tmp_path), Heard(), store)
    assert store.is_complete()


def test_jars_of_the_local_maven_repository_are_copied_when_they_are_right(
    mirror: Mirror, store: JarStore, tmp_path: Path
) -> None:
    good, bad = store.jars[0], store.jars[1]
    for jar, content in ((good, CONTENTS["pump"]), (bad, b"tampered")):
        own = tmp_path / "m2" / jar.repository_path
        own.parent.mkdir(parents=True)
        own.write_bytes(content)
    ensure_jars(settings(mirror, tmp_path), Heard(), store)
    assert {asked.path.rpartition("/")[2] for asked in mirror.asked} == {bad.name, store.jars[2].name}
    assert store.missing() == []


def test_disk_without_room_is_said_before_anything_is_fetched(
    mirror: Mirror, store: JarStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(total=100, used=95, free=5))
    with pytest.raises(BrokerError, match="is full"):
        ensure_jars(settings(mirror, tmp_path), Heard(), store)
    assert mirror.asked == []


def test_cache_that_cannot_be_written_is_named(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file, not a directory")
    with pytest.raises(BrokerError, match=r"Cannot write .*HOLDFAST_CACHE"):
        ensure_jars(settings(mirror, tmp_path), Heard(), JarStore(tmp_path / "cache", short_listing()))


def test_full_disk_reads_as_such_whichever_quota_it_is() -> None:
    for code in (errno.ENOSPC, errno.EDQUOT):
        assert "is full" in str(write_error(OSError(code, "no"), Path("/cache/kafka/x.jar")))
    assert "is full" not in str(write_error(OSError(errno.EACCES, "no"), Path("/cache/kafka/x.jar")))


def test_another_list_has_another_directory(tmp_path: Path) -> None:
    assert JarStore(tmp_path, "").directory != JarStore(tmp_path).directory


def test_pinned_list_is_one_kafka_with_its_logger_and_no_jar_twice() -> None:
    jars = parse_jars(pinned_list())
    versions = {jar.artifact: jar.version for jar in jars}
    assert len({jar.name for jar in jars}) == len(jars) == 45
    assert versions["kafka_2.13"] == versions["kafka-clients"] == KAFKA_VERSION
    assert "slf4j-simple" in versions
    assert all(len(jar.sha256) == 64 and jar.size > 0 for jar in jars)
