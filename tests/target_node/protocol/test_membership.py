"""What a membership may change to, and who decides while it does."""

from __future__ import annotations

from itertools import chain, combinations

import pytest

from target_node.protocol.ensemble import Ensemble, parse_ensemble
from target_node.protocol.membership import Passage, changed


def members(*sids: int, observers: tuple[int, ...] = ()) -> Ensemble:
    lines = [
        f"server.{sid}=h{sid}:1:2:{'observer' if sid in observers else 'participant'};3"
        for sid in sids
    ]
    return parse_ensemble("\n".join(lines))


def subsets(sids: tuple[int, ...]) -> list[tuple[int, ...]]:
    return list(chain.from_iterable(combinations(sids, size) for size in range(len(sids) + 1)))


def test_both_must_agree() -> None:
    """So a quorum on the way meets every quorum of the old and every quorum of the new."""
    for old, new in (
        (members(1, 2, 3), members(3, 4, 5)),
        (members(1, 2, 3), members(1, 2)),
        (members(1, 2, 3), members(1, 2, 3, 4, 5, observers=(3,))),
    ):
        passage = Passage(old, new)
        everybody = passage.voters
        for some in subsets(everybody):
            assert passage.is_quorum(some) == (old.is_quorum(some) and new.is_quorum(some))
            if passage.is_quorum(some):
                rest = set(everybody) - set(some)
                assert not old.is_quorum(rest)
                assert not new.is_quorum(rest)


def test_who_votes_in_either_is_asked() -> None:
    passage = Passage(members(1, 2, 3), members(3, 4, 5, observers=(5,)))
    assert passage.voters == (1, 2, 3, 4)
    assert [passage.is_voter(sid) for sid in (1, 3, 4, 5, 6)] == [True, True, True, False, False]
    assert [server.sid for server in passage.servers] == [1, 2, 3, 4, 5]
    assert passage.server(1) is not None
    assert passage.server(6) is None
    assert str(passage) == str(passage.proposed)


def test_some_come_and_some_go() -> None:
    old = members(1, 2, 3)
    new = changed(old, "server.4=h4:1:2;3,server.2=moved:1:2;3", "1", None, 7)
    assert [server.sid for server in new.servers] == [2, 3, 4]
    assert new.version == 7
    assert new.server(2) != old.server(2)
    assert new.server(3) == old.server(3)


def test_all_are_named() -> None:
    new = changed(members(1, 2, 3), None, None, "server.4=h:1:2;3,server.5=h:4:5;6", 9)
    assert [server.sid for server in new.servers] == [4, 5]


@pytest.mark.parametrize(
    ("joining", "leaving", "whole"),
    [
        (None, None, None),
        ("", "", ""),
        ("server.4=h:1:2;3", None, "server.5=h:1:2;3"),
        ("server.4=", None, None),
        ("gibberish", None, None),
        (None, "one", None),
        (None, "1,2,3", None),
        (None, None, "server.4=h:1:2:observer;3"),
    ],
)
def test_what_makes_no_sense(joining: str | None, leaving: str | None, whole: str | None) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (its words are for nobody)
        changed(members(1, 2, 3), joining, leaving, whole, 1)
