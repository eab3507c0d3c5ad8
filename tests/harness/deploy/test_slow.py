"""Links that are slow or bad, on the hosts of a lab: by its switch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from harness.deploy.cluster import HostCluster
from harness.hosts.host import Host
from harness.lab.addresses import DEVICE
from harness.lab.lab import Lab
from nemesis.fault import Fault, Packets, Partition, Slow
from nemesis.grudge import between
from tests.harness.deploy.test_cluster import RECOVER_S, run

ALONE = between(["n1"], ["n2", "n3", "n4", "n5"])
ONE_WAY = frozenset({("n2", "n3")})
BACK = frozenset({("n3", "n2")})
FAULTS: tuple[Fault, ...] = (
    Slow(ALONE, delay_ms=30),
    Slow(ONE_WAY, delay_ms=40, jitter_ms=30),
    Slow(ALONE, loss=0.1),
    Slow(ONE_WAY, bytes_per_s=40_000),
    Packets(ALONE, duplicate=0.1),
    Packets(ONE_WAY, reorder=0.1),
    Packets(ONE_WAY, corrupt=0.1),
)


async def proven(cluster: HostCluster, fault: Fault, active: Sequence[Fault]) -> bool:
    return (await cluster.probe(fault, active)).proven


def test_every_way_of_being_slow(lab: Lab, tmp_path: Path) -> None:
    async def disturb(cluster: HostCluster, hosts: list[Host]) -> None:
        assert {Slow, Packets} <= cluster.supports
        for fault in FAULTS:
            await cluster.apply([fault])
            seen = await cluster.probe(fault, [fault])
            assert seen.proven, seen
        await cluster.apply([])
        for fault in FAULTS:
            seen = await cluster.probe(fault, [])
            assert not seen.proven, seen
        for host in hosts:
            left = await host.run(f"ip route show dev {DEVICE}; ip -6 route show dev {DEVICE}")
            assert "proto 171" not in left.text
        await cluster.recovered(within_s=RECOVER_S)

    run(lab, tmp_path, disturb)


@pytest.mark.prove
def test_slow_links_that_overlap(lab: Lab, tmp_path: Path) -> None:
    async def disturb(cluster: HostCluster, hosts: list[Host]) -> None:
        one, more = Slow(ONE_WAY, delay_ms=60), Slow(ALONE | ONE_WAY, delay_ms=30)
        bad, back = Packets(ONE_WAY, duplicate=0.2), Partition(BACK)
        everything: list[Fault] = [one, more, bad, back]
        await cluster.apply(everything)
        for fault in everything:
            assert await proven(cluster, fault, everything), "the cut of the way back hides nothing"
        assert not await proven(cluster, Slow(BACK, delay_ms=60), [one]), "one way only"
        await cluster.apply([one, back])
        assert await proven(cluster, one, [one, back])
        assert not await proven(cluster, more, [one, back])
        assert not await proven(cluster, one, [one, more]), "both at once would be later"
        late = Slow(BACK, delay_ms=1000)
        await cluster.apply([late, back])
        assert await proven(cluster, back, [late, back]), "what is dropped comes late"
        everywhere = between(["n1", "n2"], cluster.nodes)
        await cluster.apply([Slow(everywhere, delay_ms=1300)])
        greeting = "timeout 1.2 bash -c 'head -c 4 </dev/tcp/10.77.0.2/22'"
        assert (await hosts[0].run(greeting)).out == b"SSH-", "SSH goes as ever"
        six = "timeout 1 bash -c ': </dev/tcp/fd77::2/3888'"
        assert (await hosts[0].run(six)).status == 124, "both kinds of addresses are slow"
        await cluster.apply([])
        await cluster.recovered(within_s=RECOVER_S)

    run(lab, tmp_path, disturb)
