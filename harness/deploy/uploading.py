"""Does a host have this file already, byte for byte?"""

from __future__ import annotations

import hashlib

from harness.hosts.host import Host, words
from harness.hosts.trouble import HostTrouble


async def put_once(host: Host, data: bytes, path: str) -> None:
    """Unless it is there."""
    wanted = f"{hashlib.sha256(data).hexdigest()}  {path}"
    same = f"printf '%s\\n' {words([wanted])} | sha256sum -c --status 2>/dev/null"
    if (await host.run(same, again=True)).status:
        await host.put(data, path)
        if (await host.run(same, again=True)).status:
            raise HostTrouble(host.name, f"{path} does not hold what was written to it")
