"""Is a session plain about what happened, with our server, Apache's, and one that misbehaves?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from checker.models.register import Cas, Read, Write
from checker.models.set import Add, ListAll
from checker.models.zookeeper import LocalRead
from harness.zookeeper.connecting import connect
from harness.zookeeper.session import Session
from target_node.wire.client import ReplyHeader, encode_reply, split_request
from target_node.wire.codes import ErrorCode, OpCode
from target_node.wire.connect import ConnectResponse, encode_connect_response
from target_node.wire.frames import frame
from target_node.wire.jute import INT
from target_node.wire.replies import SyncResponse, WatcherEvent
from tests.harness.zookeeper_servers import SERVERS
from workloads.listing import ListLocally
from workloads.lock import Acquire, Held, Release, Use
from workloads.names import adapter
from workloads.register import OrderedRead
from workloads.session import Check, Delete, InDoubt, NotDone, Refusal, SetData
from workloads.workload import Ask
from workloads.zookeeper.nodes import make


@pytest.fixture(scope="module", params=list(SERVERS))
def port(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with SERVERS[request.param](tmp_path_factory.mktemp("server")) as port:
        yield port


def with_session(port: int, work: Callable[[Session], Awaitable[None]], **more: Any) -> None:
    async def main() -> None:
        session = await connect("127.0.0.1", port, node="n1", timeout_s=10, **more)
        try:
            await work(session)
        finally:
            await session.close()

    asyncio.run(main())


async def refused(code: str, call: Awaitable[Any]) -> None:
    with pytest.raises(Refusal) as refusal:
        await call
    assert refusal.value.code == code
    assert refusal.value.zxid is not None


def test_every_call_tells_what_the_service_said(port: int) -> None:
    async def work(session: Session) -> None:
        assert session.session_id > 0
        assert session.node == "n1"
        made = await session.create("/calls", b"one")
        assert made.path == "/calls"
        assert made.stat is not None
        assert made.stat.version == 0
        assert made.stat.czxid == made.stat.mzxid <= made.zxid
        await refused("node-exists", session.create("/calls", b""))
        written = await session.set("/calls", b"two", 0)
        assert written.stat is not None
        assert written.stat.version == 1
        assert written.stat.mzxid > made.stat.mzxid
        await refused("bad-version", session.set("/calls", b"three", 0))
        seen = await session.get("/calls")
        assert seen.data == b"two"
        assert seen.stat == written.stat
        assert (await session.exists("/calls")).stat == written.stat
        await session.sync("/calls")
        child = await session.create("/calls/n-", b"", ephemeral=True, sequential=True)
        assert child.path.startswith("/calls/n-0")
        assert child.stat is not None
        assert child.stat.ephemeral_owner & (1 << 64) - 1 == session.session_id
        listing = await session.children("/calls")
        assert listing.names == (child.path.rsplit("/", 1)[1],)
        assert listing.stat is not None
        assert listing.stat.pzxid == child.stat.czxid
        await refused("not-empty", session.delete("/calls"))
        await refused("no-children-for-ephemerals", session.create(f"{child.path}/x", b""))
        gone, wrote = await session.multi((Delete(child.path), SetData("/calls", b"four")))
        assert wrote.stat is not None
        assert gone.zxid == wrote.zxid >= wrote.stat.mzxid
        steps = (Check(child.path), SetData("/calls", b"five"))
        await refused("no-node", session.multi(steps))
        assert (await session.get("/calls")).data == b"four"
        await session.delete("/calls")
        await refused("no-node", session.get("/calls"))
        assert session.alive

    with_session(port, work)


def test_an_idle_session_lives_on_and_a_closed_one_does_not(port: int) -> None:
    async def work(session: Session) -> None:
        await asyncio.sleep(3)
        await session.create("/idle", b"", ephemeral=True)
        await session.close()
        assert not session.alive
        with pytest.raises(NotDone):
            await session.get("/idle")

    async def gone(session: Session) -> None:
        await refused("no-node", session.get("/idle"))

    with_session(port, work, session_timeout_ms=2000)
    with_session(port, gone)


@pytest.mark.parametrize("workload", ["register", "set", "lock"])
def test_workloads_are_performed(port: int, workload: str) -> None:
    """One after the other, they answer as the model says."""

    calls: dict[str, list[Any]] = {
        "register": [
            *(Read(), LocalRead(), OrderedRead(), Write(1), Write(2), Read(), LocalRead()),
            *(Cas(2, 3), Cas(2, 4), OrderedRead()),
        ],
        "set": [ListAll(), ListLocally(), Add(2), Add(1), Add(2), ListAll(), ListLocally()],
        "lock": [Acquire(), Use(), Use(), Release(), Acquire(), Release()],
    }

    async def work(session: Session) -> None:
        performs = adapter(workload, session.kind)
        await performs.prepare(session)
        answers = [await performs.perform(session, Ask("k", call)) for call in calls[workload]]
        said = [getattr(one.result, "code", one.result) for one in answers]
        done = said[3]
        if workload == "register":
            expected = [None, None, None, done, done, 2, 2, done, "mismatch", 3]
            assert said == expected
            assert [one.version for one in answers] == [*(None, None, None, 0, 1, 1, 1, 2, None, 2)]
        elif workload == "set":
            assert said == [(), (), said[2], said[2], "node-exists", (1, 2), (1, 2)]
            assert answers[-1].mzxid == answers[3].mzxid
        else:
            assert [type(one) for one in said] == [Held] * 6
            assert said[:4] == [said[0]] * 4
            assert said[4].number > said[0].number
            # The queue's last change is our own, and a release has a zxid of its own.
            zxids = [one.mzxid for one in answers if one.mzxid is not None]
            assert zxids == sorted(set(zxids))
            assert len(zxids) == 6
            assert said[0].made == zxids[0]
        await make(session, "/zabtest/register")

    with_session(port, work)


# A server that says what we let it say.

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
WELCOME = frame(encode_connect_response(ConnectResponse(6000, 5, bytes(16))))


async def request(reader: asyncio.StreamReader) -> tuple[int, int]:
    """The xid and type of the next request."""
    (length,) = INT.unpack(await reader.readexactly(4))
    header, _ = split_request(await reader.readexactly(length))
    return header.xid, header.type


async def welcomed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    (length,) = INT.unpack(await reader.readexactly(4))
    await reader.readexactly(length)
    writer.write(WELCOME)


def against(script: Script, work: Callable[[Session], Awaitable[None]], **more: Any) -> None:
    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await welcomed(reader, writer)
                await script(reader, writer)
            except (OSError, EOFError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            session = await connect("127.0.0.1", port, node="n1", timeout_s=0.3, **more)
            await work(session)
            session.abandon()
            await asyncio.sleep(0.05)  # for both ends to close

    asyncio.run(main())


@pytest.mark.parametrize("how", ["silence", "end", "garbage", "another", "short"])
def test_without_its_own_reply_a_request_is_in_doubt(how: str) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        xid, _ = await request(reader)
        match how:
            case "garbage":
                writer.write(frame(encode_reply(ReplyHeader(xid, 1, 0)) + b"garbage"))
            case "another":
                writer.write(frame(encode_reply(ReplyHeader(xid + 1, 1, 0))))
            case "short":
                writer.write(frame(b"no"))
            case _:
                pass
        if how != "end":
            await reader.read()

    async def work(session: Session) -> None:
        started = asyncio.get_running_loop().time()
        with pytest.raises(InDoubt):
            await session.set("/x", b"")
        assert asyncio.get_running_loop().time() - started < 0.6
        assert not session.alive
        with pytest.raises(NotDone):
            await session.get("/x")

    against(script, work)


@pytest.mark.parametrize("code", [code for code in ErrorCode if code])
def test_every_error_of_a_reply_is_taken_for_what_it_is(code: ErrorCode) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        xid, _ = await request(reader)
        writer.write(frame(encode_reply(ReplyHeader(xid, 77, code))))
        await reader.read()

    async def work(session: Session) -> None:
        with pytest.raises((Refusal, NotDone, InDoubt)) as problem:
            await session.set("/x", b"")
        assert session.alive != isinstance(problem.value, InDoubt)

    against(script, work)


def test_pings_and_events_are_no_replies() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pinged = False
        while True:
            xid, op = await request(reader)
            if op == OpCode.PING:
                pinged = True
                writer.write(frame(encode_reply(ReplyHeader(xid, 1, 0))))
                continue
            assert pinged
            event = encode_reply(ReplyHeader(-1, -1, 0), WatcherEvent(1, 3, "/x"))
            writer.write(frame(event) + frame(encode_reply(ReplyHeader(-2, 1, 0))))
            writer.write(frame(encode_reply(ReplyHeader(xid, 9, 0), SyncResponse("/x"))))

    async def work(session: Session) -> None:
        session._ping()
        await asyncio.sleep(0.05)
        assert (await session.sync("/x")).zxid == 9

    against(script, work)


def test_a_cancelled_call_takes_the_session_with_it() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def work(session: Session) -> None:
        call = asyncio.get_running_loop().create_task(session.set("/x", b""))
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not session.alive

    against(script, work)


def test_a_session_that_cannot_be_had_is_a_definite_failure() -> None:
    async def main() -> None:
        with pytest.raises(NotDone):
            await connect("127.0.0.1", 1, node="n1", timeout_s=1)

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()
            writer.close()

        async def ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(frame(encode_connect_response(ConnectResponse(0, 0, bytes(16)))))
            await reader.read()
            writer.close()

        for script in (silent, ends, refuses):
            server = await asyncio.start_server(script, "127.0.0.1", 0)
            async with server:
                port = server.sockets[0].getsockname()[1]
                with pytest.raises(NotDone):
                    await connect("127.0.0.1", port, node="n1", timeout_s=0.2)
                await asyncio.sleep(0.05)

    asyncio.run(main())
