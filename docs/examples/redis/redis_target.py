"""Redis as a target: `zabtest run --plugin redis_target.py --target redis --nodes 1 -n kill`.

The first node is the primary, all others are its replicas. Clients write to the primary and read
from the node at hand: as long as that is the only one, it has to be linearizable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import count
from typing import Any

from checker.models.register import MISMATCH, Cas, Read, Write
from checker.outcome import DONE
from harness.processes import Processes, Seat
from harness.worlds import Target, Wanted
from nemesis.fault import Crash, Node
from nemesis.plan import AtNodes, Nemesis, Step
from nemesis.surface import Draw, Surface
from workloads.session import InDoubt, NotDone
from workloads.workload import Answer, Ask, Synced

HOST = "127.0.0.1"


# How one talks with Redis.


class Connection:
    """One connection, one question at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection(HOST, port))

    async def ask(self, *words: object) -> Any:
        """The answer. An error of Redis's is a `RuntimeError`, a lost connection an `OSError`."""
        parts = [str(word).encode() for word in words]
        said = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self._writer.write(b"*%d\r\n%s" % (len(parts), said))
        return await self._reply()

    async def _reply(self) -> Any:
        line = await self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("the connection was closed")
        kind, rest = line[:1], line[1:-2]
        match kind:
            case b"+":
                return rest.decode()
            case b"-":
                raise RuntimeError(rest.decode())
            case b":":
                return int(rest)
            case b"$" if int(rest) >= 0:
                return (await self._reader.readexactly(int(rest) + 2))[:-2].decode()
            case b"*" if int(rest) >= 0:
                return [await self._reply() for _ in range(int(rest))]
            case _:
                return None

    def drop(self) -> None:
        self._writer.transport.abort()


async def told(port: int, *words: str) -> Any:
    """The answer to one question; None, if there is none."""
    connection = None
    try:
        async with asyncio.timeout(1):
            connection = await Connection.open(port)
            return await connection.ask(*words)
    except (OSError, EOFError, RuntimeError):
        return None
    finally:
        if connection is not None:
            connection.drop()


# How it is run: what `Software` asks for.


class Redis:
    """A primary and its replicas."""

    def command(self, seat: Seat) -> Sequence[str]:
        words = ["redis-server", "--bind", HOST, "--port", str(seat.port), "--save", ""]
        # What is answered is on the disk.
        words += ["--appendonly", "yes", "--appendfsync", "always"]
        words += ["--enable-debug-command", "local", "--repl-diskless-sync-delay", "0"]
        if seat.place:
            words += ["--replicaof", HOST, str(seat.peers["n1"])]
        return words

    async def role(self, seat: Seat) -> str:
        said = str(await told(seat.port, "INFO", "replication"))
        if "role:master" in said:
            return "leader"
        return "follower" if "master_link_status:up" in said else ""

    async def fingerprint(self, seat: Seat) -> str:
        return str(await told(seat.port, "DEBUG", "DIGEST") or "")

    async def connect(self, node: Node, doors: Mapping[Node, int]) -> Session:
        opened: list[Connection] = []
        try:
            for port in dict.fromkeys((doors["n1"], doors[node])):
                opened.append(await Connection.open(port))
                await opened[-1].ask("PING")
        except BaseException as failure:
            for one in opened:
                one.drop()
            if isinstance(failure, (OSError, EOFError, RuntimeError)):
                raise NotDone(str(failure)) from None
            raise
        return Session(primary=opened[0], at_hand=opened[-1])


class Session:
    """A client's session with a node."""

    _numbers = count(1)

    def __init__(self, primary: Connection, at_hand: Connection) -> None:
        self.session_id = next(self._numbers)
        self.alive = True
        self.primary = primary
        self.at_hand = at_hand

    async def ask(self, connection: Connection, *words: object) -> Any:
        """The answer; in doubt unless Redis says that it did nothing."""
        try:
            return await connection.ask(*words)
        except RuntimeError as error:
            if str(error).startswith(("LOADING", "READONLY", "MASTERDOWN")):
                raise NotDone(str(error)) from None
            raise InDoubt(str(error)) from None
        except (OSError, EOFError) as failure:
            self.alive = False
            raise InDoubt(str(failure)) from None

    async def close(self) -> None:
        self.abandon()

    def abandon(self) -> None:
        self.alive = False
        for connection in (self.primary, self.at_hand):
            with suppress(OSError):
                connection.drop()


# How the workload `register` is performed on it. Each change is numbered, and each version counted:
# so the replies tell an order that can be held against time.

READ = """
local told = redis.call('HMGET', KEYS[1], 'value', 'version', 'change')
told[4] = redis.call('GET', 'changes')
return told
"""
WRITE = """
local change = redis.call('INCR', 'changes')
local version = redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'change', change)
return {version, change}
"""
CAS = "if redis.call('HGET', KEYS[1], 'value') ~= ARGV[2] then return {} end" + WRITE


class RegistersOnRedis:
    """A key is a hash."""

    async def prepare(self, session: Session) -> None:
        """Nothing: a hash is made when it is first written."""

    async def perform(self, session: Session, ask: Ask) -> Answer:
        match ask.call:
            case Read():
                reply = await session.ask(session.at_hand, "EVAL_RO", READ, 1, ask.key)
                value, version, change, changes = reply
                zxid = int(changes or 0)
                if value is None:
                    return Answer(result=None, zxid=zxid)
                return _answer(int(value), int(version), int(change), zxid)
            case Write(value):
                reply = await session.ask(session.primary, "EVAL", WRITE, 1, ask.key, value)
            case Cas(old, new):
                reply = await session.ask(session.primary, "EVAL", CAS, 1, ask.key, new, old)
                if not reply:
                    return Answer(result=MISMATCH)
            case other:
                raise AssertionError(f"a register has no call {other!r}")
        version, change = reply
        return _answer(DONE, version, change, change)


def _answer(result: object, version: int, change: int, zxid: int) -> Answer:
    return Answer(result=result, version=version - 1, mzxid=change, zxid=zxid)


# A nemesis of one's own: a plan of steps over faults that there are.


def again_and_again(surface: Surface, draw: Draw) -> Iterator[Step]:
    """The primary is killed, and comes back after a moment; smaller draws are calmer."""
    while True:
        yield Step(wait_s=2 - draw(15) / 10, aim=AtNodes("leader", Crash), hold_s=0.5)


BLINK = Nemesis("blink", "the primary is down for a moment", frozenset({Crash}), again_and_again)


# What zabtest looks for in this file.


def processes(wanted: Wanted) -> Processes:
    """So many nodes, as processes on this machine."""
    return Processes(Redis(), wanted.nodes)


REDIS = Target(
    about="Redis: a primary, read from its replicas",
    synced=Synced.LINEARIZABLE,
    kind="redis",
    worlds={"local": processes},
)
ENTRY_POINTS = {
    "zabtest.targets": {"redis": "REDIS"},
    "zabtest.adapters": {"register:redis": "RegistersOnRedis"},
    "zabtest.nemeses": {"blink": "BLINK"},
}
