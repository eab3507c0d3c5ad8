"""What a controller that was killed leaves behind is undone, by itself or by who asks for it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.deploy import losing
from harness.deploy.losing import Losing
from harness.deploy.target import HOME
from harness.lab.lab import Lab
from harness.preload.shim import Wanted
from tests.harness.labs import hosts_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
PATIENCE_S = 90
_CONTROLLER = """\
import asyncio, sys
from pathlib import Path
from harness.deploy import lease
from harness.deploy.places import on_hosts
from harness.deploy.zab import Zab
from harness.hosts.inventory import logins
from harness.deploy.losing import Losing
from nemesis.fault import (
    BrokenDisk, ClientLink, ClockSkew, Crash, FullDisk, Partition, Pause, PowerLoss
)

async def main():
    cluster = on_hosts(logins(sys.argv[1]), Zab())
    await cluster.deploy(Path(sys.argv[2]))
    cut = Partition(frozenset({("n1", "n2"), ("n2", "n3")}))
    faults = [cut, Pause("n4"), ClockSkew("n5", 1000), Crash("n3"), ClientLink("n2")]
    disks = [FullDisk("n1"), BrokenDisk("n2", writes=True), PowerLoss("n3", torn=True)]
    cluster._hosted["n2"].losing = Losing()  # so what is preloaded does it
    await cluster.apply(faults + disks)
    print("cut", flush=True)
    await asyncio.sleep(1000)

lease_s, orphan_s = int(sys.argv[3]), int(sys.argv[4])
lease.renew.__defaults__ = (lease_s,)
lease.watch.__defaults__ = (orphan_s,)
lease.RENEW_S = 0.5
asyncio.run(main())
"""
_LOOK = (
    "iptables -S; ip6tables -S; ps -eo stat,args | grep '^T'; "
    "cat /var/lib/zabtest/node/clock.json; ps -eo args | grep '^sh watch'; "
    # Of syncs and of writes, as the library is told them.
    f"od -An -t d8 -w16 -j 32 -N 16 {HOME}/shim | sed 's/  */ errno /g'; "
    f"dd if=/etc/hostname of={HOME}/data/more 2>&1"
)
NODES = "ps -eo args; ls /var/lib/zabtest; grep zabtest /proc/mounts"


@contextmanager
def controller(lab: Lab, folder: Path, lease_s: int, orphan_s: int) -> Iterator[None]:
    """One that has done much harm, and is killed at the end of the block."""
    command = [sys.executable, "-c", _CONTROLLER, str(lab.inventory), str(folder)]
    command += [str(lease_s), str(orphan_s)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"cut\n"
            yield
        finally:
            os.kill(process.pid, signal.SIGKILL)


def told(lab: Lab, look: str) -> list[str]:
    """What each host says to that."""

    async def seen() -> list[str]:
        async with hosts_of(tuple(lab.logins)) as hosts:
            return [(await host.run(look)).text for host in hosts]

    return asyncio.run(seen())


def until(well: Callable[[], bool], why: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not well():
        assert time.monotonic() < end, why()
        time.sleep(0.2)


def heal(lab: Lab) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["heal", "--hosts", str(lab.inventory)])
    assert done.stderr == ""
    return done.exit_code, done.stdout


def test_a_controller_that_is_killed(lab: Lab, tmp_path: Path) -> None:
    faults = ("ZABTEST", "zoo.cfg", "1000", "No space left", "errno 5")
    with controller(lab, tmp_path, 2, 6):
        before = "\n".join(told(lab, _LOOK))
        assert all(one in before for one in faults), before
    until(
        lambda: not any(one in text for text in told(lab, _LOOK) for one in faults),
        lambda: told(lab, _LOOK),
    )
    # Then nothing runs there any more, without anybody who asked for it, and nothing is mounted.
    ours = ("zoo.cfg", "sh watch", "lossy", f"{HOME}/data")
    until(
        lambda: not any(one in text for text in told(lab, NODES) for one in ours),
        lambda: told(lab, NODES),
    )
    status, said = heal(lab)
    assert status == 0, said
    assert "✓ n1: removed /var/lib/zabtest/lease, /var/lib/zabtest/node; clean" in said
    for text in told(lab, "ps -eo args; cat /proc/mounts"):
        assert "lossy" not in text
        assert HOME not in text, "nothing is mounted there"


def test_nothing_is_written_past_a_file_system_that_is_gone() -> None:
    """Else a node that is told of again would be started with an empty disk."""
    for script in (Losing(there=True).fail(Wanted()), Losing(there=True).lose(torn=False)):
        assert subprocess.run(["sh", "-c", script], check=False).returncode == 80
    assert not Path(losing.DATA).exists()


def test_heal_undoes_all_and_proves_it(lab: Lab, tmp_path: Path) -> None:
    with controller(lab, tmp_path, 600, 600):
        status, said = heal(lab)
        assert status == 3
        assert said == "".join(
            f"? n{n}: a run goes on there; Ctrl-C ends and heals it\n" for n in range(1, 6)
        )
        assert "ZABTEST" in told(lab, _LOOK)[0] + told(lab, _LOOK)[1]
    status, said = heal(lab)
    assert status == 0, said
    lines = said.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"✓ n{n}" for n in range(1, 6)]
    assert "n2: removed rules for packets, process " in lines[1]
    assert "process" in lines[3], "one that stood still"
    for text in told(lab, f"{_LOOK}; {NODES}"):
        for one in ("ZABTEST", "zoo.cfg", "sh watch", "1000", "No space left", "errno 5"):
            assert one not in text
    assert heal(lab) == (0, "".join(f"✓ n{n}: nothing was left; clean\n" for n in range(1, 6)))


def test_a_host_that_cannot_be_looked_at(tmp_path: Path) -> None:
    file = tmp_path / "hosts.toml"
    file.write_text('[hosts.x]\naddress = "127.0.0.1"\nport = 1\n')
    done = CliRunner().invoke(app, ["heal", "--hosts", str(file), "--json"])
    assert done.exit_code == 4
    (one,) = json.loads(done.stdout)["hosts"]
    assert one["left"][0].startswith("nobody knows: nobody listens at 127.0.0.1:1")
    done = CliRunner().invoke(app, ["heal", "--hosts", "$(x)"])
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
