"""What is the proxy told, so that all of these faults are?"""

from __future__ import annotations

from typing import Final

from nemesis.union import Union

CLIENTS: Final = "clients"
"""The place where they are, to the proxy."""


def ways(so: Union) -> list[tuple[str, str, dict[str, object]]]:
    """Each link that is not as it should be, and how it is."""
    found: dict[tuple[str, str], dict[str, object]] = {
        link: {
            "delay_ms": lag.delay_ms,
            "jitter_ms": lag.jitter_ms,
            "loss": lag.loss,
            "bytes_per_s": lag.bytes_per_s,
        }
        for link, lag in so.slow.items()
    }
    for link in sorted(so.cut):
        found.setdefault(link, {})["cut"] = True
    for node in sorted(so.stalled):
        found[CLIENTS, node] = found[node, CLIENTS] = {"cut": True}
    return [(a, b, way) for (a, b), way in found.items()]


def modes(so: Union) -> dict[str, str]:
    """Each door that is not open."""
    return {f"client/{node}": "reset" for node in sorted(so.reset)}
