"""A machine of its own: Debian's kernel and a bare Debian, in an emulator that needs no privileges.

It has a kernel, and so a clock and queueing disciplines, that nobody shares. It listens on loopback
only, can reach nothing, and ends with whoever started it.
"""

from __future__ import annotations

import fcntl
import gzip
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.deploy.target import CLIENT_PORT
from harness.hosts.login import Login
from harness.hosts.ways import Direct
from harness.lab.tree import tree
from harness.local.ports import free_ports
from tests.harness.labs import TREE

MADE = TREE.with_name("machine")
ADDRESS = "10.0.2.15"  # as the emulator's network has it, in each machine alike
BOOT_S = 600.0
DRIVERS = ("virtio_pci", "virtio_blk")  # without which the kernel does not see its disk
FIRST = """\
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for one in {drivers}; do /bin/busybox insmod /$one.ko; done
until [ -e /dev/vda ]; do /bin/busybox sleep 0.05; done
/bin/busybox mount -t ext4 /dev/vda /root
/bin/busybox umount /dev
exec /bin/busybox switch_root /root /machine
"""
THEN = f"""\
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t devtmpfs dev /dev
mkdir -p /dev/pts; mount -t devpts devpts /dev/pts
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir /run/sshd /run/lock
modprobe virtio_net
ip link set lo up
ip addr add {ADDRESS}/24 dev eth0
ip link set eth0 up
hostname machine
exec /usr/sbin/sshd -D -e -h /machine.host_key -o AuthorizedKeysFile=/machine.authorized_keys \\
  -o StrictModes=no -o UsePAM=no -o UseDNS=no -o PidFile=none
"""


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A way to it: the emulator forwards these ports of its loopback."""

    ports: dict[int, int]

    def open(self, address: str, port: int, timeout_s: float) -> socket.socket:
        return Direct().open("127.0.0.1", self.ports[port], timeout_s)


def made() -> Path:
    """Its kernel, its first files, its disk, and its keys, which are made once."""
    bare = tree(TREE)
    with MADE.with_name("machine.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not MADE.exists():
            unfinished = MADE.with_name("machine.new")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            _make(bare, unfinished)
            unfinished.rename(MADE)
    return MADE


def _make(bare: Path, folder: Path) -> None:
    unpacked = folder / "unpacked"
    listed = _run("apt-cache", "depends", "linux-image-cloud-amd64")
    package = next(
        line.split()[1] for line in listed.splitlines() if "Depends: linux-image" in line
    )
    # Unpacked and not installed: this machine is to boot nothing else.
    _run("apt-get", "-o", "APT::Sandbox::User=root", "download", package, where=folder)
    (file,) = folder.glob("*.deb")
    _run("dpkg-deb", "-x", str(file), str(unpacked))
    (kernel,) = (unpacked / "boot").glob("vmlinuz-*")
    kernel.rename(folder / "kernel")
    modules = next((unpacked / "lib" / "modules").iterdir())

    first = folder / "first"
    for below in ("bin", "dev", "root"):
        (first / below).mkdir(parents=True)
    shutil.copy("/bin/busybox", first / "bin")
    _run("depmod", "-b", str(unpacked), modules.name)
    here = ("modprobe", "-d", str(unpacked), "-S", modules.name, "--show-depends")
    told = "".join(_run(*here, driver) for driver in DRIVERS)
    needed = dict.fromkeys(Path(line.split()[1]) for line in told.splitlines())
    for driver in needed:
        shutil.copy(driver, first)
    names = [driver.stem for driver in needed]
    _program(first / "init", FIRST.format(drivers=" ".join(names)))
    archive = subprocess.run(
        "find . | busybox cpio -o -H newc", shell=True, cwd=first, capture_output=True, check=True
    )
    (folder / "first.gz").write_bytes(gzip.compress(archive.stdout, 1))

    for key in ("key", "host_key"):
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key))
    disk = folder / "files"
    _run("cp", "-a", str(bare), str(disk))
    shutil.copy(folder / "host_key", disk / "machine.host_key")
    shutil.copy(folder / "key.pub", disk / "machine.authorized_keys")
    _program(disk / "machine", THEN)
    (disk / "usr/lib/modules").mkdir(exist_ok=True)
    shutil.move(modules, disk / "usr/lib/modules")
    _run("depmod", "-b", str(disk), modules.name)
    image = folder / "disk"
    with image.open("wb") as empty:
        empty.truncate(768 << 20)
    _run("mkfs.ext4", "-q", "-O", "^has_journal", "-d", str(disk), str(image))
    for one in (file, unpacked, first, disk):
        shutil.rmtree(one) if one.is_dir() else one.unlink()


def _program(file: Path, text: str) -> None:
    file.write_text(text)
    file.chmod(0o755)


def _run(*words: str, where: Path | None = None) -> str:
    done = subprocess.run(words, cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout


@contextmanager
def machine() -> Iterator[Login]:
    """How to log in to one that is up, until the end of the block."""
    made_of = made()
    with tempfile.TemporaryDirectory(prefix="zabtest-machine-") as place:
        ports = dict(zip((22, CLIENT_PORT), free_ports(2), strict=True))
        console = Path(place) / "console"
        forwards = [f"hostfwd=tcp:127.0.0.1:{ours}-:{theirs}" for theirs, ours in ports.items()]
        process = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL", "qemu-system-x86_64", "-accel", "tcg"),
                # What newer processors can do besides takes an emulator longer than doing without.
                *("-machine", "pc", "-cpu", "Nehalem,+aes", "-m", "512"),
                *("-nodefaults", "-no-reboot"),
                *("-display", "none", "-serial", f"file:{console}"),
                *("-kernel", str(made_of / "kernel"), "-initrd", str(made_of / "first.gz")),
                # A clock whose speed needs not be measured while the machine is busy.
                *("-append", "console=ttyS0 quiet panic=-1 mitigations=off clocksource=hpet"),
                *("-drive", f"file={made_of / 'disk'},format=raw,if=virtio,snapshot=on"),
                *("-netdev", ",".join(["user", "id=n", "restrict=on", *forwards])),
                *("-device", "virtio-net-pci,netdev=n,romfile="),
            ],
            stdin=subprocess.DEVNULL,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": place},
        )
        try:
            _wait_until_up(process, ports[22], console)
            known = Path(place) / "known_hosts"
            known.write_text(f"{ADDRESS} {(made_of / 'host_key.pub').read_text()}")
            yield Login(
                *("machine", ADDRESS, "root"),
                keys=(str(made_of / "key"),),
                agent=False,
                known_hosts=(str(known),),
                way=Forwarded(ports),
            )
        finally:
            process.kill()
            process.wait()


def _wait_until_up(process: subprocess.Popen[bytes], port: int, console: Path) -> None:
    end = time.monotonic() + BOOT_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as asking:
                if asking.recv(4) == b"SSH-":
                    return
        except OSError:
            pass
        said = console.read_text(errors="replace")[-6000:] if console.exists() else ""
        assert process.poll() is None, said
        assert time.monotonic() < end, said
        time.sleep(0.1)
