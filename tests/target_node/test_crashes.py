"""What is acknowledged, kept, and is the service back, however its servers are killed?"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from harness.invariants import broken
from tests.target_node import kills
from tests.target_node.ensemble import PATIENCE_S, Ensemble, Member, ask, ensemble
from tests.target_node.kills import LIMIT_S, Tail

ROUNDS: Final = 20  # of one ensemble, in the long proof
AWAY: Final = 700  # txns: more than a leader keeps in memory, and than three snapshots leave behind


def crash_round(one: Ensemble, seed: int, number: int) -> float:
    """Kill some, start them, and look; the seconds until a leader was back."""
    draw = random.Random(f"{seed} {number}")
    load = kills.loaded(one, f"/round-{number}", seed)
    try:
        time.sleep(0.1 + draw.random() * 0.4)
        victims = draw.sample(
            sorted(one.members.values(), key=lambda m: m.sid), how_many(one, draw)
        )
        kills.kill(victims, draw)
        time.sleep(draw.choice((0.0, draw.random() * 0.5)))
        kills.start(draw.sample(victims, len(victims)), draw)
        seconds = kills.heal(one)
        time.sleep(0.1)
    finally:
        load.stop()
    assert load.acknowledged, "the load did nothing"
    kills.assert_nothing_lost(one, load)
    kills.assert_replicas_equal(one)
    assert_promises_kept(one)
    return seconds


def how_many(one: Ensemble, draw: random.Random) -> int:
    """All of them in every fourth round."""
    return draw.choice((len(one.members), *(draw.randint(1, len(one.members)) for _ in range(3))))


def assert_promises_kept(one: Ensemble) -> None:
    """By what all of them have written down since they exist."""
    violations = broken(kills.written(one))
    assert not violations, "\n".join(map(str, violations))


def rounds(directory: Path, size: int, seed: int, count: int) -> list[float]:
    with ensemble(directory, size, more=kills.OFTEN) as one:
        return [crash_round(one, seed, number) for number in range(count)]


def measured(seconds: list[float]) -> str:
    """For the table of proofs, in parts of the time that a leader may take."""
    ratios = sorted(one / LIMIT_S for one in seconds)
    late = sum(ratio > 1 for ratio in ratios)
    return (
        f"{len(ratios)} rounds; leader back after {ratios[len(ratios) // 2]:.2f} (median), "
        f"{ratios[-1 - len(ratios) // 10]:.2f} (p90), {ratios[-1]:.2f} (longest) "
        f"of the {LIMIT_S:.0f} s it may take; {late} later"
    )


@pytest.mark.parametrize(("size", "count"), [(3, 4), (5, 2)])
def test_nothing_acknowledged_is_lost(tmp_path: Path, size: int, count: int) -> None:
    assert max(rounds(tmp_path, size, 0, count)) < PATIENCE_S


@pytest.mark.prove
@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize("seed", range(1, 6))
def test_nothing_acknowledged_is_lost_two_hundred_times(
    tmp_path: Path, size: int, seed: int, record_property: Callable[[str, object], None]
) -> None:
    seconds = rounds(tmp_path, size, seed, ROUNDS)
    record_property("measured", measured(seconds))


def die_while_joining(one: Ensemble, leader: Member, event: str) -> Member:
    """A follower, twice."""
    victim = next(m for m in one.members.values() if m is not leader)
    victim.stop()
    return die_at(one, victim, event)


def die_while_promising(one: Ensemble, leader: Member, event: str) -> Member:
    """The leader, and then one of those who could elect the next."""
    victim = next(m for m in one.members.values() if m is not leader)
    tail = Tail(victim)
    leader.stop()
    kills.until(f"n{victim.sid}: {event}", lambda: tail.says(event), one)
    victim.stop()
    leader.start()
    return victim


def die_while_installing(one: Ensemble, leader: Member, event: str) -> Member:
    """A follower that was away for longer than the leader's log goes back."""
    victim = next(m for m in one.members.values() if m is not leader)
    victim.stop()
    until = last_zxid(leader) + AWAY
    kills.until("the others went on", lambda: last_zxid(leader) > until, one)
    return die_at(one, victim, event)


def last_zxid(leader: Member) -> int:
    facts = dict(fact.split("=", 1) for fact in ask(leader.client_port, "hash").split())
    return int(facts["zxid"], 16)


def die_at(one: Ensemble, victim: Member, event: str) -> Member:
    tail = Tail(victim)
    victim.start()
    kills.until(f"n{victim.sid}: {event}", lambda: tail.says(event), one)
    victim.stop()
    return victim


@pytest.mark.parametrize(
    ("event", "die"),
    [
        ("joined", die_while_joining),
        ("accepted_epoch", die_while_promising),
        ("snapshot_installed", die_while_installing),
    ],
)
def test_killed_at_a_bad_moment(
    tmp_path: Path, event: str, die: Callable[[Ensemble, Member, str], Member]
) -> None:
    with ensemble(tmp_path, 3, more=kills.OFTEN) as one:
        load = kills.loaded(one, "/load", 0)
        try:
            leader = one.leader()
            assert leader is not None
            victim = die(one, leader, event)
            time.sleep(0.1)
            victim.start()
            kills.heal(one)
            time.sleep(0.1)
        finally:
            load.stop()
        kills.assert_nothing_lost(one, load)
        kills.assert_replicas_equal(one)
        assert_promises_kept(one)
