"""`zabtest doctor` says what hosts can do, what is missing, and how that is mended."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.deploy.examine import Step, examine
from harness.deploy.zab import Zab
from harness.lab.lab import Lab
from tests.harness.labs import hosts_of


def command(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["doctor", *words])
    return done.exit_code, done.stdout, done.stderr


def test_hosts_that_are_well(lab: Lab) -> None:
    status, out, _ = command("--hosts", str(lab.inventory))
    assert status == 0, out
    lines = out.splitlines()
    assert [line.split()[0] for line in lines if " ssh " in line] == ["n1", "n2", "n3", "n4", "n5"]
    assert "MISSING" not in out
    for about in ("system", "root", "programs", "packets", "slowness", "disk", "clock", "network"):
        assert f" {about} " in out
    status, out, _ = command("--hosts", "n1,n2", "--ssh-config", str(lab.ssh_config), "--json")
    steps = json.loads(out)["steps"]
    assert status == 0
    assert {step["host"] for step in steps} == {"n1", "n2"}
    assert command("--hosts", str(lab.inventory), "--target", "zookeeper")[0] == 0


def test_what_is_missing(lab: Lab) -> None:
    async def look() -> dict[str, Step]:
        login = lab.logins[2]
        gone = replace(login, name="gone", address="10.77.0.77")
        logins = (login, replace(lab.logins[0], port=24), gone)
        async with hosts_of(logins) as (host, deaf, away):
            # Of this host only: the lab's others, and this machine, keep theirs.
            moved = {"/usr/bin/python3": "python3", "/usr/sbin/iptables": "iptables"}
            for path in moved:
                await host.run(["mv", path, f"{path}.away"])
            try:
                steps = {one.about: one for one in await examine(host, Zab(), [away])}
                refused = await examine(deaf, Zab(), [])
            finally:
                for path in moved:
                    await host.run(["mv", f"{path}.away", path])
            return steps | {"deaf": refused[0], "steps of deaf": refused[-1]}

    steps = asyncio.run(look())
    assert not steps["programs"].well
    assert "Python 3.11 or newer" in steps["programs"].words
    assert not steps["packets"].well
    assert "apt-get install iptables" in steps["packets"].words
    assert steps["deaf"] == steps["steps of deaf"], "nothing more is asked"
    assert "nobody listens at 10.77.0.1:24" in steps["deaf"].words


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--hosts", ","], "names no host"),
        (["--hosts", "no-such-file.toml"], "no-such-file.toml"),
        (["--hosts", "a", "--target", "etcd"], "no target is called etcd: zab, zookeeper"),
    ],
)
def test_wrong_usage(words: list[str], why: str) -> None:
    status, out, err = command(*words)
    assert (status, out) == (2, "")
    assert why in err
    assert len(err.splitlines()) == 1


def test_a_host_that_is_not_there(tmp_path: Path) -> None:
    file = tmp_path / "hosts.toml"
    file.write_text('[hosts.x]\naddress = "127.0.0.1"\nport = 1\n')
    status, out, _ = command("--hosts", str(file))
    assert status == 1
    assert out == (
        "x  MISSING  ssh       nobody listens at 127.0.0.1:1: "
        "start sshd there, or name the right port\n"
    )
