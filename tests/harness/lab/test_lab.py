"""A lab has hosts of its own, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.hosts.ssh import SshHost
from harness.lab import lab as labs
from harness.lab.lab import Lab
from tests.harness.labs import inside, networks_of, on

PATIENCE_S = 180
ROOT = Path(__file__).parents[3]


def processes_with(word: str) -> list[str]:
    """The command lines of all processes that have it in theirs."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if word.encode() in line:
            found.append(line.decode(errors="replace"))
    return found


def links() -> str:
    return subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=True).stdout


def mounts(ours: Path) -> list[str]:
    """Those below this folder, and all that are not of other tests, which go on beside this one."""
    lines = Path("/proc/self/mounts").read_text().splitlines()
    others = ("/pytest-", str(ROOT / "build"))
    return [line for line in lines if str(ours) in line or not any(one in line for one in others)]


def wait_until_gone(word: str, networks: set[str]) -> None:
    end = time.monotonic() + PATIENCE_S
    while any(left := (processes_with(word), inside(networks))):
        assert time.monotonic() < end, left
        time.sleep(0.02)


def test_hosts_differ_and_see_each_other(lab: Lab) -> None:
    async def look(host: SshHost) -> list[str]:
        await host.run("echo $(hostname) >/etc/mark; echo $(hostname) >/var/lib/mark")
        others = [f"10.77.0.{n}" for n in range(1, 6)]
        for other in others:
            greeting = await host.run(f"bash -c 'head -c 4 </dev/tcp/{other}/22'")
            assert greeting.out == b"SSH-"
        greeting = await host.run("bash -c 'head -c 4 </dev/tcp/fd77::1/22'")
        assert greeting.out == b"SSH-"
        for name in ("n1", "n5", "controller", "localhost"):
            assert (await host.run(["getent", "hosts", name])).status == 0
        marks = await host.run("cat /etc/mark /var/lib/mark; hostname; ip route show default")
        return marks.text.split()

    seen = [on(login, look) for login in lab.logins]
    assert seen == [[f"n{n}"] * 3 for n in range(1, 6)]
    assert not Path("/etc/mark").exists()
    assert not Path("/var/lib/mark").exists()


def test_nothing_in_a_lab_touches_the_machine(lab: Lab) -> None:
    async def harm(host: SshHost) -> None:
        await host.run("rm -rf /opt /etc/ssh/moduli /usr/share/doc; iptables -P INPUT ACCEPT")
        await host.run("iptables -N HARM; mount -t tmpfs tmpfs /mnt; hostname harmed")

    before = (mounts(lab.folder), links(), os.uname().nodename)
    on(lab.logins[4], harm)
    assert (mounts(lab.folder), links(), os.uname().nodename) == before
    assert Path("/usr/share/doc").exists()
    if Path("/usr/sbin/iptables").exists():
        rules = subprocess.run(["iptables", "-S"], capture_output=True, text=True, check=True)
        assert "HARM" not in rules.stdout


def sockets_of(pid: int) -> set[str]:
    """The inodes of all sockets that a process has open."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def inodes_here() -> set[str]:
    """Those of all TCP sockets of this machine's own network."""
    lines = [
        line.split()
        for kind in ("tcp", "tcp6")
        for line in Path(f"/proc/self/net/{kind}").read_text().splitlines()[1:]
    ]
    return {fields[9] for fields in lines}


def test_sshd_listens_only_inside(lab: Lab) -> None:
    ours = os.readlink("/proc/self/ns/net")
    servers = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if b"lab_sshd_config" in line and b"sshd" in line:
            servers.append(int(entry.name))
    assert len(servers) >= 5
    here = inodes_here()
    for pid in servers:
        try:
            network, its = os.readlink(f"/proc/{pid}/ns/net"), sockets_of(pid)
        except OSError:
            continue  # of another lab, that has ended
        assert network != ours
        assert not its & here
    # What answers on this machine, if anything does, is none of them.
    known = (lab.folder / "known_hosts").read_text()
    with socket.socket() as dialling:
        dialling.settimeout(3)
        if dialling.connect_ex(("127.0.0.1", 22)) == 0:  # this machine's own
            scan = ["ssh-keyscan", "-T", "5", "127.0.0.1"]
            shown = subprocess.run(scan, capture_output=True, text=True, check=False).stdout
            assert not any(line.split()[-1] in known for line in shown.splitlines() if line)


def test_openssh_reaches_it_too(lab: Lab) -> None:
    command = ["ssh", "-F", str(lab.ssh_config), "n2", "hostname"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "n2\n")


def test_two_labs_have_the_same_addresses(lab: Lab) -> None:
    async def mark(host: SshHost) -> str:
        return (await host.run("cat /tmp/whose; echo $(hostname) >/tmp/whose")).text

    other = labs.up(1)
    try:
        on(lab.logins[0], mark)
        assert on(other.logins[0], mark) == ""
    finally:
        other.close()


@pytest.mark.parametrize("how", ["holder", "outer", "close"])
def test_nothing_is_left(how: str, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    before = (mounts(folder), links())
    source = (
        "import sys, time; from harness.lab.lab import up; from pathlib import Path\n"
        "lab = up(3, folder=Path(sys.argv[1])); print(lab.pid, flush=True)\n"
        "sys.stdin.read(); lab.close()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", source, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as holder:
        assert holder.stdout is not None
        pid = int(holder.stdout.readline())
        try:
            networks = networks_of(pid)
            assert len(networks) == 4, "its own, and one for each host"
            assert os.readlink("/proc/self/ns/net") not in networks
            assert processes_with(f"{folder}")
            if how == "holder":
                holder.kill()
            elif how == "outer":
                os.kill(pid, signal.SIGKILL)
        finally:
            assert holder.stdin is not None
            holder.stdin.close()
    wait_until_gone(f"{folder}", networks)
    assert (mounts(folder), links()) == before
    if how != "holder":
        assert not folder.exists()


def test_a_kept_lab_outlives_whoever_made_it(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    source = (
        "import sys; from harness.lab.lab import up; from pathlib import Path\n"
        "lab = up(1, folder=Path(sys.argv[1]), kept=True); print(lab.pid); lab.leave()"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source, str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=True,
    )
    pid = int(done.stdout)
    networks = networks_of(pid)
    try:
        assert len(networks) == 2
        command = ["ssh", "-F", str(folder / "ssh_config"), "n1", "hostname"]
        assert subprocess.run(command, capture_output=True, check=True, timeout=300).stdout
    finally:
        os.kill(pid, signal.SIGKILL)
    wait_until_gone(str(folder), networks)


def test_the_dead_are_reaped(lab: Lab) -> None:
    async def leave_orphans(host: SshHost) -> str:
        await host.run("for i in 1 2 3 4 5; do (setsid sleep 0.1 >/dev/null 2>&1 &) ; done")
        end = time.monotonic() + PATIENCE_S
        while (left := (await host.run("ps -eo stat,args | grep '^Z'")).text) and (
            time.monotonic() < end
        ):
            pass
        return left

    assert on(lab.logins[0], leave_orphans) == ""


@pytest.mark.parametrize("nodes", [0, 201])
def test_a_lab_has_some_hosts(nodes: int) -> None:
    with pytest.raises(labs.NoLab, match="1 to 200"):
        labs.up(nodes)


def test_what_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(labs.NoLab, match="apt-get install util-linux iproute2 iptables"):
        labs.up(1)
