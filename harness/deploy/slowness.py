"""Are links between hosts as slow, or as bad, as they were ordered to be?

What is sent over them is looked at where it comes out: see `measure`.

Rules of this file: that nothing comes at all proves something only of a link over which something
has come before. Else it may be anything, a firewall for one.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from harness.deploy import measure
from harness.deploy.hosted import Hosted
from harness.deploy.packets import Network
from harness.deploy.target import EXEMPT_PORT, MEASURED_PORT
from harness.hosts.host import words
from nemesis.fault import Link, Node, Packets, Slow
from nemesis.surface import Evidence
from nemesis.union import Lag

TRIES: Final = 2
_DEADLINE_S: Final = 40.0
_SIZE: Final = 200
_PROGRAM: Final = Path(measure.__file__).read_text()
_CLOSE_MS: Final = 2.0  # a listener may be late in looking at the exempt one, too
_FEW: Final = 0.2  # of a share; so many of a few hundred there are but for one time in thousands
_ROOM: Final = 1.25  # by which more bytes may have come than ordered: queues let a few through


class Heard(msgspec.Struct, frozen=True):
    """How what was sent over one link came out."""

    sent: int = 0
    came: int = 0
    late_ms: float | None = None
    bytes_per_s: float | None = None
    twice: int = 0
    overtaken: int = 0
    spoilt: int = 0


@dataclass(frozen=True, slots=True)
class Burst:
    """So many datagrams, and for how long the last one is waited for."""

    count: int
    gap_s: float
    late_s: float
    size: int = _SIZE


class Measuring:
    """One measurement after the other: they would get into each other's way."""

    def __init__(self, hosted: Mapping[Node, Hosted], network: Network) -> None:
        self._hosted = hosted
        self._network = network
        self._one_at_a_time = asyncio.Lock()
        self._open: set[Link] = set()  # over which something has come

    async def seen(self, fault: Slow | Packets, links: Mapping[Link, Lag]) -> Evidence:
        """What is seen of it over those of its links that can be tried, and how these should be."""
        seen = Evidence(proven=False, words="nothing can pass over any of its links anyway")
        for _ in range(TRIES if links else 0):
            heard = await self._measured(links, burst_for(fault, links))
            self._open |= {link for link, one in heard.items() if one.came}
            told = {
                link: told_of(fault, lag, heard[link], was_open=link in self._open)
                for link, lag in links.items()
            }
            seen = _all_of(told)
            if seen.proven:
                break
        return seen

    async def _measured(self, links: Mapping[Link, Lag], burst: Burst) -> Mapping[Link, Heard]:
        nodes = sorted({node for link in links for node in link})
        token = secrets.token_hex(8)
        async with self._one_at_a_time:
            said = await asyncio.gather(
                *(self._ask(node, sorted(links), burst, token) for node in nodes)
            )
        heard = dict(zip(nodes, said, strict=True))
        return {(a, b): heard[b].get(a, Heard()) for a, b in links}

    async def _ask(
        self, node: Node, links: Sequence[Link], burst: Burst, token: str
    ) -> Mapping[Node, Heard]:
        addresses = {one: self._hosted[one].member.address for link in links for one in link}
        asked: dict[str, Any] = {
            "token": token,
            "ports": [MEASURED_PORT, EXEMPT_PORT],
            "count": burst.count,
            "gap_s": burst.gap_s,
            "late_s": burst.late_s,
            "size": burst.size,
            "to": [addresses[b] for a, b in links if a == node],
            "from": {one: a for a, b in links if b == node for one in self._network.own(a)},
        }
        command = words(["python3", "-I", "-S", "-c", _PROGRAM, json.dumps(asked)])
        done = await self._hosted[node].host.run(command, deadline_s=_DEADLINE_S, apart=True)
        if done.status or not done.out.strip():
            return {}
        return msgspec.json.decode(done.out, type=dict[str, Heard])


def burst_for(fault: Slow | Packets, links: Mapping[Link, Lag]) -> Burst:
    """What shows this fault."""
    late_s = 0.3 + max((lag.delay_ms + lag.jitter_ms) / 1000 for lag in links.values())
    slowest = min((lag.bytes_per_s for lag in links.values() if lag.bytes_per_s), default=0)
    if isinstance(fault, Slow) and fault.bytes_per_s:
        count = max(3, slowest * 2 // 5 // 1000)
        return Burst(count, 0, late_s + 2 * count * 1000 / slowest, 1000)
    if isinstance(fault, Slow) and not fault.loss:
        return Burst(20, 0.01, late_s)
    queue_s = 200 * _SIZE / slowest if slowest else 0.0
    return Burst(200, 0.001, late_s + min(queue_s, 4.0))


def _all_of(told: Mapping[Link, tuple[bool, str]]) -> Evidence:
    for (a, b), (proven, said) in told.items():
        if not proven:
            return Evidence(proven=False, words=f"{a}>{b}: {said}")
    said = "; ".join(sorted({said for _, said in told.values()})[:3])
    ways = f"{len(told)} links" if len(told) > 1 else "the link"
    return Evidence(proven=True, words=f"over {ways}: {said}")


def told_of(fault: Slow | Packets, lag: Lag, heard: Heard, *, was_open: bool) -> tuple[bool, str]:
    """Whether this is what it should be, and in what words."""
    if not heard.sent or not (heard.came or was_open):
        udp = f"UDP {MEASURED_PORT} and {EXEMPT_PORT}"
        return False, f"nothing was heard of what was sent: are {udp} open between hosts?"
    checks: list[tuple[bool, str]] = []
    if isinstance(fault, Slow):
        if fault.delay_ms or not (fault.loss or fault.bytes_per_s):
            late = heard.late_ms
            said = "none came" if late is None else f"{late:.0f} ms late"
            checks.append((late is None or late >= lag.delay_ms - _CLOSE_MS, said))
        if fault.loss:
            lost = heard.sent - heard.came
            checks.append(_share(lost, heard.sent, lag.loss, "lost"))
        if fault.bytes_per_s:
            rate = heard.bytes_per_s if heard.came > 1 else 0.0
            said = f"{rate or 0:,.0f} bytes/s"
            checks.append((rate is not None and rate <= lag.bytes_per_s * _ROOM, said))
    else:
        for wanted, share, seen, what in (
            (fault.duplicate, lag.duplicate, heard.twice, "came twice"),
            (fault.reorder, lag.reorder, heard.overtaken, "overtaken"),
            (fault.corrupt, lag.corrupt, heard.spoilt, "with a wrong bit"),
        ):
            if wanted:
                checks.append(_share(seen, heard.came, share, what))
    return all(well for well, _ in checks), ", ".join(said for _, said in checks)


def _share(seen: int, of: int, share: float, what: str) -> tuple[bool, str]:
    return seen >= max(1, of * share * _FEW), f"{seen} of {of} {what}"
