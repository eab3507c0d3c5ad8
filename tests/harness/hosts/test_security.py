"""What a hostile host says or sends runs nothing and lands nowhere else; secrets stay secret."""

from __future__ import annotations

import io
import os
import secrets
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harness.__main__ import app
from harness.hosts.host import Done
from harness.hosts.ssh import SshHost
from harness.hosts.trouble import HostTrouble
from harness.lab.lab import Lab
from tests.harness.labs import on

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
EVIL = "\033]0;owned\007\033[2J$(touch {0})`touch {0}`';touch {0};'"


def archive(*members: tuple[str, bytes, str]) -> bytes:
    """A packed tree of these: name, kind, and content or target."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, kind, content in members:
            one = tarfile.TarInfo(name)
            one.type = kind
            one.mode = 0o4777
            if kind == tarfile.REGTYPE:
                one.size = len(content)
                tar.addfile(one, io.BytesIO(content.encode()))
            else:
                one.linkname = content
                tar.addfile(one)
    return packed.getvalue()


@pytest.mark.parametrize(
    "members",
    [
        [("../escaped", tarfile.REGTYPE, "1")],
        [("link", tarfile.SYMTYPE, ".."), ("link/escaped", tarfile.REGTYPE, "1")],
        [("link", tarfile.SYMTYPE, "../escaped"), ("link", tarfile.REGTYPE, "1")],
        [("hard", tarfile.LNKTYPE, "../secret")],
        [("pipe", tarfile.FIFOTYPE, "")],
        [("disk", tarfile.BLKTYPE, "")],
    ],
)
def test_a_hostile_archive_writes_nowhere_else(
    lab: Lab, tmp_path: Path, members: list[tuple[str, bytes, str]]
) -> None:
    (tmp_path / "secret").write_text("s")
    packed = archive(*members)

    async def fetch(host: SshHost) -> None:
        # The host's own tar sends what it likes.
        await host.put(packed, "/tmp/evil.tar.gz")
        await host.put(b"#!/bin/sh\ncat /tmp/evil.tar.gz\n", "/usr/local/bin/tar", mode=0o755)
        try:
            with pytest.raises(HostTrouble, match=r"^n4: what it sent of /tmp cannot be taken"):
                await host.fetch("/tmp", tmp_path / "into")
        finally:
            await host.run("rm -f /usr/local/bin/tar /tmp/evil.tar.gz")

    on(lab.logins[3], fetch)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["into", "secret"]
    assert (tmp_path / "secret").read_text() == "s"
    for path in (tmp_path / "into").rglob("*"):
        assert path.is_symlink() or path.is_file() or path.is_dir()
        assert path.resolve().is_relative_to(tmp_path / "into")


def test_names_of_fetched_files_are_only_names(lab: Lab, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    name = EVIL.format("/tmp/mark").replace("/", "_") + "\n-rf"

    async def fetch(host: SshHost) -> None:
        await host.run(["mkdir", "-p", "/tmp/names"])
        await host.put(b"1", f"/tmp/names/{name}")
        await host.fetch("/tmp/names", tmp_path / "into")
        await host.run("rm -rf /tmp/names")

    on(lab.logins[3], fetch)
    assert (tmp_path / "into" / name).read_bytes() == b"1"
    assert not mark.exists()


def test_banners_and_names_of_a_hostile_host(lab: Lab, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    evil = EVIL.format(mark)

    async def prepare(host: SshHost) -> None:
        await host.put(evil.encode() * 5, "/etc/motd")
        await host.put(f"PRETTY_NAME={evil!r}\n".encode(), "/etc/os-release")
        await host.put(evil.encode() * 5, "/etc/banner")
        await host.run("cp /etc/ssh/lab_sshd_config /tmp/evil_config")
        await host.run(
            "sed -i 's/^Port 22/Port 2222/; s/PrintMotd no/PrintMotd yes/' /tmp/evil_config; "
            "echo 'Banner /etc/banner' >>/tmp/evil_config; "
            "setsid /usr/sbin/sshd -f /tmp/evil_config; "
            # It goes to the background before it listens.
            "for i in $(seq 200); do bash -c ': </dev/tcp/10.77.0.4/2222' && break; sleep 0.1; done"
        )
        await host.run(["hostname", evil[:60]])

    async def look(host: SshHost) -> Done:
        return await host.run("echo out; echo err >&2")

    async def undo(host: SshHost) -> None:
        await host.run(
            "pkill -f evil_config; hostname n4; ln -sf ../usr/lib/os-release /etc; rm /etc/motd"
        )

    login = replace(lab.logins[3], port=2222)
    on(lab.logins[3], prepare)
    try:
        known = tmp_path / "known_hosts"
        login = replace(login, known_hosts=(str(known),), accept_new=True)
        assert on(login, look) == Done(0, b"out\n", b"err\n")
        done = CliRunner().invoke(
            app, ["doctor", "--hosts", "n4", "--ssh-config", str(lab.ssh_config)]
        )
        assert "system" in done.stdout
        assert not any(one in done.stdout for one in ("\033", "\007"))
    finally:
        on(lab.logins[3], undo)
    assert not mark.exists()


def all_command_lines() -> bytes:
    """Of every process of this machine, and those in the lab are among them."""
    found = b""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found += (entry / "cmdline").read_bytes() + b"\n"
            except OSError:
                continue
    return found


def test_secrets_are_nowhere(lab: Lab, tmp_path: Path) -> None:
    """A run whose hosts ask for a password by sudo, and whose key has one of its own."""
    password, of_key = secrets.token_hex(12), secrets.token_hex(12)
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", of_key, "-f", str(key)], check=True)
    public = key.with_suffix(".pub").read_bytes()

    async def admit(host: SshHost) -> None:
        await host.run("id keeper || useradd -m -s /bin/sh keeper")
        await host.put(f"keeper:{password}\n".encode(), "/tmp/password")
        await host.run("chpasswd </tmp/password; rm /tmp/password")
        await host.put(b"keeper ALL=(ALL) ALL\n", "/etc/sudoers.d/keeper", mode=0o440)
        known = await host.get("/etc/ssh/lab_authorized_keys")
        await host.put(known + public, "/etc/ssh/lab_authorized_keys")

    for login in lab.logins[:3]:
        on(login, admit)
    text = '[defaults]\nuser = "keeper"\nsudo = true\nagent = false\n'
    text += f'key = "{key}"\nkey_password_env = "OF_KEY"\nsudo_password_env = "OF_SUDO"\n'
    text += f'known_hosts = "{lab.folder}/known_hosts"\nsockets = "{lab.folder}/sockets"\n'
    for login in lab.logins[:3]:
        text += f'[hosts.{login.name}]\naddress = "{login.address}"\n'
    inventory = tmp_path / "hosts.toml"
    inventory.write_text(text)
    store = tmp_path / "store"
    command = [sys.executable, "-m", "harness", "run", "--hosts", str(inventory), "--time", "3"]
    command += ["--store", str(store), "--nemesis", "partition"]
    said, seen = tmp_path / "said", b""
    with (
        said.open("wb") as out,
        subprocess.Popen(
            command,
            stdout=out,
            stderr=out,
            cwd=ROOT,
            env={**os.environ, "OF_KEY": of_key, "OF_SUDO": password},
        ) as run,
    ):
        while run.poll() is None:
            seen += all_command_lines()
            time.sleep(0.02)
    assert run.returncode in (0, 3), said.read_text()
    assert b"sudo" in seen, "it was looked at while sudo ran"
    places = [said, *(one for one in store.rglob("*") if one.is_file())]
    assert len(places) > 5
    for secret in (password.encode(), of_key.encode()):
        assert secret not in seen
        assert [one for one in places if secret in one.read_bytes()] == []

    async def on_host(host: SshHost) -> str:
        look = "grep -rlF {} /var/lib/zabtest /var/log /tmp /root /run 2>/dev/null; :"
        return "".join([(await host.run(look.format(one))).text for one in (password, of_key)])

    for login in lab.logins[:3]:
        assert on(login, on_host) == ""
