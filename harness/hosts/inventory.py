"""Which hosts are there, and how does one log in to each?

As names (`a,b,c`), each as `ssh` would take it; as a folder with a Vagrantfile; or as a TOML file:

    [defaults]
    user = "root"

    [hosts.n1]
    address = "192.168.56.11"

What the file says goes before what OpenSSH's configuration says.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from harness.hosts import openssh, vagrant
from harness.hosts.login import Login
from harness.hosts.secret import secret
from harness.hosts.ways import BySocket

BESIDE: Final = "inventory.toml"
"""What a Vagrantfile's folder may say of its machines besides what Vagrant does."""
_MOST: Final = 255  # ids of servers
_NAME: Final = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]*")


class BadInventory(ValueError):
    """It cannot be followed; in a sentence that says where and how to mend it."""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a file says of a host, or of all of them.

    `sockets` is the path at which somebody hands out sockets of the network of the hosts.
    """

    address: str | None = None
    node_address: str | None = None
    port: int | None = None
    user: str | None = None
    key: str | None = None
    key_password_env: str | None = None
    key_password_file: str | None = None
    agent: bool | None = None
    known_hosts: str | None = None
    accept_new: bool | None = None
    password_env: str | None = None
    password_file: str | None = None
    sudo: bool | None = None
    sudo_password_env: str | None = None
    sudo_password_file: str | None = None
    sockets: str | None = None
    ssh_config: str | None = None


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hosts: dict[str, Entry]
    defaults: Entry = Entry()


def logins(
    hosts: str,
    *,
    ssh_config: Path | None = None,
    accept_new: bool = False,
    sudo: bool = False,
) -> Sequence[Login]:
    """Of `a,b,c`, or of what a file says; the same order every time."""
    try:
        if "," not in hosts and (hosts.endswith(".toml") or Path(hosts).is_file()):
            found = _of_file(Path(hosts), ssh_config)
        elif vagrant.is_folder(Path(hosts)):
            found = _of_vagrant(Path(hosts))
        else:
            names = [name.strip() for name in hosts.split(",") if name.strip()]
            found = [openssh.login(name, ssh_config) for name in names]
    except openssh.BadConfig as bad:
        raise BadInventory(str(bad)) from None
    except vagrant.NoMachines as why:
        raise BadInventory(str(why)) from None
    _check(hosts, found)
    if accept_new:
        found = [replace(login, accept_new=True) for login in found]
    return [replace(login, sudo=True) for login in found] if sudo else found


def _of_file(path: Path, ssh_config: Path | None) -> list[Login]:
    said = _read(path)
    found = []
    for name, entry in said.hosts.items():
        found.append(_named(path, name, _both(said.defaults, entry), ssh_config))
    return found


def _of_vagrant(folder: Path) -> list[Login]:
    """Vagrant says which there are and how to log in; an inventory beside its file goes before."""
    config = vagrant.ssh_config(folder)
    beside = folder / BESIDE
    said = _read(beside) if beside.exists() else _File({})
    return [
        _named(beside, name, _both(said.defaults, said.hosts.get(name, Entry())), config)
        for name in vagrant.names(config)
    ]


def _read(path: Path) -> _File:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as problem:
        raise BadInventory(f"{path}: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise BadInventory(f"{path} is not written in UTF-8") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as problem:
        raise BadInventory(f"{path}: {problem}") from None


def _named(path: Path, name: str, entry: Entry, ssh_config: Path | None) -> Login:
    try:
        return _login(name, entry, path.parent, ssh_config)
    except ValueError as problem:
        raise BadInventory(f"{path}: hosts.{name}: {problem}") from None


def _both(defaults: Entry, entry: Entry) -> Entry:
    general, own = msgspec.structs.asdict(defaults), msgspec.structs.asdict(entry)
    return Entry(**{key: general[key] if own[key] is None else own[key] for key in own})


def _login(name: str, entry: Entry, folder: Path, ssh_config: Path | None) -> Login:
    if entry.ssh_config is not None:
        ssh_config = _below(folder, entry.ssh_config)
    login = replace(openssh.login(name, ssh_config), name=name)
    given: dict[str, Any] = {
        "address": entry.address,
        "node_address": entry.node_address,
        "port": entry.port,
        "user": entry.user,
        "agent": entry.agent,
        "accept_new": entry.accept_new,
        "sudo": entry.sudo,
        "key_password": secret(entry.key_password_env, entry.key_password_file),
        "password": secret(entry.password_env, entry.password_file),
        "sudo_password": secret(entry.sudo_password_env, entry.sudo_password_file),
        "keys": (str(_below(folder, entry.key)),) if entry.key else None,
        "known_hosts": (str(_below(folder, entry.known_hosts)),) if entry.known_hosts else None,
        "way": BySocket(str(_below(folder, entry.sockets))) if entry.sockets else None,
    }
    return replace(login, **{key: value for key, value in given.items() if value is not None})


def _below(folder: Path, path: str) -> Path:
    """Relative to where the inventory is."""
    return folder.absolute() / Path(path).expanduser()


def _check(given: str, found: Sequence[Login]) -> None:
    if not found:
        raise BadInventory(f"{given!r} names no host: write a,b,c or the name of a TOML file")
    if len(found) > _MOST:
        raise BadInventory(f"{len(found)} hosts are more than the {_MOST} that can be told apart")
    names = [login.name for login in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadInventory(f"{min(twice)} is named twice")
    for login in found:
        for what in (login.name, login.address, login.among_nodes):
            # They become parts of file names and of commands of others.
            if not _NAME.fullmatch(what):
                raise BadInventory(f"{what!r} is no name of a host, and no address")
        if login.password is None and not all(Path(key).exists() for key in login.keys):
            raise BadInventory(f"{login.name}: there is no key {login.keys[0]}")
