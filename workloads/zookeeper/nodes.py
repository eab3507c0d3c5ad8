"""How does a node come to be that calls take for granted?"""

from __future__ import annotations

from typing import Final

from workloads.session import Refusal, ZooKeeperSession

ROOT: Final = "/zabtest"


async def make(session: ZooKeeperSession, path: str) -> None:
    """Let there be this node and all above it, whoever makes them."""
    at = ""
    for name in path.strip("/").split("/"):
        at = f"{at}/{name}"
        try:
            await session.create(at, b"")
        except Refusal as refusal:
            if refusal.code != "node-exists":
                raise
