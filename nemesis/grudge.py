"""Which links does a partition of this shape cut?

A grudge is a pure function of the nodes, of their roles and of chance. What it gives are links, one
way each: a node that is cut off from another both ways takes two. Whether links stall, or are only
slow, is for the fault to say that is made of them.

Rules of this file:
1. With draws of 0 all is in the order of the nodes, and as little is cut as the shape allows.
2. A shape that needs what is not there (a leader, a second node) cuts nothing.
3. Only `one_way` cuts a link and leaves the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

from nemesis.fault import Link, Node
from nemesis.surface import Draw

Links: TypeAlias = frozenset[Link]
Roles: TypeAlias = Mapping[Node, str]
Grudge: TypeAlias = Callable[[Sequence[Node], Roles, Draw], Links]

_T = TypeVar("_T")


def shuffled(items: Sequence[_T], draw: Draw) -> list[_T]:
    """In an order of chance; in their own, if all draws are 0."""
    order = list(items)
    for i in range(len(order) - 1):
        j = i + draw(len(order) - i)
        order[i], order[j] = order[j], order[i]
    return order


def between(some: Sequence[Node], others: Sequence[Node]) -> Links:
    """Both ways between each of these and each of those."""
    return from_to(some, others) | from_to(others, some)


def from_to(senders: Sequence[Node], hearers: Sequence[Node]) -> Links:
    """What these say to those."""
    return frozenset((a, b) for a in senders for b in hearers if a != b)


def halves(nodes: Sequence[Node], roles: Roles, draw: Draw) -> Links:
    """The first half and the second, which is larger if one is."""
    middle = len(nodes) // 2
    return between(nodes[:middle], nodes[middle:])


def random_halves(nodes: Sequence[Node], roles: Roles, draw: Draw) -> Links:
    """Two halves, whoever is in them."""
    return halves(shuffled(nodes, draw), roles, draw)


def isolate_one(nodes: Sequence[Node], roles: Roles, draw: Draw) -> Links:
    """One node, whichever it is, from all others."""
    return _apart([nodes[draw(len(nodes))]], nodes)


def isolate_leader(nodes: Sequence[Node], roles: Roles, draw: Draw) -> Links:
    """Whoever leads, from all others."""
    return _apart([node for node in nodes if roles.get(node) == "leader"][:1], nodes)


def bridge(nodes: Sequence[Node], roles: Roles, draw: Draw) -> Links:
    """Two halves, and one node between them that both can reach."""
    order = shuffled(nodes, draw)
    middle = len(order) // 2
    return between(order[:middle], order[middle + 1 :])


def majorities_ring(nodes: Sequence[Node], roles: Roles, draw: Draw) -> Links:
    """Each reaches a majority, and no two the same one: all stand in a ring and know their
    neighbours.

    Of three nodes two would have to be enough of a ring: there it is a bridge.
    """
    if len(nodes) < 4:
        return bridge(nodes, roles, draw)
    order = shuffled(nodes, draw)
    count = len(order)
    majority = count // 2 + 1
    reach = majority // 2  # neighbours on either side: with the node itself, at least a majority
    return frozenset(
        (order[i], order[(i + far) % count])
        for i in range(count)
        for far in range(reach + 1, count - reach)
    )


def minority_third(nodes: Sequence[Node], roles: Roles, draw: Draw) -> Links:
    """Fewer than a third, though at least one, from all others."""
    return _apart(shuffled(nodes, draw)[: max(1, (len(nodes) - 1) // 3)], nodes)


def one_way(nodes: Sequence[Node], roles: Roles, draw: Draw) -> Links:
    """One node is heard by all and hears nobody, or hears all and is heard by nobody."""
    one = [nodes[draw(len(nodes))]]
    return from_to(one, nodes) if draw(2) else from_to(nodes, one)


def _apart(some: Sequence[Node], nodes: Sequence[Node]) -> Links:
    return between(some, [node for node in nodes if node not in some])


GRUDGES: Final[Mapping[str, Grudge]] = {
    "isolate-one": isolate_one,
    "minority-third": minority_third,
    "halves": halves,
    "random-halves": random_halves,
    "isolate-leader": isolate_leader,
    "bridge": bridge,
    "majorities-ring": majorities_ring,
    "one-way": one_way,
}
