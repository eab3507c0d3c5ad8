"""Apache's ZooKeeper from a release that the user names."""

from __future__ import annotations

import asyncio
import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest

from harness.deploy.apache import JARS, Apache
from harness.deploy.release import NoRelease, jars_of
from harness.lab.lab import Lab
from tests.harness.deploy.test_cluster import cluster_on, write_and_read


def packed(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, content in members:
            one = tarfile.TarInfo(name)
            one.type = kind
            if kind == tarfile.REGTYPE:
                one.size = len(content)
                tar.addfile(one, io.BytesIO(content))
            else:
                one.linkname = content.decode()
                tar.addfile(one)
    return path


def needed_by(jar: Path, found: dict[Path, None]) -> None:
    """All jars that this one names, and those that they name."""
    with zipfile.ZipFile(jar) as opened:
        if "META-INF/MANIFEST.MF" not in opened.namelist():
            return
        manifest = opened.read("META-INF/MANIFEST.MF").decode()
    joined = manifest.replace("\r\n ", "").replace("\n ", "")
    if path := re.search(r"^Class-Path: (.*)$", joined, re.MULTILINE):
        for name in path[1].split():
            other = (jar.parent / name).resolve()
            if other.exists() and other not in found:
                found[other] = None
                needed_by(other, found)


def of_debian(path: Path) -> Path:
    """What Debian has, packed as Apache packs it: all jars beside each other."""
    files: dict[Path, None] = {Path(JARS) / "slf4j-simple.jar": None}
    needed_by(Path(JARS) / "zookeeper.jar", files)
    lib = "apache-zookeeper-3.8.0-bin/lib"
    members = [(f"{lib}/{one.name}", tarfile.REGTYPE, one.read_bytes()) for one in files]
    bare = io.BytesIO()
    with zipfile.ZipFile(f"{JARS}/zookeeper.jar") as server, zipfile.ZipFile(bare, "w") as copy:
        for name in server.namelist():
            if name != "META-INF/MANIFEST.MF":
                copy.writestr(name, server.read(name))
    members.append((f"{lib}/zookeeper-3.8.0.jar", tarfile.REGTYPE, bare.getvalue()))
    return packed(path, *members)


async def serve(lab: Lab, folder: Path, target: Apache) -> None:
    async with cluster_on(lab, folder, target) as (cluster, hosts):
        await write_and_read(cluster, "/packed")
        ran = await hosts[0].run("ps -eo args | grep '^java'")
        assert "/var/lib/zabtest/cache/zookeeper-3.8.0-" in ran.text
        assert f"{JARS}/zookeeper.jar" not in ran.text


@pytest.mark.prove
def test_an_ensemble_from_a_release(lab: Lab, tmp_path: Path) -> None:
    jars = jars_of(of_debian(tmp_path / "apache-zookeeper-3.8.0-bin.tar.gz"))
    asyncio.run(serve(lab, tmp_path, Apache(jars=jars)))


def test_only_jars_are_taken(tmp_path: Path) -> None:
    release = packed(
        tmp_path / "evil.tar.gz",
        ("z/lib/zookeeper-3.9.1.jar", tarfile.REGTYPE, b"1"),
        ("z/lib/../../evil.jar", tarfile.REGTYPE, b"2"),
        ("/z/lib/evil.jar", tarfile.REGTYPE, b"3"),
        ("z/lib/$(touch x).jar", tarfile.REGTYPE, b"4"),
        ("z/lib/link.jar", tarfile.SYMTYPE, b"/etc/passwd"),
        ("z/bin/zkServer.sh", tarfile.REGTYPE, b"5"),
    )
    (name,) = jars_of(release)
    assert re.fullmatch(r"zookeeper-3\.9\.1-[0-9a-f]{16}\.jar", name)
    assert [one.name for one in tmp_path.iterdir()] == ["evil.tar.gz"]


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "No such file"), (b"", "no archive|cannot be read"), (b"no tar", "no archive")],
)
def test_what_is_no_release(tmp_path: Path, content: bytes | None, why: str) -> None:
    path = tmp_path / "z.tar.gz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NoRelease, match=why):
        jars_of(path)
    other = packed(tmp_path / "other.tar.gz", ("a/lib/b.jar", tarfile.REGTYPE, b"1"))
    with pytest.raises(NoRelease, match=r"there is no lib/zookeeper-….jar in it"):
        jars_of(other)
