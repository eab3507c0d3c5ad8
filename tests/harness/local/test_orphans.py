"""Is everything gone in seconds when whoever started it is, however that came about?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from harness.local.lines import environment

PATIENCE_S = 60.0

CONTROLLER = """\
import asyncio, json, sys
from pathlib import Path
from harness.local.cluster import LocalCluster
from nemesis.fault import Partition, Pause
from nemesis.grudge import between

async def main():
    cluster = LocalCluster(3)
    try:
        await cluster.deploy(Path(sys.argv[1]))
        await cluster.apply([Pause("n1"), Partition(between(["n2"], cluster.nodes))])
        print(json.dumps(await cluster.pids()), flush=True)
        await asyncio.sleep(600)
    finally:
        await cluster.stop()

asyncio.run(main())
"""


def born(pid: int) -> str | None:
    """When, so that another of the same number is not taken for it; None if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
@pytest.mark.parametrize("end", ["kill", "interrupt", "kill the guardian", "kill the proxy too"])
def test_nothing_survives(tmp_path: Path, end: str) -> None:
    controller = subprocess.Popen(
        [sys.executable, "-c", CONTROLLER, str(tmp_path / "c")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    try:
        assert controller.stdout is not None
        pids: Mapping[str, int] = json.loads(controller.stdout.readline())
        assert pids.keys() == {"guardian", "proxy", "n1", "n2", "n3"}
        births = {name: born(pid) for name, pid in pids.items()}
        assert all(births.values())
        if end == "kill the guardian":
            os.kill(pids["guardian"], signal.SIGKILL)
            nodes = {name: pid for name, pid in pids.items() if name.startswith("n")}
            wait_until(lambda: all(born(pid) != births[name] for name, pid in nodes.items()))
        if end == "kill the proxy too":
            os.kill(pids["proxy"], signal.SIGKILL)
        controller.send_signal(signal.SIGINT if end == "interrupt" else signal.SIGKILL)
        controller.wait(PATIENCE_S)
        wait_until(lambda: all(born(pid) != births[name] for name, pid in pids.items()))
    finally:
        controller.kill()
        controller.communicate()


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline, "something is left"
        time.sleep(0.02)
