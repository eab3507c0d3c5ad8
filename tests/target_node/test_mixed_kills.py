"""Do histories survive when servers of both kinds are killed, and take over from each other?"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from kazoo.exceptions import ConnectionLoss, SessionExpiredError

from tests.target_node.mixed import APACHES, OURS, SNAPSHOTS_OFTEN, both, mixed, persist

prove = pytest.mark.prove


@pytest.mark.parametrize("kinds", both("aao"))
def test_failover(tmp_path: Path, kinds: str) -> None:
    """Each server leads, is killed, and comes back to follow a leader of another kind."""
    with mixed(tmp_path, kinds, 3, 2, 1) as e:
        client = e.client(1, 2, 3)
        client.create("/counts", b"0")
        owner = e.client(1, 2, 3)
        owner.create("/mine", ephemeral=True)
        for turn in range(1, 4):
            leader = e.leader()
            assert leader is not None
            leader.stop()
            rest = [sid for sid in e.members if sid != leader.sid]
            e.wait_until_serving(rest)
            persist(client, b"%d" % turn)
            leader.start()
            e.wait_until_serving()
            persist(client, b"%d again" % turn)
            e.assert_equal_trees()
        assert owner.retry(owner.get, "/mine")[1].ephemeralOwner == owner.client_id[0]


@prove
def test_one_after_the_other_changes_hands(tmp_path: Path) -> None:
    """All of Apache's become ours while clients go on, and then all become Apache's again."""
    with mixed(tmp_path, "aaa", 3, 2, 1, more=SNAPSHOTS_OFTEN) as e:
        client = e.client(1, 2, 3)
        client.create("/counts", b"")
        for turn, sid in enumerate((3, 1, 2, 1, 2, 3)):
            e.members[sid].stop()
            e.become(sid, OURS if turn < 3 else APACHES)
            e.members[sid].start()
            e.wait_until_serving()
            persist(client, b"%d" % turn)
            e.assert_equal_trees()


@prove
@pytest.mark.parametrize("kinds", both())
def test_kills_lose_nothing(tmp_path: Path, kinds: str) -> None:
    """Whatever was acknowledged is there, though servers of both kinds were killed on and on."""
    draw = Random(kinds)
    with mixed(tmp_path, kinds, 3, 2, 1, more=SNAPSHOTS_OFTEN) as e:
        clients = {sid: e.client(sid) for sid in e.members}
        acknowledged = dict.fromkeys(clients, 0)
        for sid, client in clients.items():
            client.create(f"/{sid}", b"0")
        for _ in range(15):
            victims = draw.sample(sorted(clients), draw.choice((1, 1, 2)))
            last = {
                sid: [client.set_async(f"/{sid}", b"x") for _ in range(200)]
                for sid, client in clients.items()
            }
            for sid in victims:
                e.members[sid].stop()
            for sid, asked in last.items():
                acknowledged[sid] = max([acknowledged[sid], *answered(asked)])
            for sid in victims:
                e.members[sid].start()
            e.wait_until_serving()
            for sid, client in clients.items():
                client.retry(client.sync, "/")
                found = client.retry(client.get, f"/{sid}")[1].version
                assert acknowledged[sid] <= found, f"writes through {sid} were lost"
        e.assert_equal_trees()


def answered(asked: list[object]) -> list[int]:
    """The versions that were written for sure; other writes may have come to pass, or may yet."""
    values: list[int] = []
    for one in asked:
        with suppress(ConnectionLoss, SessionExpiredError):
            stat = one.get()  # type: ignore[attr-defined]
            values.append(stat.version)
    return values
