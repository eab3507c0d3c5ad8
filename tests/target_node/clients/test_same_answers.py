"""Does a server of ours answer one long conversation word for word as Apache's does?

Times are blotted out, zxids are counted from the beginning of the epoch, and names are sorted: all
else must be the same, with the error codes and the number of zxids that each request takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path

import pytest

from harness.local.ports import free_ports
from target_node.wire.client import Request
from target_node.wire.codes import ANY_VERSION, CreateMode, Perms
from target_node.wire.data import ACL, OPEN_ACL_UNSAFE, READ_ACL_UNSAFE, Id, Stat
from target_node.wire.multi import MultiReadRequest, MultiRequest
from target_node.wire.replies import (
    GetChildren2Response,
    GetChildrenResponse,
    GetEphemeralsResponse,
)
from target_node.wire.requests import (
    AddWatchRequest,
    AuthRequest,
    CheckVersionRequest,
    CheckWatchesRequest,
    Create2Request,
    CreateContainerRequest,
    CreateRequest,
    CreateTTLRequest,
    DeleteRequest,
    ExistsRequest,
    GetACLRequest,
    GetAllChildrenNumberRequest,
    GetChildren2Request,
    GetChildrenRequest,
    GetDataRequest,
    GetEphemeralsRequest,
    PingRequest,
    ReconfigRequest,
    RemoveWatchesRequest,
    SetACLRequest,
    SetDataRequest,
    SetWatches2Request,
    SetWatchesRequest,
    SyncRequest,
    WhoAmIRequest,
)
from tests.target_node.clients.session import No, Session
from tests.target_node.ensemble import ensemble
from tests.target_node.server.apache import apache, ask, wait_for

OPEN = OPEN_ACL_UNSAFE
TTL, HOUR_MS = CreateMode.PERSISTENT_WITH_TTL, 3_600_000
_COUNTER = 0xFFFFFFFF


def acl(scheme: str, who: str, perms: int = Perms.ALL) -> tuple[ACL, ...]:
    return (ACL(perms, Id(scheme, who)),)


def create(path: str, mode: int = 0, data: bytes | None = b"") -> CreateRequest:
    return CreateRequest(path, data, OPEN, mode)


def drop(path: str, version: int = ANY_VERSION) -> DeleteRequest:
    return DeleteRequest(path, version)


def put(path: str, data: bytes | None = b"x", version: int = ANY_VERSION) -> SetDataRequest:
    return SetDataRequest(path, data, version)


def plain() -> Iterator[Request]:
    """Nodes of every kind, and what is wrong with others."""
    yield create("/a")
    yield create("/a")
    yield create("/no/where")
    yield Create2Request("/a/b", b"data", OPEN, 0)
    yield create("/null", data=None)
    yield GetDataRequest("/null", watch=False)
    yield put("/a", b"12345", 0)
    yield put("/a", None, 0)
    yield put("/a", None, 1)
    yield put("/no")
    yield GetDataRequest("/a", watch=False)
    yield GetDataRequest("/no", watch=False)
    yield ExistsRequest("/a", watch=False)
    yield ExistsRequest("/no", watch=False)
    yield drop("/a")
    yield drop("/a/b", 7)
    yield drop("/a/b", 0)
    yield drop("/no")
    for mode in (CreateMode.PERSISTENT_SEQUENTIAL, CreateMode.EPHEMERAL_SEQUENTIAL):
        yield create("/a/s-", mode)
        yield create("/a/", mode)
    yield drop("/a/s-0000000001")
    yield create("/a/s-", CreateMode.PERSISTENT_SEQUENTIAL)
    yield create("/e", CreateMode.EPHEMERAL)
    yield create("/e/child")
    yield CreateContainerRequest("/c", b"", OPEN, CreateMode.CONTAINER)
    yield ExistsRequest("/c", watch=False)
    yield CreateTTLRequest("/t", b"", OPEN, TTL, HOUR_MS)
    yield CreateTTLRequest("/t-", b"", OPEN, CreateMode.PERSISTENT_SEQUENTIAL_WITH_TTL, HOUR_MS)
    yield CreateTTLRequest("/bad", b"", OPEN, TTL, 0)
    yield CreateTTLRequest("/bad", b"", OPEN, TTL, 1 << 41)
    yield CreateRequest("/bad", b"", OPEN, 77)
    for path in ("bad", "/bad/", "/bad//bad", "/bad/./bad", "/bad/..", "/b\1d", "", "/"):
        yield create(path)
    for path in ("/", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"):
        yield drop(path)
    yield create("/é€")
    yield GetChildrenRequest("/", watch=False)
    yield GetChildren2Request("/a", watch=False)
    yield GetChildrenRequest("/no", watch=False)
    yield GetDataRequest("/zookeeper/config", watch=False)
    yield put("/", b"root")
    yield GetDataRequest("/", watch=False)
    yield GetEphemeralsRequest("/")
    yield GetEphemeralsRequest("/a")
    yield GetEphemeralsRequest("/no")
    yield GetAllChildrenNumberRequest("/a")
    yield GetAllChildrenNumberRequest("/no")
    yield SyncRequest("/no")
    yield PingRequest()
    yield ReconfigRequest(None, "2", None, ANY_VERSION)


def guarded() -> Iterator[Request]:
    """Who may do what."""
    yield create("/g")
    yield CreateRequest("/bad", b"", (), 0)
    yield CreateRequest("/bad", b"", None, 0)
    yield CreateRequest("/bad", b"", acl("bogus", "x"), 0)
    yield CreateRequest("/bad", b"", acl("ip", "x"), 0)
    yield CreateRequest("/bad", b"", acl("digest", "x"), 0)
    yield CreateRequest("/bad", b"", acl("world", "me"), 0)
    yield CreateRequest("/bad", b"", acl("auth", ""), 0)
    yield CreateRequest("/g/none", b"", acl("world", "anyone", 0), 0)
    yield GetDataRequest("/g/none", watch=False)
    yield GetACLRequest("/g/none")
    yield CreateRequest("/g/ip", b"", acl("ip", "127.0.0.0/8"), 0)
    yield GetACLRequest("/g/ip")
    yield put("/g/ip")
    yield CreateRequest("/g/far", b"", acl("ip", "10.0.0.1"), 0)
    yield put("/g/far")
    yield AuthRequest(0, "digest", b"me:secret")
    yield CreateRequest("/g/mine", b"", acl("auth", ""), 0)
    yield GetACLRequest("/g/mine")
    yield SetACLRequest("/g/mine", READ_ACL_UNSAFE, 0)
    yield SetACLRequest("/g/mine", OPEN, 1)
    yield put("/g/mine")
    yield SetACLRequest("/g", READ_ACL_UNSAFE, 3)
    yield SetACLRequest("/g", READ_ACL_UNSAFE, ANY_VERSION)
    yield SetACLRequest("/no", OPEN, ANY_VERSION)
    yield drop("/g/ip")
    yield create("/g/more")
    yield GetACLRequest("/no")
    yield GetACLRequest("/zookeeper/config")
    yield put("/zookeeper/config")
    yield MultiReadRequest(
        (
            GetDataRequest("/g/ip", watch=False),
            GetDataRequest("/g/none", watch=False),
            GetChildrenRequest("/g/ip", watch=False),
            GetChildrenRequest("/no", watch=False),
        )
    )
    yield MultiReadRequest(())


def together() -> Iterator[Request]:
    """All or nothing."""
    yield create("/m")
    yield MultiRequest(())
    yield MultiRequest((create("/m/a"), put("/m/a"), CheckVersionRequest("/m/a", 1), drop("/m/a")))
    yield MultiRequest((create("/m/s-", CreateMode.PERSISTENT_SEQUENTIAL),) * 3)
    yield MultiRequest((create("/m/a"), create("/m/a"), drop("/m")))
    yield MultiRequest((drop("/m"), create("/m/a")))
    yield MultiRequest((create("/m/a"), put("/m", version=7), create("/m/b"), drop("/no")))
    yield MultiRequest((CheckVersionRequest("/no", 0),))
    yield MultiRequest((CheckVersionRequest("/m", 0),))
    yield MultiRequest((create("/m/e", CreateMode.EPHEMERAL), create("/m/e/f")))
    yield ExistsRequest("/m", watch=False)
    yield GetChildren2Request("/m", watch=False)
    yield CreateRequest("/m/s-", b"", OPEN, CreateMode.PERSISTENT_SEQUENTIAL)


def watched() -> Iterator[Request]:
    """Events, in their place before the answers."""
    yield create("/w")
    yield GetDataRequest("/w", watch=True)
    yield GetChildrenRequest("/w", watch=True)
    yield ExistsRequest("/w/a", watch=True)
    yield put("/w")
    yield create("/w/a")
    yield GetDataRequest("/w/a", watch=True)
    yield GetChildrenRequest("/w/a", watch=True)
    yield MultiRequest((put("/w/a"), drop("/w/a")))
    yield ExistsRequest("/w", watch=True)
    yield SetACLRequest("/w", OPEN, ANY_VERSION)
    yield put("/w", version=77)
    yield CheckWatchesRequest("/w", 2)
    yield CheckWatchesRequest("/w", 1)
    yield CheckWatchesRequest("/w", 9)
    yield RemoveWatchesRequest("/w", 1)
    yield RemoveWatchesRequest("/w", 2)
    yield RemoveWatchesRequest("/w", 9)
    yield put("/w")
    yield AddWatchRequest("/w", 0)
    yield put("/w")
    yield create("/w/b")
    yield create("/w/b/c")
    yield RemoveWatchesRequest("/w", 3)
    yield AddWatchRequest("/w", 1)
    yield AddWatchRequest("/w", 7)
    yield put("/w/b/c")
    yield drop("/w/b/c")
    yield create("/w/b/d", CreateMode.EPHEMERAL)
    yield RemoveWatchesRequest("/w", 3)
    yield SetWatchesRequest(0, ("/w", "/no"), ("/w", "/w/e"), ("/w", "/no"))
    yield SetWatchesRequest(1 << 62, ("/w",), ("/w/f",), ("/w",))
    yield create("/w/f")
    yield put("/w")
    yield SetWatches2Request(1 << 62, (), (), (), ("/w",), ("/w/b",))
    yield put("/w")
    yield drop("/w/b/d")
    yield WhoAmIRequest()


CONVERSATIONS: list[Callable[[], Iterator[Request]]] = [plain, guarded, together, watched]


def blotted(thing: object, session: int) -> object:
    """Without what no two servers have in common."""
    if isinstance(thing, GetChildrenResponse | GetChildren2Response):
        thing = replace(thing, children=tuple(sorted(thing.children)))
    if isinstance(thing, GetEphemeralsResponse):
        thing = replace(thing, ephemerals=tuple(sorted(thing.ephemerals)))
    if isinstance(thing, Stat):
        zxids = {one: getattr(thing, one) & _COUNTER for one in ("czxid", "mzxid", "pzxid")}
        owner = 1 if thing.ephemeral_owner == session else thing.ephemeral_owner
        thing = replace(
            thing,
            **zxids,
            ephemeral_owner=owner,
            ctime_ms=bool(thing.ctime_ms),
            mtime_ms=right_order(thing),
        )
    if isinstance(thing, tuple):
        return tuple(blotted(one, session) for one in thing)
    if is_dataclass(thing):
        told = {one.name: blotted(getattr(thing, one.name), session) for one in fields(thing)}
        return (type(thing).__name__, told)
    return thing


def right_order(stat: Stat) -> bool:
    """Two changes may fall into one millisecond here and not there; one change has one time."""
    if stat.mzxid == stat.czxid:
        return stat.mtime_ms == stat.ctime_ms
    return stat.mtime_ms >= stat.ctime_ms


def talk(port: int, requests: Iterator[Request]) -> list[tuple[object, ...]]:
    """The requests, with what is answered to each."""
    told: list[tuple[object, ...]] = []
    with Session(port, timeout_ms=60_000) as session:
        for request in requests:
            try:
                answer: object = blotted(session.ask(request), session.id)
            except No as no:
                answer = no.code.name
            zxid = session.header.zxid
            told.append((request, answer, session.take_events(), zxid > 0 and zxid & _COUNTER))
        session.end()
    return told


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    (port,) = free_ports(1)
    config = f"clientPort={port}\nclientPortAddress=127.0.0.1\nextendedTypesEnabled=true\n"
    folder: Path = tmp_path_factory.mktemp("apache") / "server"
    with apache(folder, f"{config}maxSessionTimeout=60000\n"):
        wait_for(lambda: "standalone" in ask(port, "srvr"))
        yield port


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    directory = tmp_path_factory.mktemp("server")
    with ensemble(directory, 1, more="maxSessionTimeout=60000\n") as one:
        yield one.members[1].client_port


# The order matters: each finds what those before have left, and so many zxids.
def test_one_conversation(ours: int, theirs: int) -> None:
    for conversation in CONVERSATIONS:
        heard = zip(talk(ours, conversation()), talk(theirs, conversation()), strict=True)
        for mine, its in heard:
            assert mine == its
