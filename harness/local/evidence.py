"""Has a fault the effect that it should have, as far as one can see from outside?

Nothing is believed because it was ordered: links are tried, processes looked at, clocks asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, assert_never

from harness.local.door import HOST
from harness.local.flow import RESEND_S
from harness.local.lines import Lines
from harness.local.member import Member
from harness.local.words import ask, clock_of
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
from nemesis.union import union

SILENCE_MS: Final = 150  # for which a cut link is listened to
_PATIENCE_S: Final = 3.0  # a node may just be starting
_LOOK_S: Final = 0.05
_CLOSE_MS: Final = 5  # as near as two clocks can be compared
_RATE_S: Final = 0.25  # over which a rate is measured
_PIECES: Final = 60  # of which one will be lost, if some are: all come through once in 20 tries
Look = Callable[[], Awaitable[Mapping[Node, tuple[int, str, int | None]]]]


class Probes:
    """`look` gives pid, state and exit status of every process; `doors` are the proxy's ports."""

    def __init__(
        self, members: Mapping[Node, Member], proxy: Lines, doors: Mapping[str, int], look: Look
    ) -> None:
        self._members = members
        self._proxy = proxy
        self._doors = doors
        self._look = look

    async def probe(self, fault: Fault, active: Sequence[Fault]) -> Evidence:
        """What is seen of it, while these are active."""
        match fault:
            case Partition(links):
                return await self._silent(links)
            case Slow():
                return await self._slow(fault, union(active).cut)
            case Crash(node):
                return await self._in_state(node, "")
            case Wipe(node):
                gone = await self._in_state(node, "")
                left = sorted(path.name for path in self._members[node].data.iterdir())
                words = f"{gone.words}, and its disk holds {', '.join(left)}"
                return Evidence(gone.proven and left == ["myid"], words)
            case FlippedBit(node, file, back):
                gone, member = await self._in_state(node, ""), self._members[node]
                flip = member.flips.get((file, back))
                there = flip is not None and member.byte_of(flip) == flip.now
                words = f"{gone.words}, and on its disk {flip if there else 'no bit is wrong'}"
                return Evidence(gone.proven and there, words)
            case Pause(node):
                return await self._in_state(node, "T")
            case ClockSkew():
                return await self._skewed(fault, active)
            case ClientLink(node, reset):
                return await self._unusable(node, reset=reset)
            case Packets() | SlowDisk() | FullDisk() | BrokenDisk() | PowerLoss():
                return Evidence(proven=False, words="cannot be done here")
            case _:
                assert_never(fault)

    async def _try(self, links: Sequence[Link], **how: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._proxy.ask("probe", links=links, **how))["links"]
        return found

    async def _silent(self, links: frozenset[Link]) -> Evidence:
        found = await self._try(sorted(links), pieces=3, size=1, for_ms=SILENCE_MS)
        for one in found:
            if one["arrived"] or one["given"]:
                way = ">".join(one["link"])
                return Evidence(proven=False, words=f"{one['given']} bytes passed over {way}")
        ways = f"{len(found)} links" if len(found) > 1 else "the link"
        return Evidence(
            proven=True, words=f"nothing sent over {ways} came out within {SILENCE_MS} ms"
        )

    async def _slow(self, fault: Slow, cut: frozenset[Link]) -> Evidence:
        links = sorted(fault.links - cut)
        if fault.delay_ms:
            pieces, size, least_ms = 1, 1, fault.delay_ms
        elif fault.bytes_per_s:
            pieces, size, least_ms = 1, max(1, fault.bytes_per_s // 5), 190
        else:
            pieces, size, least_ms = _PIECES, 1, int(RESEND_S * 1000)
        # Who has not come by then is late for sure.
        found = await self._try(links, pieces=pieces, size=size, for_ms=least_ms + 50)
        late = [one for one in found if one["arrived"] < pieces or one["last_ms"] >= least_ms]
        words = f"{len(late)} of {len(found)} links took {least_ms} ms or more"
        return Evidence(bool(late) and (bool(fault.loss) or len(late) == len(found)), words)

    async def _in_state(self, node: Node, wanted: str) -> Evidence:
        until = time.monotonic() + _PATIENCE_S
        while True:
            pid, state, status = (await self._look())[node]
            proven = state == wanted
            if proven or time.monotonic() >= until:
                how = f"is gone with status {status}" if not state else f"is in state {state}"
                return Evidence(proven, f"process {pid} of {node} {how}")
            await asyncio.sleep(_LOOK_S)

    async def _skewed(self, fault: ClockSkew, active: Sequence[Fault]) -> Evidence:
        wanted = union(active).clocks[fault.node]
        port = self._members[fault.node].client_port
        until = time.monotonic() + _PATIENCE_S
        while True:
            said = await self._measured(port, both=fault.rate != 1.0)
            if said is not None:
                offset_ms, rate = said
                proven = abs(offset_ms - wanted.offset_ms) <= _CLOSE_MS and (
                    fault.rate == 1.0 or abs(rate - wanted.rate) < abs(rate - 1.0)
                )
                words = f"the clock of {fault.node} is off by {offset_ms} ms" + (
                    f" and goes {rate:.2f} times as fast" if fault.rate != 1.0 else ""
                )
                if proven or time.monotonic() >= until:
                    return Evidence(proven, words)
            elif time.monotonic() >= until:
                return Evidence(proven=False, words=f"{fault.node} does not say what time it is")
            await asyncio.sleep(_LOOK_S)

    async def _measured(self, port: int, *, both: bool) -> tuple[int, float] | None:
        """How far its wall time is off, apart from what its rate did; and the rate."""
        began = time.monotonic()
        first = await clock_of(port)
        if first is None:
            return None
        # Its two times differ by its offset and by as much as the machine's do.
        machine_ms = (time.time_ns() - time.monotonic_ns()) // 1_000_000
        offset_ms = first[1] - first[0] - machine_ms
        if not both:
            return offset_ms, 1.0
        first_at = (began + time.monotonic()) / 2
        await asyncio.sleep(_RATE_S)
        began = time.monotonic()
        second = await clock_of(port)
        if second is None:
            return None
        second_at = (began + time.monotonic()) / 2
        return offset_ms, (second[0] - first[0]) / 1000 / (second_at - first_at)

    async def _unusable(self, node: Node, *, reset: bool) -> Evidence:
        door = self._doors[f"client/{node}"]
        if reset:
            how = await _come(door)
            return Evidence(how == "reset", f"who connects to {node} is {how}")
        until = time.monotonic() + _PATIENCE_S
        while not (direct := await ask(self._members[node].client_port, "ruok")):
            if time.monotonic() >= until:
                break
            await asyncio.sleep(_LOOK_S)
        through = await ask(door, "ruok", within_s=SILENCE_MS / 1000)
        said = f"{node} says {direct!r} when asked itself, and {through!r} to clients"
        return Evidence(bool(direct) and not through, said)


async def _come(port: int) -> str:
    writer = None
    try:
        async with asyncio.timeout(_PATIENCE_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"ruok")
            return "answered" if await reader.read(1) else "left"
    except TimeoutError:
        return "let wait"
    except OSError:
        return "reset"
    finally:
        if writer is not None:
            writer.transport.abort()
