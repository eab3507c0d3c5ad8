"""Does a running Apache ZooKeeper understand every request, and do we understand what it does?"""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.local.ports import free_ports
from target_node.wire.client import OPS, decode_reply, encode_request, split_reply
from target_node.wire.codes import AddWatchMode, CreateMode, ErrorCode, WatcherType, Xid
from target_node.wire.connect import (
    ConnectRequest,
    ConnectResponse,
    decode_connect_response,
    encode_connect_request,
)
from target_node.wire.data import ACL, OPEN_ACL_UNSAFE, Id
from target_node.wire.frames import CLIENT_LIMIT, Frames, frame
from target_node.wire.multi import CheckResult, DeleteResult, MultiReadRequest, MultiRequest
from target_node.wire.record import encode
from target_node.wire.replies import (
    Create2Response,
    CreateResponse,
    ErrorResponse,
    ExistsResponse,
    GetACLResponse,
    GetAllChildrenNumberResponse,
    GetChildren2Response,
    GetChildrenResponse,
    GetDataResponse,
    GetEphemeralsResponse,
    SetACLResponse,
    SetDataResponse,
    SyncResponse,
    WatcherEvent,
    WhoAmIResponse,
)
from target_node.wire.requests import (
    AddWatchRequest,
    AuthRequest,
    CheckVersionRequest,
    CheckWatchesRequest,
    CloseSessionRequest,
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
from target_node.wire.txn import ErrorTxn, MultiTxn, decode_txn, decode_txn_body, encode_txn

pytestmark = pytest.mark.prove

JARS = Path("/usr/share/java")
OPEN = OPEN_ACL_UNSAFE
ANY = -1

CONVERSATION: list[tuple[object, object]] = [  # requests, and the class or the error of the answer
    (AuthRequest(0, "digest", b"me:secret"), None),
    (CreateRequest("/a", b"x", OPEN, CreateMode.PERSISTENT), CreateResponse),
    (Create2Request("/b", None, (ACL(31, Id("auth", None)),), 0), Create2Response),
    (CreateContainerRequest("/c", b"", OPEN, CreateMode.CONTAINER), Create2Response),
    (CreateTTLRequest("/t", b"", OPEN, 5, 10_000), Create2Response),
    (CreateRequest("/e", b"", OPEN, CreateMode.EPHEMERAL_SEQUENTIAL), CreateResponse),
    (CreateRequest("/no", b"", None, 0), ErrorCode.INVALID_ACL),
    (CreateRequest("/a", b"", OPEN, 0), ErrorCode.NODE_EXISTS),
    (ExistsRequest("/a", watch=True), ExistsResponse),
    (ExistsRequest("/no", watch=True), ErrorCode.NO_NODE),
    (GetDataRequest("/b", watch=False), GetDataResponse),
    (GetACLRequest("/b"), GetACLResponse),
    (SetACLRequest("/a", OPEN, 0), SetACLResponse),
    (SetDataRequest("/a", b"y", 7), ErrorCode.BAD_VERSION),
    (SetDataRequest("/a", b"y", 0), SetDataResponse),
    (GetChildrenRequest("/", watch=False), GetChildrenResponse),
    (GetChildren2Request("/", watch=False), GetChildren2Response),
    (GetAllChildrenNumberRequest("/"), GetAllChildrenNumberResponse),
    (GetEphemeralsRequest("/"), GetEphemeralsResponse),
    (SyncRequest("/"), SyncResponse),
    (PingRequest(), None),
    (WhoAmIRequest(), WhoAmIResponse),
    (AddWatchRequest("/a", AddWatchMode.PERSISTENT_RECURSIVE), ErrorResponse),
    (CheckWatchesRequest("/a", WatcherType.ANY), None),
    (RemoveWatchesRequest("/a", WatcherType.ANY), None),
    (RemoveWatchesRequest("/a", WatcherType.ANY), ErrorCode.NO_WATCHER),
    (SetWatchesRequest(1, ("/a",), ("/z",), ("/",)), None),
    (SetWatches2Request(1, ("/a",), ("/z",), ("/",), ("/a",), ("/b",)), None),
    (
        MultiRequest(
            (
                CheckVersionRequest("/a", 1),
                CreateRequest("/m", b"", OPEN, 0),
                CreateContainerRequest("/n", b"", OPEN, CreateMode.CONTAINER),
                CreateTTLRequest("/o", b"", OPEN, 5, 10_000),
                SetDataRequest("/m", b"1", ANY),
                DeleteRequest("/m", ANY),
            )
        ),
        [
            CheckResult,
            CreateResponse,
            Create2Response,
            Create2Response,
            SetDataResponse,
            DeleteResult,
        ],
    ),
    (
        MultiRequest((CreateRequest("/m", b"", OPEN, 0), DeleteRequest("/no", ANY))),
        [ErrorResponse, ErrorResponse],
    ),
    (
        MultiReadRequest(
            (GetDataRequest("/a", watch=False), GetChildrenRequest("/no", watch=False))
        ),
        [GetDataResponse, ErrorResponse],
    ),
    (ReconfigRequest(None, None, "x", -1), ErrorCode.RECONFIG_DISABLED),
    (DeleteRequest("/a", ANY), None),
    (CloseSessionRequest(), None),
]
XIDS = {AuthRequest: Xid.AUTH, PingRequest: Xid.PING} | dict.fromkeys(
    (SetWatchesRequest, SetWatches2Request), Xid.SET_WATCHES
)


class Link:
    """One connection to a server."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=5)
        self._frames = Frames(CLIENT_LIMIT)
        self._received: list[bytes] = []

    def send(self, packet: bytes) -> None:
        self._socket.sendall(frame(packet))

    def receive(self) -> bytes:
        while not self._received:
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("the server has hung up")
            self._received += self._frames.feed(data)
        return self._received.pop(0)

    def close(self) -> None:
        self._socket.close()


def welcomed(port: int, *, patience_s: float) -> tuple[Link, ConnectResponse]:
    """A session. A server that is still starting hangs up on whom it cannot serve yet."""
    end = time.monotonic() + patience_s
    while True:
        link = None
        try:
            link = Link(port)
            link.send(encode_connect_request(ConnectRequest(0, 10_000, 0, bytes(16))))
            return link, decode_connect_response(link.receive())
        except OSError:
            if link is not None:
                link.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[int]:
    if shutil.which("java") is None or not (JARS / "zookeeper.jar").exists():
        pytest.fail(
            "A server of Apache ZooKeeper is talked to, which is not here."
            " On Debian: apt-get install default-jdk-headless libzookeeper-java."
        )
    (port,) = free_ports(1)
    config = tmp_path / "zoo.cfg"
    config.write_text(
        f"tickTime=2000\ndataDir={tmp_path}\nclientPort={port}\nadmin.enableServer=false\n"
    )
    names = ["zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-nop"]
    names += ["metrics-core", "snappy-java", "commons-cli", "commons-io", "guava"]
    names += ["findbugs-annotations", "jackson-annotations", "jackson-core", "jackson-databind"]
    jars = [JARS / f"{name}.jar" for name in names]
    command = [
        *("java", "-XX:TieredStopAtLevel=1", "-Dzookeeper.extendedTypesEnabled=true"),
        *("-cp", ":".join(map(str, [*jars, *sorted(JARS.glob("netty-*.jar"))]))),
        *("org.apache.zookeeper.server.ZooKeeperServerMain", str(config)),
    ]
    with (tmp_path / "out").open("wb") as out:
        java = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    yield port
    java.terminate()
    java.wait(timeout=300)


def logged(folder: Path) -> Iterator[bytes]:
    """The transactions in the server's log, as its bytes."""
    for path in sorted(folder.glob("version-2/log.*")):
        data = path.read_bytes()
        at = 16  # behind the file's header
        while size := struct.unpack_from(">qi", data, at)[1]:
            yield data[at + 12 : at + 12 + size]
            at += 12 + size + 1  # and the mark behind each


def test_a_server_understands_us_and_we_it(server: int, tmp_path: Path) -> None:
    link, welcome = welcomed(server, patience_s=60)
    assert welcome.timeout_ms == 10_000
    events: list[WatcherEvent] = []
    last_zxid = 0
    for number, (request, expected) in enumerate(CONVERSATION, 1):
        xid = XIDS.get(type(request), number)
        link.send(encode_request(xid, request))  # type: ignore[arg-type]
        header, body = split_reply(link.receive())
        while header.xid == Xid.WATCH_EVENT:
            event = decode_reply(0, body)
            assert isinstance(event, WatcherEvent)
            events.append(event)
            header, body = split_reply(link.receive())
        assert header.xid == xid
        assert header.zxid >= last_zxid
        last_zxid = header.zxid
        if header.err:
            assert (request, header.err, body) == (request, expected, b"")
            continue
        response = decode_reply(OPS[type(request)], body)
        match expected:
            case list():
                kinds: object = [type(result) for result in response.results]  # type: ignore[union-attr]
            case _:
                kinds = response and type(response)
        assert (request, kinds) == (request, expected)
    link.close()
    assert {(event.type, event.path) for event in events} >= {(3, "/a"), (2, "/a")}

    transactions = list(logged(tmp_path))
    assert len(transactions) > 15
    for transaction in transactions:
        header_, txn, digest = decode_txn(transaction)
        assert encode_txn(header_, txn, digest) == transaction
        assert (digest is None) == isinstance(txn, ErrorTxn)
        if isinstance(txn, MultiTxn):
            for part in txn.txns:
                assert encode(decode_txn_body(part.type, part.data)) == part.data
    assert decode_txn(transactions[-1])[0].zxid == last_zxid
    assert decode_txn(transactions[0])[0].session == welcome.session
