"""How does a session begin?"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from harness.zookeeper.packets import Door, Opener, greeted
from harness.zookeeper.roaming import RoamingSession
from target_node.wire.connect import ConnectRequest
from workloads.session import NotDone

SESSION_TIMEOUT_MS: Final = 6000
NOWHERE: Final[Mapping[str, Door]] = MappingProxyType({})


async def connect(
    host: str,
    port: int,
    *,
    node: str,
    timeout_s: float,
    call_s: float | None = None,
    session_timeout_ms: int = SESSION_TIMEOUT_MS,
    opener: Opener = asyncio.open_connection,
    doors: Mapping[str, Door] = NOWHERE,
) -> RoamingSession:
    """A new session. Whatever fails here is `NotDone`: nothing has been asked yet.

    Each of its calls ends after `call_s`, or as the session itself must be there after `timeout_s`.
    `doors` are the ways to all servers, for a session that moves.
    """
    hello = ConnectRequest(0, session_timeout_ms, 0, bytes(16))
    reader, writer, welcome = await greeted(partial(opener, host, port), hello, timeout_s)
    if welcome.timeout_ms <= 0 or not welcome.session:
        writer.close()
        raise NotDone("no session: the server refused to make one")
    call_s = timeout_s if call_s is None else call_s
    return RoamingSession(reader, writer, welcome, node=node, timeout_s=call_s, doors=doors)
