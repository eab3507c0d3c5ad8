"""Does every recipe of kazoo keep its promise, its clients spread over one, three, five servers?"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from kazoo.client import KazooClient, TransactionRequest
from kazoo.exceptions import (
    AuthFailedError,
    BadVersionError,
    InvalidACLError,
    LockTimeout,
    NoAuthError,
    NodeExistsError,
    NoNodeError,
    NotEmptyError,
    RolledBackError,
    RuntimeInconsistency,
)
from kazoo.protocol.states import EventType, WatchedEvent
from kazoo.recipe.cache import TreeCache, TreeEvent
from kazoo.recipe.watchers import PatientChildrenWatch
from kazoo.retry import ForceRetryError
from kazoo.security import CREATOR_ALL_ACL, OPEN_ACL_UNSAFE, make_digest_acl

from tests.target_node.clients.kazoo_clients import (
    LONG_SESSIONS,
    Clients,
    Crowd,
    Room,
    eventually,
    kazoo_clients,
)
from tests.target_node.ensemble import PATIENCE_S, Ensemble, ensemble


@pytest.fixture(scope="module", params=[1, 3, 5])
def servers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ensemble]:
    directory = tmp_path_factory.mktemp("servers")
    with ensemble(directory, request.param, more=LONG_SESSIONS) as one:
        yield one


_numbers = itertools.count()


@pytest.fixture
def clients(servers: Ensemble) -> Iterator[Clients]:
    with kazoo_clients(servers, f"/test-{next(_numbers)}") as some:
        yield some


# Locks.


def test_lock(clients: Clients) -> None:
    room = Room()

    def go_in(lock: Any) -> None:
        for _ in range(3):
            with lock, room:
                pass

    locks = [clients.at(sid).Lock("/lock", f"{sid}") for sid in (1, 2, 3, 4)]
    Crowd(*[lambda lock=lock: go_in(lock) for lock in locks]).done()
    assert (room.visits, room.most) == (12, 1)

    first, second, *_ = locks
    assert first.acquire()
    assert not second.acquire(blocking=False)
    with pytest.raises(LockTimeout):
        second.acquire(timeout=0.05)
    first.client.sync("/")
    assert first.contenders() == ["1"]
    first.release()
    assert second.acquire(blocking=False)


def test_a_lock_outlives_no_session(clients: Clients) -> None:
    holder, heir = clients.at(1), clients.at(2)
    assert holder.Lock("/lock", "holder").acquire()
    lock = heir.Lock("/lock", "heir")
    waiting = Crowd(lock.acquire)
    eventually(lambda: lock.contenders() == ["holder", "heir"])
    assert not lock.is_acquired
    holder.stop()
    waiting.done()
    assert lock.is_acquired


def test_read_and_write_locks(clients: Clients) -> None:
    readers = [clients.at(sid).ReadLock("/lock") for sid in (1, 2)]
    writers = [clients.at(sid).WriteLock("/lock") for sid in (3, 4)]
    for reader in readers:
        assert reader.acquire(timeout=PATIENCE_S)
    assert not writers[0].acquire(blocking=False)
    waiting = Crowd(writers[0].acquire)
    for reader in readers:
        assert not writers[0].is_acquired
        reader.release()
    waiting.done()
    assert writers[0].is_acquired
    for other in (*readers, writers[1]):
        assert not other.acquire(blocking=False)
    writers[0].release()
    assert writers[1].acquire(blocking=False)


def test_semaphore(clients: Clients) -> None:
    room = Room()

    def go_in(semaphore: Any) -> None:
        for _ in range(2):
            with semaphore, room:
                pass

    semaphores = [
        clients.at(sid).Semaphore("/semaphore", f"{sid}", max_leases=2) for sid in (1, 2, 3, 4)
    ]
    Crowd(*[lambda one=one: go_in(one) for one in semaphores]).done()
    assert room.visits == 8
    assert room.most <= 2

    for one in semaphores[:2]:
        assert one.acquire()
    semaphores[3].client.sync("/")
    assert sorted(semaphores[3].lease_holders()) == ["1", "2"]
    assert not semaphores[2].acquire(blocking=False)
    semaphores[0].release()
    assert semaphores[2].acquire(blocking=False)


def test_election(clients: Clients) -> None:
    room = Room()
    elections = [clients.at(sid).Election("/election", f"{sid}") for sid in (1, 2, 3)]

    def reign() -> None:
        with room:
            pass

    crowd = Crowd(*[lambda one=one: one.run(reign) for one in elections])
    crowd.done()
    assert (room.visits, room.most) == (3, 1)

    over = threading.Event()
    crowd = Crowd(lambda: elections[0].run(over.wait, PATIENCE_S))
    eventually(lambda: elections[1].contenders() == ["1"])
    second = Crowd(lambda: elections[1].run(reign))
    eventually(lambda: elections[2].contenders() == ["1", "2"])
    assert room.visits == 3
    elections[1].cancel()
    second.done()
    over.set()
    crowd.done()
    assert room.visits == 3


# Barriers.


def test_barrier(clients: Clients) -> None:
    barriers = [clients.at(sid).Barrier("/barrier") for sid in (1, 2, 3)]
    barriers[0].create()
    for one in barriers[1:]:
        one.client.sync("/")
        assert not one.wait(0)
    passed: list[bool] = []
    crowd = Crowd(*[lambda one=one: passed.append(one.wait(PATIENCE_S)) for one in barriers])
    assert passed == []
    assert barriers[0].remove()
    assert not barriers[0].remove()
    crowd.done()
    assert passed == [True] * 3


def test_double_barrier(clients: Clients) -> None:
    came, went = Room(), Room()
    seen: list[tuple[int, int]] = []

    def work(barrier: Any) -> None:
        with came:
            barrier.enter()
            seen.append((came.visits, went.visits))
            with went:
                barrier.leave()
                seen.append((came.visits, went.visits))

    barriers = [clients.at(sid).DoubleBarrier("/barrier", 3, f"{sid}") for sid in (1, 2, 3)]
    Crowd(*[lambda one=one: work(one) for one in barriers]).done()
    assert all(came_by_then == 3 for came_by_then, _ in seen)
    assert len(seen) == 6
    assert seen[-3:] == [(3, 3)] * 3  # nobody left before all wanted to


# Numbers and queues.


def test_counter(clients: Clients) -> None:
    counters = [clients.at(sid).Counter("/counter", default=100) for sid in (1, 2, 3)]

    def count(counter: Any) -> None:
        for _ in range(5):
            counter += 3
            counter -= 1

    Crowd(*[lambda one=one: count(one) for one in counters]).done()
    clients.at(1).sync("/counter")
    last = clients.at(1).Counter("/counter", default=100)
    last += 0
    assert last.value == 100 + 3 * 5 * 2


def test_queue(clients: Clients) -> None:
    maker, *takers = [clients.at(sid) for sid in (1, 2, 3)]
    queue = maker.Queue("/queue")
    for number in range(12):
        queue.put(b"%d" % number)
    queue.put(b"urgent", priority=1)
    assert len(queue) == 13
    assert queue.get() == b"urgent"
    taken: list[bytes] = []

    def take(client: KazooClient) -> None:
        client.sync("/")
        mine = []
        while (one := client.Queue("/queue").get()) is not None:
            mine.append(one)
        assert mine == sorted(mine, key=int)
        taken.extend(mine)

    Crowd(*[lambda one=one: take(one) for one in takers]).done()
    assert sorted(taken, key=int) == [b"%d" % number for number in range(12)]


def test_locking_queue(clients: Clients) -> None:
    maker, left, right = [clients.at(sid) for sid in (1, 2, 3)]
    maker.LockingQueue("/queue").put_all([b"a", b"b"])
    first, second = left.LockingQueue("/queue"), right.LockingQueue("/queue")
    left.sync("/")
    right.sync("/")
    assert first.get(PATIENCE_S) == b"a"
    assert second.get(PATIENCE_S) == b"b"
    assert first.holds_lock()
    assert second.release()
    assert first.consume()
    assert first.get(PATIENCE_S) == b"b"
    got: list[bytes] = []
    waiting = Crowd(lambda: got.append(second.get(PATIENCE_S)))
    left.stop()  # with it goes its hold on b
    waiting.done()
    assert got == [b"b"]
    assert second.consume()
    maker.sync("/")
    assert len(maker.LockingQueue("/queue")) == 0


# Who is there.


@pytest.mark.parametrize("kind", ["Party", "ShallowParty"])
def test_party(clients: Clients, kind: str) -> None:
    members = [clients.at(sid) for sid in (1, 2, 3)]
    parties = [getattr(one, kind)("/party", f"{sid}") for sid, one in enumerate(members)]
    for party in parties:
        party.join()
    members[0].sync("/")
    assert sorted(parties[0]) == ["0", "1", "2"]
    parties[1].leave()
    members[2].stop()
    members[0].sync("/")
    assert list(parties[0]) == ["0"]
    assert len(parties[0]) == 1


def test_set_partitioner(clients: Clients) -> None:
    parts = {f"part-{number}" for number in range(7)}
    partitioners = [
        clients.at(sid).SetPartitioner(
            "/parts", parts, identifier=f"{sid}", time_boundary=0.1, max_reaction_time=0.02
        )
        for sid in (1, 2, 3)
    ]
    owned: dict[int, set[str]] = {}

    def settled(some: list[Any]) -> bool:
        """Each has its part, and the parts are a partition."""
        for one in some:
            assert not one.failed
            if one.release:
                one.release_set()
        if not all(one.acquired for one in some):
            return False
        owned.update({number: set(one) for number, one in enumerate(some)})
        shares = [owned[number] for number in range(len(some))]
        return sum(map(len, shares)) == len(parts) and set.union(*shares) == parts

    eventually(lambda: settled(partitioners))
    assert sorted(map(len, owned.values())) == [2, 2, 3]
    partitioners.pop().finish()
    owned.clear()
    eventually(lambda: settled(partitioners))
    assert sorted(map(len, owned.values())) == [3, 4]
    for one in partitioners:
        one.finish()


def _utcnow() -> datetime:
    return datetime.fromisoformat("2020-01-01")


def _tomorrow() -> datetime:
    return datetime.fromisoformat("2020-01-02")


def test_leases(clients: Clients) -> None:
    day, hour = timedelta(days=1), timedelta(hours=1)
    some = [clients.at(sid) for sid in (1, 2, 3)]

    def lease(number: int, now: Any = _utcnow) -> bool:
        return bool(some[number].NonBlockingLease("/lease", hour, f"{number}", now))

    assert lease(0)
    assert not lease(1)
    assert lease(0)  # it may go on
    some[0].stop()
    assert not lease(1)  # a lease is no lock: it ends by its time
    assert lease(1, _tomorrow)

    def one_of_two(number: int) -> bool:
        client = some[1 + number % 2]
        return bool(client.MultiNonBlockingLease(2, "/leases", day, f"{number}", _utcnow))

    assert [one_of_two(number) for number in range(4)] == [True, True, False, False]


# Watches.


def test_data_watch(clients: Clients) -> None:
    watcher, writer = clients.at(1), clients.at(2)
    seen: list[tuple[bytes | None, int]] = []

    @watcher.DataWatch("/node")  # type: ignore[untyped-decorator]
    def watch(data: bytes | None, stat: Any, event: WatchedEvent | None) -> bool:
        seen.append((data, -1 if stat is None else stat.version))
        return data != b"enough"

    assert seen == [(None, -1)]
    writer.create("/node", b"0")
    for number in range(1, 6):
        writer.set("/node", b"%d" % number)
        eventually(lambda: seen[-1] == (b"%d" % number, number))  # noqa: B023 (used at once)
    versions = [version for _, version in seen[1:]]
    assert versions == sorted(set(versions))  # it may leave out, but never goes back
    writer.delete("/node")
    eventually(lambda: seen[-1] == (None, -1))
    writer.create("/node", b"enough")
    eventually(lambda: seen[-1] == (b"enough", 0))
    writer.set("/node", b"more")
    watcher.sync("/node")
    watcher.get("/node")
    assert seen[-1] == (b"enough", 0)


def test_children_watch(clients: Clients) -> None:
    watcher, writer = clients.at(1), clients.at(2)
    writer.create("/parent")
    watcher.sync("/")
    seen: list[list[str]] = []
    watcher.ChildrenWatch("/parent", lambda children: seen.append(sorted(children)))
    assert seen == [[]]
    for name in "abc":
        writer.create(f"/parent/{name}", ephemeral=True)
    eventually(lambda: seen[-1] == ["a", "b", "c"])
    writer.stop()
    eventually(lambda: seen[-1] == [])


def test_patient_children_watch(clients: Clients) -> None:
    watcher, writer = clients.at(1), clients.at(2)
    writer.create("/parent")
    writer.create("/parent/a")
    watcher.sync("/")
    children, changed = PatientChildrenWatch(watcher, "/parent", 0.02).start().get()
    assert children == ["a"]
    assert not changed.ready()
    writer.create("/parent/b")
    changed.get(timeout=PATIENCE_S)


def test_tree_cache(clients: Clients) -> None:
    watcher, writer = clients.at(1), clients.at(2)
    writer.create("/tree")
    writer.create("/tree/a", b"1")
    watcher.sync("/")
    cache = TreeCache(watcher, "/tree")
    events: list[tuple[int, str | None]] = []

    def listen(event: Any) -> None:
        events.append((event.event_type, event.event_data and event.event_data.path))

    cache.listen(listen)
    cache.start()
    try:
        eventually(lambda: (TreeEvent.INITIALIZED, None) in events)
        assert cache.get_data("/tree/a").data == b"1"
        writer.create("/tree/a/b", b"2")
        writer.set("/tree/a", b"3")
        writer.create("/tree/c")
        writer.delete("/tree/c")
        eventually(lambda: (TreeEvent.NODE_UPDATED, "/tree/a") in events)
        eventually(lambda: cache.get_children("/tree") == {"a"})
        eventually(lambda: cache.get_data("/tree/a/b") is not None)
        assert cache.get_data("/tree/a").data == b"3"
        assert cache.get_children("/tree/a") == {"b"}
        assert cache.get_data("/tree/c") is None
        assert (TreeEvent.NODE_ADDED, "/tree/a/b") in events
    finally:
        cache.close()


def test_a_watch_fires_once_and_before_the_new_data(clients: Clients) -> None:
    watcher, writer = clients.at(1), clients.at(2)
    writer.create("/node", b"old")
    watcher.sync("/")
    events: list[str] = []
    fired = threading.Event()

    def watch(event: WatchedEvent) -> None:
        events.append(event.type)
        fired.set()

    assert watcher.get("/node", watch=watch)[0] == b"old"
    writer.set("/node", b"new")
    watcher.sync("/")
    assert watcher.get("/node")[0] == b"new"
    assert fired.wait(PATIENCE_S)
    writer.delete("/node")
    watcher.sync("/")
    assert events == [EventType.CHANGED]


# Calls.


def test_what_a_client_calls(clients: Clients) -> None:
    one, other = clients.at(1), clients.at(2)
    assert one.create("/a/b/c", b"x", makepath=True) == "/a/b/c"
    path, stat = one.create("/a/s-", sequence=True, include_data=True)
    assert path == "/a/s-0000000001"
    assert stat.version == 0
    with pytest.raises(NodeExistsError):
        one.create("/a")
    with pytest.raises(NotEmptyError):
        one.delete("/a")
    with pytest.raises(NoNodeError):
        one.get("/no")
    with pytest.raises(BadVersionError):
        one.set("/a/b/c", b"y", version=7)
    assert one.set("/a/b/c", b"y" * 500_000, version=0).dataLength == 500_000
    other.sync("/")
    assert other.get("/a/b/c")[1].version == 1
    assert sorted(other.get_children("/a")) == ["b", "s-0000000001"]
    children, stat = other.get_children("/a", include_data=True)
    assert (len(children), stat.numChildren, stat.cversion) == (2, 2, 2)
    other.create("/a/e", ephemeral=True)
    one.sync("/")
    stat = one.exists("/a/e")
    assert stat.ephemeralOwner == other.client_id[0]
    many = [one.create_async(f"/a/b/{number}") for number in range(50)]
    assert [call.get() for call in many] == [f"/a/b/{number}" for number in range(50)]
    one.delete("/a", recursive=True)
    assert one.exists("/a") is None
    assert one.command(b"ruok") == "imok"
    assert one.server_version() == (3, 8, 0)


def test_retry(clients: Clients) -> None:
    client = clients.at(1)
    client.create("/node")
    tries: list[int] = []

    def attempt() -> bytes:
        tries.append(len(tries))
        if len(tries) < 3:
            raise ForceRetryError
        data: bytes = client.get("/node")[0]
        return data

    assert client.retry(attempt) == b""
    assert tries == [0, 1, 2]
    with pytest.raises(NoNodeError):
        client.retry(client.get, "/no")


def test_transactions(clients: Clients) -> None:
    one, other = clients.at(1), clients.at(2)
    one.create("/a", b"old")
    change: TransactionRequest = one.transaction()
    change.check("/a", version=0)
    change.create("/b", b"new")
    change.create("/b/s-", sequence=True, ephemeral=True)
    change.set_data("/a", b"new")
    change.delete("/b/s-0000000000")
    *before, stat, deleted = change.commit()
    assert before == [True, "/b", "/b/s-0000000000"]
    assert (stat.version, deleted) == (1, True)

    refused = other.transaction()
    refused.delete("/b")
    refused.check("/a", version=0)
    refused.create("/c")
    kinds = [type(result) for result in refused.commit()]
    assert kinds == [RolledBackError, BadVersionError, RuntimeInconsistency]
    other.sync("/")
    assert other.exists("/b")
    assert other.exists("/c") is None

    # Of two that contradict each other, one happens.
    done: list[bool] = []

    def race(client: KazooClient) -> None:
        attempt = client.transaction()
        attempt.check("/a", version=1)
        attempt.set_data("/a", b"raced")
        attempt.create(f"/winner-{client.client_id[0]}")
        done.append(not any(isinstance(result, Exception) for result in attempt.commit()))

    Crowd(lambda: race(one), lambda: race(other)).done()
    assert sorted(done) == [False, True]
    one.sync("/")
    winners = [name for name in one.get_children("/") if name.startswith("winner")]
    assert len(winners) == 1
    assert one.get("/a")[1].version == 2


def test_who_may_do_what(clients: Clients) -> None:
    owner, stranger = clients.at(1), clients.at(2)
    with pytest.raises(InvalidACLError):
        owner.create("/early", acl=CREATOR_ALL_ACL)
    owner.add_auth("digest", "owner:secret")
    owner.create("/mine", b"x", acl=CREATOR_ALL_ACL)
    stranger.sync("/")
    attempts: list[Callable[[], object]] = [
        lambda: stranger.get("/mine"),
        lambda: stranger.set("/mine", b"y"),
        lambda: stranger.create("/mine/child"),
        lambda: stranger.set_acls("/mine", OPEN_ACL_UNSAFE),
    ]
    for attempt in attempts:
        with pytest.raises(NoAuthError):
            attempt()
    stranger.add_auth("digest", "owner:secret")
    assert stranger.get("/mine")[0] == b"x"

    reader = make_digest_acl("reader", "word", read=True)
    owner.set_acls("/mine", [*owner.get_acls("/mine")[0], reader])
    third = clients.at(3, auth_data=[("digest", "reader:word")])
    third.sync("/")
    assert third.get("/mine")[0] == b"x"
    assert third.get_acls("/mine")[1].aversion == 1
    with pytest.raises(NoAuthError):
        third.set("/mine", b"y")
    with pytest.raises(AuthFailedError):
        clients.at(1).add_auth("nonsense", "x")
