"""Do the four-letter words say what is?"""

from __future__ import annotations

from dataclasses import replace

import pytest
from kazoo.client import KazooClient

from target_node.protocol.ensemble import Ensemble, parse_ensemble
from target_node.server.facts import VERSION, Mode
from target_node.server.settings import Settings
from target_node.server.words import NOT_SERVING, answer_word, resets
from target_node.state.digest import Chain
from target_node.wire.codes import OpCode
from target_node.wire.frames import FOUR_LETTER_WORDS
from tests.target_node.server.some_facts import EVERYBODY, THREE, WORDS, answer, facts_of


@pytest.mark.parametrize("mode", [None, *Mode])
@pytest.mark.parametrize("word", WORDS)
def test_every_word_has_an_answer(word: str, mode: Mode | None) -> None:
    said = answer(word, facts_of(mode, busy=True))
    assert said
    assert (said == NOT_SERVING) == (mode is None and word not in EVERYBODY)


def test_who_may_not_ask_is_told_so() -> None:
    facts = facts_of(Mode.LEADER)
    assert answer_word("ruok", facts, frozenset({b"ruok"})) == "imok"
    refused = "mntr is not executed because it is not in the whitelist.\n"
    assert answer_word("mntr", facts, frozenset({b"ruok"})) == refused


def test_whether_it_writes() -> None:
    said = {mode: answer("isro", facts_of(mode)) for mode in (None, *Mode)}
    assert said.pop(None) == "null"
    assert said.pop(Mode.READ_ONLY) == "ro"
    assert set(said.values()) == {"rw"}


def test_what_is_shown_of_a_server() -> None:
    assert answer("stat", facts_of(Mode.LEADER, busy=True)).splitlines() == [
        "Zookeeper version: 3.8.0-target_node",
        "Clients:",
        " /127.0.0.1:50001[0](queued=0,recved=0,sent=0)",
        " /127.0.0.1:50002[1](queued=1,recved=3,sent=3)",
        " /127.0.0.1:50003[1](queued=1,recved=3,sent=3)",
        "",
        "Latency min/avg/max: 20/26.0/32",
        "Received: 6",
        "Sent: 6",
        "Connections: 3",
        "Outstanding: 2",
        "Zxid: 0x100000002",
        "Mode: leader",
        "Node count: 7",
        "Proposal sizes last/min/max: -1/-1/-1",
    ]
    stat = answer("stat", facts_of(Mode.READ_ONLY, busy=True)).splitlines()
    srvr = answer("srvr", facts_of(Mode.READ_ONLY, busy=True)).splitlines()
    assert stat[1] == "READ-ONLY mode; serving only read-only clients"
    assert srvr == stat[:2] + stat[7:]


def test_what_is_shown_of_a_connection() -> None:
    facts = facts_of(Mode.FOLLOWER, busy=True)
    bobs = facts.connections()[3].traffic
    bobs.answered(OpCode.PING, -2, 3, now_ms=9001, latency_ms=0, update=False)
    assert answer("cons", facts).splitlines()[1:] == [
        " /127.0.0.1:50002[1](queued=1,recved=3,sent=3,sid=0x100000000001,lop=GETD,"
        "est=1700000000001,to=10000,lcxid=0x2,lzxid=0x2,lresp=9000,llat=22,"
        "minlat=20,avglat=21,maxlat=22)",
        " /127.0.0.1:50003[1](queued=1,recved=3,sent=3,sid=0x200000000002,lop=PING,"
        "est=1700000000001,to=10000,lzxid=0x3,lresp=9001,llat=0,minlat=0,avglat=23,maxlat=32)",
        "",
    ]
    bobs.reset()
    assert answer("cons", facts).splitlines()[2] == (
        " /127.0.0.1:50003[1](queued=1,recved=0,sent=0,sid=0x200000000002,lop=NA,"
        "est=1700000000001,to=10000,lzxid=0xffffffffffffffff,lresp=0,llat=0,"
        "minlat=0,avglat=0,maxlat=0)"
    )


def test_watches_and_sessions() -> None:
    facts = facts_of(Mode.LEADER, busy=True)
    assert answer("wchs", facts) == "2 connections watching 2 paths\nTotal watches:4\n"
    alice, bob = "0x100000000001", "0x200000000002"
    assert answer("wchc", facts) == f"{alice}\n\t/a\n\t/nobody\n{bob}\n\t/a\n\n"
    assert answer("wchp", facts) == f"/a\n\t{alice}\n\t{bob}\n/nobody\n\t{alice}\n\n"
    assert answer("dump", facts).splitlines()[1:8] == [
        "Global Sessions(2):",
        f"{alice}\t10000ms",
        f"{bob}\t10000ms",
        "ephemeral nodes dump:",
        "Sessions with Ephemerals (2):",
        f"{alice}:",
        "\t/e2",
    ]


def test_what_is_monitored() -> None:
    said = answer("mntr", facts_of(Mode.LEADER, busy=True))
    told = dict(line.split("\t") for line in said.splitlines())
    expected = {
        "version": "3.8.0-target_node",
        "server_state": "leader",
        "peer_state": "leading - broadcast",
        "ephemerals_count": "2",
        "watch_count": "4",
        "approximate_data_size": str(len("/" + "/zookeeper" * 3 + "/quota/config/e2/e3/a") + 3),
        "global_sessions": "2",
        "learners": "2",
        "pending_syncs": "0",
        "quorum_size": "2",
        "uptime": "5000",
        "leader_uptime": "4000",
        "p50_readlatency": "23",
        "p999_readlatency": "32",
        "max_updatelatency": "31",
        "avg_updatelatency": "25.5",
    }
    assert {name: told[f"zk_{name}"] for name in expected} == expected


def test_a_follower_has_no_followers() -> None:
    assert "zk_synced_followers" not in answer("mntr", facts_of(Mode.FOLLOWER))


def test_replicas_are_compared() -> None:
    facts = facts_of(Mode.FOLLOWER)
    facts.tree.chain = Chain(0x1F, bytes(range(16)))
    facts.tree.digest = 0xC0FFEE
    assert answer("hash", facts) == (
        "zxid=0x100000002 chain=1f:000102030405060708090a0b0c0d0e0f digest=0000000000c0ffee\n"
    )


def test_who_was_removed_still_tells_its_configuration() -> None:
    ours = parse_ensemble(THREE)
    others = Ensemble(ours.servers[1:], version=0x2_0000_0001)
    said = answer("conf", facts_of(Mode.OBSERVER, settings=Settings(1, ours), ensemble=others))
    assert "clientPort=4001\n" in said
    assert said.endswith(f"membership: \n{others}")


def test_what_begins_anew() -> None:
    facts = facts_of(Mode.LEADER, busy=True)
    all_words = {word: list(resets(word, facts, FOUR_LETTER_WORDS)) for word in WORDS}
    traffic = [one.traffic for one in facts.connections().values()]
    assert {word: found for word, found in all_words.items() if found} == {
        "srst": [facts.statistics],
        "crst": traffic,
    }
    for word in ("srst", "crst"):
        assert not list(resets(word, facts, frozenset({b"ruok"})))
        assert not list(resets(word, replace(facts, mode=None), FOUR_LETTER_WORDS))


def test_kazoo_finds_the_version(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"host.name": "here", VERSION: "3.8.0-target_node, built by hand", "a": "b=c"}
    client = KazooClient()
    said = answer("envi", facts_of(None, environment=environment))
    monkeypatch.setattr(client, "command", lambda word: {b"envi": said}[word])
    assert client.server_version() == (3, 8, 0)
    client.close()
