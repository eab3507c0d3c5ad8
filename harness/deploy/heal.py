"""What is done with hosts that a dead run has left as they are, and how is it known to be undone?

Every fault expires by itself, and some time later the node ends, too. Here both are ended at once,
and then the host is looked at. Hosts whose lease somebody renews are left alone: a run goes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.deploy import audit, lease, scripts
from harness.deploy.losing import UNMOUNT
from harness.deploy.packets import CHAIN
from harness.deploy.target import BASE, HOME
from harness.hosts.host import Host
from harness.hosts.trouble import HostTrouble, printable

_RENEWED_S: Final = 2 * lease.RENEW_S + 1  # within which a controller that lives says so
_UNTIL: Final = f"cat {lease.FOLDER}/until 2>/dev/null; cut -d. -f1 /proc/uptime"
_FILES: Final = f"ls -d {HOME} {lease.FOLDER} 2>/dev/null; :"
_HEAL = (
    scripts.PRELUDE
    + f"{lease.END}({lease.UNDO}) || failed=yes\n"
    + f"({scripts.KILL}) || failed=yes\n"
    + UNMOUNT
    + f"rm -rf {HOME} {lease.FOLDER}\n"
    + '[ -z "$failed" ]\n'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealedHost:
    """What became of one host."""

    host: str
    found: Sequence[str] = ()
    """What was there of ours."""
    left: Sequence[str] = ()
    """What is there still, or why nobody knows."""
    held: bool = False
    """Whether a run goes on there: then nothing was touched."""

    @property
    def words(self) -> str:
        """All that in a line."""
        if self.held:
            return f"? {self.host}: a run goes on there; Ctrl-C ends and heals it"
        if self.left:
            return f"✗ {self.host}: still there: {'; '.join(self.left)}"
        found = f"removed {', '.join(self.found)}" if self.found else "nothing was left"
        return f"✓ {self.host}: {found}; clean"


async def heal(hosts: Sequence[Host], *, dead: bool = False) -> Sequence[HealedHost]:
    """End all that is ours on them, and look. `dead`: it is known that no run goes on there."""
    return await asyncio.gather(*(_healed(host, dead=dead) for host in hosts))


async def _healed(host: Host, *, dead: bool) -> HealedHost:
    name = host.name
    try:
        if not dead and await _is_held(host):
            return HealedHost(host=name, held=True)
        found = await _ours(host)
        done = await host.run(_HEAL, again=True)
        if done.status:
            return HealedHost(host=name, left=[printable(done.err) or "not all could be undone"])
        return HealedHost(host=name, found=found, left=await _ours(host))
    except HostTrouble as trouble:
        return HealedHost(host=name, left=[f"nobody knows: {trouble.what}"])


async def _is_held(host: Host) -> bool:
    """Whether somebody renews the lease."""
    first = (await host.run(_UNTIL, again=True)).text.split()
    if len(first) < 2 or int(first[0]) <= int(first[1]):
        return False
    await asyncio.sleep(_RENEWED_S)
    second = (await host.run(_UNTIL, again=True)).text.split()
    return len(second) == 2 and int(second[0]) > int(first[0])


async def _ours(host: Host) -> Sequence[str]:
    """What is there of ours, besides programs that wait to be used again."""
    seen = await audit.look(host)
    found = ["rules for packets"] if any(CHAIN in rule for rule in seen.rules) else []
    found += [f"process {one.split()[1]}" for one in seen.processes if one.startswith("ours")]
    files = (await host.run(_FILES, again=True)).text.split()
    return [*found, *(printable(one.encode()) for one in files if one.startswith(BASE))]
