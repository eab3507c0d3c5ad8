"""How is a server doing, in figures?

Four of the four-letter words: `srvr` and `stat` for people, `cons` for each connection, and `mntr`
for those who draw curves. Its names are ZooKeeper's, of what there is in this server too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from target_node.server.facts import VERSION, Connection, Facts, Mode
from target_node.server.statistics import Distribution
from target_node.wire.codes import OpCode

_PERCENTILES: Final = (50, 95, 99, 99.9)
_NAMES: Final[dict[int | None, str]] = {  # of requests: four letters, most of them the first
    **{code: code.name.replace("_", "")[:4] for code in OpCode},
    OpCode.CREATE_SESSION: "SESS",
    OpCode.CHECK_WATCHES: "CHKW",
    OpCode.REMOVE_WATCHES: "REMW",
    OpCode.MULTI_READ: "MLTR",
    OpCode.SET_WATCHES2: "STW2",
    OpCode.GET_ALL_CHILDREN_NUMBER: "GETACN",
    OpCode.WHO_AM_I: "HOMI",
}
_ACTIVITY: Final = {
    Mode.LEADER: "leading",
    Mode.FOLLOWER: "following",
    Mode.OBSERVER: "observing",
}


def connections(facts: Facts) -> str:
    """What `cons` tells."""
    return lines(map(_in_full, facts.connections().values())) + "\n"


def server(facts: Facts) -> str:
    """What `srvr` tells."""
    return _about(facts, facts.connections().values())


def server_and_clients(facts: Facts) -> str:
    """What `stat` tells."""
    clients = facts.connections().values()
    return _about(facts, clients, f"Clients:\n{lines(map(_in_short, clients))}\n")


def monitored(facts: Facts) -> str:
    """What `mntr` tells."""
    clients = facts.connections().values()
    tree, statistics, latency = facts.tree, facts.statistics, facts.statistics.latency
    told: dict[str, object] = {
        "version": facts.environment[VERSION],
        "server_state": facts.mode,
        "num_alive_connections": len(clients),
        "outstanding_requests": _outstanding(clients),
        "min_latency": latency.least,
        "avg_latency": round(latency.average, 4),
        "max_latency": latency.most,
        "packets_received": statistics.received,
        "packets_sent": statistics.sent,
        "znode_count": len(tree.nodes),
        "ephemerals_count": sum(map(len, tree.all_ephemerals().values())),
        "approximate_data_size": sum(
            len(path) + len(node.data or b"") for path, node in tree.nodes.items()
        ),
        "watch_count": len(facts.watches),
        "global_sessions": len(tree.sessions),
        "local_sessions": 0,
        "uptime": facts.uptime_ms,
    }
    if facts.mode in _ACTIVITY:
        told["peer_state"] = f"{_ACTIVITY[facts.mode]} - broadcast"
        told["quorum_size"] = len(facts.ensemble.voters)
    if (leading := facts.leading) is not None:
        sizes = statistics.proposals
        told |= {
            "leader_uptime": leading.uptime_ms,
            "learners": leading.followers + leading.observers,
            "synced_followers": leading.followers,
            "synced_observers": leading.observers,
            "pending_syncs": leading.pending_syncs,
            "last_proposal_size": sizes.last,
            "min_proposal_size": sizes.least,
            "max_proposal_size": sizes.most,
        }
    told |= _distributed("readlatency", statistics.reads)
    told |= _distributed("updatelatency", statistics.updates)
    return lines(f"zk_{name}\t{value}" for name, value in told.items())


def lines(many: Iterable[str]) -> str:
    """Each with its end."""
    return "".join(f"{line}\n" for line in many)


def unsigned(number: int) -> str:
    """A long as ZooKeeper shows sessions and zxids."""
    return f"0x{number % (1 << 64):x}"


def _in_short(one: Connection, more: str = "") -> str:
    traffic, reads = one.traffic, int(bool(one.session) and not one.held)
    counts = f"queued={one.queued},recved={traffic.received},sent={traffic.sent}"
    return f" /{one.peer}[{reads}]({counts}{more})"


def _in_full(one: Connection) -> str:
    if not one.session:
        return _in_short(one)
    traffic, latency = one.traffic, one.traffic.latency
    told = {
        "sid": unsigned(one.session),
        "lop": _NAMES.get(traffic.last_op, "NA"),
        "est": one.established_ms,
        "to": one.timeout_ms,
        "lcxid": unsigned(traffic.last_cxid),
        "lzxid": unsigned(traffic.last_zxid),
        "lresp": traffic.last_ms,
        "llat": traffic.last_latency_ms,
        "minlat": latency.least,
        "avglat": int(latency.average),
        "maxlat": latency.most,
    }
    if traffic.last_cxid < 0:
        del told["lcxid"]  # a ping, say, has none
    return _in_short(one, "".join(f",{name}={value}" for name, value in told.items()))


def _about(facts: Facts, connections: Collection[Connection], clients: str = "") -> str:
    statistics, latency = facts.statistics, facts.statistics.latency
    warning = facts.mode is Mode.READ_ONLY
    text = f"Zookeeper version: {facts.environment[VERSION]}\n"
    text += "READ-ONLY mode; serving only read-only clients\n" if warning else ""
    text += clients + lines(
        (
            f"Latency min/avg/max: {latency.least}/{round(latency.average, 4)}/{latency.most}",
            f"Received: {statistics.received}",
            f"Sent: {statistics.sent}",
            f"Connections: {len(connections)}",
            f"Outstanding: {_outstanding(connections)}",
            f"Zxid: {unsigned(facts.tree.last_zxid)}",
            f"Mode: {facts.mode}",
            f"Node count: {len(facts.tree.nodes)}",
        )
    )
    if facts.mode is Mode.LEADER:
        sizes = statistics.proposals
        text += f"Proposal sizes last/min/max: {sizes.last}/{sizes.least}/{sizes.most}\n"
    return text


def _outstanding(connections: Iterable[Connection]) -> int:
    return sum(one.queued for one in connections)


def _distributed(name: str, latency: Distribution) -> dict[str, object]:
    told: dict[str, object] = {
        f"min_{name}": latency.least,
        f"avg_{name}": round(latency.average, 4),
        f"max_{name}": latency.most,
        f"cnt_{name}": latency.count,
        f"sum_{name}": latency.total,
    }
    for percent in _PERCENTILES:
        told[f"p{percent}_{name}".replace(".", "")] = latency.percentile(percent)
    return told
