"""Where does each node of an ensemble stand, and what follows from that for all of them?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from nemesis.fault import Node


@dataclass(frozen=True, slots=True)
class Standing:
    """Its role, empty if it serves nobody, and the last txn that it has applied."""

    role: str = ""
    zxid: int = -1


def all_serve(roles: Mapping[Node, str]) -> bool:
    """Whether everybody is in a role, and one leads."""
    return all(roles.values()) and list(roles.values()).count("leader") == 1


def in_words(roles: Mapping[Node, str], ended: Mapping[Node, str]) -> str:
    """Who is what, and who is no more, in words."""
    standings = ", ".join(f"{node}: {role or 'serves nobody'}" for node, role in roles.items())
    return standings + "".join(f"; {node} ended: {why}" for node, why in ended.items())


async def caught_up(look: Callable[[], Awaitable[Mapping[Node, Standing]]]) -> frozenset[Node]:
    """Those that have applied what the leader had at the beginning, by two looks at all."""
    before = await look()
    leaders = [node for node, one in before.items() if one.role == "leader"]
    if len(leaders) != 1:
        return frozenset()
    after = await look()
    if after[leaders[0]].role != "leader":
        return frozenset()
    asked = before[leaders[0]].zxid
    return frozenset(node for node, one in after.items() if one.role and one.zxid >= asked)
