"""What is a host, as far as its node needs to know, and why can nothing be deployed there?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.deploy import clocks, lease, slow
from harness.deploy.target import BASE, Target
from harness.hosts.host import Host
from harness.hosts.trouble import printable

# What a host is, in one answer: a line for each kind of thing, and what it lacks.
_FACTS: Final = f"""\
echo "uid=$(id -u)"
echo "ssh=${{SSH_CONNECTION##* }}"
{clocks.FACTS}for one in $(ip -o addr show scope global | sed 's/.*inet6* //; s/[/ ].*//'); do
  echo "address=$one"
done
command -v bash >/dev/null || echo "lacks=bash: apt-get install bash"
command -v ip >/dev/null || echo "lacks=ip: apt-get install iproute2"
iptables -w 5 -S INPUT >/dev/null 2>&1 && echo packets=yes
if grep -qs . /proc/net/if_inet6 && ! ip6tables -w 5 -S INPUT >/dev/null 2>&1; then echo six=no; fi
{slow.FACTS}{{ read -r until <{lease.FOLDER}/until && read -r pid start <{lease.FOLDER}/watcher &&
  read -r stat </proc/$pid/stat && read -r now rest </proc/uptime; }} 2>/dev/null &&
  [ "${{now%%.*}}" -lt "$until" ] && set -- ${{stat##*) }} &&
  [ "${{20}}" = "$start" ] && [ "$1" != Z ] && echo busy=yes
mkdir -p {BASE} || echo "lacks=a directory {BASE} that can be written to"
"""


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What there is on a host, and in sentences what is not."""

    root: bool
    addresses: tuple[str, ...]
    ssh_port: int
    packets: bool
    slow: str
    """By which of the ways in `slow.WAYS` it sends slowly; "" for none."""
    not_slow: str
    """Why by none."""
    busy: bool
    lacks: tuple[str, ...]
    clock: clocks.HostClock


async def look_at(host: Host, target: Target) -> HostFacts:
    """What this host is, as far as this target needs to know."""
    lacking = f"( {target.lacks()} ) | sed 's/^/lacks=/'\n"
    done = await host.run(_FACTS + lacking, again=True)
    said = [line.partition("=") for line in done.out.decode(errors="replace").splitlines()]

    def every(key: str) -> tuple[str, ...]:
        return tuple(printable(value.encode()) for name, _, value in said if name == key)

    port = "".join(every("ssh"))
    return HostFacts(
        root=every("uid") == ("0",),
        addresses=every("address"),
        ssh_port=int(port) if port.isdecimal() else 22,
        packets=bool(every("packets")) and not every("six"),
        slow="".join(every("slow")),
        not_slow="; ".join(every("not-slow")),
        busy=bool(every("busy")),
        lacks=every("lacks"),
        clock=clocks.HostClock("".join(every("boot")), bool(every("sets")), every("keeper")),
    )


def reasons_against(name: str, found: HostFacts) -> Sequence[str]:
    """Why nothing can be deployed there."""
    reasons = [f"{name} lacks {what}" for what in found.lacks]
    if not found.root:
        reasons.append(f"{name}: faults need root: log in as root, or use --sudo")
    elif not found.packets:
        reasons.append(f"{name} lacks iptables (and ip6tables): apt-get install iptables")
    if found.busy:
        reasons.append(
            f"{name} is held by another run: wait {lease.LEASE_S} s after its end, or end it"
        )
    return reasons
