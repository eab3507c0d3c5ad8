"""What a membership is, and its text."""

from __future__ import annotations

from itertools import combinations

import pytest

from target_node.protocol.ensemble import Address, Role, Server, parse_ensemble
from tests.target_node.protocol.members import ensemble, participants

TEXT = """server.1=n1:2888:3888:participant;n1:2181
server.2=[fe80::1]:2888:3888:participant;0.0.0.0:2181
server.3=n3:2888:3888:observer;
weight.2=0
version=100000002"""


def test_its_text_is_zookeepers() -> None:
    members = parse_ensemble(TEXT)
    assert str(members) == TEXT
    assert members.voters == (1, 2)
    assert members.version == 0x100000002
    ports = Address("fe80::1", 2888), Address("fe80::1", 3888), Address("0.0.0.0", 2181)
    assert members.server(2) == Server(2, *ports, Role.PARTICIPANT, 0)


def test_what_may_be_left_out() -> None:
    members = parse_ensemble(" server.1 = n1:2888:3888;2181\n\nserver.2=n2:1:2")
    assert str(members) == (
        "server.1=n1:2888:3888:participant;0.0.0.0:2181\nserver.2=n2:1:2:participant;\nversion=0"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "server.1=n1:2888:3888:observer",
        "server.1=n1:2888",
        "server.1=n1:2888:3888:king",
        "server.x=n1:2888:3888",
        "server.1=[::1:2888:3888",
        "group.1=1:2",
        "server.1=n1:2888:3888\nweight.2=1",
        "server.1=n1:2888:3888\nweight.1=0",
        "server.1=n1:2888:3888\nweight.1=-1",
    ],
)
def test_what_is_no_membership(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        parse_ensemble(text)


@pytest.mark.parametrize("count", range(1, 7))
def test_any_two_quorums_meet(count: int) -> None:
    members = participants(count)
    quorums = [
        set(sids)
        for size in range(count + 1)
        for sids in combinations(range(1, count + 1), size)
        if members.is_quorum(sids)
    ]
    assert min(map(len, quorums)) == count // 2 + 1
    assert all(a & b for a in quorums for b in quorums)


def test_who_counts() -> None:
    members = ensemble(1, 2, 3, "4*0", "5:observer")
    assert members.is_quorum([1, 2])
    assert not members.is_quorum([1, 1, 4, 5, 9])
