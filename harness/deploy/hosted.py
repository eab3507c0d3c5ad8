"""What is done with one node on one host?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Final

from harness.deploy import clocks, lease, losing, preloading, rotting, scripts, slow
from harness.deploy.contact import Contact
from harness.deploy.losing import Failures, Losing
from harness.deploy.packets import Network
from harness.deploy.preloading import Preload
from harness.deploy.target import BASE, CACHE, CLIENT_PORT, HOME, Member, Target
from harness.deploy.uploading import put_once
from harness.flips import Flip
from harness.hosts.host import Done, Host, checked
from harness.hosts.trouble import CommandFailed, HostTrouble, printable
from harness.local.words import facts
from harness.preload import shim
from harness.preload.shim import Wanted
from harness.standing import Standing
from nemesis.union import Skew, Union

ASK_S: Final = 1.0
HEAR_S: Final = 6.0  # in which a host says what it was asked, or is not to be waited for
COLLECT_S: Final = 120.0
START_S: Final = 60.0
_LOOK_S: Final = 0.1
EVENTS: Final = "events.jsonl"
_ROLES: Final = {
    "leader": "leader",
    "standalone": "leader",
    "follower": "follower",
    "observer": "observer",
}
_STEPS: Final = {
    71: "iptables does not take our rules",
    72: f"nothing can be written below {BASE}",
    73: "the node cannot be killed",
    74: "the node cannot be paused, or resumed",
    75: "the node cannot be started",
    76: "its disk cannot be wiped",
    77: "its clock cannot be bent",
    78: "its process cannot be bent",
    79: "what it sends cannot be slowed down, or not any more",
    80: "the file system of its data does not do what it is told",
    81: "no bit of its disk can be flipped",
}


class Hosted:
    """One node, its host, and what was done to them last."""

    def __init__(self, host: Contact, member: Member, target: Target) -> None:
        self.host = host
        self.member = member
        self.up = False
        self.way: slow.Slowing | None = None
        """In which it can send slowly."""
        self.turn = 0
        """Counts its starts and its ends that we wanted: what was seen across one means nothing."""
        self.preload = Preload()
        self.losing = Losing()
        self.before = Failures()
        """What its disk had done when it was last told to fail in another way."""
        self.flips: dict[tuple[int, int], Flip | None] = {}
        """The bits of its disk with which it has not been started yet, by what ordered them."""
        self.rotten = False
        """Whether one was ever flipped on this disk."""
        self.skews = target.skews
        self.bends_host = False
        """Whether the clock that is bent is the host's own, and not only that of one process."""
        self._target = target
        self._wiped = False
        self._ill = False
        self._dark = False
        self._wanted = Wanted()
        self._numbers = count(1)

    async def install(self, members: Sequence[Member]) -> None:
        """All files that it needs, and who undoes its faults; whatever was there ends."""
        host = self.host
        fresh = f"rm -rf {HOME} && mkdir -p {HOME} {CACHE}\n"
        await self._do(scripts.KILL + losing.UNMOUNT + fresh + lease.INSTALL)
        self.losing = await losing.mounted(host)
        await self._do(scripts.wipe(self.member.sid))
        files = self._target.files(members)
        mine = {f"{HOME}/{name}": data for name, data in files.items()}
        mine |= {f"{lease.FOLDER}/undo": lease.UNDO.encode()}
        mine |= {f"{lease.FOLDER}/end": lease.END_NODE.encode()}
        mine |= {f"{lease.FOLDER}/watch": lease.watch().encode()}
        mine |= {clocks.AGENT: clocks.agent()}
        await asyncio.gather(*(host.put(data, path) for path, data in mine.items()))
        await checked(host, f"sh {lease.FOLDER}/undo")  # of a run that nobody ended
        for name, data in self._target.programs().items():
            await put_once(self.host, data, f"{CACHE}/{name}")
        self.preload = await preloading.tried(self.host, self._target)

    async def start(self) -> None:
        """Start it, and let its faults expire by themselves from now on."""
        await self._do(lease.renew() + self.preload.new_page() + self._start())
        self.up = True

    def _start(self) -> str:
        return scripts.start(self.preload.command(self._target.command()))

    async def renew(self) -> None:
        """Let its faults last on."""
        done = await self.host.run(lease.renew(), deadline_s=lease.RENEW_S, again=True)
        _check(self.host, done)

    async def set(self, so: Union, network: Network) -> None:
        """Bring about what is to be so."""
        name = self.host.name
        await self._choose_bits(so.flipped.get(name, frozenset()))
        # Also rules that are there already: a lease that ran out may have taken them.
        steps = [lease.renew(), network.script(name, network.drops(name, so))]
        if self.way is not None:
            lags, ports = network.lags(name, so), network.ssh_ports.get(name, (22,))
            steps.append(slow.setting(self.way, lags, ports))
        # Whose disk failed may be as good as dead: it is started afresh.
        healed = self._ill and name not in so.ill
        if name in so.down or healed:
            steps.append(scripts.KILL)
        of_host, of_node = self.whose_clock(so)
        mine = replace(so, clocks={**so.clocks, name: of_node})
        wanted = shim.wanted_of(name, mine, clock=not self._target.skews)
        loses = name in so.dark and not self._dark
        if loses or not wanted.same_disk(self._wanted):
            self.before = await self.failures()
        if name in so.flipped:
            wrong = [flip for flip in self.flips.values() if flip is not None]
            steps += [rotting.flip(one, self.member.sid) + losing.SETTLE for one in wrong]
            self.rotten = self.rotten or bool(wrong)
        if name in so.wiped and not self._wiped:
            steps.append(self._wipe())
        if loses:
            steps.append(self.losing.lose(torn=so.dark[name]))
        if self.bends_host:
            steps.append(clocks.bend(of_host))
        steps.append(scripts.bend(of_node.offset_ms, of_node.rate))
        steps.append(self.losing.fail(wanted))
        preloaded = Wanted(wanted.skew) if self.losing.there else wanted
        steps.append(self.preload.bend(preloaded.as_bytes(next(self._numbers))))
        if name not in so.down and (healed or not self.up):
            steps.append(self._start())
        if name not in so.down:
            steps.append(scripts.PAUSE if name in so.paused else scripts.RESUME)
        up = name not in so.down
        if up != self.up or healed:
            self.up = False
            self.turn += 1
        await self._do("".join(steps))
        if up and self.flips:
            await self._see_it_start()
            self.flips.clear()
        self._wiped, self._ill, self.up = name in so.wiped, name in so.ill, up
        self._wanted, self._dark = wanted, name in so.dark

    async def _choose_bits(self, wanted: frozenset[tuple[int, int]]) -> None:
        if fresh := sorted(wanted - self.flips.keys()):
            self.up = False
            self.turn += 1
            await self._do(scripts.KILL)
            for file, back in fresh:
                self.flips[file, back] = await rotting.choose(self.host, file, back)

    async def _see_it_start(self) -> None:
        """With a bit that was flipped; or without any of its disk, if it cannot for that."""
        loop = asyncio.get_running_loop()
        until = loop.time() + START_S
        look = scripts.PRELUDE + scripts.LOOK + scripts.ask(CLIENT_PORT, "ruok", within_s=ASK_S)
        while loop.time() < until:
            done = await self.host.run(look, again=True)
            state, how, *said = [*done.text.splitlines(), "", ""]
            if state == "gone":
                if self._target.ends.may_be_for_a_bit(how):
                    await self._do(self._wipe() + self._start())
                return
            if any(said):
                return
            await asyncio.sleep(_LOOK_S)

    def _wipe(self) -> str:
        self.rotten = False
        return scripts.wipe(self.member.sid) + losing.SETTLE

    async def settle(self) -> None:
        """Let all that is on its disk now outlive a loss of power."""
        await self._do(losing.SETTLE)

    async def failures(self) -> Failures:
        """What its disk has done up to now that it should not."""
        if self.losing.there:
            return await losing.failures(self.host)
        seen = await preloading.seen(self.host)
        return Failures(seen.syncs_late, seen.syncs_failed, seen.writes_failed)

    def whose_clock(self, so: Union) -> tuple[Skew, Skew]:
        """What is to be wrong with the host's clock, and what with that of the node alone."""
        skew = so.clocks.get(self.host.name, Skew())
        if not self.bends_host:
            return Skew(), skew
        return clocks.split(skew, by_node=self.skews or bool(self.preload.path))

    async def standing(self) -> tuple[Standing, str]:
        """What it says that it is; or, if its process is gone, how that ended."""
        question = scripts.ask(CLIENT_PORT, "srvr", within_s=ASK_S)
        try:
            look = scripts.PRELUDE + scripts.LOOK + question
            done = await self.host.run(look, deadline_s=HEAR_S, again=True)
        except HostTrouble:
            return Standing(), ""
        lines = done.out.decode(errors="replace").splitlines()
        if lines[:1] == ["gone"]:
            return Standing(), printable("".join(lines[1:2]).encode())
        told = facts("\n".join(lines[2:]), ": ")
        try:
            zxid = int(told.get("Zxid", "-1"), 0)
        except ValueError:
            return Standing(), ""
        return Standing(_ROLES.get(told.get("Mode", ""), ""), zxid), ""

    async def asked(self, word: str) -> str:
        """Its whole answer; empty, if there is none in time."""
        try:
            ask = scripts.ask(CLIENT_PORT, word, within_s=ASK_S)
            done = await self.host.run(ask, deadline_s=HEAR_S, again=True)
        except HostTrouble:
            return ""
        return done.out.decode(errors="replace")

    async def collect(self, into: Path, *, data: bool) -> None:
        """Its files, without what is on its disk if that is not wanted."""
        if data:
            await self.host.fetch(HOME, into, deadline_s=COLLECT_S)
            return
        for name in ("log", "zoo.cfg", "exit"):
            done = await self.host.run(["cat", f"{HOME}/{name}"], again=True, deadline_s=COLLECT_S)
            if done.status == 0:
                await asyncio.to_thread(_write, into / name, done.out)

    async def size_of_events(self) -> int:
        """How much it has written down of what it does."""
        try:
            done = await self.host.run(["stat", "-c", "%s", f"{HOME}/{EVENTS}"], again=True)
        except HostTrouble:
            return -1
        return int(done.text) if done.status == 0 and done.text.isdecimal() else -1

    async def fetch_events(self, size: int, into: Path) -> None:
        """So much of that."""
        command = ["head", "-c", str(size), f"{HOME}/{EVENTS}"]
        done = await self.host.run(command, again=True, deadline_s=COLLECT_S)
        await asyncio.to_thread(_write, into, done.out)

    async def stop(self) -> None:
        """End it and all its faults; its files stay."""
        self.up = False
        self.turn += 1
        await self._do(f"{scripts.KILL}[ ! -e {lease.FOLDER}/undo ] || sh {lease.FOLDER}/undo\n")
        await self._do(lease.END + losing.UNMOUNT)

    async def _do(self, script: str) -> Done:
        # What is asked for is a state: a connection that broke is no reason not to ask again.
        done = await self.host.run(scripts.PRELUDE + script, again=True)
        _check(self.host, done)
        return done


def _check(host: Host, done: Done) -> None:
    if done.status in _STEPS:
        said = printable(done.err) or "it does not say why"
        raise HostTrouble(host.name, f"{_STEPS[done.status]}: {said}")
    if done.status:
        raise CommandFailed(host.name, "set its state", done.status, done.err)


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
