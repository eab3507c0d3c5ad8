"""How does a host let what it sends be late, lost, narrow, doubled, out of order, or spoilt?

By netem, if its kernel has it; in a lab by the lab's switch. Both are told by the sender of a link.

Rules of this file:
1. A queueing discipline or a route that is not ours is never changed. Where the user has one of his
   own for the whole of a device, there is no slowness on that host.
2. Only what goes to the addresses of other nodes is touched, and of that not SSH, nor what is sent
   to the port that measuring needs. Addresses that several hosts have are left alone.
3. What is as it should be already is not touched: packets that wait would be lost.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from harness.deploy.packets import FINDING
from harness.deploy.target import BASE, EXEMPT_PORT
from harness.hosts.host import words
from harness.lab.addresses import DEVICE, SWITCH, SWITCH_PORT
from harness.lab.switch import DONE, MOST_HELD, OVERTAKEN_S
from nemesis.union import Lag

STATE: Final = f"{BASE}/lease/slow"
_HANDLE: Final = "7ab7:"
ROUTES: Final = 171  # the number by which routes are known to be ours
_FULL_RATE: Final = "100gbit"
_KINDS: Final = {4: ("ip", "ip", 32), 6: ("ipv6", "ip6", 128)}

Lags = Mapping[str, Lag]
"""How what is sent to an address is to be; all addresses of other nodes are in it."""


class Slowing(Protocol):
    """One of the ways."""

    @property
    def name(self) -> str:
        """For whoever wonders why a host can do this."""

    def script(self, lags: Lags, ssh_ports: Sequence[int]) -> str:
        """What lets this be so where nothing of it is; its status is 79 if it fails."""


def setting(way: Slowing, lags: Lags, ssh_ports: Sequence[int]) -> str:
    """What lets this host send like this and not otherwise, whatever was so before."""
    slow = any(lag != Lag() for lag in lags.values())
    text = way.script(lags, ssh_ports) if slow else ""
    mark = sha256(text.encode()).hexdigest()[:16] if slow else ""
    then = f"( {text}echo {mark} >{STATE} ) || exit 79\n" if slow else ""
    return (
        f"was=; [ ! -e {STATE} ] || read -r was <{STATE}\n"
        f'if [ "$was" != "{mark}" ]; then\nrm -f {STATE}\n( {UNDO} ) || exit 79\n{then}fi\n'
    )


@dataclass(frozen=True, slots=True)
class Netem:
    """A tree of ours in front of each device by which a slow link leaves: a branch for each of its
    addresses, and all else goes by as if there were none.
    """

    name: str = "netem"

    def script(self, lags: Lags, ssh_ports: Sequence[int]) -> str:
        slow = sorted((to, lag) for to, lag in lags.items() if lag != Lag())
        tree = [
            f"qdisc add dev $dev root handle {_HANDLE} htb default 0",
            *_passing(ssh_ports),
        ]
        for number, (to, lag) in enumerate(slow, start=1):
            branch = f"{_HANDLE}{number:x}"
            protocol, match, bits = _KINDS[ipaddress.ip_address(to).version]
            prio = 10 if protocol == "ip" else 11
            tree += [
                f"class add dev $dev parent {_HANDLE} classid {branch} "
                f"htb rate {_FULL_RATE} quantum 60000",
                f"qdisc add dev $dev parent {branch} {netem(lag)}",
                f"filter add dev $dev parent {_HANDLE} protocol {protocol} prio {prio} "
                f"u32 match {match} dst {to}/{bits} flowid {branch}",
            ]
        lines = "\n".join(tree)
        return (
            f"for to in {' '.join(to for to, _ in slow)}; do\n"
            "ip -o route get $to; done 2>/dev/null |\n"
            "sed -n 's/.* dev \\([^ ]*\\).*/\\1/p' | sort -u | while read -r dev; do\n"
            f'[ "$dev" = lo ] || tc -batch - <<END || exit 79\n{lines}\nEND\ndone || exit 79\n'
        )


def _passing(ssh_ports: Sequence[int]) -> list[str]:
    """Filters that come first, for what is never touched: it goes past the tree."""
    found = []
    ports = [(6, way, one) for one in sorted({*ssh_ports, 22}) for way in ("sport", "dport")]
    for protocol, match, _ in _KINDS.values():
        prio = 1 if protocol == "ip" else 2
        for number, way, port in [*ports, (17, "dport", EXEMPT_PORT)]:
            found.append(
                f"filter add dev $dev parent {_HANDLE} protocol {protocol} prio {prio} "
                f"u32 match {match} protocol {number} 0xff match {match} {way} {port} 0xffff "
                f"flowid {_HANDLE}0"
            )
    for one in FINDING:
        found.append(
            f"filter add dev $dev parent {_HANDLE} protocol ipv6 prio 2 u32 "
            f"match ip6 protocol 58 0xff match u8 {one} 0xff at 40 flowid {_HANDLE}0"
        )
    return found


def netem(lag: Lag) -> str:
    """Its words. A share that overtakes can do so only if all others are held for a while."""
    held_us = round(OVERTAKEN_S * 1e6) if lag.reorder else 0
    spread_us = lag.jitter_ms * 500  # its jitter goes both ways, ours only adds
    delay_us = lag.delay_ms * 1000 + spread_us + held_us
    said = [f"netem limit {MOST_HELD}"]
    if delay_us:
        said.append(f"delay {delay_us}us" + (f" {spread_us}us" if spread_us else ""))
    for what in ("loss", "duplicate", "corrupt", "reorder"):
        if share := getattr(lag, what):
            said.append(f"{what} {share * 100:.6g}%")
    if lag.bytes_per_s:
        said.append(f"rate {lag.bytes_per_s * 8}bit")
    return " ".join(said)


@dataclass(frozen=True, slots=True)
class Switched:
    """The lab's switch is told, and what goes to those addresses is sent there."""

    name: str = "the lab's switch"

    def script(self, lags: Lags, ssh_ports: Sequence[int]) -> str:
        orders, routes = [], []
        for to, lag in sorted(lags.items()):
            order = (
                f"{to} {lag.delay_ms} {lag.jitter_ms} {lag.loss:.6f} {lag.bytes_per_s} "
                f"{lag.duplicate:.6f} {lag.reorder:.6f} {lag.corrupt:.6f}"
            )
            orders.append(order)
            if lag != Lag():
                routes.append(f"route replace {to} dev {DEVICE} proto {ROUTES}")
        batch = "\n".join(routes)
        return f"{_tell(orders)} || exit 79\nip -batch - <<END || exit 79\n{batch}\nEND\n"


def _tell(orders: Sequence[str]) -> str:
    """Let the switch hear this, and wait until it says that it has."""
    inner = f"exec 3<>/dev/udp/{SWITCH}/{SWITCH_PORT}"
    for one in orders:
        inner += f"; printf '{one}' >&3; read -r -t 3 -n 1 -u 3 said"
        inner += f'; [ "$said" = {DONE} ] || exit 1'
    return f"timeout 5 bash -c {words([inner])}"


UNDO: Final = f"""\
failed=0
tc qdisc show 2>/dev/null | sed -n 's/^qdisc htb {_HANDLE} dev \\([^ ]*\\) root.*/\\1/p' | (
  left=0
  while read -r dev; do tc qdisc del dev "$dev" root handle {_HANDLE} htb || left=1; done
  exit $left
) || failed=1
if [ -e /sys/class/net/{DEVICE} ]; then
  ip route flush proto {ROUTES} 2>/dev/null; ip -6 route flush proto {ROUTES} 2>/dev/null
  [ -z "$(ip route show proto {ROUTES}; ip -6 route show proto {ROUTES})" ] || failed=1
  {_tell(["calm"])} || failed=1
fi
[ $failed = 0 ]
"""
"""What takes all of it away again, whatever it is."""

FACTS: Final = f"""\
if ! command -v python3 >/dev/null; then echo "not-slow=no python3 to see its effect with"
elif [ -e /sys/class/net/{DEVICE} ]; then echo slow=switch
elif ! command -v tc >/dev/null; then echo "not-slow=no tc: apt-get install iproute2"
elif ! unshare --net tc qdisc add dev lo root netem delay 1ms 2>/dev/null; then
  echo "not-slow=the kernel has no netem (sch_netem), and no lab's switch is there"
elif ! unshare --net tc qdisc add dev lo root htb 2>/dev/null; then
  echo "not-slow=the kernel has no htb (sch_htb)"
else
  own=$(tc qdisc show | grep ' root ' | grep -v -e ' 0: ' -e ' {_HANDLE} ' | head -n 1)
  if [ -n "$own" ]; then echo "not-slow=a queueing discipline of the user's is there: $own"
  else echo slow=netem; fi
fi
"""
"""Tells which of the ways a host has, or why it has none."""

WAYS: Final[Mapping[str, Slowing]] = {"netem": Netem(), "switch": Switched()}
