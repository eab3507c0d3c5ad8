"""What can a host do, step by step, what is missing, and how is that mended?

Each step rests on those before it: who cannot log in is asked for nothing more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.deploy import clocks, preloading
from harness.deploy.audit import look
from harness.deploy.facts import look_at
from harness.deploy.packets import CHAIN
from harness.deploy.slow import WAYS
from harness.deploy.target import BASE, Target
from harness.hosts.host import Host
from harness.hosts.trouble import HostTrouble, printable
from harness.lossy.packed import lacks

DEADLINE_S: Final = 20.0
_FUSE: Final = """\
if ! [ -c /dev/fuse ]; then echo "no /dev/fuse (modprobe fuse)"
elif ! (: <>/dev/fuse) 2>/dev/null; then
  echo "/dev/fuse may not be opened (a lab without root: chmod 666 /dev/fuse on the machine)"
fi
command -v python3 >/dev/null || echo "no python3: apt-get install python3"
find /lib /usr/lib /usr/local/lib -name 'libfuse3.so.3*' 2>/dev/null | grep -q . ||
  echo "no libfuse3: apt-get install libfuse3-3"
"""
_LEAST_MB: Final = 200
_PROGRAMS: Final = {
    "base64": "coreutils",
    "sha256sum": "coreutils",
    "timeout": "coreutils",
    "tar": "tar",
    "gzip": "gzip",
    "setsid": "util-linux",
}
_LOOK: Final = f"""\
echo "name=$(. /etc/os-release 2>/dev/null; echo "$PRETTY_NAME"), $(uname -sr)"
for one in {" ".join(_PROGRAMS)}; do command -v $one >/dev/null || echo "program=$one"; done
echo "free=$(df -Pk {BASE} /var/lib 2>/dev/null | awk 'NR==2 {{print int($4 / 1024)}}')"
iptables -w 5 -S {CHAIN} >/dev/null 2>&1 && echo left=rules
:
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing about one host. If it is not `well`, `words` say how to mend it; only what is
    `needed` keeps a run from taking place there.
    """

    host: str
    about: str
    well: bool
    words: str
    needed: bool = True


async def examine(host: Host, target: Target, others: Sequence[Host]) -> Sequence[Step]:
    """All steps, as far as one gets."""
    steps: list[Step] = []

    def step(about: str, words: str, *, well: bool = True, needed: bool = True) -> None:
        # Some of it is the host's own words.
        steps.append(Step(host.name, about, well, printable(words.encode()), needed))

    try:
        loop = asyncio.get_running_loop()
        await host.run(":", deadline_s=DEADLINE_S)
        before = loop.time()
        await host.run(":", deadline_s=DEADLINE_S)
        step("ssh", f"logged in; a command takes {(loop.time() - before) * 1000:.1f} ms")
        found = await look_at(host, target)
        done = await host.run(_LOOK, deadline_s=DEADLINE_S)
        seen = await look(host)
    except HostTrouble as trouble:
        step("ssh", str(trouble).removeprefix(f"{host.name}: "), well=False)
        return steps
    said = [line.partition("=")[::2] for line in done.text.splitlines()]
    facts = dict(said)
    step("system", facts.get("name", "unknown"))
    if found.root:
        step("root", "commands run as root")
    else:
        step("root", "faults need it: log in as root, or use --sudo", well=False)
    lacks = [f"{one}: apt-get install {_PROGRAMS[one]}" for key, one in said if key == "program"]
    for lack in (*found.lacks, *lacks):
        step("programs", f"lacks {lack}", well=False)
    if not found.lacks and not lacks:
        step("programs", f"all that {target.name} needs")
    if found.packets:
        step("packets", "partitions by iptables, for IPv4 and IPv6")
    else:
        words = "no partitions: apt-get install iptables, and be root"
        step("packets", words, well=False)
    preload = await preloading.tried(host, target)
    program = target.trial()[0]
    words = f"{program} takes them from what is preloaded" if preload.path else preload.why_not
    step("disks and clocks", words, well=bool(preload.path), needed=False)
    steps.append(await _power(host))
    if found.slow:
        step("slowness", f"delay, loss, narrow links and bad packets by {WAYS[found.slow].name}")
    else:
        step("slowness", f"none: {found.not_slow}", well=False, needed=False)
    free = facts.get("free", "")
    roomy = free.isdecimal() and int(free) >= _LEAST_MB
    step("disk", f"{free or '?'} MB free for {BASE}", well=roomy)
    step("clock", f"ahead of ours by {seen.ahead_ms:.0f} ms, give or take {seen.unsure_ms:.0f}")
    ours = await asyncio.to_thread(clocks.boot)
    own = not clocks.why(found.clock, ours)
    step("clock", clocks.told(found.clock, ours), needed=False, well=own)
    if found.busy:
        step("free", "is held by a run that goes on", well=False)
    elif facts.get("left") or any("ours" in one for one in seen.processes):
        step("free", "an earlier run has left something: the next one removes it", needed=False)
    steps += await _reaches(host, others)
    return steps


async def _power(host: Host) -> Step:
    done = await host.run(_FUSE, deadline_s=DEADLINE_S)
    why_not = lacks() or printable(done.out)
    words = f"none: {why_not}" if why_not else "a file system of ours can lose what is not synced"
    return Step(host.name, "power losses", not why_not, words, needed=False)


async def _reaches(host: Host, others: Sequence[Host]) -> Sequence[Step]:
    """Whether packets to the other hosts come back, be it with a refusal."""
    script = "".join(
        f"timeout 2 bash -c ': </dev/tcp/{other.address}/3888' 2>/dev/null; echo $?\n"
        for other in others
    )
    done = await host.run(script, deadline_s=DEADLINE_S + 2 * len(others))
    told = zip(others, done.text.split(), strict=False)
    silent = [other.name for other, status in told if status == "124"]
    if silent:
        words = f"no answer from {', '.join(silent)}: open ports 2181, 2888 and 3888 between them"
        return [Step(host.name, "network", well=False, words=words)]
    return [Step(host.name, "network", well=True, words=f"reaches {len(others)} others")]
