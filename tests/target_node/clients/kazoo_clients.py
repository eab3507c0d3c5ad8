"""Clients of kazoo, as many as a test needs, none of which outlives it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kazoo.client import KazooClient
from kazoo.retry import KazooRetry

from tests.target_node.ensemble import PATIENCE_S, Ensemble

# A machine that is busy with other things must not end a session.
TIMEOUT_S = 30.0
LONG_SESSIONS = "maxSessionTimeout=60000\n"  # for zoo.cfg


def eventually(what: Callable[[], object]) -> None:
    """Until it is so."""
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < end, "it has not come to that"
        time.sleep(0.01)


class Clients:
    """Makes them; `root` is a node for each test, under which they live."""

    def __init__(self, ensemble: Ensemble, root: str) -> None:
        self.ensemble = ensemble
        self.root = root
        self._made: list[KazooClient] = []

    def at(self, sid: int, **more: Any) -> KazooClient:
        """A client of this server only, counted round, so that there may be more than servers."""
        members = list(self.ensemble.members.values())
        return self._start(f"127.0.0.1:{members[(sid - 1) % len(members)].client_port}", **more)

    def beginning_at(self, sid: int, **more: Any) -> KazooClient:
        """A client of this server that knows the others too."""
        members = self.ensemble.members
        ports = [members[sid].client_port]
        ports += [one.client_port for one in members.values() if one.sid != sid]
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return self._start(hosts, randomize_hosts=False, **more)

    def _start(self, hosts: str, **more: Any) -> KazooClient:
        client = KazooClient(
            f"{hosts}{self.root}",
            timeout=TIMEOUT_S,
            connection_retry=KazooRetry(max_tries=-1, delay=0.02, max_delay=0.1),
            command_retry=KazooRetry(max_tries=-1, delay=0.02, max_delay=0.1),
            **more,
        )
        self._made.append(client)
        connected = client.start_async()
        assert connected.wait(PATIENCE_S)
        client.ensure_path("/")
        return client

    def stop(self) -> None:
        for client in self._made:
            client.stop()
            client.close()


@contextmanager
def kazoo_clients(ensemble: Ensemble, root: str) -> Iterator[Clients]:
    """At the end all are stopped, and so is every thread that was started meanwhile."""
    before = set(threading.enumerate())
    clients = Clients(ensemble, root)
    try:
        yield clients
    finally:
        clients.stop()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
    assert set(threading.enumerate()) <= before


class Crowd:
    """Threads that do the same at once; whatever one of them raises, `done` raises."""

    def __init__(self, *jobs: Callable[[], object]) -> None:
        self._failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run, args=[job]) for job in jobs]
        for thread in self._threads:
            thread.start()

    def _run(self, job: Callable[[], object]) -> None:
        try:
            job()
        except BaseException as failure:
            self._failures.append(failure)

    def done(self) -> None:
        for thread in self._threads:
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
        if self._failures:
            raise self._failures[0]


class Room:
    """Who is in it, and the most that ever were at once."""

    def __init__(self) -> None:
        self._latch = threading.Lock()
        self.inside = self.most = self.visits = 0

    def __enter__(self) -> None:
        with self._latch:
            self.inside += 1
            self.visits += 1
            self.most = max(self.most, self.inside)

    def __exit__(self, *_: object) -> None:
        with self._latch:
            self.inside -= 1
