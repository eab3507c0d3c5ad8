"""Which packets does a host drop?

Rules of this file:
1. Only what is in a chain of our own is ever changed, and the one rule that leads to it. What the
   user has in his tables stays as it is.
2. SSH is never touched, whatever is cut, nor what a host says to itself, nor that by which hosts
   find each other's hardware: else neither could speak to the other, SSH included.
3. A link is cut where it ends: the receiver drops what has a sender's address. So one way of two
   can be cut. All addresses of the sender count, of both kinds; but none that several hosts have.
4. The chain is replaced in one step: there is no moment at which half of the rules hold.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.deploy.target import CLIENT_PORT
from nemesis.fault import Node
from nemesis.union import Lag, Union

CHAIN: Final = "ZABTEST"
TOOLS: Final = {4: "iptables", 6: "ip6tables"}
FINDING: Final = (135, 136)  # neighbours, as ICMPv6 has it; in IPv4 that is no packet of IP
_COUNTED: Final = re.compile(rf"-A {CHAIN} -s (\S+)/\d+ .*?-c (\d+) \d+ -j DROP")


@dataclass(frozen=True, slots=True)
class Drops:
    """What one host drops: all from these addresses, and what clients send."""

    senders: tuple[str, ...] = ()
    clients: str = ""  # "", "stalled" or "reset"

    def __bool__(self) -> bool:
        return bool(self.senders or self.clients)


@dataclass(frozen=True, slots=True)
class Network:
    """Which addresses each host has, and on which ports it must stay reachable for us."""

    addresses: Mapping[Node, Sequence[str]]
    ssh_ports: Mapping[Node, Sequence[int]] = field(default_factory=dict)

    def own(self, node: Node) -> tuple[str, ...]:
        """Those that no other host has too."""
        count = Counter(address for every in self.addresses.values() for address in set(every))
        return tuple(one for one in dict.fromkeys(self.addresses[node]) if count[one] == 1)

    def drops(self, node: Node, so: Union) -> Drops:
        """What this host drops, while this is so."""
        senders = [a for a, b in sorted(so.cut) if b == node]
        clients = "reset" if node in so.reset else "stalled" if node in so.stalled else ""
        return Drops(tuple(one for a in senders for one in self.own(a)), clients)

    def lags(self, node: Node, so: Union) -> Mapping[str, Lag]:
        """How what this host sends to each address of another is to be."""
        others = [one for one in self.addresses if one != node]
        return {to: so.slow.get((node, b), Lag()) for b in others for to in self.own(b)}

    def script(self, node: Node, drops: Drops) -> str:
        """What lets this host drop this and no more."""
        return "".join(_script(kind, drops, self.ssh_ports.get(node, (22,))) for kind in TOOLS)


def _script(kind: int, drops: Drops, ssh_ports: Sequence[int]) -> str:
    tool = TOOLS[kind]
    if not drops:
        return nothing(kind)
    rules = [f"-A {CHAIN} -i lo -j RETURN"]
    for port in sorted({*ssh_ports, 22}):
        rules += [f"-A {CHAIN} -p tcp -m tcp --{way}port {port} -j RETURN" for way in ("d", "s")]
    if kind == 6:
        icmp = f"-A {CHAIN} -p ipv6-icmp -m icmp6 --icmpv6-type"
        rules += [f"{icmp} {one} -j RETURN" for one in FINDING]
    senders = [one for one in drops.senders if ipaddress.ip_address(one).version == kind]
    rules += [f"-A {CHAIN} -s {one} -j DROP" for one in senders]
    if drops.clients:
        how = "REJECT --reject-with tcp-reset" if drops.clients == "reset" else "DROP"
        rules.append(f"-A {CHAIN} -p tcp -m tcp --dport {CLIENT_PORT} -j {how}")
    text = "\\n".join(["*filter", f":{CHAIN} - [0:0]", *rules, "COMMIT", ""])
    return (
        f"if {_present(kind)}; then\n"
        f"printf '{text}' | {tool}-restore -w 5 --noflush || exit 71\n"
        f"{tool} -w 5 -C INPUT -j {CHAIN} 2>/dev/null || {tool} -w 5 -I INPUT 1 -j {CHAIN} "
        "|| exit 71\nfi\n"
    )


def nothing(kind: int) -> str:
    """What takes our chain out again; it fails if that cannot be done."""
    tool = TOOLS[kind]
    return (
        f"if {_present(kind)} && {tool} -w 5 -S {CHAIN} >/dev/null 2>&1; then\n"
        f"while {tool} -w 5 -D INPUT -j {CHAIN} 2>/dev/null; do :; done\n"
        f"{tool} -w 5 -F {CHAIN}; {tool} -w 5 -X {CHAIN} || exit 71\nfi\n"
    )


def _present(kind: int) -> str:
    """Whether this kind is there at all. Without IPv4's tool nothing is cut, which must fail."""
    return "true" if kind == 4 else f"grep -qs . /proc/net/if_inet6 && {TOOLS[6]} -V >/dev/null"


COUNTS: Final = "".join(
    f"if {_present(kind)}; then {tool} -w 5 -v -S {CHAIN} 2>/dev/null; fi\n"
    for kind, tool in TOOLS.items()
)
"""A script that tells how many packets each rule has met."""


def counts(said: str) -> Mapping[str, int]:
    """How many packets of each sender were dropped."""
    return {found[1]: int(found[2]) for found in _COUNTED.finditer(said)}
