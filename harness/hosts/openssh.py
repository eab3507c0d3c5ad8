"""What does the user's own OpenSSH know about a host?

OpenSSH is asked itself (`ssh -G`), so that Include, Match and all its defaults hold. Where it is
not installed only its defaults do.
"""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.hosts.login import SSH_PORT, Login
from harness.hosts.ways import ByCommand, Direct, Way

_ANSWER_S: Final = 10.0
_KNOWN_HOSTS: Final = "~/.ssh/known_hosts"
_NAME: Final = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]*")  # a part of commands
_ACCEPTING: Final = ("accept-new", "no", "off", "false")


class BadConfig(ValueError):
    """OpenSSH does not understand its configuration; in a sentence."""


def login(name: str, config: Path | None = None) -> Login:
    """How OpenSSH would log in to this host, which may be user@host:port."""
    user, _, rest = name.rpartition("@")
    host, port = _host_and_port(rest)
    if not _NAME.fullmatch(host):
        raise BadConfig(f"{name!r} is no name of a host: write host, user@host or user@host:port")
    if shutil.which("ssh") is None:
        if config is not None:
            raise BadConfig(f"{config} is for OpenSSH, which is not here: install openssh-client")
        known = (_KNOWN_HOSTS,)
        return Login(host, host, user or getpass.getuser(), port or SSH_PORT, known_hosts=known)
    said = _ask(host, user, port, config)
    given = said.get("identityfile", [])
    keys = tuple(str(path) for one in given if (path := Path(one).expanduser()).exists())
    files = " ".join(said.get("userknownhostsfile", []) + said.get("globalknownhostsfile", []))
    return Login(
        name=host,
        address=_one(said, "hostname", host),
        user=_one(said, "user", user),
        port=int(_one(said, "port", str(SSH_PORT))),
        keys=keys,
        agent=_one(said, "identitiesonly", "no") != "yes",
        known_hosts=tuple(files.split()),
        known_as=_one(said, "hostkeyalias", ""),
        accept_new=_one(said, "stricthostkeychecking", "ask") in _ACCEPTING,
        way=_way(said, config),
    )


def _ask(host: str, user: str, port: int, config: Path | None) -> dict[str, list[str]]:
    command = ["ssh", "-G"]
    command += ["-F", str(config)] if config is not None else []
    command += ["-l", user] if user else []
    command += ["-p", str(port)] if port else []
    done = subprocess.run(
        [*command, "--", host], capture_output=True, text=True, timeout=_ANSWER_S, check=False
    )
    if done.returncode:
        raise BadConfig(f"{host}: OpenSSH cannot read its configuration: {done.stderr.strip()}")
    said: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        key, _, value = line.partition(" ")
        said.setdefault(key, []).append(value)
    return said


def _way(said: dict[str, list[str]], config: Path | None) -> Way:
    jump = _one(said, "proxyjump", "none")
    command = _one(said, "proxycommand", "none")
    if jump != "none":
        first, _, last = jump.rpartition(",")
        # As OpenSSH does it itself.
        argv = ["ssh", "-o", "BatchMode=yes", *(["-F", str(config)] if config else [])]
        argv += ["-J", first] if first else []
        return ByCommand((*argv, "-W", "[%h]:%p", "--", *_jump(last)))
    if command != "none":
        fd_passed = _one(said, "proxyusefdpass", "no") == "yes"
        return ByCommand(("sh", "-c", f"exec {command}"), gives_socket=fd_passed)
    return Direct()


def _jump(last: str) -> Sequence[str]:
    return (last if last.startswith("ssh://") else f"ssh://{last}",)


def _one(said: dict[str, list[str]], key: str, default: str) -> str:
    return said.get(key, [default])[0]


def _host_and_port(text: str) -> tuple[str, int]:
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    if port and not (port.isdecimal() and 0 < int(port) < 65536):
        raise BadConfig(f"{text!r}: {port!r} is no port")
    return host, int(port or 0)
