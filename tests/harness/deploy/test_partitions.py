"""What a host drops: one way, both kinds of addresses, and never a rule of the user's."""

from __future__ import annotations

import asyncio
import re

from harness.deploy.packets import COUNTS, Network, counts
from harness.hosts.host import Host
from harness.lab.addresses import address, address_6
from harness.lab.lab import Lab
from nemesis.fault import ClientLink, Partition
from nemesis.union import union
from tests.harness.labs import hosts_of

NETWORK = Network({f"n{n}": (address(n), address_6(n)) for n in (1, 2, 3)})
MINE = """
for tool in iptables ip6tables; do
  $tool -N MINE && $tool -A MINE -p tcp --dport 9 -j DROP && $tool -I INPUT 1 -j MINE
  $tool -A OUTPUT -p udp --dport 9 -j ACCEPT && $tool -A INPUT -j ACCEPT
done
"""
NOT_MINE = """
for tool in iptables ip6tables; do
  $tool -D INPUT -j MINE; $tool -F MINE; $tool -X MINE
  $tool -D OUTPUT -p udp --dport 9 -j ACCEPT; $tool -D INPUT -j ACCEPT
done
"""
SEND = "for to in {0} {1}; do for i in 1 2 3; do echo x >/dev/udp/$to/9999; done; done"


async def rules(host: Host) -> list[str]:
    return (await host.run("iptables -S; ip6tables -S")).text.splitlines()


async def met(host: Host) -> dict[str, int]:
    return dict(counts((await host.run(COUNTS)).text))


def test_one_way_of_two_by_both_kinds_of_addresses(lab: Lab) -> None:
    one_way = union([Partition(frozenset({("n2", "n1")}))])

    async def look() -> None:
        async with hosts_of(tuple(lab.logins[:3])) as (n1, n2, n3):
            await n1.run(MINE)
            before = await rules(n1)
            try:
                for _ in range(2):  # asked for twice it is the same
                    for host in (n1, n2, n3):
                        script = NETWORK.script(host.name, NETWORK.drops(host.name, one_way))
                        done = await host.run(script)
                        assert done.status == 0, done
                with_ours = await rules(n1)
                assert [rule for rule in with_ours if "ZABTEST" not in rule] == before
                assert with_ours.count("-A INPUT -j ZABTEST") == 2, "once for each kind"
                assert not [rule for rule in await rules(n2) if "ZABTEST" in rule]
                for sender in (n2, n3):
                    words = SEND.format(address(1), address_6(1))
                    await sender.run(["bash", "-c", words])
                seen = await met(n1)
                assert sorted(seen) == sorted([address(2), address_6(2)])
                assert min(seen.values()) >= 3, seen
                for host, other in ((n1, 2), (n2, 1)):
                    for to in (address(other), address_6(other)):
                        dial = f"timeout 5 bash -c 'head -c 4 </dev/tcp/{to}/22'"
                        assert (await host.run(dial)).out == b"SSH-"
            finally:
                nothing = NETWORK.script("n1", NETWORK.drops("n1", union([])))
                assert (await n1.run(nothing)).status == 0
                after = await rules(n1)
                await n1.run(NOT_MINE)
            assert after == before
            assert not [rule for rule in await rules(n1) if re.search("MINE|ZABTEST", rule)]

    asyncio.run(look())


def test_whatever_is_cut_ssh_comes_through(lab: Lab) -> None:
    nodes = ("n1", "n2", "n3")
    links = frozenset((a, b) for a in nodes for b in nodes if a != b)
    so = union([Partition(links), *(ClientLink(node, reset=True) for node in nodes)])

    async def look() -> None:
        async with hosts_of(tuple(lab.logins[:3])) as hosts:
            try:
                for host in hosts:
                    await host.run(NETWORK.script(host.name, NETWORK.drops(host.name, so)))
                async with hosts_of(tuple(lab.logins[:3])) as fresh:
                    for host in fresh:
                        assert (await host.run("echo in")).text == "in"
                        assert min((await met(host)).values()) >= 0
            finally:
                for host in hosts:
                    await host.run(NETWORK.script(host.name, NETWORK.drops(host.name, union([]))))

    asyncio.run(look())
