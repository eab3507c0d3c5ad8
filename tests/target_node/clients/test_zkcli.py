"""Does ZooKeeper's own command line get the answers that it expects?

One client runs all commands. Before each it reads a node whose data are a mark, so that what it
prints can be told apart by command.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.requests import CreateRequest
from tests.target_node.clients.apache import class_path, java
from tests.target_node.clients.session import Session
from tests.target_node.ensemble import ensemble

STAT = r"""cZxid = 0x\w+
ctime = .*
mZxid = 0x\w+
mtime = .*
pZxid = 0x\w+
cversion = {cversion}
dataVersion = {version}
aclVersion = {aversion}
ephemeralOwner = {owner}
dataLength = {length}
numChildren = {children}"""


def stat(
    *,
    version: int = 0,
    cversion: int = 0,
    aversion: int = 0,
    length: int = 0,
    children: int = 0,
    owner: str = "0x0",
) -> str:
    """How it shows one."""
    return STAT.format(
        version=version,
        cversion=cversion,
        aversion=aversion,
        length=length,
        children=children,
        owner=owner,
    )


# Commands, and what they print as a regular expression.
COMMANDS: list[tuple[str, str]] = [
    ("create /a hello", "Created /a"),
    ("create /a again", "Node already exists: /a"),
    ("create /no/such", "Node does not exist: /no/such"),
    ("get /a", "hello"),
    ("get -s /a", f"hello\n{stat(length=5)}"),
    ("create -e /e eph", "Created /e"),
    ("create /e/child", "Ephemerals cannot have children: /e/child"),
    ("stat /e", stat(length=3, owner=r"0x[1-9a-f]\w+")),
    ("create -s /a/s- x", "Created /a/s-0000000000"),
    ("create -s -e /a/s- x", "Created /a/s-0000000001"),
    ("create -c /c", "Created /c"),
    ("create -t 3600000 /t ttl", "Created /t"),
    ("set /a world", ""),
    ("set -s -v 1 /a third", stat(version=2, cversion=2, length=5, children=2)),
    ("set -v 7 /a no", "version No is not valid : /a"),
    ("get /a", "third"),
    ("ls /", r"\[a, c, e, marks, t, zookeeper\]"),
    ("ls -s /a", r"\[s-0000000000, s-0000000001\]\n" + stat(
        version=2, cversion=2, length=5, children=2)),
    ("ls -R /a", "/a\n/a/s-0000000000\n/a/s-0000000001"),
    ("ls /no", "Node does not exist: /no"),
    ("ls bad", "Path must start with / character"),
    ("getEphemerals", r"\[(/a/s-0000000001, /e|/e, /a/s-0000000001)\]"),
    ("getEphemerals /a", r"\[/a/s-0000000001\]"),
    ("getAllChildrenNumber /a", "2"),
    ("sync /a", "Sync is OK"),
    ("whoami", "Auth scheme: User\nip: 127.0.0.1"),
    ("create /early x auth::cdrwa", "KeeperErrorCode = InvalidACL for /early\n"
        "Acl is not valid : /early"),
    ("addauth digest me:secret", ""),
    ("whoami", "Auth scheme: User\n(ip: 127.0.0.1\ndigest: me|digest: me\nip: 127.0.0.1)"),
    ("create /mine x auth::cdrwa", "Created /mine"),
    ("getAcl /mine", "'digest,'me:016djjlksVQS5RgX3M7biBGyYwY=\n: cdrwa"),
    ("getAcl /a", "'world,'anyone\n: cdrwa"),
    ("setAcl -s /a world:anyone:r", stat(
        version=2, cversion=2, aversion=1, length=5, children=2)),
    ("set /a no", "Insufficient permission : /a"),
    ("delete /a/s-0000000000", "Insufficient permission : /a/s-0000000000"),
    ("delete /a", "Node not empty: /a"),
    ("setAcl /mine digest:me:016djjlksVQS5RgX3M7biBGyYwY=:r,world:anyone:cdwa", ""),
    ("getAcl -s /mine", "'digest,'me:016djjlksVQS5RgX3M7biBGyYwY=\n: r\n'world,'anyone\n: cdwa\n"
        + stat(aversion=1, length=1)),
    ("setquota -n 10 /t", ""),
    ("listquota /t", "absolute path is /zookeeper/quota/t/zookeeper_limits\n"
        "Output quota for /t count=10,bytes=-1(.*)\nOutput stat for /t count=.*,bytes=.*"),
    ("ls -R /zookeeper/quota", "/zookeeper/quota\n/zookeeper/quota/t\n"
        "/zookeeper/quota/t/zookeeper_limits\n/zookeeper/quota/t/zookeeper_stats"),
    ("delquota /t", ""),
    ("listquota /t", "absolute path is /zookeeper/quota/t/zookeeper_limits\n"
        "quota for /t does not exist."),
    ("version", r"ZooKeeper CLI version: 3\..*"),
    ("config",
        r"(server\.\d=127\.0\.0\.1:\d+:\d+:participant;127\.0\.0\.1:\d+\n){3}version=0"),
    ("reconfig -remove 3", "KeeperErrorCode = Reconfig is disabled"),
    ("create /w x", "Created /w"),
    ("create /w/deep", "Created /w/deep"),
    ("create /w/deep/er", "Created /w/deep/er"),
    ("deleteall /w", ""),
    ("ls /w", "Node does not exist: /w"),
]  # fmt: skip

# Commands, what they print, and the events that come of them. Those are printed by another thread,
# at any time after.
EVENTS: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("create /seen x", "Created /seen", []),
    ("get -w /seen", "x", []),
    ("ls -w /seen", r"\[\]", []),
    ("set /seen y", "", [("NodeDataChanged", "/seen")]),
    ("set /seen z", "", []),
    ("create /seen/a", "Created /seen/a", [("NodeChildrenChanged", "/seen")]),
    ("stat -w /seen/a", stat(), []),
    ("delete /seen/a", "", [("NodeDeleted", "/seen/a")]),
    ("addWatch -m PERSISTENT_RECURSIVE /seen", "", []),
    ("create /seen/b", "Created /seen/b", [("NodeCreated", "/seen/b")]),
    ("create /seen/b/c", "Created /seen/b/c", [("NodeCreated", "/seen/b/c")]),
    ("set /seen/b/c x", "", [("NodeDataChanged", "/seen/b/c")]),
    ("delete /seen/b/c", "", [("NodeDeleted", "/seen/b/c")]),
    ("removewatches /seen", "", [("PersistentWatchRemoved", "/seen")]),
    ("set /seen again", "", []),
    ("addWatch -m PERSISTENT /seen", "", []),
    ("set /seen more", "", [("NodeDataChanged", "/seen")]),
    ("delete /seen/b", "", [("NodeChildrenChanged", "/seen")]),
    ("create /seen/b", "Created /seen/b", [("NodeChildrenChanged", "/seen")]),
    ("sync /seen", "Sync is OK", []),
    ("ls /seen", r"\[b\]", []),
]

# Whatever the other thread prints comes in such pieces, between which our lines may stand.
EVENT = re.compile(r"\nWatchedEvent state:SyncConnected type:(\w+) path:(\S+)\n")
OTHERS = re.compile(rf"\nWATCHER::\n|{EVENT.pattern}")
MARKS = len(COMMANDS) + len(EVENTS) + 1


def mark(number: int) -> str:
    return f"--- {number} ---"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a follower among three."""
    with ensemble(
        tmp_path_factory.mktemp("servers"), 3, more="maxSessionTimeout=60000\n"
    ) as servers:
        member = next(one for one in servers.members.values() if one.mode == "follower")
        with Session(member.client_port) as session:
            session.ask(CreateRequest("/marks", b"", OPEN_ACL_UNSAFE, 0))
            for number in range(MARKS):
                data = mark(number).encode()
                session.ask(CreateRequest(f"/marks/{number}", data, OPEN_ACL_UNSAFE, 0))
            session.end()
        yield member.client_port


@pytest.fixture(scope="module")
def printed(port: int, tmp_path_factory: pytest.TempPathFactory) -> str:
    """All that the command line prints, in one go."""
    lines = [line for line, _ in COMMANDS] + [line for line, _, _ in EVENTS]
    script: list[str] = []
    for number, line in enumerate(lines):
        script += [f"get /marks/{number}", line]
    script += [f"get /marks/{len(lines)}", "quit"]
    client = ("org.apache.zookeeper.ZooKeeperMain", "-server", f"127.0.0.1:{port}")
    done = subprocess.run(
        java("-cp", class_path(), *client),
        input="\n".join([*script, ""]),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        cwd=Path(tmp_path_factory.mktemp("client")),
    )
    return done.stdout


def after(printed: str, number: int) -> str:
    """What was printed between this mark and the next."""
    ours = OTHERS.sub("", printed)
    return ours.partition(f"{mark(number)}\n")[2].partition(f"{mark(number + 1)}\n")[0]


@pytest.mark.parametrize("number", range(len(COMMANDS)), ids=[line for line, _ in COMMANDS])
def test_a_command(printed: str, number: int) -> None:
    line, expected = COMMANDS[number]
    text = after(printed, number).strip()
    assert re.fullmatch(expected, text), f"{line}\n{text}"


def test_commands_that_watch(printed: str) -> None:
    told = printed.partition(f"{mark(len(COMMANDS))}\n")[2]
    assert EVENT.findall(told) == [event for _, _, events in EVENTS for event in events]
    for number, (line, expected, _) in enumerate(EVENTS, len(COMMANDS)):
        text = after(printed, number).strip()
        assert re.fullmatch(expected, text), f"{line}\n{text}"
