"""What does zoo.cfg say?

It has ZooKeeper's own keys, with ZooKeeper's own meanings and defaults. Relative paths are relative
to where the node was started, as they are for ZooKeeper. Host names are looked up when they are
dialled, not here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from target_node.properties import Entry, Misconfigured, Properties
from target_node.protocol.ensemble import (
    CLIENT_HOST,
    Address,
    Ensemble,
    Role,
    Server,
    parse_ensemble,
)
from target_node.server.settings import Settings
from target_node.unfollowed import warning
from target_node.wire.frames import CLIENT_LIMIT, FOUR_LETTER_WORDS

_MOST_SID: Final = 255
_LEAST_KEPT: Final = 3  # snapshots
_NOBODY: Final = Address("127.0.0.1", 0)  # where a server that is alone would listen to peers


@dataclass(frozen=True, slots=True)
class Config:
    """All that a node is told; `warnings` are lines for whoever wrote the file."""

    settings: Settings
    data_dir: Path
    client_listen: Address | None
    warnings: tuple[str, ...]


def read_config(file: Path, *, traces: bool = False) -> Config:
    """`Misconfigured`, if the file cannot be followed."""
    said = Properties(file)
    warnings: list[str] = []
    data_dir = _data_dir(said)
    members, version = _members(said, warnings)
    alone = _is_alone(said, members)
    me = _me(said, data_dir, members, alone=alone)
    if not alone:
        _compare_role(said, me, warnings)
    if all(s.weight == 0 or s.role is Role.OBSERVER for s in members or (me,)):
        raise Misconfigured(f"{file}: nobody may lead: no participant has a weight")
    tick_ms = said.number("tickTime", 3000, 1)
    least_timeout_ms, most_timeout_ms = _timeouts(said, tick_ms)
    settings = Settings(
        sid=me.sid,
        ensemble=Ensemble(members if members and not alone else (me,), version),
        alone=alone,
        tick_ms=tick_ms,
        init_limit=said.number("initLimit", 10, 1),
        sync_limit=said.number("syncLimit", 5, 1),
        least_timeout_ms=least_timeout_ms,
        most_timeout_ms=most_timeout_ms,
        most_connections=said.number("maxClientCnxns", 60, 0),
        most_packet=said.number("jute.maxbuffer", CLIENT_LIMIT, 1024),
        snap_count=said.number("snapCount", 100_000, 2),
        keep_txns=said.number("commitLogCount", 500, 1),
        keep_snapshots=_keep_snapshots(said, warnings),
        purges=said.number("autopurge.purgeInterval", 0, 0) > 0,
        read_only=said.yes_or_no("readonlymode.enabled", default=False),
        reconfigurable=said.yes_or_no("reconfigEnabled", default=False),
        checks_acl=not said.yes_or_no("skipACL", default=False),
        super_digest=_super_digest(said),
        words=_words(said, warnings),
        container_check_ms=said.number("znode.container.checkIntervalMs", 60_000, 1),
        traces=traces,
    )
    client_listen = _client_listen(said, me, warnings)
    warnings += filter(None, map(warning, said.unasked()))
    return Config(settings, data_dir, client_listen, (*said.warnings, *warnings))


def _data_dir(said: Properties) -> Path:
    entry = said.needed("dataDir", "dataDir=/var/lib/zookeeper")
    data_dir = Path(entry.value)
    log_dir = said.entry("dataLogDir")
    if log_dir is not None and Path(log_dir.value).resolve() != data_dir.resolve():
        raise log_dir.refuse(f"is another directory than dataDir={data_dir}: leave it out")
    return data_dir


def _members(said: Properties, warnings: list[str]) -> tuple[tuple[Server, ...], int]:
    """All servers by ascending sid, and the version of the membership; none if it says nothing."""
    source = said
    if (elsewhere := said.entry("dynamicConfigFile")) is not None:
        source = Properties(Path(elsewhere.value))
        # ZooKeeper takes them from one place only, too.
        for prefix in ("server.", "group.", "weight."):
            if here := said.entries(prefix):
                line = f"{here[0].place}: {prefix}… is ignored: {source.file} says who is a member"
                warnings.append(line)
    servers = {_sid(entry): _server(entry) for entry in source.entries("server.")}
    weights = {_sid(entry): entry for entry in source.entries("weight.")}
    for sid, entry in weights.items():
        if (server := servers.get(sid)) is None:
            raise entry.refuse(f"is for a server that is not there: add server.{sid}=…")
        weight = entry.number(0, 1 << 20)
        servers[sid] = Server(
            sid, server.quorum, server.election, server.client, server.role, weight
        )
    _check_groups(source.entries("group."), servers)
    version = _version(source) if elsewhere is not None else 0
    if elsewhere is not None:
        warnings += source.warnings
        warnings += filter(None, map(warning, source.unasked()))
        if not servers:
            raise Misconfigured(f"{source.file}: no server.N line: say who is a member")
    return tuple(server for _, server in sorted(servers.items())), version


def _sid(entry: Entry) -> int:
    sid = entry.key.partition(".")[2]
    if not sid.isdecimal() or int(sid) > _MOST_SID:
        raise entry.refuse(f"is for no server: write {entry.key.partition('.')[0]}.N, N up to 255")
    return int(sid)


def _server(entry: Entry) -> Server:
    form = "is not host:quorumPort:electionPort[:participant|observer][;[host:]clientPort]"
    sid = _sid(entry)
    # Beside a voter, which a membership must have: this one may be an observer.
    voter = f"server.{_MOST_SID + 1}=voter:1:1"
    try:
        server = parse_ensemble(f"server.{sid}={entry.value}\n{voter}").server(sid)
    except ValueError:
        server = None
    if server is None:
        raise entry.refuse(f"{form}: write it so")
    addresses = [server.quorum, server.election, *filter(None, [server.client])]
    if not all(address.host and 0 < address.port < 65536 for address in addresses):
        raise entry.refuse(f"{form}, with ports from 1 to 65535: write it so")
    return server


def _check_groups(groups: Sequence[Entry], servers: dict[int, Server]) -> None:
    """One group of all is what weights mean without any; several have quorums of another kind."""
    if not groups:
        return
    if len(groups) > 1:
        raise groups[1].refuse("is a second group, which we do not know: use weights only")
    missing = servers.keys() - {int(s) for s in re.findall(r"\d+", groups[0].value)}
    if missing:
        raise groups[0].refuse(f"lacks server {min(missing)}: name all, and give it weight 0")


def _version(source: Properties) -> int:
    """ZooKeeper writes it into the name of the file: zoo.cfg.dynamic.100000003."""
    inside = source.entry("version")
    named = re.search(r"\.dynamic\.([0-9a-f]{1,16})$", source.file.name)
    try:
        return int(named[1] if named else inside.value if inside else "0", 16)
    except ValueError:
        assert inside is not None
        raise inside.refuse("is no version: write a zxid in hexadecimal, or leave it out") from None


def _is_alone(said: Properties, members: tuple[Server, ...]) -> bool:
    may_be = said.yes_or_no("standaloneEnabled", default=True)
    voters = [server for server in members if server.role is Role.PARTICIPANT]
    if members and not voters:
        raise Misconfigured(f"{said.file}: there are observers only: make a server a participant")
    if not members and not may_be:
        raise Misconfigured(f"{said.file}: standaloneEnabled=false needs server.N lines: add them")
    if may_be and len(voters) == 1 < len(members):
        raise Misconfigured(
            f"{said.file}: observers need two participants, or standaloneEnabled=false"
        )
    return may_be and len(members) <= 1


def _me(said: Properties, data_dir: Path, members: tuple[Server, ...], *, alone: bool) -> Server:
    file = data_dir / "myid"
    try:
        text = file.read_text(encoding="ascii", errors="replace").strip()
    except OSError as problem:
        if alone:
            return members[0] if members else Server(1, _NOBODY, _NOBODY)
        raise Misconfigured(
            f"{file}: {problem.strerror}: write this server's number N of server.N into it"
        ) from None
    if not text.isdecimal() or int(text) > _MOST_SID:
        raise Misconfigured(f"{file}:1: {text!r} is no server's number: write one from 1 to 255")
    sid = int(text)
    if not members:
        return Server(sid, _NOBODY, _NOBODY)
    for server in members:
        if server.sid == sid:
            return server
    raise Misconfigured(f"{file}:1: there is no server.{sid} in {said.file}: correct one of them")


def _compare_role(said: Properties, me: Server, warnings: list[str]) -> None:
    if (entry := said.entry("peerType")) is None:
        return
    if entry.value.lower() not in set(Role):
        raise entry.refuse("is neither participant nor observer: write one of them")
    if entry.value.lower() != me.role:
        warnings.append(f"{entry.place}: peerType is ignored: server.{me.sid} is a {me.role}")


def _timeouts(said: Properties, tick_ms: int) -> tuple[int, int]:
    least = said.number("minSessionTimeout", -1, -1)
    most = said.number("maxSessionTimeout", -1, -1)
    least = 2 * tick_ms if least == -1 else least
    most = 20 * tick_ms if most == -1 else most
    if least > most:
        entry = said.entry("minSessionTimeout") or said.needed("maxSessionTimeout", "")
        raise entry.refuse(f"leaves no timeout: the least would be {least} ms, the most {most} ms")
    return least, most


def _keep_snapshots(said: Properties, warnings: list[str]) -> int:
    kept = said.number("autopurge.snapRetainCount", _LEAST_KEPT, 0)
    if kept < _LEAST_KEPT:
        entry = said.needed("autopurge.snapRetainCount", "")
        warnings.append(f"{entry.place}: {entry.key} is taken for {_LEAST_KEPT}, the least")
    return max(kept, _LEAST_KEPT)


def _super_digest(said: Properties) -> str:
    entry = said.entry("DigestAuthenticationProvider.superDigest")
    if entry is None:
        return ""
    if not re.fullmatch(r"[^:]+:[A-Za-z0-9+/]{27}=", entry.value):
        raise entry.refuse("is not user:digest: write the SHA-1 of user:password in base64")
    return entry.value


def _words(said: Properties, warnings: list[str]) -> frozenset[bytes]:
    entry = said.entry("4lw.commands.whitelist")
    if entry is None:
        return FOUR_LETTER_WORDS
    named = {word.strip().encode() for word in entry.value.split(",")} - {b""}
    if b"*" in named:
        return FOUR_LETTER_WORDS
    for unknown in sorted(named - FOUR_LETTER_WORDS):
        warnings.append(f"{entry.place}: there is no four-letter word {unknown.decode()!r}")
    return FOUR_LETTER_WORDS & named


def _client_listen(said: Properties, me: Server, warnings: list[str]) -> Address | None:
    host = said.entry("clientPortAddress")
    here = said.port("clientPort", host.value if host else CLIENT_HOST)
    if host is not None and here is None:
        raise host.refuse("has no port: add clientPort=2181")
    if me.client is not None:
        if here is not None and _differ(here, me.client):
            entry = said.needed("clientPort", "")
            raise entry.refuse(f"is not where server.{me.sid} says, {me.client}: leave it out")
        return me.client
    if here is None:
        warnings.append(f"{said.file}: there is no clientPort: no client can connect")
    return here


def _differ(here: Address, there: Address) -> bool:
    return here.port != there.port or here.host not in (CLIENT_HOST, there.host)
