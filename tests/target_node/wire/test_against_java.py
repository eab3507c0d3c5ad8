"""Do Apache ZooKeeper's own classes read what we write, and write what we read, byte for byte?"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_node.wire import client, connect, data, multi, payloads, quorum, replies, requests, txn
from target_node.wire.codes import CreateMode, OpCode, ServerState
from target_node.wire.election import (
    MANY_ADDRESSES,
    InitialMessage,
    Notification,
    encode_initial,
    encode_notification,
)
from target_node.wire.jute import Malformed
from target_node.wire.record import decode, encode
from tests.target_node.wire.test_fuzz import mutated
from tests.target_node.wire.values import READS, RESULTS, WRITES, records, several, short_texts

JARS = Path("/usr/share/java")
CLASS_PATH = tuple(
    JARS / f"{name}.jar"
    for name in (
        "zookeeper",
        "zookeeper-jute",
        "slf4j-api",
        "slf4j-nop",
        "netty-buffer",
        "netty-common",
        "netty-handler",
        "netty-transport",
    )
)

UNLIKE: dict[type, str] = {  # whose classes have other names than ours
    client.RequestHeader: "proto.RequestHeader",
    client.ReplyHeader: "proto.ReplyHeader",
    connect._Request: "proto.ConnectRequest",
    connect._Response: "proto.ConnectResponse",
    multi.MultiHeader: "proto.MultiHeader",
    payloads.LearnerInfo: "server.quorum.LearnerInfo",
    quorum.QuorumPacket: "server.quorum.QuorumPacket",
    requests.Create2Request: "proto.CreateRequest",
    requests.CreateContainerRequest: "proto.CreateRequest",
    requests.DeleteContainerRequest: "txn.DeleteTxn",  # its request has no class of its own
    requests.AuthRequest: "proto.AuthPacket",
    requests.SetWatchesRequest: "proto.SetWatches",
    requests.SetWatches2Request: "proto.SetWatches2",
    requests.SaslRequest: "proto.GetSASLRequest",
    requests.CreateSessionRequest: "txn.CreateSessionTxn",  # nor has this
    replies.SaslResponse: "proto.SetSASLResponse",
}
EMPTY = {requests.PingRequest, requests.WhoAmIRequest, requests.CloseSessionRequest}
PACKAGES = {"proto": (requests, replies), "txn": (txn,), "data": (data,)}
APACHE = UNLIKE | {
    cls: f"{package}.{cls.__name__}"
    for package, modules in PACKAGES.items()
    for module in modules
    for cls in vars(module).values()
    if isinstance(cls, type) and cls.__module__ == module.__name__
    if cls not in UNLIKE and cls not in EMPTY
}
SPELLED = {  # names of fields, without their underscores and units
    "sessionid": "session",
    "clientid": "session",
    "serverid": "sid",
    "curconfigid": "configid",
    "joiningservers": "joining",
    "leavingservers": "leaving",
    "watchertype": "type",
    "paths2delete": "pathstodelete",
}


@pytest.fixture(scope="module")
def apache() -> Iterator[Apache]:
    missing = [str(jar) for jar in CLASS_PATH if not jar.exists()]
    if missing or shutil.which("java") is None:
        pytest.fail(
            "Our bytes are compared with those of Apache ZooKeeper's classes, which are not here."
            " On Debian: apt-get install default-jdk-headless libzookeeper-java."
            f" Missing: {', '.join(missing) or 'java'}."
        )
    mirror = Apache()
    yield mirror
    mirror.close()


class Apache:
    """A Java that answers one line with one line; see Mirror.java."""

    def __init__(self) -> None:
        mirror = Path(__file__).with_name("Mirror.java")
        self._java = subprocess.Popen(
            ["java", "-XX:TieredStopAtLevel=1", "-cp", ":".join(map(str, CLASS_PATH)), str(mirror)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def answers(self, questions: Iterable[str]) -> list[str]:
        asks, tells = self._java.stdin, self._java.stdout
        assert asks is not None
        assert tells is not None
        answers: list[str] = []
        for question in questions:
            asks.write(f"{question}\n")
            asks.flush()
            answers.append(tells.readline().rstrip("\n"))
        return answers

    def close(self) -> None:
        self._java.communicate(timeout=300)


def drawn(strategy: st.SearchStrategy[Any], count: int) -> list[Any]:
    """The same values in every run."""
    values: list[Any] = []

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: Any) -> None:
        values.append(value)

    collect()
    return values


def tell(value: Any) -> str:
    """As Mirror.java tells it."""
    match value:  # of every kind there is
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return str(int(value))
        case str():
            return f"s:{value.encode().hex()}"
        case bytes():
            return f"b:{value.hex()}"
        case tuple():
            return f"[{','.join(map(tell, value))}]"
        case _:
            parts = [f"{f.name}={tell(getattr(value, f.name))}" for f in fields(value)]
            return "{" + ",".join(parts) + "}"


def alike(told: str) -> str:
    """The same with names that Apache and we agree on; values are hex and look like no name."""
    return re.sub(r"(?<=[{,])\w+(?==)", lambda name: spell(name[0]), told)


def spell(name: str) -> str:
    plain = name.removesuffix("_ms").replace("_", "")
    return SPELLED.get(plain, plain)


def test_apache_reads_and_writes_every_record_as_we_do(apache: Apache) -> None:
    values = [value for cls in APACHE for value in drawn(records(cls, short_texts), 25)]
    questions = [
        f"read org.apache.zookeeper.{APACHE[type(value)]} {encode(value).hex()}" for value in values
    ]
    for value, answer in zip(values, apache.answers(questions), strict=True):
        again, unread, told = answer.split(" ")
        assert (again, unread) == (encode(value).hex(), "0"), value
        assert alike(told) == alike(tell(value))


def test_apache_accepts_what_we_accept_and_means_the_same(apache: Apache) -> None:
    draw = random.Random(1)
    accepted: list[tuple[Any, bytes]] = []
    for cls in APACHE:
        for value in drawn(records(cls, short_texts), 10):
            for _ in range(10):
                data = mutated(draw, encode(value))
                with suppress(Malformed):
                    accepted.append((decode(cls, data), data))
    assert len(accepted) > 2_000
    questions = [f"read org.apache.zookeeper.{APACHE[type(v)]} {b.hex()}" for v, b in accepted]
    for (value, _), answer in zip(accepted, apache.answers(questions), strict=True):
        again, unread, told = answer.split(" ", 2)
        assert alike(told) == alike(tell(value))
        if any(ord(char) > 0xFFFF for char in str(value)):
            continue  # which Java reads as we do, and writes in its own way
        assert (again, unread) == (encode(value).hex(), "0"), value


def test_we_read_and_write_every_record_of_apache(apache: Apache) -> None:
    asked = [(cls, seed) for cls in APACHE for seed in range(40)]
    questions = [f"make org.apache.zookeeper.{APACHE[cls]} {seed}" for cls, seed in asked]
    for (cls, _), answer in zip(asked, apache.answers(questions), strict=True):
        written, told = answer.split(" ")
        value: Any = decode(cls, bytes.fromhex(written))
        assert alike(tell(value)) == alike(told)
        assert encode(value).hex() == written


NO_CREATE2 = tuple(cls for cls in WRITES if cls is not requests.Create2Request)


def as_apache_accepts(operations: tuple[Any, ...]) -> tuple[Any, ...]:
    """Its classes take the type of a create from the flags, and know no flags but these."""
    accepted: list[Any] = []
    for o in operations:
        match o:
            case requests.CreateRequest():
                o = requests.CreateRequest(o.path, o.data, o.acl, abs(o.flags) % 4)
            case requests.CreateContainerRequest():
                container = CreateMode.CONTAINER
                o = requests.CreateContainerRequest(o.path, o.data, o.acl, container)
            case requests.CreateTTLRequest():
                ttl_ms = 1 + abs(o.ttl_ms) % 1000
                o = requests.CreateTTLRequest(o.path, o.data, o.acl, 5 + o.flags % 2, ttl_ms)
            case requests.GetDataRequest(path):  # its client sets no watch in a multiRead
                o = requests.GetDataRequest(path, watch=False)
            case requests.GetChildrenRequest(path):
                o = requests.GetChildrenRequest(path, watch=False)
            case _:
                pass
        accepted.append(o)
    return tuple(accepted)


def test_apache_reads_and_writes_multis_as_we_do(apache: Apache) -> None:
    multis: list[multi.MultiRequest | multi.MultiReadRequest] = [
        multi.MultiRequest(as_apache_accepts(o)) for o in drawn(several(NO_CREATE2), 100)
    ]
    multis += [multi.MultiReadRequest(as_apache_accepts(o)) for o in drawn(several(READS), 50)]
    questions = [f"multi {client.encode_body(m).hex()}" for m in multis]
    for m, answer in zip(multis, apache.answers(questions), strict=True):
        again, unread, told = answer.split(" ")
        assert (again, unread) == (client.encode_body(m).hex(), "0"), m
        parts = [f"{client.OPS[type(o)]:d}{tell(o)}" for o in m.operations]
        assert alike(told) == alike(f"[{','.join(parts)}]")


def test_apache_reads_and_writes_the_results_of_multis_as_we_do(apache: Apache) -> None:
    responses = [multi.MultiResponse(results) for results in drawn(several(RESULTS), 100)]
    bodies = [
        client.encode_reply(client.ReplyHeader(0, 0, 0), response)[16:].hex()
        for response in responses
    ]
    answers = apache.answers(f"results {body}" for body in bodies)
    for response, body, answer in zip(responses, bodies, answers, strict=True):
        again, unread, told = answer.split(" ")
        assert (again, unread) == (body, "0"), response
        assert told.count(",") == max(len(response.results) - 1, 0)


def test_apache_reads_and_writes_transactions_as_we_do(apache: Apache) -> None:
    digests = st.none() | records(txn.TxnDigest)
    ops = [op for op in txn.TXNS if op != OpCode.CHECK]
    transactions = [
        (txn.TxnHeader(1, -2, 3 << 32 | 4, 5, op), body, digest)
        for op in ops
        for body, digest in drawn(st.tuples(records(txn.TXNS[op], short_texts), digests), 20)
    ]
    closed = txn.TxnHeader(1, 2, 3, 4, OpCode.CLOSE_SESSION)
    transactions.append((closed, None, None))
    questions = [f"txn {txn.encode_txn(*transaction).hex()}" for transaction in transactions]
    for transaction, answer in zip(transactions, apache.answers(questions), strict=True):
        again, *told = answer.split(" ")
        assert again == txn.encode_txn(*transaction).hex(), transaction
        for part, theirs in zip(transaction, told, strict=True):
            assert alike(theirs) == alike(tell(part))
        assert txn.decode_txn(bytes.fromhex(again)) == transaction


def test_apache_writes_votes_as_we_do(apache: Apache) -> None:
    longs = st.integers(-(2**63), 2**63 - 1)
    votes = drawn(
        st.builds(Notification, st.sampled_from(ServerState), *[longs] * 4, short_texts), 50
    )
    questions = [
        f"vote {v.state:d} {v.leader} {v.zxid} {v.election_epoch} {v.peer_epoch}"
        f" {v.config.encode().hex()}"
        for v in votes
    ]
    for vote, answer in zip(votes, apache.answers(questions), strict=True):
        assert answer == encode_notification(vote).hex()


def test_apache_reads_the_first_message_of_an_election_link(apache: Apache) -> None:
    messages = [
        InitialMessage(3, ("127.0.0.1:3888",)),
        InitialMessage(-7, ("10.0.0.1:1", "10.0.0.2:65535"), MANY_ADDRESSES),
        InitialMessage(4, ("[::1]:3888",)),
    ]
    answers = apache.answers(f"initial {encode_initial(m).hex()}" for m in messages)
    assert answers == ["3 127.0.0.1:3888", "-7 10.0.0.1:1 10.0.0.2:65535", "4 0:0:0:0:0:0:0:1:3888"]
