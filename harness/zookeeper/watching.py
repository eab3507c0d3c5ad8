"""Which watches has a session set, and what have they told?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from target_node.wire.client import decode_reply, split_reply
from target_node.wire.codes import EventType, OpCode
from target_node.wire.replies import WatcherEvent
from target_node.wire.requests import SetWatches2Request, SetWatchesRequest
from workloads.roaming import Event

_KINDS: Final = {
    EventType.NODE_CREATED: "created",
    EventType.NODE_DELETED: "deleted",
    EventType.NODE_DATA_CHANGED: "changed",
    EventType.NODE_CHILDREN_CHANGED: "children",
}


class Watching:
    """Paths, in the order in which they were first watched; those that are watched once go."""

    def __init__(self) -> None:
        self.data: dict[str, None] = {}
        self.absent: dict[str, None] = {}
        self.children: dict[str, None] = {}
        self.persistent: dict[str, None] = {}
        self.recursive: dict[str, None] = {}
        self._events: list[Event] = []

    def heard(self, packet: bytes) -> None:
        """An event has come."""
        header, body = split_reply(packet)
        event = decode_reply(OpCode.NOTIFICATION, body)
        assert isinstance(event, WatcherEvent), "a notification holds nothing else"
        path, kind = event.path or "", _KINDS.get(EventType(event.type), "other")
        if kind != "children":
            self.data.pop(path, None)
            self.absent.pop(path, None)
        if kind in ("children", "deleted"):
            self.children.pop(path, None)
        self._events.append(Event(kind, path, max(header.zxid, 0)))

    def taken(self) -> Sequence[Event]:
        """All that has been heard and not been taken."""
        events, self._events = self._events, []
        return events

    def again(self, seen: int) -> SetWatchesRequest | SetWatches2Request | None:
        """What tells another server of them; a client that has seen so much."""
        once = (tuple(self.data), tuple(self.absent), tuple(self.children))
        always = (tuple(self.persistent), tuple(self.recursive))
        if any(always):
            return SetWatches2Request(seen, *once, *always)
        return SetWatchesRequest(seen, *once) if any(once) else None
