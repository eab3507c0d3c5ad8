"""`zabtest run` on real hosts, from the command line to the verdict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.hosts.ssh import SshHost
from harness.lab import lab as labs
from harness.lab.lab import Lab
from tests.harness.labs import on

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


def zabtest(*words: str) -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, "-m", "harness", "run", "--json", "--time", "3", *words]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, timeout=170, check=False
    )
    return done.returncode, json.loads(done.stdout or "{}"), done.stderr


def test_on_named_hosts(lab: Lab, tmp_path: Path) -> None:
    status, said, err = zabtest("--hosts", str(lab.inventory), "--store", str(tmp_path))
    assert status == 0, (said, err)
    assert said["runs"][0]["verdict"] == "valid"
    folder = Path(said["runs"][0]["path"])
    assert (folder / "nodes" / "n3" / "events.jsonl").stat().st_size
    assert (folder / "nodes" / "n3" / "log").exists()


def test_what_cannot_be_had(tmp_path: Path) -> None:
    for words, why in (
        (("--on", "ssh"), "--hosts a,b,c"),
        (("--hosts", "a,a"), "a is named twice"),
        (("--on", "lab", "--bug", "none-such"), "none-such"),
        (("--on", "lab", "--target", "zookeeper", "--bug", "stale-synced-reads"), "zab only"),
        (("--on", "local", "--nemesis", "packets"), "packets"),
    ):
        status, said, err = zabtest(*words, "--store", str(tmp_path))
        assert (status, said) == (2, {})
        assert why in err
        assert len(err.splitlines()) == 1


def test_hosts_that_cannot_be_slow(tmp_path: Path) -> None:
    hosts = labs.up(3)
    try:
        without = "ip link del zabtest0; mv $(command -v tc) /usr/sbin/tc.away"

        async def take_away(host: SshHost) -> None:
            await host.run(without)

        on(hosts.logins[2], take_away)
        where = ("--hosts", str(hosts.inventory), "--store", str(tmp_path))
        status, said, err = zabtest("--nemesis", "slow", *where)
    finally:
        hosts.close()
    assert (status, said) == (2, {})
    (last,) = [line for line in err.splitlines() if line.startswith("zabtest: ")]
    assert "the nemesis 'slow' needs faults that this cluster cannot do: slow" in last
    assert last.endswith("(n3: no tc: apt-get install iproute2)")
