"""Is this host the one that it was?

Rules of this file:
1. A key that differs from the known one is refused, whatever was asked for.
2. An unknown key is refused, unless it was said that new ones are to be accepted; then it is
   written down at once, and is a known one.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import paramiko
from paramiko.hostkeys import HostKeyEntry

from harness.hosts.login import SSH_PORT, Login
from harness.hosts.trouble import StrangeKey

_writing: Final = threading.Lock()


class Acquaintance(paramiko.MissingHostKeyPolicy):
    """What is done with a key that is in no file."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def missing_host_key(
        self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey
    ) -> None:
        login = self._login
        if not login.accept_new:
            files = " or ".join(login.known_hosts) or "any file of known hosts"
            raise StrangeKey(
                login.name,
                f"its host key is not in {files}: compare {fingerprint(key)} with what the host's "
                "own console says, then connect once with ssh, or use --accept-new-host-keys",
            )
        if login.known_hosts:
            _append(Path(login.known_hosts[0]).expanduser(), hostname, key)


def known_hosts(login: Login, client: paramiko.SSHClient) -> None:
    """Let this client know all hosts that the user knows."""
    client.set_missing_host_key_policy(Acquaintance(login))
    keys = client.get_host_keys()
    for line in _lines(login):
        # Not by paramiko's own reader, which trips over lines that OpenSSH passes by.
        if not line or line.startswith(("#", "@")):
            continue
        with suppress(paramiko.SSHException, ValueError):
            entry = HostKeyEntry.from_line(line)
            if entry is not None and entry.key is not None:
                for name in entry.hostnames:
                    keys.add(name, entry.key.get_name(), entry.key)


def is_revoked(login: Login, key: paramiko.PKey) -> bool:
    """Whether a file says that nobody may use this key any more."""
    return any(
        line.startswith("@revoked") and key.get_base64() in line.split() for line in _lines(login)
    )


def name_in_files(login: Login) -> str:
    """As what the host stands in these files."""
    if login.known_as:
        return login.known_as
    return login.address if login.port == SSH_PORT else f"[{login.address}]:{login.port}"


def changed(login: Login, failure: paramiko.BadHostKeyException) -> StrangeKey:
    """The sentence about a key that is not the known one."""
    return StrangeKey(
        login.name,
        f"its host key has changed: known is {fingerprint(failure.expected_key)}, it shows "
        f"{fingerprint(failure.key)}; if the host was made anew, remove the old key by "
        f"`ssh-keygen -R '{name_in_files(login)}'`, else somebody stands between",
    )


def fingerprint(key: paramiko.PKey) -> str:
    """As OpenSSH writes it."""
    return f"{key.get_name()} {key.fingerprint}"


def _lines(login: Login) -> Iterator[str]:
    for name in login.known_hosts:
        path = Path(name).expanduser()
        if path.exists():
            yield from map(str.strip, path.read_text(errors="replace").splitlines())


def _append(file: Path, name: str, key: paramiko.PKey) -> None:
    with _writing:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file.open("a", encoding="ascii") as known:
            known.write(f"{name} {key.get_name()} {key.get_base64()}\n")
