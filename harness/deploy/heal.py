"""What is done with hosts that a dead run has left as they are?

Every fault expires by itself; the nodes do not. Both are ended here, and what still holds a lease,
too: whoever asks for it knows that the run is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from harness.deploy import lease, scripts
from harness.deploy.target import HOME
from harness.hosts.host import Host
from harness.hosts.trouble import HostTrouble, printable

_HEAL = (
    scripts.PRELUDE
    + f"{lease.END}({lease.UNDO}) || failed=yes\n"
    + f"({scripts.KILL}) || failed=yes\n"
    + f"rm -rf {HOME} {lease.FOLDER}\n"
    + '[ -z "$failed" ]\n'
)


async def heal(hosts: Sequence[Host]) -> Mapping[str, str]:
    """End all that is ours on them; why not, by the names of those where it failed."""

    async def one(host: Host) -> str:
        try:
            done = await host.run(_HEAL, again=True)
        except HostTrouble as trouble:
            return str(trouble)
        return f"{host.name}: {printable(done.err) or 'failed'}" if done.status else ""

    told = await asyncio.gather(*(one(host) for host in hosts))
    return {host.name: why for host, why in zip(hosts, told, strict=True) if why}
