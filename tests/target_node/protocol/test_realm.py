"""Under any network and crashes: one leader an epoch, nothing lost, and in calm an election."""

from __future__ import annotations

from functools import partial

import pytest

from target_node.protocol.discovery import Phase
from tests.target_node.protocol.members import ensemble
from tests.target_node.protocol.realm import Realm

ENSEMBLES: list[tuple[str | int, ...]] = [
    (1, 2, 3),
    (1, 2, 3, 4, 5),
    (1, 2, 3, "4:observer"),
    (1, 2, 3, 4),
]


SEEDS = 30  # of every ensemble


def trouble(realm: Realm) -> None:
    """One misfortune, and the next some time later."""
    if realm.calm:
        return
    drawn = realm.drawn
    server = drawn.choice(list(realm.servers.values()))
    match drawn.randrange(6):
        case 0 | 1 if server.up:
            server.crash()
            realm.after(drawn.randint(1, 1500), lambda: None if server.up else server.start())
        case 2 if realm.links:
            realm.break_link(drawn.choice(realm.links))
        case 3:
            sids = list(realm.servers)
            island = set(drawn.sample(sids, drawn.randint(1, len(sids) // 2)))
            realm.cuts = {(a, b) for a in sids for b in sids if (a in island) != (b in island)}
            if drawn.randrange(3) == 0:  # one way only
                realm.cuts = {(a, b) for a, b in realm.cuts if a in island}
            for link in realm.links:
                if not realm.connected(link.leader, link.learner):
                    realm.after(drawn.randint(0, 3000), partial(realm.break_link, link))
        case 4:
            realm.cuts = set()
        case _:
            realm.propose()
    realm.after(drawn.randint(1, 800), lambda: trouble(realm))


def business(realm: Realm) -> None:
    realm.propose()
    realm.after(realm.drawn.randint(5, 400), lambda: business(realm))


def history_of(seed: int, members: tuple[str | int, ...]) -> Realm:
    realm = Realm(seed, ensemble(*members))
    for server in realm.servers.values():
        server.start()
    trouble(realm)
    business(realm)
    realm.run(20_000)
    realm.calm = True
    realm.cuts = set()
    for server in realm.servers.values():
        if not server.up:
            server.start()
    return realm


@pytest.mark.parametrize("members", ENSEMBLES, ids=lambda members: "-".join(map(str, members)))
def test_nothing_committed_is_lost_and_calm_brings_a_leader(members: tuple[str | int, ...]) -> None:
    plans = {"Diff": 0, "Trunc": 0, "Snap": 0}
    epochs = committed = answered = 0
    for seed in range(SEEDS):
        realm = history_of(seed, members)
        realm.run(50_000)
        before = len(realm.committed)
        realm.run(55_000)
        assert len(realm.committed) > before, f"seed {seed}: no progress in calm"
        leaders = [s for s in realm.servers.values() if s.prospect]
        assert [s.prospect and s.prospect.phase for s in leaders] == [Phase.ESTABLISHED]
        for server in realm.servers.values():
            missing = len(realm.committed) - len(server.history)
            assert server.history == realm.committed[: len(server.history)]
            assert missing < 50, f"seed {seed}: {server.sid} does not follow"
        epochs += len(realm.leaders)
        committed += len(realm.committed)
        answered += realm.answered
        for kind, count in realm.plans.items():
            plans[kind] += count
    assert epochs > SEEDS, epochs
    assert committed > 100 * SEEDS, committed
    assert answered > 20 * SEEDS, answered
    assert min(plans.values()) > 0, plans


def test_a_seed_decides_everything() -> None:
    once, again = (history_of(7, (1, 2, 3, 4, 5)) for _ in range(2))
    assert once.leaders == again.leaders != {}
    assert once.committed == again.committed != []
