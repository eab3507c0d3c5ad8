"""Is a host as it was before?

What is compared is what faults touch: rules for packets, queueing disciplines, routes of ours,
processes of ours and stopped ones, and the clock against the controller's.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from harness.deploy import slow
from harness.deploy.target import BASE
from harness.hosts.host import Host

CLOCK_MS: Final = 100.0  # by which a clock may have moved, besides what measuring takes
_LOOK: Final = f"""\
echo "now=$(date +%s%N)"
for tool in iptables ip6tables; do
  $tool -w 5 -S 2>/dev/null | sed "s/^/rule=$tool /"
done
tc qdisc show 2>/dev/null | sed 's/^/qdisc=/'
(ip route show proto {slow.ROUTES}; ip -6 route show proto {slow.ROUTES}) 2>/dev/null |
  sed 's/^/route=/'
for one in /proc/[0-9]*; do
  {{ read -r stat <$one/stat; }} 2>/dev/null || continue
  set -- ${{stat##*) }}
  [ "$1" = T ] && echo "process=stopped ${{one#/proc/}}"
done
ls -ld /proc/[0-9]*/cwd 2>/dev/null |
  sed -n 's,.* /proc/\\([0-9]*\\)/cwd -> {BASE}/node$,process=ours \\1,p'
:
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a host looks like. The clock is ahead of ours by so much, give or take `unsure_ms`."""

    rules: tuple[str, ...]
    qdiscs: tuple[str, ...]
    routes: tuple[str, ...]
    processes: tuple[str, ...]
    ahead_ms: float
    unsure_ms: float


async def look(host: Host) -> Seen:
    """As it is now."""
    await host.run(":", again=True)  # a connection may have to be made
    before = time.time_ns()
    done = await host.run(_LOOK, again=True)
    took_ms = (time.time_ns() - before) / 1e6
    said = [line.partition("=") for line in done.out.decode(errors="replace").splitlines()]

    def every(key: str) -> tuple[str, ...]:
        return tuple(value for name, _, value in said if name == key)

    # The clock is read first: what follows does not make it less sure than one way takes.
    ahead_ms = (int("".join(every("now")) or before) - before) / 1e6
    return Seen(every("rule"), every("qdisc"), every("route"), every("process"), ahead_ms, took_ms)


def differences(before: Seen, after: Seen) -> list[str]:
    """What is not as it was, a line each; nothing, if all is."""
    found = []
    for what, was, now in (
        ("rule", before.rules, after.rules),
        ("qdisc", before.qdiscs, after.qdiscs),
        ("route", before.routes, after.routes),
        ("process", before.processes, after.processes),
    ):
        found += [f"{what} is new: {one}" for one in now if one not in was]
        if what != "process":
            found += [f"{what} is gone: {one}" for one in was if one not in now]
    moved_ms = after.ahead_ms - before.ahead_ms
    if abs(moved_ms) > CLOCK_MS + before.unsure_ms + after.unsure_ms:
        found.append(f"the clock has moved by {moved_ms:.0f} ms")
    return found
