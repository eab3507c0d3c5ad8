"""Has really nobody else a port that is free?"""

from __future__ import annotations

import json
import socket
import subprocess
import sys

from harness.local.lines import environment
from harness.local.ports import BLOCK, HOST, free_ports

MANY = BLOCK + 50
OTHER = f"""
import json, sys
from harness.local.ports import free_ports
print(json.dumps(free_ports({MANY})), flush=True)
sys.stdin.read()
"""


def test_processes_do_not_get_each_others() -> None:
    processes = []
    try:
        for _ in range(3):
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", OTHER],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=environment(),
                )
            )
        found = free_ports(MANY)
        for one in processes:
            assert one.stdout is not None
            found += json.loads(one.stdout.readline())
    finally:
        for one in processes:
            one.communicate()
    assert len(set(found)) == 4 * MANY


def test_a_port_is_not_given_again_soon() -> None:
    given = [*free_ports(BLOCK // 2), *free_ports(BLOCK // 2)]
    assert len(set(given)) == len(given)


def test_what_somebody_listens_on_is_passed_over() -> None:
    (port,) = free_ports(1)
    with socket.create_server((HOST, port)):
        assert port not in free_ports(4 * BLOCK)
    assert port in free_ports(4 * BLOCK) + free_ports(4 * BLOCK)
