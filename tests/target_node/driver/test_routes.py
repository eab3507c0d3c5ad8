from __future__ import annotations

import json
from pathlib import Path

import pytest

from target_node.driver.routes import Routes
from target_node.protocol.ensemble import Address
from target_node.server.events import Port

THERE = Address("db2.example", 2888)


def test_without_a_file_the_way_is_straight() -> None:
    assert Routes().way_to(Port.QUORUM, 2, THERE) == THERE


def test_each_port_of_each_peer_has_its_own_way(tmp_path: Path) -> None:
    file = tmp_path / "routes"
    said = {"quorum": {"2": "127.0.0.1:4001", "3": "[::1]:4002"}, "election": {"2": "proxy:9"}}
    file.write_text(json.dumps(said))
    routes = Routes(file)
    assert routes.way_to(Port.QUORUM, 2, THERE) == Address("127.0.0.1", 4001)
    assert routes.way_to(Port.QUORUM, 3, THERE) == Address("::1", 4002)
    assert routes.way_to(Port.ELECTION, 2, THERE) == Address("proxy", 9)
    assert routes.way_to(Port.ELECTION, 3, THERE) == THERE
    file.write_text("{}")
    assert routes.way_to(Port.QUORUM, 2, THERE) == THERE


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", '{"client": {}}', '{"quorum": []}', '{"quorum": {"two": "h:1"}}',
        '{"quorum": {"2": "4001"}}', '{"quorum": {"2": "h:0"}}', '{"quorum": {"2": "h:65536"}}',
        '{"quorum": {"2": 7}}', None,
    ],
)  # fmt: skip
def test_the_last_good_file_holds_and_a_bad_one_is_told_once(
    tmp_path: Path, text: str | None
) -> None:
    file, told = tmp_path / "routes", list[str]()
    file.write_text('{"quorum": {"2": "127.0.0.1:4001"}}')
    routes = Routes(file, tell=told.append)
    assert routes.way_to(Port.QUORUM, 2, THERE) != THERE
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    for _ in range(2):
        assert routes.way_to(Port.QUORUM, 2, THERE) == Address("127.0.0.1", 4001)
    assert len(told) == 1
    assert str(file) in told[0]
