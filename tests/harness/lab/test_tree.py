"""Hosts with a bare Debian: what is deployed needs nothing that only this machine has."""

from __future__ import annotations

import asyncio
import json
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.deploy.cluster import HostCluster
from harness.deploy.zab import Zab
from harness.hosts.ssh import SshHost
from harness.lab import lab as labs
from harness.lab.lab import Lab
from harness.lab.tree import NoTree, tree
from nemesis.fault import Crash, Fault, Partition
from tests.harness.labs import TREE, hosts_of, on

pytestmark = pytest.mark.slow


def test_an_ensemble_is_deployed_on_bare_hosts(fresh_lab: Lab, tmp_path: Path) -> None:
    cut = Partition(frozenset({("n1", "n2"), ("n2", "n1")}))
    faults: list[Fault] = [cut, Crash("n3")]

    async def doing() -> None:
        async with hosts_of(tuple(fresh_lab.logins)) as hosts:
            for host in hosts:
                bare = await host.run("ls /opt /usr/local/bin; command -v gcc java curl ps")
                assert (bare.status, bare.text) == (127, "/opt:\n\n/usr/local/bin:"), bare
            cluster = HostCluster([host.name for host in hosts], Zab(), nullcontext(hosts))
            try:
                await cluster.deploy(tmp_path)
                session = await cluster.connect("n1", timeout_s=10)
                await session.create("/one", b"1")
                await session.close()
                await cluster.apply(faults)
                for fault in faults:
                    assert (await cluster.probe(fault, faults)).proven
                await cluster.apply([])
                await cluster.recovered(within_s=60)
            finally:
                await cluster.stop()
            assert cluster.changed == {node: [] for node in cluster.nodes}

    asyncio.run(doing())


def steps_of(lab: Lab) -> tuple[int, dict[str, list[dict[str, object]]]]:
    """What `zabtest doctor` says of each host."""
    done = CliRunner().invoke(app, ["doctor", "--hosts", str(lab.inventory), "--json"])
    steps = json.loads(done.stdout)["steps"]
    return done.exit_code, {f"n{n}": [s for s in steps if s["host"] == f"n{n}"] for n in (1, 2, 3)}


def test_a_doctor_says_what_a_bare_host_lacks() -> None:
    without = {
        "n1": ("python3-minimal python3.11-minimal", "Python 3.11 or newer (apt-get install"),
        "n2": ("libpython3.11-stdlib", "lacks the whole standard library of Python: apt-get"),
        "n3": ("iptables", "no partitions: apt-get install iptables"),
    }
    lab = labs.up(3, tree=TREE)
    try:
        status, steps = steps_of(lab)
        missing = [one for of in steps.values() for one in of if one["needed"] and not one["well"]]
        assert (status, missing) == (0, [])
        for login in lab.logins:
            purge = f"dpkg --purge --force-all {without[login.name][0]}"
            assert on(login, partial(SshHost.run, command=purge)).status == 0
        status, steps = steps_of(lab)
        assert status == 1
        for name, (_, why) in without.items():
            said = [str(step["words"]) for step in steps[name] if not step["well"]]
            assert any(why in one for one in said), said
    finally:
        lab.close()


def test_provisioning_again_does_nothing_and_needs_no_network() -> None:
    async def provision(host: SshHost) -> tuple[int, str]:
        await host.run("dpkg --purge --force-all kmod; rm -rf /var/lib/apt/lists/*")
        without = await host.run("sh /usr/local/sbin/provision 2>&1", deadline_s=60)
        assert without.status == 100, "what it cannot install it does not pass over"
        await host.run("sed -i 's/ kmod / /' /usr/local/sbin/provision")
        done = await host.run("sh /usr/local/sbin/provision", deadline_s=60)
        return done.status, done.text

    lab = labs.up(1, tree=TREE)
    try:
        assert on(lab.logins[0], provision) == (0, "")
    finally:
        lab.close()


def test_what_is_no_tree_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoTree, match="no file tree with an sshd"):
        tree(tmp_path / "empty")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoTree, match="apt-get install mmdebstrap"):
        tree(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    done = CliRunner().invoke(
        app, ["lab", "up", "--tree", str(tmp_path / "none"), "--folder", str(tmp_path / "lab")]
    )
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
