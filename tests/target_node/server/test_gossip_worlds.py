"""Whatever happened to servers and network: do all votes arrive once it is over?"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import combinations, pairwise, permutations

import pytest

from target_node.server.peer import FIRST_PAUSE_MS
from tests.target_node.protocol.members import participants
from tests.target_node.server.votes_net import LATENCY_MS, VotesNet


def assert_one_link_a_pair(net: VotesNet) -> None:
    """Both ends of all that is open: one for each pair, dialled by its larger sid."""
    ends: Counter[tuple[int, int]] = Counter()
    for end in net.open_ends():
        assert end.other is not None, "a dial that never ended"
        assert end.other.server.ends.get(end.other.connection) is end.other, "half open"
        mine, other = end.server.sid, end.other.server.sid
        assert (end.connection < 0) == (mine > other), "dialled by the smaller"
        ends[mine, other] += 1
    assert ends == dict.fromkeys(permutations(net.servers, 2), 1)


def assert_all_arrived(net: VotesNet) -> None:
    for sender, receiver in permutations(net.servers.values(), 2):
        assert receiver.heard[sender.sid] == sender.told[receiver.sid], (sender.sid, receiver.sid)


@pytest.mark.parametrize("count", [2, 3, 5])
def test_all_begin_at_once(count: int) -> None:
    for seed in range(60):
        net = VotesNet(random.Random(seed), participants(count))
        for sid, peer in permutations(net.servers, 2):
            net.tell(sid, peer)
        net.run(2000)
        assert_all_arrived(net)
        assert_one_link_a_pair(net)
        for a, b in combinations(net.servers, 2):
            dials = [to for s in (a, b) for _, to in net.servers[s].dials if to in (a, b)]
            assert len(dials) <= 4, "dialled on and on"


def storm(net: VotesNet) -> None:
    """What may go wrong, in any order."""
    draw = net.draw
    sids = list(net.servers)
    for _ in range(draw.randint(3, 60)):
        net.run(net.now_ms + draw.choice((0, 1, 20, 150, 1500)))
        a, b = draw.sample(sids, 2)
        match draw.choice(("tell", "tell", "tell", "cut", "mend", "crash", "restart", "sever")):
            case "tell":
                net.tell(a, b)
            case "cut":
                net.cut(a, b)
            case "mend":
                net.cuts.discard(frozenset((a, b)))
            case "crash":
                net.crash(a)
            case "restart":
                net.crash(a)
                net.start(a)
            case "sever":
                if ends := list(net.servers[a].ends.values()):
                    net.sever(draw.choice(ends))


def calm(net: VotesNet) -> None:
    net.cuts.clear()
    for sid, server in list(net.servers.items()):
        if server.down:
            net.start(sid)
    net.run(net.now_ms + 9000)  # even a swallowed dial has been given up by then


def weathered(seed: int) -> VotesNet:
    draw = random.Random(seed)
    net = VotesNet(draw, participants(draw.choice((2, 2, 3, 4, 5))))
    net.swallows = draw.choice((0, 0, 0.5))
    storm(net)
    return net


def tell_all(net: VotesNet) -> None:
    for sid, peer in permutations(net.servers, 2):
        net.run(net.now_ms + net.draw.choice((0, 0, 0, 5, 60)))
        net.tell(sid, peer)


def pace_of(net: VotesNet) -> None:
    """Nobody dials the same peer twice within the pause, unless the peer asks for it."""
    for server in net.servers.values():
        for peer in net.servers:
            if peer > server.sid:
                times = [at_ms for at_ms, to in server.dials if to == peer]
                assert all(b - a >= FIRST_PAUSE_MS for a, b in pairwise(times))


def once_told(seed: int) -> None:
    """All is over: who is told something now is told it at the first attempt."""
    net = weathered(seed)
    net.swallows = 0
    calm(net)
    tell_all(net)
    net.run(net.now_ms + 3000)
    assert_all_arrived(net)
    assert_one_link_a_pair(net)
    pace_of(net)
    dials = sum(len(server.dials) for server in net.servers.values())
    tell_all(net)
    net.run(net.now_ms + 3000)
    assert_all_arrived(net)
    assert dials == sum(len(server.dials) for server in net.servers.values()), "dialled for nothing"


def told_again(seed: int) -> None:
    """Dead links are still about, and some do not know it: it takes a few repetitions."""
    net = weathered(seed)
    net.swallows = 0
    net.cuts.clear()
    for sid in list(net.servers):
        if net.draw.random() < 0.5:
            net.crash(sid)
        if net.servers[sid].down:
            net.start(sid)
    begun_ms = net.now_ms
    for wait_ms in (200, 400, 800, 1600, 3200, 6400):
        tell_all(net)
        net.run(net.now_ms + wait_ms)
    assert_all_arrived(net)
    assert_one_link_a_pair(net)
    pace_of(net)
    for server in net.servers.values():
        for peer, dials in Counter(to for at, to in server.dials if at > begun_ms).items():
            assert dials <= 20, f"{server.sid} dialled {peer} on and on"


WORLDS = pytest.param(20_000, marks=pytest.mark.prove)


@pytest.mark.parametrize("worlds", [200, WORLDS])
@pytest.mark.parametrize("check", [once_told, told_again])
def test_votes_arrive(check: Callable[[int], None], worlds: int) -> None:
    for seed in range(worlds):
        try:
            check(seed)
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise


def test_a_peer_that_is_down_costs_a_dial_a_second() -> None:
    net = VotesNet(random.Random(0), participants(2))
    net.crash(1)
    for _ in range(600):
        net.tell(2, 1)
        net.run(net.now_ms + 100)
    assert 55 <= len(net.servers[2].dials) <= 65
    net.start(1)
    net.run(net.now_ms + 1200)
    assert net.servers[1].heard[2] == net.servers[2].told[1]
    assert net.servers[1].heard[2].zxid == 600, "an older one"


@pytest.mark.parametrize("restarted", [1, 2])
def test_a_restarted_server_is_reachable_at_once(restarted: int) -> None:
    """However long its peer believes in the old link."""
    for seed in range(100):
        net = VotesNet(random.Random(seed), participants(2))
        net.tell(1, 2)
        net.run(1000)
        net.crash(restarted)
        net.start(restarted)
        net.tell(restarted, 3 - restarted)
        net.run(1000 + 6 * (LATENCY_MS + 5))
        assert (
            net.servers[3 - restarted].heard[restarted]
            == net.servers[restarted].told[3 - restarted]
        )
        net.tell(3 - restarted, restarted)
        net.run(1000 + 8 * (LATENCY_MS + 5))
        assert (
            net.servers[restarted].heard[3 - restarted]
            == net.servers[3 - restarted].told[restarted]
        )
