"""What does a node say to a four-letter word?

It is asked at its own port, past the proxy: what it tells is for us, and no client's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from harness.local.ports import HOST
from harness.standing import Standing

SHORT_S: Final = 1.0
_ROLES: Final = {
    "leader": "leader",
    "standalone": "leader",
    "follower": "follower",
    "observer": "observer",
}


async def ask(port: int, word: str, *, within_s: float = SHORT_S) -> str:
    """The whole answer; empty, if there is none in time."""
    writer = None
    try:
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(word.encode())
            return (await reader.read()).decode(errors="replace")
    except OSError:  # a timeout is one
        return ""
    finally:
        if writer is not None:
            writer.transport.abort()


async def standing(port: int) -> Standing:
    """What `srvr` says."""
    told = facts(await ask(port, "srvr"), ": ")
    try:
        return Standing(_ROLES.get(told.get("Mode", ""), ""), int(told.get("Zxid", "-1"), 0))
    except ValueError:
        return Standing()


async def print_of(port: int) -> dict[str, str]:
    """What `hash` says, by name; empty for who serves nobody."""
    said = await ask(port, "hash")
    return facts("\n".join(said.split()), "=") if said.startswith("zxid=") else {}


def comparable(prints: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What is equal at all who applied the same: of histories, only such as begin at one point."""
    begins = {said["chain"].partition(":")[0] for said in prints.values()}
    names = ("zxid", "digest", "chain") if len(begins) == 1 else ("zxid", "digest")
    return {
        node: " ".join(f"{name}={said[name]}" for name in names) for node, said in prints.items()
    }


async def clock_of(port: int) -> tuple[int, int] | None:
    """Its time for timers and its wall time in ms, as `envi` says."""
    told = facts(await ask(port, "envi"), "=")
    try:
        return int(told["clock.ms"]), int(told["clock.wall.ms"])
    except (KeyError, ValueError):
        return None


def facts(text: str, sign: str) -> dict[str, str]:
    """Lines with a name and a value."""
    parts = (line.partition(sign) for line in text.splitlines())
    return {name: value for name, found, value in parts if found}
