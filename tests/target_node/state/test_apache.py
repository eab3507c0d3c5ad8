"""Does Apache ZooKeeper make the same of our images, txns, seeds and paths?"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from target_node.state.acl import digest_of
from target_node.state.image import read_image, write_image
from target_node.state.paths import join, problem_with
from target_node.state.session_ids import SECRET, java_random_bytes, password_of
from target_node.state.tree import Tree
from target_node.wire.codes import CreateMode, Perms
from target_node.wire.data import ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, Id
from target_node.wire.multi import MultiRequest
from target_node.wire.requests import CreateContainerRequest, CreateTTLRequest, SetACLRequest
from target_node.wire.txn import encode_txn
from tests.target_node.state.leader import (
    ALICE,
    BOB,
    CLOSE,
    Leader,
    create,
    delete,
    ephemeral,
    sequential,
    set_data,
)

JARS = [
    Path("/usr/share/java") / f"{name}.jar"
    for name in ("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop")
]


class Apache:
    def __init__(self, folder: Path) -> None:
        missing = [str(jar) for jar in JARS if not jar.exists()]
        if missing or shutil.which("javac") is None:
            raise AssertionError(
                "these tests compare with Apache ZooKeeper: install Debian's packages "
                f"libzookeeper-java, libslf4j-java and default-jdk-headless ({missing} missing)"
            )
        self.folder = folder
        self._path = ":".join([*map(str, JARS), str(folder)])
        source = Path(__file__).parent / "java" / "TreeTool.java"
        self._run("javac", "-cp", self._path, "-d", str(folder), str(source))

    def ask(self, what: str, question: bytes) -> list[str]:
        asked = self.folder / "question"
        asked.write_bytes(question)
        return self._run(
            *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"),
            "-Dzookeeper.extendedTypesEnabled=true",
            *("-cp", self._path, "TreeTool", what, str(asked), str(self.folder / "answer")),
        ).splitlines()

    @property
    def answer(self) -> bytes:
        return (self.folder / "answer").read_bytes()

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Apache:
    return Apache(tmp_path_factory.mktemp("apache"))


def pieces(many: Iterable[bytes]) -> bytes:
    return b"".join(struct.pack(">i", len(one)) + one for one in many)


def told(tree: Tree) -> list[str]:
    """The tree in the words of the Java tool."""
    lines = [f"digest {tree.digest}"]

    def tell(path: str) -> None:
        node = tree.nodes[path]
        data = "null" if node.data is None else "x" + node.data.hex()
        numbers = (
            *(node.czxid, node.mzxid, node.pzxid, node.ctime_ms, node.mtime_ms),
            *(node.version, node.cversion, node.aversion, node.owner),
        )
        acl = "".join(f" {one.perms}:{one.id.scheme}:{one.id.id}" for one in node.acl)
        lines.append(f"{path} {data} {' '.join(map(str, numbers))}{acl}")
        for name in sorted(node.children):
            tell(join(path, name))

    tell("/")
    return lines


def busy() -> Leader:
    leader = Leader()
    hers = (ACL(Perms.ALL, Id("digest", digest_of("carol:secret"))),)
    for request in (
        create("/a", b"one"),
        create("/a/ü", None),
        create("/a/hers", b"", acl=hers),
        set_data("/a", b"two"),
        set_data("/a", b"no", version=9),
        sequential("/a/q-"),
        sequential("/a/q-"),
        delete("/a/q-0000000002"),
        ephemeral("/a/e"),
        CreateContainerRequest("/c", b"c", OPEN_ACL_UNSAFE, CreateMode.CONTAINER),
        CreateTTLRequest("/t", b"t", OPEN_ACL_UNSAFE, CreateMode.PERSISTENT_WITH_TTL, 77),
        SetACLRequest("/c", READ_ACL_UNSAFE, 0),
        MultiRequest((create("/m"), set_data("/m", b"m"), delete("/a/q-0000000003"))),
        MultiRequest((create("/n"), delete("/missing"))),
    ):
        leader.ask(request)
    leader.ask(ephemeral("/bobs"), BOB)
    leader.ask(ephemeral("/a/bobs"), BOB)
    leader.ask(CLOSE, BOB)
    return leader


def test_it_restores_our_image(apache: Apache) -> None:
    tree = busy().tree
    shown = apache.ask("restore", b"".join(write_image(tree)))
    assert shown == [f"session {ALICE} 30000", *told(tree)]


def test_we_restore_its_image(apache: Apache) -> None:
    tree = busy().tree
    apache.ask("restore", b"".join(write_image(tree)))
    restored = read_image(tree.last_zxid, [apache.answer])
    assert told(restored) == told(tree)
    assert restored.sessions == tree.sessions
    assert restored.chain.since == tree.last_zxid  # its writer drops what no node uses


def test_it_makes_the_same_tree_of_our_txns(apache: Apache) -> None:
    leader = busy()
    shown = apache.ask("apply", pieces(encode_txn(one.header, one.body) for one in leader.log))
    assert shown == told(leader.tree)


def test_it_knows_our_passwords(apache: Apache) -> None:
    seeds = [0, 1, -1, 0x100_0000_0000_0001, -(1 << 63), (1 << 63) - 1, 42 << 56]
    shown = apache.ask("password", "\n".join(str(seed ^ SECRET) for seed in seeds).encode())
    assert shown == ["x" + password_of(seed).hex() for seed in seeds]
    assert java_random_bytes(7, 5) == java_random_bytes(7, 16)[:5]


PATHS = (
    *("", "/", "a", "/a", "/a/", "//", "/a//b", "/.", "/..", "/a/.", "/a/..", "/a/./b", "/a/../b"),
    *(
        "/...",
        "/a.b",
        "/.a",
        "/a.",
        "/a..",
        "/..a",
        "/a/..b/c",
        "/ü",
        "/a b",
        "/\t",
        "/a\0",
        "/\x1f",
    ),
    *("/\x20", "/\x7e", "/\x7f", "/\x9f", "/\xa0", "/\ud7ff", "/\ue000", "/\uf8ff", "/\uf900"),
    *("/\uffef", "/\ufff0", "/\uffff", "/\U00010000", "/\U0001f600", "/zookeeper/config"),
)


def test_it_accepts_the_same_paths(apache: Apache) -> None:
    shown = apache.ask("paths", pieces(path.encode() for path in PATHS))
    ours = ["bad" if problem_with(path) else "good" for path in PATHS]
    assert dict(zip(PATHS, ours, strict=True)) == dict(zip(PATHS, shown, strict=True))
