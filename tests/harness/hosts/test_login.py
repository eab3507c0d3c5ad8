"""Who is let in, who is not, and in which words."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from harness.hosts.inventory import BadInventory, logins
from harness.hosts.login import Login
from harness.hosts.secret import Secret
from harness.hosts.ssh import SshHost
from harness.hosts.trouble import HostTrouble, Late, NoRoot, NotLetIn, StrangeKey, Unreachable
from harness.hosts.ways import ByCommand, BySocket
from harness.lab.lab import Lab
from tests.harness.labs import on

PASSWORD = "correct horse $(battery) 'staple"


async def echo(host: SshHost) -> str:
    return (await host.run("echo $(id -un) is here")).text


def refused(login: Login, kind: type[HostTrouble], **other: object) -> str:
    with pytest.raises(kind) as raised:
        on(login, echo, **other)
    said = str(raised.value)
    assert said.startswith(f"{login.name}: ")
    assert "\n" not in said
    return said


def new_key(path: Path, kind: str, *more: str) -> Path:
    command = ["ssh-keygen", "-q", "-t", kind, "-f", str(path), "-C", "test", *more]
    subprocess.run([*command, *([] if "-N" in more else ["-N", ""])], check=True)
    return path


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("ed25519", []),
        ("ecdsa", []),
        ("rsa", ["-b", "2048"]),
        ("rsa", ["-b", "2048", "-m", "PEM"]),
        ("ed25519", ["-N", PASSWORD]),
        ("ecdsa", ["-N", PASSWORD]),
        ("rsa", ["-b", "2048", "-N", PASSWORD]),
        ("rsa", ["-b", "2048", "-m", "PEM", "-N", PASSWORD]),
    ],
)
def test_keys_of_every_format(lab: Lab, tmp_path: Path, kind: str, more: list[str]) -> None:
    login = lab.logins[0]
    key = new_key(tmp_path / "key", kind, *more)
    if "-N" in more:
        assert "key is encrypted: give it to the agent" in refused(
            login, NotLetIn, keys=(str(key),)
        )
        wrong = Secret("not this")
        said = refused(login, NotLetIn, keys=(str(key),), key_password=wrong)
        assert "key does not open with the password that is named for it" in said
        login = replace(login, key_password=Secret(PASSWORD))
    assert "does not let root in with" in refused(login, NotLetIn, keys=(str(key),))
    public = key.with_suffix(".pub").read_bytes()

    async def admit(host: SshHost) -> None:
        known = await host.get("/etc/ssh/lab_authorized_keys")
        await host.put(known + public, "/etc/ssh/lab_authorized_keys")

    on(login, admit)
    assert on(login, echo, keys=(str(key),)) == "root is here"


def test_an_encrypted_key_and_an_agent(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    login = lab.logins[0]
    key = new_key(tmp_path / "key", "ed25519", "-N", "secret")
    assert "key is encrypted: give it to the agent" in refused(login, NotLetIn, keys=(str(key),))
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    agent = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(agent)], stdout=subprocess.DEVNULL)
    try:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
        while subprocess.run(["ssh-add", "-q", login.keys[0]], check=False).returncode:
            assert process.poll() is None
        assert on(login, echo, keys=(), agent=True) == "root is here"
        assert "with the keys in ~/.ssh: " in refused(login, NotLetIn, keys=(), agent=False)
    finally:
        process.terminate()
        process.wait()


def test_host_keys(lab: Lab, tmp_path: Path) -> None:
    login = lab.logins[0]
    known = tmp_path / "ssh" / "known_hosts"
    said = refused(login, StrangeKey, known_hosts=(str(known),))
    assert "SHA256:" in said
    assert "--accept-new" in said
    assert not known.exists()
    for _ in range(2):
        assert on(login, echo, known_hosts=(str(known),), accept_new=True) == "root is here"
    assert len(known.read_text().splitlines()) == 1
    assert on(login, echo, known_hosts=(str(known),)) == "root is here"
    # Another host's key under this host's name: refused, also where new ones are accepted.
    other = (lab.folder / "keys" / "n2.pub").read_text()
    known.write_text(f"{login.address} {other}")
    said = refused(login, StrangeKey, known_hosts=(str(known),), accept_new=True)
    assert "has changed" in said
    assert f"ssh-keygen -R '{login.address}'" in said
    mine = (lab.folder / "keys" / "n1.pub").read_text()
    known.write_text(f"{login.address} {mine}@revoked * {mine}")
    assert "revoked" in refused(login, StrangeKey, known_hosts=(str(known),))


def test_hashed_names_in_known_hosts(lab: Lab, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text((lab.folder / "known_hosts").read_text())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True)
    assert "10.77" not in known.read_text()
    assert on(lab.logins[0], echo, known_hosts=(str(known),)) == "root is here"


@contextmanager
def listening(greeting: bytes) -> Iterator[int]:
    """Whoever connects here is greeted so, and hears nothing more."""
    held = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                held.append(connection)
                connection.sendall(greeting)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in held:
                connection.close()


def test_hosts_that_do_not_answer(lab: Lab) -> None:
    login = lab.logins[0]
    assert "nobody listens at 10.77.0.1:23" in refused(login, Unreachable, port=23)

    async def wait(host: SshHost) -> None:
        with pytest.raises(Unreachable, match=r"no answer from 10\.77\.0\.99:22"):
            await host.run("true", deadline_s=0.5)

    on(login, wait, address="10.77.0.99")
    direct = Login("far", "127.0.0.1", "root")
    with listening(b"220 smtp ready\r\n" * 200) as port:
        said = refused(direct, Unreachable, port=port)
        assert "does not greet as an SSH server" in said
    with listening(b"SSH-2.0-$(touch /tmp/evil)\033[2J\r\n") as port:
        login = replace(direct, port=port)
        with pytest.raises(Unreachable) as raised:
            on(login, lambda host: host.run(":", deadline_s=1))
        assert "\033" not in str(raised.value)
    said = refused(Login("no.such.host.invalid", "no.such.host.invalid", "root"), Unreachable)
    assert "there is no host of the name" in said


def test_a_host_that_hangs_after_the_login(lab: Lab) -> None:
    login = lab.logins[3]

    async def hang(host: SshHost) -> None:
        # Whoever logs in as `stuck` gets a shell that never begins.
        await host.put(b"#!/bin/sh\nexec sleep 5000\n", "/usr/local/bin/stuck", mode=0o755)
        await host.run("echo 'stuck:*:0:0::/:/usr/local/bin/stuck' >>/etc/passwd")
        await host.run("echo 'stuck:*:1::::::' >>/etc/shadow; echo >>/etc/shells")

    async def wait(host: SshHost) -> None:
        with pytest.raises(Late, match="n4: lets one in, but then runs nothing"):
            await host.run("true", deadline_s=1.5)

    on(login, hang)
    on(login, wait, user="stuck")


def sudoer(lab: Lab, user: str, rule: str) -> Login:
    login = lab.logins[1]

    async def add(host: SshHost) -> None:
        await host.run(
            f'useradd -m -s /bin/sh {user}; echo "$1" | chpasswd; : >/etc/sudoers.d/{user}'
        )
        await host.put(f"{user}:{PASSWORD}\n".encode(), "/tmp/password")
        await host.run("chpasswd </tmp/password; rm /tmp/password")
        await host.put(rule.encode(), f"/etc/sudoers.d/{user}", mode=0o440)

    on(login, add)
    return replace(login, user=user)


def test_sudo_without_a_password(lab: Lab) -> None:
    login = sudoer(lab, "free", "free ALL=(ALL) NOPASSWD: ALL\n")
    assert on(login, echo) == "free is here"
    assert on(login, echo, sudo=True) == "root is here"
    # A password that nobody asked for goes nowhere.
    assert on(login, echo, sudo=True, sudo_password=Secret(PASSWORD)) == "root is here"

    async def hang(host: SshHost) -> str:
        with pytest.raises(Late):
            await host.run("sleep 4444", deadline_s=0.3)
        return (await host.run("ps -eo args | grep -c '^sleep 4444'")).text

    assert on(login, hang, sudo=True) == "0"


def test_sudo_with_a_password(lab: Lab) -> None:
    login = sudoer(lab, "asked", "asked ALL=(ALL) ALL\n")
    assert "sudo asks for a password" in refused(login, NoRoot, sudo=True)
    wrong = Secret("not this")
    assert "another password" in refused(login, NoRoot, sudo=True, sudo_password=wrong)

    async def look(host: SshHost) -> str:
        await host.put(b"root's", "/root/file")
        assert await host.get("/root/file") == b"root's"
        assert PASSWORD not in (await host.run("ps -eo args; env; cat /proc/*/environ")).text
        return await echo(host)

    assert on(login, look, sudo=True, sudo_password=Secret(PASSWORD)) == "root is here"


def test_no_sudo(lab: Lab) -> None:
    login = sudoer(lab, "nobody2", "")
    said = refused(login, NoRoot, sudo=True, sudo_password=Secret(PASSWORD))
    assert "nobody2 cannot become root by sudo" in said
    assert "not in the sudoers file" in said


def test_a_secret_shows_itself_nowhere() -> None:
    login = Login("n", "n", "u", password=Secret(PASSWORD), sudo_password=Secret(PASSWORD))
    assert PASSWORD not in repr(login) + str(login)


def test_openssh_config(lab: Lab, tmp_path: Path) -> None:
    (first,) = logins("n1", ssh_config=lab.ssh_config)
    assert (first.address, first.user, first.agent) == ("10.77.0.1", "root", False)
    assert on(first, echo) == "root is here"
    included = tmp_path / "config"
    included.write_text(f"Include {lab.ssh_config}\nHost inner\n HostName 10.77.0.3\n")
    (inner,) = logins("inner", ssh_config=included)
    assert on(inner, echo) == "root is here"


def test_proxy_jump(lab: Lab, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        f"Match originalhost behind\n ProxyJump n1\n HostName 10.77.0.2\n HostKeyAlias n2\n"
        f" User root\n IdentityFile {lab.folder}/keys/client\n"
        f" UserKnownHostsFile {lab.folder}/known_hosts\nMatch originalhost n1\n"
        f"Include {lab.ssh_config}\n"
    )
    (behind,) = logins("behind", ssh_config=config)
    assert isinstance(behind.way, ByCommand)

    async def who(host: SshHost) -> str:
        return (await host.run("hostname; echo $SSH_CONNECTION")).text

    assert on(behind, who).split()[:2] == ["n2", "10.77.0.1"]


def test_an_inventory(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [login.name for login in lab.logins] == ["n1", "n2", "n3", "n4", "n5"]
    assert isinstance(lab.logins[0].way, BySocket)
    monkeypatch.setenv("THE_PASSWORD", PASSWORD)
    file = tmp_path / "hosts.toml"
    file.write_text(
        '[defaults]\nuser = "admin"\nsudo = true\nsudo_password_env = "THE_PASSWORD"\n'
        '[hosts.a]\naddress = "192.0.2.1"\nnode_address = "10.0.0.1"\nport = 2222\n[hosts.b]\n'
    )
    a, b = logins(str(file), accept_new=True)
    assert (a.address, a.among_nodes, a.port, a.user) == ("192.0.2.1", "10.0.0.1", 2222, "admin")
    assert (b.address, b.among_nodes, b.sudo, b.accept_new) == ("b", "b", True, True)
    assert a.sudo_password is not None
    assert a.sudo_password.reveal() == PASSWORD
    one, two = logins("a,root@b:2200", ssh_config=Path(os.devnull))
    assert (one.name, one.user, one.port) == ("a", getpass.getuser(), 22)
    assert (two.name, two.user, two.port) == ("b", "root", 2200)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "hosts"),
        ("[hosts]", "names no host"),
        ("[hosts.a]\nport = 'x'", r"hosts\[...\]\.port"),
        ("[hosts.a]\nadress = 'x'", "adress"),
        ("[hosts.a]\npassword_env = 'NO_SUCH'", "NO_SUCH is not set"),
        ("[hosts.a]\nkey = 'nowhere'", "there is no key"),
        ("[hosts.'../../x']", "no name of a host"),
        ("[hosts.'$(touch x)']", "no name of a host"),
        ("[hosts.a]\naddress = '-oProxyCommand=x'", "no name of a host"),
        ("not toml", "hosts.toml"),
    ],
)
def test_a_bad_inventory_is_told(tmp_path: Path, text: str, why: str) -> None:
    file = tmp_path / "hosts.toml"
    file.write_text(text)
    with pytest.raises(BadInventory, match=why):
        logins(str(file))


@pytest.mark.parametrize("hosts", ["", ",", "a,a", "a,b c", "-x", "a:99999", "$(x)", "no.toml"])
def test_bad_names_are_told(hosts: str) -> None:
    with pytest.raises(BadInventory):
        logins(hosts)
