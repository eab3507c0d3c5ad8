"""Hosts that cannot be used, or are lost on the way: one clear line, and an end."""

from __future__ import annotations

import asyncio
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest

from harness.__main__ import main
from harness.hosts.ssh import SshHost
from harness.lab import lab as labs
from harness.lab.lab import Lab
from tests.harness.labs import hosts_of, on

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
RUN = (sys.executable, "-W", "error", "-m", "harness", "run")


@pytest.fixture(scope="module")
def three() -> Iterator[Lab]:
    """Three hosts of our own, of which not much may be left."""
    one = labs.up(3)
    yield one
    one.close()


def inventory(lab: Lab, into: Path, of_n2: str, *, instead: tuple[str, str] = ("", "")) -> Path:
    """The lab's, with this said of n2, or with other words everywhere."""
    text = lab.inventory.read_text().replace(*instead) if instead[0] else lab.inventory.read_text()
    for key, name in (
        ("key", "keys/client"),
        ("known_hosts", "known_hosts"),
        ("sockets", "sockets"),
    ):
        text = text.replace(f'{key} = "{name}"', f'{key} = "{lab.folder}/{name}"')
    lines = {line.partition(" = ")[0] for line in of_n2.splitlines()}
    head, mark, tail = text.partition("[hosts.n2]\n")
    own, _, rest = tail.partition("\n[")
    own = "\n".join(one for one in own.splitlines() if one.partition(" = ")[0] not in lines)
    file = into / "hosts.toml"
    file.write_text(f"{head}{mark}{own}\n{of_n2}\n[{rest}")
    return file


def refused(file: Path, folder: Path) -> str:
    """The one line that a run on these hosts ends with."""
    words = ["zabtest", "run", "--hosts", str(file), "--store", str(folder / "store"), "-t", "1"]
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch.object(sys, "argv", words),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    assert (ended.value.code, out.getvalue()) == (4, ""), err.getvalue()
    progress = re.compile(r" *[\d.]+ s  |all 3 hosts are as they were before")
    told = [line for line in err.getvalue().splitlines() if not progress.match(line)]
    assert len(told) == 1, err.getvalue()
    assert told[0].startswith("zabtest: n2"), told
    return told[0]


def untouched(lab: Lab) -> None:
    """Nothing runs and nothing is cut on any of its hosts."""

    async def look(host: SshHost) -> None:
        left = await host.run("iptables -S; ip6tables -S; ps -eo args; ls /var/lib/zabtest")
        for one in ("ZABTEST", "zoo.cfg", "sh watch", "lease"):
            assert one not in left.text

    for login in lab.logins:
        on(login, look)


@pytest.mark.parametrize(
    "how",
    [
        *("key", "unknown", "changed", "down", "sudo", "python"),
        pytest.param("stuck", marks=pytest.mark.prove),
    ],
)
def test_a_host_that_cannot_be_used(three: Lab, tmp_path: Path, how: str) -> None:
    login = three.logins[1]
    known = three.folder / "known_hosts"

    def told(of_n2: str, why: str) -> None:
        assert re.search(why, refused(inventory(three, tmp_path, of_n2), tmp_path))
        untouched(three)

    def as_root(script: str) -> None:
        async def do(host: SshHost) -> None:
            assert (await host.run(script)).status == 0

        on(login, do)

    other = tmp_path / "other"
    match how:
        case "key":
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True
            )
            told(f'key = "{other}"', "does not let root in with .*: add the public key to")
        case "unknown":
            other.touch()
            told(f'known_hosts = "{other}"', "its host key is not in .*--accept-new-host-keys")
            assert other.read_text() == ""
        case "changed":
            key = known.read_text().splitlines()[0].split(" ", 1)[1]
            other.write_text(f"{login.address} {key}\n")
            told(f'known_hosts = "{other}"\naccept_new = true', "its host key has changed")
        case "down":
            told('address = "10.77.0.99"', "no answer from 10.77.0.99:22: is the host up")
        case "stuck":
            as_root(
                "printf '#!/bin/sh\\nexec sleep 5000\\n' >/usr/local/bin/stuck && "
                "chmod 755 /usr/local/bin/stuck && "
                "echo 'stuck:*:0:0::/:/usr/local/bin/stuck' >>/etc/passwd && "
                "echo 'stuck:*:1::::::' >>/etc/shadow"
            )
            told('user = "stuck"', "lets one in, but then runs nothing")
        case "sudo":
            as_root("useradd -m -s /bin/sh poor && sed -i 's/^poor:!/poor:*/' /etc/shadow")
            told('user = "poor"\nsudo = true', "sudo asks for a password: name the variable")
            told('user = "poor"', "faults need root: log in as root, or use --sudo")
        case "python":
            as_root("mv /usr/bin/python3 /usr/bin/hidden")
            told("", "lacks Python 3.11 or newer")
            as_root("mv /usr/bin/hidden /usr/bin/python3")
        case _:
            raise AssertionError(how)


def test_a_host_whose_disk_is_full(three: Lab, tmp_path: Path) -> None:
    login = three.logins[1]

    async def fill(host: SshHost) -> None:
        await host.run(
            "rm -rf /var/lib/zabtest/*; mount -t tmpfs -o size=64k tmpfs /var/lib/zabtest"
        )

    async def empty(host: SshHost) -> None:
        await host.run("umount /var/lib/zabtest")

    on(login, fill)
    try:
        said = refused(inventory(three, tmp_path, ""), tmp_path)
        assert "the disk is full: make room on it" in said
    finally:
        on(login, empty)
    untouched(three)


def lost(
    lab: Lab, tmp_path: Path, lose: Callable[[SshHost], object], *words: str
) -> tuple[int, str]:
    """A run during which this happens to n3; its exit status and what it said."""
    command = [*RUN, "--hosts", str(lab.inventory), "--store", str(tmp_path), *words]
    command += ["--nemesis", "partition,kill", "--time", "6", "--seed", "3"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT
    ) as run:
        assert run.stdout is not None
        said = ""
        for line in run.stdout:
            said += line
            if line.endswith(" s  faults\n"):

                async def do() -> None:
                    async with hosts_of((lab.logins[2],)) as (host,):
                        await lose(host)  # type: ignore[misc]

                asyncio.run(do())
        return run.wait(), said


def test_a_host_that_is_lost_on_the_way(tmp_path: Path) -> None:
    async def away(host: SshHost) -> None:
        await host.run("setsid sh -c 'sleep 0.3; ip link set eth0 down' >/dev/null 2>&1 &")

    lab = labs.up(3)
    try:
        status, said = lost(lab, tmp_path, away)
    finally:
        lab.close()
    assert status == 3, said
    assert "? inconclusive" in said
    assert "? n3 was lost: " in said
    assert "zabtest: n3 is not as it was: nobody could look: " in said
    assert "Traceback" not in said
    (run,) = tmp_path.glob("*/*/audit.json")
    audit = json.loads(run.read_text())
    assert audit["n1"] == audit["n2"] == []


@pytest.mark.prove
def test_a_connection_that_breaks_is_no_loss(three: Lab, tmp_path: Path) -> None:
    async def cut(host: SshHost) -> None:
        # All connections of SSH but this one.
        await host.run(
            "for p in $(pgrep -x sshd-session; pgrep -x sshd); do [ $p = 1 ] || "
            "[ $p = $PPID ] || kill -9 $p; done"
        )

    status, said = lost(three, tmp_path, cut)
    assert status == 0, said
    assert "all 3 hosts are as they were before" in said
    untouched(three)
