"""A leader that sends nonsense is left, a peer that votes nonsense elects nobody; no step raises.

Nobody can be saved from a leader that lies well: here it is only that no bytes of one stop us.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from random import Random

import pytest

from target_node.server.events import Data, Port
from target_node.wire.record import encode
from tests.target_node.server.correspondence import Correspondence, tree_of
from tests.target_node.server.junk import (
    damaged,
    garbage,
    packet,
    perhaps_damaged,
    to_election_port,
    txn,
    vote,
)
from tests.target_node.server.spoken import packet_of

FEW, MANY = 300, 6000  # conversations
ELECTED = """
server 2 of 1 2 3 log=1.1,1.2,1.3
link 3
vote 3 LOOKING 3 2.1 round=1 epoch=2
at 400
connected 3
"""


def history(draw: Random) -> list[bytes]:
    """What a leader may well say first; it knows 1.1 to 1.4."""
    match draw.randrange(3):
        case 0:
            said = [words("DIFF 1.4"), words("PROPOSAL 1.4 create /1.4"), words("COMMIT 1.4")]
        case 1:
            said = [words("TRUNC 1.2"), words("PROPOSAL 2.1 create /x"), words("COMMIT 2.1")]
        case _:
            said = [words("SNAP 1.4"), tree_of(("1.1", "1.2", "1.3", "1.4"))]
    return [*said, words("PROPOSAL 3.1 create /y")] if draw.random() < 0.5 else said


def words(text: str) -> bytes:
    return encode(packet_of(3, text.split(), {}))


def leaders_words(draw: Random) -> list[bytes]:
    """A whole conversation, with one or the other thing wrong in it."""
    said = [words("LEADERINFO 3.0"), *history(draw), words("NEWLEADER 3.0")]
    said += [words("UPTODATE 3.0"), words("PING 3.0")]
    for number in range(2, draw.randrange(3, 6)):
        said += [words(f"PROPOSAL 3.{number} set /1.1 x version=1"), words(f"COMMIT 3.{number}")]
    for _ in range(draw.randrange(3)):
        at = draw.randrange(len(said))
        match draw.randrange(6):
            case 0:
                del said[at]
            case 1:
                said.insert(at, said[draw.randrange(len(said))])
            case 2:
                said.insert(at, encode(packet(draw, 3)))
            case 3:
                said[at] = garbage(draw)
            case 4:
                said[at:at] = [encode(packet_of(3, ["PROPOSAL", "3.1", "error", "OK"], {}))]
                said[at] = said[at].replace(b"\0" * 32, txn(draw)[:32])
            case _:
                said[at] = damaged(draw, said[at])
    return said


def follow_a_mad_leader(seed: int) -> int:
    """How many pieces it said."""
    draw = Random(seed)
    world = Correspondence()
    world.play(ELECTED)
    said = leaders_words(draw)
    assert world.server is not None
    try:
        for piece in said:
            number = world.dialled[Port.QUORUM, "3"]
            if number not in world.others:
                break
            world.step(Data(number, piece))
            if draw.random() < 0.8:
                world.do("disk", [])
        world.do("disk", [])
        world.do("at", ["30000"])
        world.do("disk", [])
    except AssertionError as stop:
        # Txns that are whole, in order, committed, and contradict the tree: better stop than go on.
        if not traceback.extract_tb(stop.__traceback__)[-1].filename.endswith("state/tree.py"):
            raise
    else:
        assert world.server.role.name == "looking"
    return len(said)


def hear_mad_votes(seed: int) -> int:
    """Of peers that are members, and of some that are not."""
    draw = Random(seed)
    world = Correspondence()
    world.play("server 2 of 1 2 3 log=1.1\nlink 1\nlink 3")
    heard = 0
    for _ in range(10):
        if draw.random() < 0.5:
            number = world.accept("9", Port.ELECTION)
            for piece in to_election_port(draw, (1, 3, 9, 2)):
                heard += 1
                world.step(Data(number, piece))
        else:
            sid = draw.choice(("1", "3"))
            found = [c for c, one in world.others.items() if one.name == sid]
            framed = perhaps_damaged(draw, vote(draw, (1, 2, 3, 9)))
            heard += 1
            if found:
                world.step(Data(found[-1], len(framed).to_bytes(4, "big") + framed))
        world.do("at", [str(world.now_ms + draw.choice((1, 50, 400)))])
        world.do("disk", [])
    return heard


@pytest.mark.parametrize("madness", [follow_a_mad_leader, hear_mad_votes])
def test_no_peer_stops_us(madness: Callable[[int], int]) -> None:
    assert sum(map(madness, range(FEW))) > FEW


@pytest.mark.prove
@pytest.mark.parametrize("madness", [follow_a_mad_leader, hear_mad_votes])
def test_no_peer_stops_us_at_length(
    madness: Callable[[int], int], record_property: Callable[[str, object], None]
) -> None:
    heard = sum(map(madness, range(1000, 1000 + MANY)))
    record_property("measured", f"{heard} pieces in {MANY} conversations")
