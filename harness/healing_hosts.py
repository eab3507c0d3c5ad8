"""`zabtest heal --hosts …`: is anything of ours left on these hosts, whoever left it there?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from harness.deploy.heal import HealedHost
from harness.deploy.heal import heal as on_hosts
from harness.deploy.places import reached
from harness.hosts.inventory import BadInventory, logins
from harness.hosts.login import Login
from harness.telling import print_json, say

WRONG_USAGE: Final = 2
CANNOT_SAY: Final = 3
NOT_HEALED: Final = 4


def heal_hosts(
    hosts: str, *, ssh_config: Path | None, accept_new: bool, sudo: bool, json: bool
) -> int:
    """Undo what is left there, look whether it is, and tell; the exit status."""
    try:
        found = logins(hosts, ssh_config=ssh_config, accept_new=accept_new, sudo=sudo)
    except BadInventory as bad:
        sys.stderr.write(f"zabtest: {bad}\n")
        return WRONG_USAGE
    healed = asyncio.run(healed_at(found))
    if json:
        print_json({"hosts": [asdict(one) for one in healed]})
    else:
        for one in healed:
            say(one.words)
    if any(one.left for one in healed):
        return NOT_HEALED
    return CANNOT_SAY if any(one.held for one in healed) else 0


async def healed_at(found: Sequence[Login], *, dead: bool = False) -> Sequence[HealedHost]:
    """What became of these."""
    async with reached(found) as hosts:
        return await on_hosts(hosts, dead=dead)
