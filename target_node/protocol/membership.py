"""Who belongs while the membership is about to change, and what may it change to?

From the proposal of a new membership until its commit, whatever is decided needs a quorum of the
old one and a quorum of the new one. So whoever leads next, in either, has heard of it if it was
committed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from target_node.protocol.ensemble import Ensemble, Server, parse_servers


@dataclass(frozen=True, slots=True)
class Passage:
    """From one membership to another that is logged and, as far as we know, not committed."""

    current: Ensemble
    proposed: Ensemble

    @property
    def servers(self) -> tuple[Server, ...]:
        """Of both, each once."""
        both = {one.sid: one for one in (*self.current.servers, *self.proposed.servers)}
        return tuple(both[sid] for sid in sorted(both))

    @property
    def version(self) -> int:
        """Of the proposed one."""
        return self.proposed.version

    @property
    def voters(self) -> tuple[int, ...]:
        """Whoever votes in either."""
        return tuple(sorted({*self.current.voters, *self.proposed.voters}))

    def server(self, sid: int) -> Server | None:
        """As it will be, if it stays."""
        return self.proposed.server(sid) or self.current.server(sid)

    def is_voter(self, sid: int) -> bool:
        """In either."""
        return self.current.is_voter(sid) or self.proposed.is_voter(sid)

    def weight(self, sid: int) -> int:
        """The greater one."""
        return max(self.current.weight(sid), self.proposed.weight(sid))

    def is_quorum(self, sids: Iterable[int]) -> bool:
        """In both."""
        named = tuple(sids)
        return self.current.is_quorum(named) and self.proposed.is_quorum(named)

    def __str__(self) -> str:
        return str(self.proposed)


Members: TypeAlias = Ensemble | Passage


def changed(
    current: Ensemble, joining: str | None, leaving: str | None, whole: str | None, version: int
) -> Ensemble:
    """The membership that is asked for: some come and go, or it is named as a whole.

    ValueError if that makes no sense. Who comes under a sid that is taken takes its place.
    """
    if whole:
        if joining or leaving:
            raise ValueError("either who comes and goes, or all that stay")
        members = {one.sid: one for one in _parse(whole)}
    else:
        if not joining and not leaving:
            raise ValueError("nobody comes and nobody goes")
        members = {one.sid: one for one in current.servers}
        for sid in _sids(leaving or ""):
            members.pop(sid, None)
        if joining:
            members.update({one.sid: one for one in _parse(joining)})
    return Ensemble(tuple(members[sid] for sid in sorted(members)), version)


def _parse(text: str) -> tuple[Server, ...]:
    servers, _ = parse_servers(text.replace(",", "\n"))
    return servers


def _sids(text: str) -> tuple[int, ...]:
    return tuple(int(sid) for sid in text.split(",") if sid.strip())
