"""How are servers of an ensemble killed and started, and what must be true once it is whole?"""

from __future__ import annotations

import io
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.invariants import Event, parse
from tests.target_node.ensemble import PATIENCE_S, Ensemble, Member, ask
from tests.target_node.load import Load
from tests.target_node.raw_client import Lost, RawClient

TICK_S: Final = 0.2  # as `Ensemble` configures it
SYNC_LIMIT: Final = 10
LIMIT_S: Final = 5 * TICK_S * SYNC_LIMIT  # what a leader may take to be back
# Snapshots all the time, and none kept for long: some learners need the leader's.
OFTEN: Final = "snapCount=100\nautopurge.snapRetainCount=3\nautopurge.purgeInterval=1\n"


def until(what: str, is_so: Callable[[], bool], ensemble: Ensemble) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, f"not so in time: {what}\n{ensemble.logs()}"
        time.sleep(0.02)


def kill(members: Sequence[Member], draw: random.Random) -> None:
    """At instants of their own; who is down already has died by itself."""
    for one in members:
        time.sleep(draw.choice((0.0, draw.random() * 0.1)))
        assert_up(one)
        one.stop()


def start(members: Sequence[Member], draw: random.Random) -> None:
    for one in members:
        time.sleep(draw.choice((0.0, draw.random() * 0.2)))
        one.start()


def assert_up(member: Member) -> None:
    assert member.process is not None, "it was started"
    status = member.process.poll()
    assert status is None, f"n{member.sid} ended by itself, status {status}\n{member.log[-5000:]}"


def heal(ensemble: Ensemble) -> float:
    """Seconds until a leader commits a write of ours again; then all serve."""
    since = time.monotonic()
    until("a leader commits", lambda: commits(ensemble), ensemble)
    seconds = time.monotonic() - since
    until("all serve", lambda: all(one.mode for one in ensemble.members.values()), ensemble)
    for one in ensemble.members.values():
        assert_up(one)
    return seconds


def commits(ensemble: Ensemble) -> bool:
    """Its session alone is a write; sync needs a quorum's word."""
    leader = ensemble.leader()
    if leader is None:
        return False
    try:
        with RawClient(leader.client_port) as client:
            client.sync()
    except Lost:
        return False
    return True


def assert_replicas_equal(ensemble: Ensemble) -> None:
    """Sessions still expire for a while, so it may take more than one look."""

    def equal() -> bool:
        said = [ask(one.client_port, "hash") for one in ensemble.members.values()]
        facts = [dict(fact.split("=", 1) for fact in one.split()) for one in said]
        if not all(facts) or len({one["zxid"] for one in facts}) > 1:
            return False
        assert len({one["digest"] for one in facts}) == 1, f"replicas differ: {said}"
        chains: dict[str, set[str]] = {}
        for one in facts:
            since, _, chain = one["chain"].partition(":")
            chains.setdefault(since, set()).add(chain)
        assert all(len(those) == 1 for those in chains.values()), f"histories differ: {said}"
        return True

    until("replicas are equal", equal, ensemble)


def loaded(ensemble: Ensemble, root: str, seed: int) -> Load:
    """Clients at work."""
    leader = ensemble.wait_until_serving()
    load = Load([one.client_port for one in ensemble.members.values()], root, seed)
    with RawClient(leader.client_port) as client:
        load.prepare(client)
    load.start()
    return load


def assert_nothing_lost(ensemble: Ensemble, load: Load) -> None:
    """Whoever is asked."""
    for one in ensemble.members.values():
        with RawClient(one.client_port) as client:
            load.check(client)


def written(ensemble: Ensemble) -> Iterator[Event]:
    """What all have written down up to one moment; reading takes longer than that."""
    members = ensemble.members.values()
    for one in members:
        one.signal(signal.SIGSTOP)
    try:
        files = [one.directory / "events.jsonl" for one in members]
        sizes = [file.stat().st_size for file in files]
    finally:
        for one in members:
            one.signal(signal.SIGCONT)
    for file, size in zip(files, sizes, strict=True):
        yield from parse(io.BytesIO(file.read_bytes()[:size]), str(file))


class Tail:
    """What one server writes into its events file from now on."""

    def __init__(self, member: Member) -> None:
        self._file: Path = member.directory / "events.jsonl"
        self._at = self._file.stat().st_size if self._file.exists() else 0

    def says(self, event: str) -> bool:
        if not self._file.exists():
            return False
        with self._file.open("rb") as file:
            file.seek(self._at)
            return f'"event": "{event}"'.encode() in file.read()
