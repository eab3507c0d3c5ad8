"""One server, ours or Apache's, for tests that talk to it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.local.ports import free_ports
from tests.target_node.server.apache import apache, ask, wait_for

ROOT = Path(__file__).parents[2]


@contextmanager
def ours(folder: Path) -> Iterator[int]:
    """A server of ours alone; its port."""
    (port,) = free_ports(1)
    config = folder / "zoo.cfg"
    config.write_text(
        f"tickTime=200\ndataDir={folder / 'data'}\nclientPort={port}\n"
        "clientPortAddress=127.0.0.1\nmaxClientCnxns=0\n4lw.commands.whitelist=*\n"
    )
    (folder / "data").mkdir()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "target_node", str(config)], cwd=ROOT, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: "Mode:" in ask(port, "srvr"))
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def apaches(folder: Path) -> Iterator[int]:
    """A server of Apache's alone; its port."""
    (port,) = free_ports(1)
    config = f"tickTime=500\nclientPort={port}\nclientPortAddress=127.0.0.1\nmaxClientCnxns=0"
    with apache(folder / "apache", config):
        wait_for(lambda: "Mode:" in ask(port, "srvr"))
        yield port


SERVERS = {"ours": ours, "apache's": apaches}
