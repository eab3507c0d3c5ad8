"""Has a fault on hosts the effect that it should have?

Nothing is believed because it was ordered: connections are tried over cut links while the packets
that our rules drop are counted, processes are looked at, clocks are read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final, assert_never

from harness.deploy import clocks, preloading, rotting, scripts
from harness.deploy.hosted import Hosted
from harness.deploy.packets import COUNTS, Network, counts
from harness.deploy.slowness import Measuring
from harness.deploy.target import CLIENT_PORT, ELECTION_PORT, HOME
from harness.hosts.host import words
from harness.local.words import facts
from nemesis.fault import (
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    Fault,
    FlippedBit,
    FullDisk,
    Link,
    Node,
    Packets,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
    Wipe,
)
from nemesis.surface import Evidence
from nemesis.union import Lag, Skew, Union, union

SILENCE_S: Final = 0.3  # for which a cut link is listened to
_LONGER: Final = (1, 2, 6)  # times that, until something has come that was dropped
_TIMED_OUT: Final = "124"  # as `timeout` tells it
_CLOSE_MS: Final = 20  # as near as two clocks can be read
_MS: Final = 1_000_000
_RATE_S: Final = 0.25  # over which a rate is measured
_PATIENCE_S: Final = 1.0  # a node looks at its clock file every 50 ms


class Probes:
    """What can be seen of a fault."""

    def __init__(self, hosted: Mapping[Node, Hosted], network: Network) -> None:
        self._hosted = hosted
        self._network = network
        self._asked: dict[Node, int] = {}  # how often its process had asked for the time
        self._measuring = Measuring(hosted, network)

    async def probe(self, fault: Fault, active: Sequence[Fault]) -> Evidence:
        """What is seen of it, while these are active."""
        match fault:
            case Partition(links):
                return await self._silent(links, union(active))
            case Crash(node):
                return await self._in_state(node, "gone")
            case Wipe(node):
                gone = await self._in_state(node, "gone")
                left = (await self._hosted[node].host.run(["ls", "-A", f"{HOME}/data"])).text
                said = f"{gone.words}, and its disk holds {left or 'nothing'}"
                return Evidence(gone.proven and left == "myid", said)
            case FlippedBit(node, file, back):
                gone, flip = (
                    await self._in_state(node, "gone"),
                    self._hosted[node].flips.get((file, back)),
                )
                there = flip is not None and await rotting.stands(self._hosted[node].host, flip)
                said = f"{gone.words}, and on its disk {flip if there else 'no bit is wrong'}"
                return Evidence(gone.proven and there, said)
            case Pause(node):
                return await self._in_state(node, "T")
            case ClockSkew():
                return await self._skewed(fault, active)
            case ClientLink(node, reset):
                return await self._unusable(node, reset=reset)
            case SlowDisk() | FullDisk() | BrokenDisk() | PowerLoss():
                return await self._of_a_disk(fault)
            case Slow(links) | Packets(links):
                so = union(active if fault in active else [*active, fault])
                open_ones = sorted(links - so.cut)
                lags = {link: so.slow.get(link, Lag()) for link in open_ones}
                return await self._measuring.seen(fault, lags)
            case _:
                assert_never(fault)

    async def _silent(self, links: frozenset[Link], so: Union) -> Evidence:
        """Who answers ends this at once. That nothing was dropped may only mean that nothing came
        yet: from a busy host, or over a link that is slow or loses packets besides.
        """
        lags = [so.slow.get(link, Lag()) for link in sorted(links)]
        late_s = max((lag.delay_ms + lag.jitter_ms for lag in lags), default=0) / 1000
        seen = Evidence(proven=False, words="nobody has tried")
        for times in _LONGER:
            answered, seen = await self._listened(links, SILENCE_S * times + late_s)
            if answered or seen.proven:
                break
        return seen

    async def _listened(self, links: frozenset[Link], silence_s: float) -> tuple[bool, Evidence]:
        """Whether anybody answers, and what that means."""
        before = await self._dropped(links)
        senders = sorted({a for a, _ in links})
        tried = await asyncio.gather(*(self._try(a, sorted(links), silence_s) for a in senders))
        after = await self._dropped(links)
        for (a, b), status in (pair for one in tried for pair in one.items()):
            if status != _TIMED_OUT:
                return True, Evidence(proven=False, words=f"{b} answers {a}, with status {status}")
        for a, b in sorted(links):
            if after[a, b] <= before[a, b]:
                return False, Evidence(proven=False, words=f"{b} has dropped no packet of {a}")
        number = sum(after.values()) - sum(before.values())
        ways = f"{len(links)} links" if len(links) > 1 else "the link"
        said = f"no connection over {ways}, and {number} packets were dropped"
        return False, Evidence(proven=True, words=said)

    async def _try(self, a: Node, links: Sequence[Link], for_s: float) -> Mapping[Link, str]:
        """With which status each attempt at a connection from this node ends."""
        mine = [link for link in links if link[0] == a]
        script = ""
        for i, (_, b) in enumerate(mine):
            address = self._hosted[b].member.address
            dial = words([f": </dev/tcp/{address}/{ELECTION_PORT}"])
            script += f"{{ timeout {for_s:g} bash -c {dial} 2>/dev/null; echo {i} $?; }} &\n"
        done = await self._hosted[a].host.run(script + "wait\n")
        told = dict(line.split() for line in done.text.splitlines())
        return {link: told.get(str(i), "?") for i, link in enumerate(mine)}

    async def _dropped(self, links: frozenset[Link]) -> Mapping[Link, int]:
        """How many packets each link's end has dropped so far."""
        ends = sorted({b for _, b in links})
        said = await asyncio.gather(*(self._hosted[b].host.run(COUNTS) for b in ends))
        dropped = {b: counts(one.text) for b, one in zip(ends, said, strict=True)}
        return {
            (a, b): sum(dropped[b].get(one, 0) for one in self._network.own(a)) for a, b in links
        }

    async def _in_state(self, node: Node, wanted: str) -> Evidence:
        done = await self._hosted[node].host.run(scripts.PRELUDE + scripts.LOOK)
        state = done.text.split("\n")[0].strip()
        return Evidence(state == wanted, f"the process of {node} is {_STATES.get(state, state)}")

    async def _skewed(self, fault: ClockSkew, active: Sequence[Fault]) -> Evidence:
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE_S
        of_host, of_node = self._hosted[fault.node].whose_clock(union(active))
        while True:
            looks = []
            if of_host != Skew():
                looks.append(self._host_skewed(fault.node, of_host))
            if of_node != Skew() or not looks:
                looks.append(self._node_skewed(fault, of_node))
            seen = [await one for one in looks]
            if all(one.proven for one in seen) or loop.time() >= until:
                words = ", and ".join(one.words for one in seen)
                return Evidence(all(one.proven for one in seen), words)

    async def _host_skewed(self, node: Node, wanted: Skew) -> Evidence:
        """Beside the one clock of its host that nobody can bend."""
        done = await self._hosted[node].host.run(clocks.TELL)
        told = facts(done.text, "=")
        try:
            wrong_ms, wall = float(told["wrong_ms"]), float(told["wall"])
            timers = float(told["timers"])
        except (KeyError, ValueError):
            return Evidence(proven=False, words=f"the host of {node} does not tell its time")
        said = f"the clock of the host of {node} is off by {wrong_ms:.0f} ms"
        if wanted.rate == 1.0:
            return Evidence(abs(wrong_ms - wanted.offset_ms) <= _CLOSE_MS, said)
        near = abs(wall - wanted.rate) <= abs(wanted.rate - 1.0) / 2
        return Evidence(near, f"{said}, its rate is {wall:.3f}, and that of timers {timers:.3f}")

    async def _node_skewed(self, fault: ClockSkew, wanted: Skew) -> Evidence:
        first = await self._clock(fault.node)
        await asyncio.sleep(_RATE_S)
        second = await self._clock(fault.node)
        if first is None or second is None:
            return Evidence(proven=False, words=f"{fault.node} does not tell its time")
        real_ms = second[2] - first[2]
        rate = (second[0] - first[0]) / real_ms if real_ms else 1.0
        # What a rate has added to the wall clock is not its offset.
        offset_ms = second[1] - second[2]
        # It was asked at some moment between two looks at the host's clock.
        unsure_ms = min(second[3], abs(wanted.offset_ms) // 2)
        proven = (
            -unsure_ms - _CLOSE_MS <= offset_ms - wanted.offset_ms <= _CLOSE_MS
            if wanted.rate == 1.0 and fault.rate == 1.0
            else abs(rate - wanted.rate) < max(0.1, abs(wanted.rate - 1.0) / 2)
        )
        said = f"the clock of {fault.node} is off by {offset_ms} ms, its rate is {rate:.2f}"
        return Evidence(proven, said)

    async def _of_a_disk(self, fault: SlowDisk | FullDisk | BrokenDisk | PowerLoss) -> Evidence:
        match fault:
            case SlowDisk(node):
                return await self._failing(node, "took longer to sync", "syncs_late")
            case FullDisk(node):
                return await self._failing(node, "found no room to write", "writes_failed")
            case BrokenDisk(node, writes=True):
                return await self._failing(
                    node, "failed to write or to sync", "writes_failed", "syncs_failed"
                )
            case BrokenDisk(node):
                return await self._failing(node, "failed to sync", "syncs_failed")
            case PowerLoss(node):
                return await self._dark(node)
            case _:
                assert_never(fault)

    async def _failing(self, node: Node, words: str, *what: str) -> Evidence:
        """Whether what is to fail has failed for its process; it may not have tried yet."""
        one = self._hosted[node]
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE_S
        while True:
            seen = await one.failures()
            number = sum(getattr(seen, name) - getattr(one.before, name) for name in what)
            if number > 0 or loop.time() >= until:
                return Evidence(number > 0, f"{node} {words} ({number})")
            await asyncio.sleep(_RATE_S)

    async def _dark(self, node: Node) -> Evidence:
        one, gone = self._hosted[node], await self._in_state(node, "gone")
        now, before = await one.failures(), one.before
        data, names = now.bytes_lost - before.bytes_lost, now.names_lost - before.names_lost
        lost = f"{data} changes of bytes and {names} of names that were not synced are lost"
        return Evidence(gone.proven and now.losses > before.losses, f"{gone.words}, and {lost}")

    async def _told(self, node: Node) -> tuple[int, int, int, int] | None:
        """The same of what its process was told last, which it has told for sure."""
        seen = await preloading.seen(self._hosted[node].host)
        asked, self._asked[node] = self._asked.get(node), seen.timer_asked
        if asked == seen.timer_asked:
            return None
        # What a rate has added to both is not an offset.
        gained = seen.timer_told - seen.timer_real
        offset = seen.wall_told - seen.wall_real - gained
        real_ms = seen.timer_real // _MS
        return seen.timer_told // _MS, real_ms + round(offset / _MS), real_ms, 0

    async def _clock(self, node: Node) -> tuple[int, int, int, int] | None:
        """Its time for timers, its wall time, its host's a moment later, and how long a moment that
        is at most, in ms.
        """
        if not self._hosted[node].skews:
            return await self._told(node)
        ask, look = scripts.ask(CLIENT_PORT, "envi", within_s=1.0), "echo host=$(date +%s%3N)"
        done = await self._hosted[node].host.run(f"echo before=$(date +%s%3N); {ask}; {look}")
        told = facts(done.text, "=")
        try:
            host_ms = int(told["host"])
            took_ms = host_ms - int(told["before"])
            return int(told["clock.ms"]), int(told["clock.wall.ms"]), host_ms, took_ms
        except (KeyError, ValueError):
            return None

    async def _unusable(self, node: Node, *, reset: bool) -> Evidence:
        try:
            reader, writer = await self._hosted[node].host.dial(CLIENT_PORT, timeout_s=SILENCE_S)
            try:
                writer.write(b"ruok")
                async with asyncio.timeout(SILENCE_S):
                    said = await reader.read(4)
            finally:
                writer.transport.abort()
        except ConnectionError:
            return Evidence(reset, f"{node} breaks off what clients begin")
        except OSError:  # a timeout is one
            return Evidence(not reset, f"{node} says nothing to clients")
        return Evidence(proven=False, words=f"{node} answers clients: {said!r}")


_STATES: Final = {"gone": "gone", "T": "stopped", "S": "asleep", "R": "running"}
