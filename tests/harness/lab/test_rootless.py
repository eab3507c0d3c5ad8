"""A lab without root: of a user who exists only in these tests' own view of the machine's files."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.lab.rootless import SHARED
from tests.harness.labs import inside, networks_of

ROOT = Path(__file__).parents[3]
UID = 4711
PATIENCE_S = 180
# What root alone may read elsewhere, the interpreter for one, this user finds below /mnt.
VIEW = f"""
set -e
mount -t tmpfs -o mode=755 tmpfs /mnt
cp -a /etc /mnt/etc
mount --bind /mnt/etc /etc
echo 'tester:x:{UID}:{UID}::/mnt/home:/bin/sh' >>/etc/passwd
echo 'tester:x:{UID}:' >>/etc/group
echo 'tester:200000:65536' >/etc/subuid
echo 'tester:200000:65536' >/etc/subgid
site=/mnt/venv/lib/python{sysconfig.get_python_version()}/site-packages
mkdir -p /mnt/home /mnt/project /mnt/python /mnt/venv/bin "$site"
chown {UID}:{UID} /mnt/home
mount --bind {ROOT} /mnt/project
mount --bind {sys.base_prefix} /mnt/python
mount --bind {sysconfig.get_path("purelib")} "$site"
ln -s /mnt/python/bin/python{sysconfig.get_python_version()} /mnt/venv/bin/python
echo 'home = /mnt/python/bin' >/mnt/venv/pyvenv.cfg
echo ready
cat
"""
AS_USER = [
    *("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "env", "-i"),
    *("-C", "/mnt/home", "HOME=/mnt/home", "PATH=/mnt/venv/bin:/usr/bin:/bin"),
    *("PYTHONPATH=/mnt/project", "PYTHONDONTWRITEBYTECODE=1"),
]
# What is shared stays as it is; what is the host's own can be changed, and removed.
HARM = f"""
for one in {" ".join(SHARED)}; do ! touch /$one/mark 2>/dev/null || echo $one; done
rm -rf /etc/ssl && mkdir /etc/ssl && ls /etc/ssl
rm -rf --no-preserve-root / 2>/dev/null
:
"""


@dataclass(frozen=True)
class User:
    """Whoever sees files as the process with this number does."""

    view: int

    def run(
        self, *words: str, after: str = ":", timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """What comes of this command, after root has done something that only it sees."""
        enter = ["nsenter", f"--mount=/proc/{self.view}/ns/mnt", "unshare", "--mount"]
        script = ["sh", "-ec", f'{after}; exec "$@"', "sh", *AS_USER]
        command = [*enter, *script, *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def zabtest(
        self, *words: str, after: str = ":", timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """The same with this project's command."""
        return self.run("python", "-m", "harness", *words, after=after, timeout_s=timeout_s)

    def on(self, host: str, command: str) -> str:
        """What comes of it on a host of the user's lab."""
        done = self.run("ssh", "-F", "/mnt/home/lab/ssh_config", host, command)
        assert not done.returncode, done
        return done.stdout


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    with subprocess.Popen(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c", VIEW],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as view:
        assert view.stdout is not None
        assert view.stdout.readline() == b"ready\n"
        one = User(view.pid)
        assert one.run("id", "-u").stdout == f"{UID}\n"
        yield one


def test_hosts_without_root(user: User) -> None:
    done = user.zabtest("lab", "up", "--nodes", "3", "--folder", "/mnt/home/lab")
    assert (done.returncode, done.stderr) == (0, "")
    home = Path(f"/proc/{user.view}/root/mnt/home")
    (home / "mine").touch()
    pid = int((home / "lab" / "pid").read_text().split()[0])
    try:
        assert f"Uid:\t{UID}\t" in Path(f"/proc/{pid}/status").read_text()
        reach = "timeout {} bash -c 'head -c 4 </dev/tcp/n2/22' 2>/dev/null || echo no"
        reached = reach.format(PATIENCE_S)
        assert user.on("n1", f"hostname; id -u; {reached}") == "n1\n0\nSSH-"
        assert user.on("n2", "hostname; iptables -A INPUT -s n1 -j DROP") == "n2\n"
        assert user.on("n1", reach.format(2)) == "no\n"
        assert user.on("n3", f"{reached}; {HARM}") == "SSH-"
        assert (home / "mine").exists()
        rules = user.on("n2", "iptables -nvxL INPUT; iptables -F").splitlines()
        assert int(rules[2].split()[0]) > 0, "packets met the cut"
        assert user.on("n1", reached) == "SSH-"
        networks = networks_of(pid)
        assert len(networks) == 4, "its own, and one for each host"
        assert os.readlink("/proc/self/ns/net") not in networks
    finally:
        os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + PATIENCE_S
    while left := inside(networks):
        assert time.monotonic() < end, left
        time.sleep(0.02)
    assert user.zabtest("lab", "down", "--folder", "/mnt/home/lab").returncode == 0
    assert not (home / "lab").exists()


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ("mount --bind /dev/null /usr/bin/newuidmap", "newuidmap are needed (apt-get install uid"),
        (
            ": >/mnt/none; mount --bind /mnt/none /etc/subuid; mount --bind /mnt/none /etc/subgid",
            "tester has no subordinate ids in /etc/subuid and /etc/subgid (usermod "
            "--add-subuids 100000-165535 --add-subgids 100000-165535 tester)",
        ),
        (
            ": >/mnt/none; mount --bind /mnt/none /etc/subgid",
            "tester has no subordinate ids in /etc/subgid (usermod --add-subgids 100000-165535 t",
        ),
    ],
)
def test_what_is_missing_is_told(user: User, after: str, why: str) -> None:
    done = user.zabtest("lab", "up", "--nodes", "1", after=after)
    assert (done.returncode, done.stdout) == (2, "")
    assert why in done.stderr
    assert done.stderr.startswith("zabtest: no lab without root: ")
    assert len(done.stderr.splitlines()) == 1
    assert not Path(f"/proc/{user.view}/root/mnt/home/.cache/zabtest/lab").exists()


def test_no_user_namespaces(user: User) -> None:
    limit = "/proc/sys/user/max_user_namespaces"  # of a namespace of the test's own, not of all
    enter = ["nsenter", f"--mount=/proc/{user.view}/ns/mnt", "unshare", "--user", "--keep-caps"]
    script = f'echo made; read -r go; echo 0 >{limit}; exec "$@"'
    words = [*AS_USER, "python", "-m", "harness", "lab", "up", "--nodes", "1"]
    with subprocess.Popen(
        [*enter, "sh", "-ec", script, "sh", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        for kind in ("uid", "gid"):
            Path(f"/proc/{process.pid}/{kind}_map").write_text("0 0 4294967295")
        _, err = process.communicate("go\n", timeout=120)
    assert process.returncode == 2, err
    assert "user namespaces are off (sysctl -w user.max_user_namespaces=10000)" in err


def test_a_tree_of_their_own_needs_root(user: User) -> None:
    done = user.zabtest("lab", "up", "--tree", "/mnt/home/tree")
    assert (done.returncode, done.stdout) == (2, "")
    assert "need root: use sudo, or leave out --tree" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def devices(mode: str) -> str:
    """What has the user find these devices like this, however they are on this machine."""
    nodes = {"fuse": (10, 229), "net/tun": (10, 200)}
    made = "mkdir -p /mnt/dev/net; rm -f /mnt/dev/fuse /mnt/dev/net/tun"
    for name, (major, minor) in nodes.items():
        made += f"; mknod -m {mode} /mnt/dev/{name} c {major} {minor}"
        made += f"; mount --bind /mnt/dev/{name} /dev/{name}"
    return made


def test_a_doctor_says_what_only_root_may_do(user: User) -> None:
    up = user.zabtest("lab", "up", "--nodes", "1", after=devices("600"))
    assert (up.returncode, up.stderr) == (0, "")
    inventory = up.stdout.split("--hosts ")[1].splitlines()[0]
    assert inventory == "/mnt/home/.cache/zabtest/lab/inventory.toml"
    try:
        done = user.zabtest("doctor", "--hosts", inventory, "--json")
    finally:
        assert user.zabtest("lab", "down").returncode == 0
    steps = {step["about"]: step for step in json.loads(done.stdout)["steps"]}
    assert done.returncode == 0, "whatever is needed is there"
    assert steps["packets"]["well"]
    assert not steps["power losses"]["well"]
    assert "/dev/fuse may not be opened" in steps["power losses"]["words"]


@pytest.mark.prove
@pytest.mark.parametrize(
    ("nemesis", "mode"), [("partition,kill", "600"), ("slow,power-loss,clock", "666")]
)
def test_a_run_without_root(user: User, nemesis: str, mode: str) -> None:
    words = ("run", "--on", "lab", "--nemesis", nemesis, "--time", "30")
    store = ("--store", f"/mnt/home/store-{mode}")
    done = user.zabtest(*words, *store, after=devices(mode), timeout_s=500)
    assert done.returncode in (0, 3), done  # by chance a short run may mean nothing
    for kind in nemesis.split(","):
        assert re.search(f"{kind}: [0-9]+ injected, [1-9][0-9]* proven", done.stdout), done
    assert "all 5 hosts are as they were before" in done.stderr
