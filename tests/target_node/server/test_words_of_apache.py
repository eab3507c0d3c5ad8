"""Does Apache ZooKeeper say the same to a four-letter word, but for what is only true today?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from kazoo.client import KazooClient

from harness.local.ports import free_ports
from target_node.protocol.ensemble import Ensemble, parse_ensemble
from target_node.server.facts import Facts, Mode
from target_node.server.settings import Settings
from target_node.server.words import NOT_SERVING
from tests.target_node.server.apache import apache, ask, wait_for
from tests.target_node.server.some_facts import EVERYBODY, WORDS, answer, facts_of

pytestmark = pytest.mark.prove

OURS: Final = {"hash", "stmk"}  # what we say in a way of our own
LIMITS: Final[dict[str, Any]] = {
    **{"tick_ms": 500, "init_limit": 20, "sync_limit": 20},
    **{"least_timeout_ms": 1000, "most_timeout_ms": 10_000},
}
CONFIG: Final = "tickTime=500\ninitLimit=20\nsyncLimit=20\n"
UNTOLD: Final = re.compile(
    # Of `conf`, what needs a look at the disk or the sockets.
    r"(data(Log)?Dir|data(Dir|Log)Size|clientPortListenBacklog)="
    # Of `dump`, when sessions and connections expire; a leader shows its sessions by nothing else.
    r"|(Session Sets|Global Sessions|Connections Sets) ?\(|\t?HEX(\tNms)?$|.* expire at "
    # Of `envi`, what changes between two questions.
    r"|os\.memory\.free="
)


def shapes(text: str) -> list[str]:
    """Its lines, in no order, with marks for numbers and names."""
    text = re.sub(r"0x[0-9a-f]+", "HEX", text)
    text = re.sub(r"-?\d+", "N", text.replace("/127.0.0.1", "/address"))
    text = re.sub(r"lop=[A-Z]+", "lop=OP", text)
    return sorted(re.sub(r"/\w+(?=\n)", "/path", text).split("\n"))


def told(word: str, text: str) -> list[str]:
    """What of an answer must be the same."""
    match word:
        case "conf" | "envi":
            lines = text.split("\n")  # to the letter
        case "wchc" | "wchp":
            return shapes(text)
        case _:
            lines = shapes(text)
    return [line for line in lines if not UNTOLD.match(line)]


def values(text: str) -> dict[str, str]:
    """By the names of `mntr`."""
    pairs = (line.partition("\t") for line in text.splitlines())
    return {name: " ".join(shapes(value)) for name, _, value in pairs}


def compare(port: int, facts: Facts) -> None:
    """Whether all our answers are of the form of theirs."""
    for word in sorted({*WORDS} - OURS):
        ours, theirs = answer(word, facts), ask(port, word)
        if word == "mntr" and facts.mode:
            assert values(ours).items() <= values(theirs).items()
        else:
            assert (word, told(word, ours)) == (word, told(word, theirs))


def environment_of(port: int) -> Mapping[str, str]:
    lines = ask(port, "envi").splitlines()[1:]
    return dict(line.split("=", 1) for line in lines)


def serves(port: int) -> bool:
    return "Mode: " in ask(port, "srvr")


def ensemble_of(ports: list[int], *, observer: int) -> Ensemble:
    lines = []
    for sid in range(1, len(ports) // 3 + 1):
        quorum, election, client = ports[3 * sid - 3 : 3 * sid]
        role = "observer" if sid == observer else "participant"
        lines.append(f"server.{sid}=127.0.0.1:{quorum}:{election}:{role};127.0.0.1:{client}")
    return parse_ensemble("\n".join(lines))


def test_a_server_for_itself(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    config = f"tickTime=2000\nclientPort={port}\nclientPortAddress=127.0.0.1"
    ensemble = parse_ensemble(f"server.0=127.0.0.1:1:2;127.0.0.1:{port}")
    settings = Settings(0, ensemble, alone=True)
    with apache(tmp_path / "0", config):
        wait_for(lambda: serves(port))
        environment = environment_of(port)
        compare(port, facts_of(Mode.STANDALONE, settings=settings, environment=environment))
        clients = [KazooClient(f"127.0.0.1:{port}") for _ in range(2)]
        for number, client in enumerate(clients):
            client.start()
            client.ensure_path("/a")
            client.create(f"/e{number}", b"", ephemeral=True)
            client.get("/a", watch=[].append)
        clients[0].exists("/nobody", watch=[].append)
        compare(
            port, facts_of(Mode.STANDALONE, settings=settings, environment=environment, busy=True)
        )
        for client in clients:
            client.stop()
            client.close()


def test_an_ensemble(tmp_path: Path) -> None:
    ensemble = ensemble_of(free_ports(9), observer=3)
    config = CONFIG + str(ensemble).rpartition("\n")[0]
    ports = {server.sid: server.client.port for server in ensemble.servers if server.client}
    with ExitStack() as stack:
        stack.enter_context(apache(tmp_path / "1", config, sid=1))
        wait_for(lambda: ask(ports[1], "ruok") == "imok")
        compare(ports[1], facts_of(None, environment=environment_of(ports[1])))
        for word in {*WORDS} - EVERYBODY:
            assert ask(ports[1], word).strip() == NOT_SERVING.strip()
        for sid in (2, 3):
            stack.enter_context(apache(tmp_path / str(sid), config, sid=sid))
        modes = set()
        for sid, port in ports.items():
            wait_for(lambda port=port: serves(port))  # type: ignore[misc]
            mode = Mode(ask(port, "srvr").partition("Mode: ")[2].split("\n")[0])
            modes.add(mode)
            settings = Settings(sid, ensemble, **LIMITS)
            environment = environment_of(port)
            facts = facts_of(mode, settings=settings, environment=environment, ensemble=ensemble)
            compare(port, facts)
        assert modes == {Mode.LEADER, Mode.FOLLOWER, Mode.OBSERVER}


def test_a_server_without_a_quorum(tmp_path: Path) -> None:
    ensemble = ensemble_of(free_ports(9), observer=0)
    config = CONFIG + str(ensemble).rpartition("\n")[0]
    client = ensemble.servers[0].client
    assert client is not None
    with apache(tmp_path / "1", config, sid=1, read_only=True):
        wait_for(lambda: ask(client.port, "isro") == "ro")
        environment, settings = environment_of(client.port), Settings(1, ensemble, **LIMITS)
        mode = Mode.READ_ONLY
        compare(
            client.port,
            facts_of(mode, settings=settings, environment=environment, ensemble=ensemble),
        )
