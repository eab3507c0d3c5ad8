"""Which addresses are there in a lab?

Every lab has the same: they are in a network of its own.
"""

from __future__ import annotations

from typing import Final

MOST_NODES: Final = 200
CONTROLLER: Final = "10.77.0.254"
CONTROLLER_6: Final = "fd77::fe"
SWITCH: Final = "10.77.0.253"
SWITCH_PORT: Final = 1
DEVICE: Final = "zabtest0"
"""What leads to the switch, on a host."""


def name(number: int) -> str:
    """Of the host with this number, from 1 on."""
    return f"n{number}"


def address(number: int) -> str:
    """Its address."""
    return f"10.77.0.{number}"


def address_6(number: int) -> str:
    """The other one."""
    return f"fd77::{number:x}"


def hosts_file(nodes: int) -> str:
    """All names: nothing in a lab can ask a name server, and must not wait for one."""
    lines = ["127.0.0.1 localhost", "::1 localhost", f"{CONTROLLER} controller"]
    lines += [f"{address(number)} {name(number)}" for number in range(1, nodes + 1)]
    return "\n".join(lines) + "\n"
