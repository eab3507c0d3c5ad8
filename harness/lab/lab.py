"""What is a lab to whoever uses it?

A folder with keys, a file of known hosts, an inventory and a configuration for OpenSSH, and a
process that holds it all: when that is gone, so is the lab.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.hosts.inventory import logins
from harness.hosts.login import Login
from harness.lab import rootless
from harness.lab.addresses import MOST_NODES, address, hosts_file, name
from harness.lab.inside import READY, SOCKET
from harness.lab.node import SSHD_CONFIG
from harness.lab.tree import NoTree
from harness.lab.tree import tree as fresh

INVENTORY: Final = "inventory.toml"
_OWN: Final = Path("/")
_ROOT: Final = Path(__file__).parent.parent.parent
_NEEDED: Final = {
    "unshare": "util-linux",
    "ip": "iproute2",
    "iptables": "iptables",
    "/usr/sbin/sshd": "openssh-server",
}
_PATIENCE_S: Final = 40.0
_LAST_S: Final = 10.0


class NoLab(Exception):
    """There can be none here; in a sentence that says how to mend it."""


@dataclass(slots=True)
class Lab:
    """One that is up. It ends with `close`, or with this process, or, if `kept`, by its pid."""

    folder: Path
    nodes: int
    pid: int
    _process: subprocess.Popen[bytes]

    @property
    def inventory(self) -> Path:
        """The hosts, for `--hosts`."""
        return self.folder / INVENTORY

    @property
    def ssh_config(self) -> Path:
        """For `ssh -F`."""
        return self.folder / "ssh_config"

    @property
    def logins(self) -> Sequence[Login]:
        """How to log in to each host."""
        return logins(str(self.inventory))

    def leave(self) -> None:
        """Let a kept one go on without us, who are about to end."""
        self._process.returncode = 0  # so that nobody complains that it runs on
        if self._process.stdout is not None:
            self._process.stdout.close()

    def close(self) -> None:
        """End it, and remove its folder; may be called twice."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)  # of which its first process dies, too
        self._process.wait(_LAST_S)
        if self._process.stdout is not None:
            self._process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def up(
    nodes: int = 5, *, folder: Path | None = None, kept: bool = False, tree: Path | None = None
) -> Lab:
    """Build one and wait until all its hosts answer. `kept`: it outlives this process.

    Its hosts have the file tree in `tree`, a fresh Debian's; or this machine's own.
    """
    _check(nodes, tree)
    try:
        lower = fresh(tree) if tree else _OWN
    except NoTree as why:
        raise NoLab(str(why)) from None
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="zabtest-lab-"))
    else:
        folder.mkdir(mode=0o700, parents=True)
    try:
        _write(folder, nodes)
        return _begin(folder, nodes, lower, kept=kept)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _check(nodes: int, tree: Path | None) -> None:
    if not 1 <= nodes <= MOST_NODES:
        raise NoLab(f"a lab has 1 to {MOST_NODES} hosts, not {nodes}")
    if sys.platform != "linux":
        raise NoLab("a lab needs Linux: use `--on local`, which does not")
    path = rootless.path()
    missing = [of for program, of in _NEEDED.items() if shutil.which(program, path=path) is None]
    if missing:
        raise NoLab(f"a lab needs more programs: apt-get install {' '.join(missing)}")
    if rootless.is_root():
        return
    if tree:
        raise NoLab("hosts with a file tree of their own need root: use sudo, or leave out --tree")
    why = rootless.missing()
    if why:
        raise NoLab(f"no lab without root: {why}; or use sudo, or `--on local`")


def _begin(folder: Path, nodes: int, lower: Path, *, kept: bool) -> Lab:
    reader, writer = os.pipe()
    user = () if rootless.is_root() else rootless.BECOME_ROOT
    try:
        process = subprocess.Popen(
            [
                *("unshare", *user, "--net", "--mount", "--pid", "--fork", "--mount-proc"),
                *("--kill-child", sys.executable, "-P", "-m", "harness.lab.inside"),
                *(str(folder), str(nodes), *([] if user else [str(lower)])),
            ],
            # Whoever holds the other end holds the lab: it itself does, if it is to be kept.
            stdin=reader if kept else subprocess.PIPE,
            pass_fds=[writer] if kept else [],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if kept else None,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(_ROOT), "PATH": rootless.path()},
        )
    finally:
        os.close(reader)
        os.close(writer)
    lab = Lab(folder, nodes, process.pid, process)
    try:
        said = _first_line(process)
        if said != READY:
            raise NoLab(f"the lab does not come up: {said or 'it ended without a word'}")
    except BaseException:
        lab.close()
        raise
    return lab


def _first_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], _PATIENCE_S)[0]:
        return "it takes too long"
    return process.stdout.readline().decode(errors="replace").strip()


def _write(folder: Path, nodes: int) -> None:
    keys = folder / "keys"
    keys.mkdir(mode=0o700)
    (keys / "sshd_config").write_text(SSHD_CONFIG)
    (keys / "hosts").write_text(hosts_file(nodes))
    _key(keys / "client")
    numbers = range(1, nodes + 1)
    known = [f"{address(n)},{name(n)} {_key(keys / name(n))}\n" for n in numbers]
    (folder / "known_hosts").write_text("".join(known))
    inventory = (
        '[defaults]\nuser = "root"\nport = 22\nkey = "keys/client"\nagent = false\n'
        f'known_hosts = "known_hosts"\naccept_new = false\nsockets = "{SOCKET}"\n'
    )
    for n in numbers:
        inventory += f'\n[hosts.{name(n)}]\naddress = "{address(n)}"\n'
    (folder / INVENTORY).write_text(inventory)
    # For a person: `ssh -F ssh_config n1`.
    lines = ["Host *", "  User root", f"  IdentityFile {keys}/client", "  IdentitiesOnly yes"]
    lines += [f"  UserKnownHostsFile {folder}/known_hosts", "  ProxyUseFdpass yes"]
    through = f"{sys.executable} -P -m harness.lab.through {folder}/{SOCKET} %h %p"
    lines += [f"  ProxyCommand env PYTHONPATH={_ROOT} {through}"]
    for n in numbers:
        lines += [f"Host {name(n)}", f"  HostName {address(n)}"]
    (folder / "ssh_config").write_text("\n".join(lines) + "\n")


def _key(file: Path) -> str:
    """Make a key; its public half."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    file.touch(mode=0o600)
    file.write_bytes(private)
    file.with_suffix(".pub").write_bytes(public + b"\n")
    return public.decode()
