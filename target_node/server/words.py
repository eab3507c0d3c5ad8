"""What does a server say to a four-letter word?

The form is that of ZooKeeper 3.8, for those who read it by program. Where we differ:

- `conf` and `dirs` do not tell of directories: the disk is not ours to look at.
- `dump` tells of sessions what every replica knows, and not when they will expire.
- `wchs`, `wchc` and `wchp` tell of all watches, and not only of those for data.
- The node count is that of the tree: ZooKeeper counts the root twice.
- `hash` compares replicas at no cost, in one line:
  `zxid=0x100000002 chain=0:2f…e1 digest=00000001c0ffee00`. They are the last txn applied; the chain
  over the history, behind the zxid where it begins; and the digest of all nodes. Two servers of the
  same zxid must have the same digest, and the same chain if theirs begin at the same zxid.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Final

from target_node.protocol.ensemble import Role
from target_node.server.facts import Facts, Mode
from target_node.server.figures import (
    connections,
    lines,
    monitored,
    server,
    server_and_clients,
    unsigned,
)
from target_node.server.statistics import Statistics, Traffic

NOT_SERVING: Final = "This ZooKeeper instance is not currently serving requests\n"
_FAST_ELECTION: Final = 3


def answer_word(word: str, facts: Facts, whitelist: Container[bytes]) -> str:
    """All that is to be sent before hanging up."""
    if word.encode() not in whitelist:
        return f"{word} is not executed because it is not in the whitelist.\n"
    if (answer := _ALWAYS.get(word)) is not None:
        return answer(facts)
    return _SERVING[word](facts) if facts.mode else NOT_SERVING


def resets(word: str, facts: Facts, whitelist: Container[bytes]) -> Iterable[Statistics | Traffic]:
    """Those to reset once the word is answered."""
    if word.encode() not in whitelist or facts.mode is None:
        return ()
    match word:
        case "srst":
            return (facts.statistics,)
        case "crst":
            return tuple(one.traffic for one in facts.connections().values())
        case _:
            return ()


def _configuration(facts: Facts) -> str:
    settings = facts.settings
    me = facts.ensemble.server(settings.sid) or settings.ensemble.server(settings.sid)
    told: dict[str, int] = {
        "clientPort": me.client.port if me and me.client else -1,
        "secureClientPort": -1,
        "tickTime": settings.tick_ms,
        "maxClientCnxns": settings.most_connections,
        "minSessionTimeout": settings.least_timeout_ms,
        "maxSessionTimeout": settings.most_timeout_ms,
        "serverId": settings.sid,
    }
    membership = ""
    if not settings.alone:
        told["initLimit"] = settings.init_limit
        told["syncLimit"] = settings.sync_limit
        told["electionAlg"] = _FAST_ELECTION
        if me is not None:
            told["electionPort"] = me.election.port
            told["quorumPort"] = me.quorum.port
            told["peerType"] = int(me.role is Role.OBSERVER)
        if facts.mode is not Mode.READ_ONLY:
            membership = f"membership: \n{facts.ensemble}"
    return lines(f"{name}={value}" for name, value in told.items()) + membership


def _environment(facts: Facts) -> str:
    return "Environment:\n" + lines(f"{k}={v}" for k, v in facts.environment.items())


def _whether_read_only(facts: Facts) -> str:
    match facts.mode:
        case None:
            return "null"
        case Mode.READ_ONLY:
            return "ro"
        case _:
            return "rw"


def _sessions(facts: Facts) -> str:
    sessions = sorted(facts.tree.sessions.items())
    owners = sorted(facts.tree.all_ephemerals().items())
    text = f"SessionTracker dump:\nGlobal Sessions({len(sessions)}):\n"
    text += lines(f"{unsigned(session)}\t{timeout_ms}ms" for session, timeout_ms in sessions)
    text += f"ephemeral nodes dump:\nSessions with Ephemerals ({len(owners)}):\n"
    text += _nested({f"{unsigned(session)}:": paths for session, paths in owners})
    clients = facts.connections().values()
    text += f"Connections dump:\nConnections Sets (1)/({len(clients)}):\n"
    return text + lines(f"\tip: /{one.peer} sessionId: {unsigned(one.session)}" for one in clients)


def _watches(facts: Facts) -> str:
    watches = list(facts.watches.all())
    watching = {connection for _, connection in watches}
    paths = {path for path, _ in watches}
    return (
        f"{len(watching)} connections watching {len(paths)} paths\nTotal watches:{len(watches)}\n"
    )


def _watches_by_session(facts: Facts) -> str:
    found: dict[str, set[str]] = {}
    clients = facts.connections()
    for path, connection in facts.watches.all():
        found.setdefault(unsigned(clients[connection].session), set()).add(path)
    return _nested(found) + "\n"


def _watches_by_path(facts: Facts) -> str:
    found: dict[str, set[str]] = {}
    clients = facts.connections()
    for path, connection in facts.watches.all():
        found.setdefault(path, set()).add(unsigned(clients[connection].session))
    return _nested(found) + "\n"


def _hash(facts: Facts) -> str:
    tree = facts.tree
    chain = f"{tree.chain.since:x}:{tree.chain.hash.hex()}"
    return f"zxid={unsigned(tree.last_zxid)} chain={chain} digest={tree.digest:016x}\n"


def _nested(found: Mapping[str, Iterable[str]]) -> str:
    return lines(
        line
        for head, below in found.items()
        for line in (head, *(f"\t{one}" for one in sorted(below)))
    )


_ALWAYS: Final[dict[str, Callable[[Facts], str]]] = {
    "envi": _environment,
    "gtmk": lambda _: "0",  # no kind of trace is on: what we note of events is set at the start
    "isro": _whether_read_only,
    "ruok": lambda _: "imok",
    "stmk": lambda _: "0",  # and stays off
}
_SERVING: Final[dict[str, Callable[[Facts], str]]] = {  # of one who serves
    "conf": _configuration,
    "cons": connections,
    "crst": lambda _: "Connection stats reset.\n",
    "dirs": lambda _: "datadir_size: -1\nlogdir_size: -1\n",
    "dump": _sessions,
    "hash": _hash,
    "mntr": monitored,
    "srst": lambda _: "Server stats reset.\n",
    "srvr": server,
    "stat": server_and_clients,
    "wchc": _watches_by_session,
    "wchp": _watches_by_path,
    "wchs": _watches,
}
