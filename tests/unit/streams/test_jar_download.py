from __future__ import annotations

import errno
from collections.abc import Iterator
from io import FileIO
from pathlib import Path

import pytest
from broker_mirror import Mirror, jar_of

from streams.embedded_kafka import jars
from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.jars import Jar, Repository
from streams.embedded_kafka.ports import free_ports

CONTENT = bytes(range(256)) * 1024


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with Mirror() as serving:
        yield serving


def fetch(mirror: Mirror, jar: Jar, directory: Path) -> list[int]:
    gained: list[int] = []
    Repository(mirror.url, pause=0).fetch(jar, directory / jar.name, gained.append)
    return gained


def test_jar_arrives_whole_and_leaves_no_part(mirror: Mirror, tmp_path: Path) -> None:
    jar = mirror.hold(CONTENT)
    gained = fetch(mirror, jar, tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT
    assert sum(gained) == jar.size
    assert [file.name for file in tmp_path.iterdir()] == [jar.name]


def test_cut_download_goes_on_where_it_ended(mirror: Mirror, tmp_path: Path) -> None:
    jar = mirror.hold(CONTENT)
    mirror.cuts = [100_000, 50_000]
    gained = fetch(mirror, jar, tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT
    assert [asked.range for asked in mirror.asked] == [None, "bytes=100000-", "bytes=150000-"]
    assert sum(gained) == jar.size


def test_part_of_an_earlier_run_is_resumed(mirror: Mirror, tmp_path: Path) -> None:
    jar = mirror.hold(CONTENT)
    (tmp_path / f"{jar.name}.part").write_bytes(CONTENT[:1000])
    gained = fetch(mirror, jar, tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT
    assert [asked.range for asked in mirror.asked] == ["bytes=1000-"]
    assert sum(gained) == jar.size


def test_whole_part_is_not_fetched_again(mirror: Mirror, tmp_path: Path) -> None:
    jar = mirror.hold(CONTENT)
    (tmp_path / f"{jar.name}.part").write_bytes(CONTENT)
    fetch(mirror, jar, tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT
    assert mirror.asked == []


def test_mirror_that_cannot_resume_starts_anew(mirror: Mirror, tmp_path: Path) -> None:
    jar = mirror.hold(CONTENT)
    mirror.resumes = False
    mirror.cuts = [100_000]
    gained = fetch(mirror, jar, tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT
    assert sum(gained) == jar.size


def test_wrong_remainder_is_thrown_away_and_fetched_whole(mirror: Mirror, tmp_path: Path) -> None:
    jar = mirror.hold(CONTENT)
    (tmp_path / f"{jar.name}.part").write_bytes(b"x" * 1000)
    gained = fetch(mirror, jar, tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT
    assert [asked.range for asked in mirror.asked] == ["bytes=1000-", None]
    assert sum(gained) == jar.size


def test_wrong_checksum_is_refused_and_nothing_stays(mirror: Mirror, tmp_path: Path) -> None:
    jar = jar_of(CONTENT)
    mirror.files[f"/maven2/{jar.repository_path}"] = CONTENT[:-1] + b"!"
    with pytest.raises(BrokerError, match=r"does not have the pinned SHA-256.*HOLDFAST_MAVEN_MIRROR"):
        fetch(mirror, jar, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_longer_answer_does_not_grow_the_file(mirror: Mirror, tmp_path: Path) -> None:
    jar = jar_of(CONTENT)
    mirror.files[f"/maven2/{jar.repository_path}"] = CONTENT + b"appended"
    fetch(mirror, jar, tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT


def test_line_that_never_moves_is_given_up_and_keeps_what_it_has(mirror: Mirror, tmp_path: Path) -> None:
    jar = mirror.hold(CONTENT)
    mirror.cuts = [1000] + [0] * 20
    with pytest.raises(BrokerError, match="What has arrived is kept"):
        fetch(mirror, jar, tmp_path)
    assert (tmp_path / f"{jar.name}.part").read_bytes() == CONTENT[:1000]
    assert not (tmp_path / jar.name).exists()


def test_no_network_says_what_to_do(tmp_path: Path) -> None:
    jar = jar_of(CONTENT)
    port = free_ports(1)[0]
    repository = Repository(f"http://127.0.0.1:{port}", pause=0)
    with pytest.raises(BrokerError, match=r"Cannot fetch pump-1\.0\.jar.*refused.*HOLDFAST_BUNDLE"):
        repository.fetch(jar, tmp_path / jar.name, lambda _: None)


def test_overloaded_mirror_is_asked_again(mirror: Mirror, tmp_path: Path) -> None:
    jar = mirror.hold(CONTENT)
    mirror.codes = [503, 429]
    fetch(mirror, jar, tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT


def test_mirror_without_the_jar_is_named_at_once(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"answers 404 for org/holdfast/pump/1\.0"):
        fetch(mirror, jar_of(CONTENT), tmp_path)
    assert len(mirror.asked) == 1


def test_full_disk_is_said_and_the_part_is_resumed_later(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = mirror.hold(CONTENT)
    room = [100_000]

    class FullDisk(FileIO):
        def write(self, chunk: bytes, /) -> int:  # type: ignore[override]
            taken = super().write(chunk[: room[0]])
            room[0] -= taken
            if not taken:
                raise OSError(errno.ENOSPC, "No space left on device")
            return taken

    with monkeypatch.context() as patched:
        patched.setattr(jars, "_writing", lambda part, append: FullDisk(part, "ab" if append else "wb"))
        with pytest.raises(BrokerError, match=r"is full.*HOLDFAST_CACHE"):
            fetch(mirror, jar, tmp_path)
    assert (tmp_path / f"{jar.name}.part").read_bytes() == CONTENT[:100_000]
    fetch(mirror, jar, tmp_path)
    assert (tmp_path / jar.name).read_bytes() == CONTENT


def test_login_goes_to_the_mirror_and_not_into_messages(mirror: Mirror, tmp_path: Path) -> None:
    jar = mirror.hold(CONTENT)
    url = mirror.url.replace("//", "//li:p%40ss@")
    Repository(url, pause=0).fetch(jar, tmp_path / jar.name, lambda _: None)
    assert mirror.asked[0].login == "Basic bGk6cEBzcw=="
    with pytest.raises(BrokerError) as refused:
        Repository(url, pause=0).fetch(jar_of(b"other", "other"), tmp_path / "other.jar", lambda _: None)
    assert "p%40ss" not in str(refused.value)
    assert "p@ss" not in str(refused.value)


@pytest.mark.parametrize("url", ["ftp://li:secret@mirror/maven2", "mirror/maven2", "file:///etc", "https://"])
def test_mirror_that_is_no_http_url_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(BrokerError, match="HOLDFAST_MAVEN_MIRROR") as refused:
        Repository(url)
    assert "secret" not in str(refused.value)
