"""A record of the log counts when it is as long as it says, whatever its bytes are."""

from __future__ import annotations

from typing import Final

from target_node.bugs.bug import Bug, Override
from target_node.durable.scan import TXN_HEADER_SIZE, Scan

_payload: Final = Scan._payload


def _whatever_is_there(self: Scan, last: int) -> bytes | None:
    length = int.from_bytes(self._at(self.end + 8, 4), "big", signed=True)
    body = self._at(self.end + 12, max(length, 0) + 1)
    if length >= TXN_HEADER_SIZE and len(body) > length:
        return body[:-1]
    return _payload(self, last)


BUG: Final = Bug(
    "torn-tail-taken",
    "what a server has logged is what it was sent",
    "a classic",
    ("recovery", "a node ended by itself", "replicas differ"),
    (Override(Scan, "_payload", _whatever_is_there),),
)
