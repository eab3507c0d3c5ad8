"""What clients ask for in a storm, and what they remember of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf

from checker.history import Op
from checker.models.register import Cas, Read, Write
from checker.models.zookeeper import LocalRead
from checker.outcome import DONE, Ok, Outcome, Refused, Unknown
from harness.sim.world import SimWorld
from target_node.wire.codes import CreateMode, ErrorCode
from target_node.wire.data import OPEN_ACL_UNSAFE, Stat
from target_node.wire.multi import MultiReadRequest, MultiRequest, MultiResponse
from target_node.wire.replies import (
    Create2Response,
    GetDataResponse,
    SetDataResponse,
    WatcherEvent,
)
from target_node.wire.requests import (
    CheckVersionRequest,
    Create2Request,
    DeleteRequest,
    GetDataRequest,
    SetDataRequest,
    SyncRequest,
)
from tests.harness.sim.client import Client, Lost, Reply, Session

REGISTERS = ("/r/a", "/r/b", "/r/c")
PAIR = ("/p/x", "/p/y")
ANY = -1


@dataclass
class Memory:
    """Of all clients together."""

    world: SimWorld
    ops: list[Op[object, object]] = field(default_factory=list)
    made: dict[str, int] = field(default_factory=dict)  # for good, by czxid
    sequential: dict[str, int] = field(default_factory=dict)
    ephemeral: dict[str, Session] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)  # ephemerals that somebody may have deleted
    sessions: list[Session] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    calls: int = 0
    stamp: int = 0
    values: int = 0

    def now(self) -> int:
        """Two moments are never the same: in a simulation, time may stand still between them."""
        self.stamp = max(self.stamp + 1, self.world.loop.now_ns)
        return self.stamp


class Asker:
    """One client of the storm; it is another process after each lost connection."""

    def __init__(self, memory: Memory, number: int, of: int) -> None:
        self.memory = memory
        self.world = memory.world
        self.draw = self.world.draw(f"calls/{number}")
        timeout_ms = (400, 1000, 4000, 20_000)[self.draw(4)]
        self.client = Client(self.world.network, f"c{number}", timeout_ms=timeout_ms)
        self.client.told = self._told
        self.process = number
        self.of = of
        self.watched: dict[str, int] = {}  # the mzxid of what was seen with a watch, if not fired
        self.known: dict[str, tuple[object, int]] = {}
        self.created = 0
        self.number = number
        self.own: list[str] = []  # ephemerals of this session

    async def prepare(self) -> None:
        """The nodes that everybody uses."""
        await self.come_back()
        for path in ("/r", "/p", "/s", "/e", "/q"):
            await self.client.call(_create(path, b""))
        for path in REGISTERS:
            await self._write(path, create=True)
        for path in PAIR:
            await self.client.call(_create(path, b"0"))

    async def come_back(self, until_s: float = inf) -> None:
        """Connected, to whichever node."""
        names = self.world.names
        while not self.client.connected:
            if self.world.seconds >= until_s:
                raise Lost("it is over")
            before = self.client.session
            to = names[self.draw(len(names))]
            try:
                same = await self.client.connect(to)
            except Lost:
                self.process += self.of
                await asyncio.sleep(0.05 + self.draw(200) / 1000)
                continue
            if not same:
                before.closed = True
                self.own.clear()
                self.watched.clear()
                self.process += self.of
                continue
            if not any(one is self.client.session for one in self.memory.sessions):
                self.memory.sessions.append(self.client.session)
            if self.watched:
                self.client.watch_again(tuple(sorted(self.watched)))

    async def live(self, until_s: float) -> None:
        """Ask for this and that."""
        while self.world.seconds < until_s:
            try:
                await self.come_back(until_s)
                await self.ask_something()
            except Lost:
                self.client.drop()
                self.process += self.of
            await asyncio.sleep(self.draw(40) / 1000)

    async def ask_something(self) -> None:
        draw = self.draw
        path = REGISTERS[draw(len(REGISTERS))]
        self.memory.calls += 1
        match draw(15):
            case 0 | 1:
                await self._write(path)
            case 2 | 3:
                await self._read(path)
            case 4 | 5:
                await self._read(path, synced=True)
            case 6 | 7:
                await self._cas(path)
            case 8:
                await self._read(path, watch=True)
            case 9:
                await self._create()
            case 10:
                await self._create_ephemeral()
            case 11:
                await self._delete_ephemeral()
            case 12:
                await self._pair()
            case 13 if draw(6) == 0:
                await self._close()
            case 14:
                await self._burst()
            case _:
                await self._create_sequential()

    # Registers.

    def _done(
        self,
        path: str,
        call: object,
        outcome: Outcome[object],
        called: int,
        process: int,
        zxid: int | None = None,
        stat: Stat | None = None,
    ) -> None:
        self.memory.ops.append(
            Op(
                process=process,
                call=call,
                outcome=outcome,
                called_ns=called,
                returned_ns=self.memory.now(),
                key=path,
                session=self.client.session.number,
                zxid=zxid,
                version=stat.version if stat else None,
                mzxid=stat.mzxid if stat else None,
            )
        )

    def _value(self) -> int:
        self.memory.values += 1
        return self.memory.values

    async def _write(self, path: str, *, create: bool = False) -> None:
        value = self._value()
        data = b"%d" % value
        called, process = self.memory.now(), self.process
        try:
            request = _create(path, data) if create else SetDataRequest(path, data, ANY)
            reply = await self.client.call(request, self._heard_write(path, value))
        except Lost:
            self._done(path, Write(value), Unknown("lost"), called, process)
            raise
        assert isinstance(reply.body, SetDataResponse | Create2Response), reply
        self._done(path, Write(value), Ok(DONE), called, process, reply.zxid, reply.body.stat)

    async def _cas(self, path: str) -> None:
        if path not in self.known:
            await self._read(path)
            return
        (old, version), value = self.known[path], self._value()
        called, process = self.memory.now(), self.process
        call = Cas(old, value)
        try:
            request = SetDataRequest(path, b"%d" % value, version)
            reply = await self.client.call(request, self._heard_write(path, value))
        except Lost:
            self._done(path, call, Unknown("lost"), called, process)
            raise
        if reply.err == ErrorCode.BAD_VERSION:
            self.known.pop(path, None)
            self._done(path, call, Ok(Refused("mismatch")), called, process, reply.zxid)
            return
        assert isinstance(reply.body, SetDataResponse), reply
        self._done(path, call, Ok(DONE), called, process, reply.zxid, reply.body.stat)

    async def _read(self, path: str, *, synced: bool = False, watch: bool = False) -> None:
        called, process = self.memory.now(), self.process
        sync = self.client.ask(SyncRequest(path)) if synced else None

        def heard(reply: Reply) -> None:
            if isinstance(reply.body, GetDataResponse):
                self._saw(path, int(reply.body.data or b"-1"), reply.body.stat)
                if watch:
                    self.watched.setdefault(path, reply.body.stat.mzxid)

        reply = await self.client.call(GetDataRequest(path, watch), heard)
        if sync is not None:
            assert (await sync).err == ErrorCode.OK
        assert isinstance(reply.body, GetDataResponse), reply
        value, stat = int(reply.body.data or b"-1"), reply.body.stat
        call = Read() if synced else LocalRead()
        self._done(path, call, Ok(value), called, process, reply.zxid, stat)

    def _heard_write(self, path: str, value: int) -> Callable[[Reply], None]:
        def heard(reply: Reply) -> None:
            if isinstance(reply.body, SetDataResponse | Create2Response):
                self._saw(path, value, reply.body.stat)

        return heard

    def _saw(self, path: str, value: int, stat: Stat) -> None:
        self.known[path] = (value, stat.version)
        if path in self.watched and stat.mzxid != self.watched[path]:
            self._problem(f"{path} changed at {stat.mzxid:x}, and its watcher saw that untold")

    def _told(self, event: WatcherEvent) -> None:
        if event.path not in self.watched:
            self._problem(f"told of {event.path} without a watch")
        self.watched.pop(event.path or "", None)

    def _problem(self, words: str) -> None:
        self.memory.problems.append(f"{self.world.seconds:.3f} c{self.number}: {words}")

    # Other nodes.

    async def _create(self) -> None:
        self.created += 1
        path = f"/s/{self.number}-{self.created}"
        reply = await self.client.call(_create(path, b""))
        assert isinstance(reply.body, Create2Response), reply
        self.memory.made[path] = reply.body.stat.czxid

    async def _burst(self) -> None:
        """Many at once, and nobody waits for answers."""
        paths: list[str] = []
        asked = []
        for _ in range(1 + self.draw(12)):
            self.created += 1
            paths.append(f"/s/{self.number}-{self.created}")
            data = bytes(self.draw(8) ** 4)
            asked.append(self.client.ask(_create(paths[-1], data)))
        asked.append(self.client.ask(GetDataRequest(paths[-1], False)))
        try:
            async with asyncio.timeout(5):
                replies = [await one for one in asked]
        except TimeoutError as late:
            raise Lost("no answer") from late
        for path, reply in zip(paths, replies, strict=False):
            assert isinstance(reply.body, Create2Response), reply
            self.memory.made[path] = reply.body.stat.czxid
        zxids = [self.memory.made[path] for path in paths]
        if zxids != sorted(zxids):
            self._problem(f"made in another order than asked: {paths[0]} ...")
        if replies[-1].err:
            self._problem(f"{paths[-1]} is not there for who made it")

    async def _create_sequential(self) -> None:
        reply = await self.client.call(_create("/q/", b"", CreateMode.PERSISTENT_SEQUENTIAL))
        assert isinstance(reply.body, Create2Response), reply
        if reply.body.path in self.memory.sequential:
            self._problem(f"{reply.body.path} was made twice")
        self.memory.sequential[reply.body.path or ""] = reply.body.stat.czxid

    async def _create_ephemeral(self) -> None:
        self.created += 1
        path, session = f"/e/{self.number}-{self.created}", self.client.session
        reply = await self.client.call(_create(path, b"", CreateMode.EPHEMERAL))
        assert isinstance(reply.body, Create2Response), reply
        self.memory.ephemeral[path] = session
        self.own.append(path)

    async def _delete_ephemeral(self) -> None:
        if not self.own:
            return
        path = self.own.pop()
        self.memory.doubtful.add(path)
        reply = await self.client.call(DeleteRequest(path, ANY))
        if reply.err:
            self._problem(f"{path} is gone while its session lives")

    async def _pair(self) -> None:
        """Both nodes of the pair hold the same, for everybody and always."""
        reply = await self.client.call(
            MultiReadRequest(tuple(GetDataRequest(path, False) for path in PAIR))
        )
        assert isinstance(reply.body, MultiResponse), reply
        held = [one for one in reply.body.results if isinstance(one, GetDataResponse)]
        if len({one.data for one in held}) != 1:
            self._problem(f"half of a multi: {held}")
        data = b"%d" % self._value()
        await self.client.call(
            MultiRequest(
                (
                    CheckVersionRequest(PAIR[0], held[0].stat.version),
                    *(SetDataRequest(path, data, ANY) for path in PAIR),
                )
            )
        )

    async def _close(self) -> None:
        self.memory.doubtful.update(self.own)
        await self.client.close()
        self.client.session = Session()
        self.own.clear()
        self.watched.clear()
        self.process += self.of

    async def last_words(self) -> None:
        """What is so once all is over."""
        for _ in range(20):
            try:
                await self.come_back()
                for path in REGISTERS:
                    await self._read(path, synced=True)
            except Lost:
                self.client.drop()
                self.process += self.of
                continue
            return
        raise AssertionError("no answers after all was healed")


def _create(path: str, data: bytes, mode: CreateMode = CreateMode.PERSISTENT) -> Create2Request:
    return Create2Request(path, data, OPEN_ACL_UNSAFE, mode)
