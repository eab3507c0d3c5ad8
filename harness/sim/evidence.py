"""Has a fault the effect that it should have? In a simulation one can look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from harness.sim.disk import FULL
from harness.sim.network import CLIENT_PORT, CLIENTS
from harness.sim.world import SimWorld
from nemesis.fault import (
    BrokenDisk,
    ClientLink,
    ClockSkew,
    Crash,
    Fault,
    FlippedBit,
    FullDisk,
    Node,
    Packets,
    Partition,
    Pause,
    PowerLoss,
    Slow,
    SlowDisk,
    Wipe,
)
from nemesis.surface import Evidence
from nemesis.union import union


def probe(world: SimWorld, fault: Fault, active: Sequence[Fault]) -> Evidence:
    """What is seen of it now, while these are active."""
    network = world.network
    match fault:
        case Partition(links):
            open_ones = [f"{a}>{b}" for a, b in sorted(links) if network.passes(a, b)]
            told = f"{len(links)} links let nothing through"
            return _seen(not open_ones, told, f"something passes over {', '.join(open_ones)}")
        case Slow(links):
            usual = network.pace
            slower = [link for link in sorted(links) if network.pace_of(link) != usual]
            told = f"{len(slower)} of {len(links)} links have another pace than usual"
            return Evidence(len(slower) == len(links), told)
        case Crash(node):
            return _down(world, node)
        case Wipe(node):
            down, left = _down(world, node), world.nodes[node].disk.list()
            told = f"{down.words}, and its disk holds {', '.join(left) or 'nothing'}"
            return Evidence(down.proven and not left, told)
        case FlippedBit(node, file, back):
            return _flipped(world, node, (file, back))
        case Pause(node):
            return _seen(world.nodes[node].paused, f"{node} stands still", f"{node} goes on")
        case ClockSkew(node):
            wanted, clock = union(active).clocks[node], world.nodes[node].clock
            right = (clock.offset_ms, clock.rate) == (wanted.offset_ms, wanted.rate)
            return Evidence(
                right, f"the clock of {node} is off by {clock.offset_ms} ms, at {clock.rate:g}"
            )
        case SlowDisk() | FullDisk() | BrokenDisk() | PowerLoss():
            return _of_a_disk(world, fault, active)
        case ClientLink(node, reset=True):
            refused = not network.listens(CLIENTS, node, CLIENT_PORT)
            return _seen(refused, f"{node} refuses clients", f"{node} takes clients in")
        case ClientLink(node):
            return _seen(
                not (network.passes(CLIENTS, node) or network.passes(node, CLIENTS)),
                f"nothing passes between clients and {node}",
                f"clients can speak with {node}",
            )
        case Packets():
            return Evidence(proven=False, words="cannot be done here")
        case _:
            assert_never(fault)


def _of_a_disk(
    world: SimWorld, fault: SlowDisk | FullDisk | BrokenDisk | PowerLoss, active: Sequence[Fault]
) -> Evidence:
    match fault:
        case SlowDisk(node):
            wanted_ms = max(fault.sync_ms, union(active).slow_disks.get(node, 0))
            least_ms = world.nodes[node].disk_pace.least_ms
            told = f"what the disk of {node} does takes at least {least_ms:g} ms"
            return Evidence(least_ms >= wanted_ms, told)
        case FullDisk(node):
            full = world.nodes[node].disk.fails == FULL
            return _seen(full, f"the disk of {node} is full", f"the disk of {node} has room")
        case BrokenDisk(node, writes):
            disk = world.nodes[node].disk
            broken = disk.fails is not None and (disk.fails != FULL or not writes)
            told = f"the disk of {node} fails to {'write' if writes else 'sync'}"
            works = f"the disk of {node} works"
            return _seen(broken or (disk.fails_to_sync and not writes), told, works)
        case PowerLoss(node):
            down, durable = _down(world, node), world.nodes[node].disk.all_durable()
            told = f"{down.words}, and its disk holds {'nothing' if durable else 'something'}"
            return Evidence(down.proven and durable, f"{told} that is not synced")
        case _:
            assert_never(fault)


def _flipped(world: SimWorld, node: Node, ordered: tuple[int, int]) -> Evidence:
    down, there = _down(world, node), world.nodes[node]
    flip = there.flips.get(ordered)
    if flip is None or flip.name not in there.disk.list():
        return Evidence(proven=False, words=f"{down.words}, and its disk holds no history")
    wrong = there.disk.seen(flip.name)[flip.byte : flip.byte + 1] == bytes([flip.now])
    said = f"{down.words}, and on its disk {flip}"
    return Evidence(down.proven and wrong, said if wrong else f"{down.words}, and {flip} no more")


def _down(world: SimWorld, node: Node) -> Evidence:
    return _seen(not world.nodes[node].up, f"{node} is down", f"{node} is up")


def _seen(proven: bool, so: str, otherwise: str) -> Evidence:  # noqa: FBT001 (what was seen)
    return Evidence(proven, so if proven else otherwise)
