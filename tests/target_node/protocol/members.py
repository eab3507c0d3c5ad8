"""Ensembles for tests, in few words."""

from __future__ import annotations

from collections.abc import Sequence

from target_node.protocol.ensemble import Address, Ensemble, Role, Server


def member(sid: int, role: Role = Role.PARTICIPANT, weight: int = 1) -> Server:
    host = f"n{sid}"
    return Server(sid, Address(host, 2888), Address(host, 3888), Address(host, 2181), role, weight)


def ensemble(*words: str | int, version: int = 0) -> Ensemble:
    """ensemble(1, 2, "3*0", "4:observer"): 3 has no weight, 4 observes."""
    return Ensemble(tuple(_member(str(word)) for word in words), version)


def _member(word: str) -> Server:
    if word.endswith(":observer"):
        return member(int(word.removesuffix(":observer")), Role.OBSERVER)
    sid, _, weight = word.partition("*")
    return member(int(sid), weight=int(weight or 1))


def participants(count: int) -> Ensemble:
    return ensemble(*range(1, count + 1))


def sids(words: Sequence[str]) -> list[int]:
    return [int(word) for word in words]
