"""Does ZooKeeper's own Java client take its session, nodes and watches from server to server?"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from tests.target_node.clients.apache import class_path, java
from tests.target_node.clients.kazoo_clients import LONG_SESSIONS
from tests.target_node.ensemble import Ensemble, Member, ensemble

SOURCE = Path(__file__).parent / "java" / "Rearm.java"


def member_at(servers: Ensemble, line: str) -> Member:
    word, _, port = line.partition(" ")
    assert word == "at", line
    return next(one for one in servers.members.values() if one.client_port == int(port))


def test_a_java_client_goes_from_server_to_server(tmp_path: Path) -> None:
    path = class_path(tmp_path)
    compiler = ("javac", "-nowarn", "-cp", path, "-d", str(tmp_path), str(SOURCE))
    compiled = subprocess.run(compiler, capture_output=True, text=True, timeout=120)
    assert compiled.returncode == 0, compiled.stderr
    with (
        ensemble(tmp_path / "servers", 3, more=LONG_SESSIONS) as servers,
        subprocess.Popen(
            java("-cp", path, "Rearm", servers.connect_string),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as client,
    ):
        assert client.stdin is not None
        assert client.stdout is not None
        try:
            first = member_at(servers, client.stdout.readline().strip())
            first.stop()
            first.start()
            print("killed", file=client.stdin, flush=True)
            servers.wait_until_serving()
            second = member_at(servers, client.stdout.readline().strip())
            second.stop(signal.SIGTERM)
            print("stopped", file=client.stdin, flush=True)
            said = client.stdout.read()
            assert said == "fine\n", said + servers.logs()
        finally:
            client.kill()
