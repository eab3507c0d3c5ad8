"""An ensemble to play with: it is there, it answers, and nothing of it is left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kazoo.client import KazooClient

from tests.target_node.ensemble import PATIENCE_S, ask

ZABTEST = (sys.executable, "-m", "harness")


@pytest.mark.parametrize("nodes", [1, 3])
def test_it_stays_until_it_is_told_to_end(tmp_path: Path, nodes: int) -> None:
    command = [*ZABTEST, "up", "--nodes", str(nodes), "--dir", str(tmp_path), "--json"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert running.stdout is not None
        told = json.loads(running.stdout.readline())
        assert len(told["nodes"]) == nodes
        assert list(told["roles"].values()).count("leader") == 1
        client = KazooClient(told["connect"])
        client.start(timeout=PATIENCE_S)
        client.create("/here", b"we are")
        assert client.get("/here")[0] == b"we are"
        client.stop()
        client.close()
        running.send_signal(signal.SIGINT)
        assert running.wait(PATIENCE_S) == 0
    finally:
        running.kill()
        running.communicate()
    for address in told["nodes"].values():
        assert ask(int(address.rpartition(":")[2]), "ruok") == ""
    assert list(tmp_path.rglob("log.*")), "what it wrote was to stay"


def test_what_cannot_be_had_is_one_line() -> None:
    for options in (("--nodes", "0"), ("--bug", "nonsense")):
        told = subprocess.run([*ZABTEST, "up", *options], capture_output=True, text=True)
        assert told.returncode == 2
        assert "Traceback" not in told.stderr
        assert told.stderr.strip()
