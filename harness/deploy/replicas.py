"""What does each replica hold, and what did its node write down?

Ours tell a digest of their tree themselves. Others are asked for all of it, node by node, over a
session with each.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from harness.deploy.hosted import EVENTS, Hosted
from harness.hosts.trouble import HostTrouble
from harness.local.words import facts
from harness.zookeeper.session import Session
from nemesis.fault import Node
from workloads.session import InDoubt, NotDone, Refusal

_QUIET_S: Final = 0.3  # between two looks at logs that are not to be written to
_CONNECT_S: Final = 5.0
_OWN: Final = "/zookeeper"  # of the software itself
_MOST: Final = 200_000  # znodes

Connect = Callable[[Node, float], Awaitable[Session]]


async def told(hosted: Mapping[Node, Hosted]) -> Mapping[Node, str]:
    """What those that serve say themselves. The history counts where all know it from one point."""
    said = await asyncio.gather(*(one.asked("hash") for one in hosted.values()))
    prints = {
        node: facts("\n".join(one.split()), "=")
        for node, one in zip(hosted, said, strict=True)
        if one.startswith("zxid=")
    }
    begins = {one["chain"].partition(":")[0] for one in prints.values()}
    names = ("zxid", "digest", "chain") if len(begins) == 1 else ("zxid", "digest")
    return {node: " ".join(f"{key}={one[key]}" for key in names) for node, one in prints.items()}


async def read(nodes: Sequence[Node], connect: Connect) -> Mapping[Node, str]:
    """Of those that can be read wholly."""
    found = await asyncio.gather(*(_tree_of(node, connect) for node in nodes))
    return {node: one for node, one in zip(nodes, found, strict=True) if one}


async def _tree_of(node: Node, connect: Connect) -> str:
    """A digest of all znodes with all that every replica must have alike of them."""
    digest = hashlib.sha256()
    try:
        session = await connect(node, _CONNECT_S)
        try:
            await session.sync("/")
            ahead, count = ["/"], 0
            while ahead and count < _MOST:
                path = ahead.pop()
                reply = await session.get(path)
                names = sorted((await session.children(path)).names)
                if path != "/":  # in whose stat even Apache's replicas need not agree
                    digest.update(repr((path, reply.data, reply.stat)).encode())
                count += 1
                below = [f"{path.rstrip('/')}/{name}" for name in names]
                ahead += [one for one in reversed(below) if one != _OWN]
        finally:
            await session.close()
    except (NotDone, InDoubt, Refusal):
        return ""
    return f"znodes={count} digest={digest.hexdigest()[:32]}"


async def quiet_events(hosted: Mapping[Node, Hosted], directory: Path) -> Mapping[Node, Path]:
    """Copies of what all nodes wrote, if nobody wrote for a while; else nothing.

    What stands in one log may rest on what stands in another: parts of different moments would
    accuse the innocent.
    """
    before = await _sizes(hosted)
    await asyncio.sleep(_QUIET_S)
    if await _sizes(hosted) != before or min(before) < 0:
        return {}
    files = {node: directory / node / EVENTS for node in hosted}
    try:
        await asyncio.gather(
            *(
                one.fetch_events(size, files[node])
                for (node, one), size in zip(hosted.items(), before, strict=True)
            )
        )
    except HostTrouble:
        return {}
    return files


async def _sizes(hosted: Mapping[Node, Hosted]) -> Sequence[int]:
    return await asyncio.gather(*(one.size_of_events() for one in hosted.values()))
