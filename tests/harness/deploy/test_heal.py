"""What a controller that was killed leaves behind is undone, by itself or by who asks for it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from harness.deploy.heal import heal
from harness.lab.lab import Lab
from tests.harness.labs import hosts_of

ROOT = Path(__file__).parents[3]
PATIENCE_S = 60
_CONTROLLER = """\
import asyncio, sys
from pathlib import Path
from harness.deploy import lease
from harness.deploy.places import on_hosts
from harness.deploy.zab import Zab
from harness.hosts.inventory import logins
from nemesis.fault import ClockSkew, Partition, Pause

async def main():
    cluster = on_hosts(logins(sys.argv[1]), Zab())
    await cluster.deploy(Path(sys.argv[2]))
    cut = Partition(frozenset({("n1", "n2"), ("n2", "n3")}))
    await cluster.apply([cut, Pause("n4"), ClockSkew("n5", 1000)])
    print("cut", flush=True)
    await asyncio.sleep(1000)

lease.renew.__defaults__ = (2,)
lease.RENEW_S = 0.5
asyncio.run(main())
"""


def test_a_controller_that_is_killed(lab: Lab, tmp_path: Path) -> None:
    look = (
        "iptables -S; ip6tables -S; ps -eo stat,args | grep '^T'; "
        "cat /var/lib/zabtest/node/clock.json; ps -eo args | grep '^sh watch'"
    )
    faults = ("ZABTEST", "zoo.cfg", "1000", "watch")

    async def seen() -> str:
        async with hosts_of(tuple(lab.logins)) as hosts:
            return "\n".join([(await host.run(look)).text for host in hosts])

    async def healed() -> None:
        async with hosts_of(tuple(lab.logins)) as hosts:
            for host in hosts:
                assert "zoo.cfg" in (await host.run("ps -eo args")).text
            for _ in range(2):
                assert await heal(hosts) == {}
            for host in hosts:
                left = await host.run("ps -eo args; ls /var/lib/zabtest")
                assert "zoo.cfg" not in left.text
                assert "node" not in left.text.splitlines()

    command = [sys.executable, "-c", _CONTROLLER, str(lab.inventory), str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as controller:
        try:
            assert controller.stdout is not None
            assert controller.stdout.readline() == b"cut\n"
            before = asyncio.run(seen())
            assert all(one in before for one in faults), before
        finally:
            os.kill(controller.pid, signal.SIGKILL)
    end = time.monotonic() + PATIENCE_S
    while any(one in (left := asyncio.run(seen())) for one in faults):
        assert time.monotonic() < end, left
        time.sleep(0.2)
    asyncio.run(healed())
