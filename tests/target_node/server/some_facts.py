"""What servers might know that are asked how they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from target_node.protocol.ensemble import Ensemble, parse_ensemble
from target_node.server.facts import VERSION, Connection, Facts, Leading, Mode
from target_node.server.settings import Settings
from target_node.server.statistics import Statistics, Traffic
from target_node.server.words import answer_word
from target_node.state.tree import Tree
from target_node.state.watches import Watches
from target_node.state.znode import ZNode
from target_node.wire.codes import OpCode
from target_node.wire.data import OPEN_ACL_UNSAFE
from target_node.wire.frames import FOUR_LETTER_WORDS

WORDS: Final = sorted(word.decode() for word in FOUR_LETTER_WORDS)
EVERYBODY: Final = {"envi", "gtmk", "isro", "ruok", "stmk"}  # needs no server that serves
THREE: Final = """\
server.1=127.0.0.1:2001:3001:participant;127.0.0.1:4001
server.2=127.0.0.1:2002:3002:participant;127.0.0.1:4002
server.3=127.0.0.1:2003:3003:observer;127.0.0.1:4003
version=100000000"""
ALICE: Final = 0x1000_0000_0001
BOB: Final = 0x2000_0000_0002


def facts_of(
    mode: Mode | None,
    *,
    settings: Settings | None = None,
    environment: Mapping[str, str] | None = None,
    ensemble: Ensemble | None = None,
    busy: bool = False,
) -> Facts:
    """A server with the connection that asks; if busy, also with two sessions that did things."""
    ensemble = ensemble or parse_ensemble(THREE)
    settings = settings or Settings(1, ensemble, alone=mode is Mode.STANDALONE)
    statistics, tree, watches = Statistics(), Tree(), Watches()
    tree.last_zxid = 0x1_0000_0002
    clients = {1: Connection("127.0.0.1:50001", 1_700_000_000_000, Traffic(statistics))}
    if busy:
        for number, session in ((2, ALICE), (3, BOB)):
            traffic = Traffic(statistics)
            clients[number] = Connection(
                f"127.0.0.1:5000{number}", 1_700_000_000_001, traffic, session, 10_000, queued=1
            )
            tree.sessions[session] = 10_000
            for cxid, op in enumerate((OpCode.CREATE_SESSION, OpCode.CREATE, OpCode.GET_DATA)):
                traffic.came()
                traffic.went()
                update, slow_ms = op is not OpCode.GET_DATA, 10 * number + cxid
                traffic.answered(op, cxid, 2, now_ms=9000, latency_ms=slow_ms, update=update)
            tree.put(f"/e{number}", ZNode(b"", OPEN_ACL_UNSAFE, owner=session))
        tree.put("/a", ZNode(b"xyz", OPEN_ACL_UNSAFE))
        watches.watch_data(2, "/a")
        watches.watch_children(2, "/a")
        watches.watch_data(2, "/nobody")
        watches.watch_data(3, "/a")
    return Facts(
        settings,
        environment or {VERSION: "3.8.0-target_node", "host.name": "here"},
        mode,
        ensemble,
        tree,
        watches,
        statistics,
        lambda: clients,
        uptime_ms=5000,
        leading=Leading(1, 1, 0, uptime_ms=4000) if mode is Mode.LEADER else None,
    )


def answer(word: str, facts: Facts) -> str:
    """With every word allowed."""
    return answer_word(word, facts, FOUR_LETTER_WORDS)
