from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from broker_mirror import jar_of, listing_of

from streams.embedded_kafka.broker_error import BrokerError
from streams.embedded_kafka.broker_settings import BrokerSettings
from streams.embedded_kafka.jars import LIST_NAME, JarStore, Silent, ensure_jars, install_bundle, pack_bundle

CONTENTS = {"pump": b"pump" * 5000, "valve": b"valve" * 3000}
LISTING = listing_of(*(jar_of(content, artifact) for artifact, content in CONTENTS.items()))


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    store = JarStore(tmp_path / "here", LISTING)
    store.directory.mkdir(parents=True)
    for jar in store.jars:
        store.path(jar).write_bytes(CONTENTS[jar.artifact])
    pack_bundle(store, tmp_path / "kafka.tar.gz")
    return tmp_path / "kafka.tar.gz"


def there(tmp_path: Path, listing: str = LISTING) -> JarStore:
    store = JarStore(tmp_path / "there", listing)
    store.directory.mkdir(parents=True)
    return store


def archive_of(file: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(file, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file


def test_bundle_brings_the_jars_to_another_machine(packed: Path, tmp_path: Path) -> None:
    store = there(tmp_path)
    install_bundle(packed, store)
    assert store.missing() == []


def test_bundle_of_the_setting_is_used_without_network(packed: Path, tmp_path: Path) -> None:
    store = JarStore(tmp_path / "there", LISTING)
    offline = BrokerSettings(tmp_path / "there", tmp_path / "state", mirror="http://127.0.0.1:1", bundle=packed)
    assert ensure_jars(offline, Silent(), store).is_complete()


def test_same_jars_make_the_same_bytes(packed: Path, tmp_path: Path) -> None:
    first = packed.read_bytes()
    pack_bundle(JarStore(tmp_path / "here", LISTING), tmp_path / "again.tar.gz")
    assert (tmp_path / "again.tar.gz").read_bytes() == first


def test_changed_jar_is_refused_and_not_installed(tmp_path: Path) -> None:
    store = there(tmp_path)
    harmed = archive_of(tmp_path / "harmed.tar.gz", {"x/pump-1.0.jar": b"pumq" * 5000})
    with pytest.raises(BrokerError, match=r"pump-1\.0\.jar in the bundle .* pinned SHA-256"):
        install_bundle(harmed, store)
    assert list(store.directory.iterdir()) == []


def test_missing_jar_is_named(tmp_path: Path) -> None:
    half = archive_of(tmp_path / "half.tar.gz", {"x/pump-1.0.jar": CONTENTS["pump"]})
    with pytest.raises(BrokerError, match=r"has no valve-1\.0\.jar"):
        install_bundle(half, there(tmp_path))


def test_bundle_of_another_release_is_told_by_its_list(tmp_path: Path) -> None:
    foreign = archive_of(tmp_path / "foreign.tar.gz", {f"x/{LIST_NAME}": b"other"})
    with pytest.raises(BrokerError, match="another release"):
        install_bundle(foreign, there(tmp_path))


def test_members_outside_the_list_have_no_effect(tmp_path: Path) -> None:
    store = there(tmp_path)
    hostile = archive_of(
        tmp_path / "hostile.tar.gz",
        {"../../evil.jar": b"evil", "../pump-1.0.jar": CONTENTS["pump"], "/valve-1.0.jar": CONTENTS["valve"]},
    )
    install_bundle(hostile, store)
    assert {file.name for file in store.directory.iterdir()} == {"pump-1.0.jar", "valve-1.0.jar"}
    assert list(tmp_path.rglob("evil*")) == []


def test_link_in_place_of_a_jar_is_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "link.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("x/pump-1.0.jar")
        link.type = tarfile.SYMTYPE
        link.linkname = "/etc/passwd"
        archive.addfile(link)
    with pytest.raises(BrokerError, match="has no pump"):
        install_bundle(tmp_path / "link.tar.gz", there(tmp_path))


@pytest.mark.parametrize("keep", [0, 10, 2000])
def test_damaged_bundle_is_one_clear_message(packed: Path, tmp_path: Path, keep: int) -> None:
    damaged = tmp_path / "damaged.tar.gz"
    # Incompressible middle: a cut in it must be found whatever the compression did.
    damaged.write_bytes(packed.read_bytes()[: min(keep, packed.stat().st_size // 2)])
    with pytest.raises(BrokerError, match=r"damaged or not a bundle|has no"):
        install_bundle(damaged, there(tmp_path))


def test_absent_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match=r"There is no bundle .*none\.tar\.gz"):
        install_bundle(tmp_path / "none.tar.gz", there(tmp_path))


def test_target_that_cannot_be_written_leaves_nothing(packed: Path, tmp_path: Path) -> None:
    with pytest.raises(BrokerError, match="Cannot write"):
        pack_bundle(JarStore(tmp_path / "here", LISTING), tmp_path / "no-such-directory" / "kafka.tar.gz")
