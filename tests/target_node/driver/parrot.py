"""A node whose core does what clients tell it to: `python -m tests.target_node.driver.parrot`.

It takes the same arguments as the real one. Each packet of a client is a command, see `step`.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator

from target_node.__main__ import main
from target_node.durable.operations import Append, Appended, SnapshotTaken, TakeSnapshot
from target_node.durable.recovery import Recovered
from target_node.protocol.ensemble import Address
from target_node.protocol.events import WakeAt, Woken
from target_node.server.events import (
    Accepted,
    Connected,
    Data,
    Dial,
    Done,
    Effect,
    Ended,
    Event,
    Halt,
    HangUp,
    Note,
    Now,
    Perform,
    Port,
    Start,
    Stream,
    Write,
)
from target_node.server.settings import Settings
from tests.target_node.durable.txns import txn


class Parrot:
    """Answers on the connection that spoke last."""

    def __init__(
        self,
        settings: Settings,
        recovered: Recovered,
        image: bytes | None,
        draw: Callable[[int], int],
    ) -> None:
        assert all(draw(3) in (0, 1, 2) for _ in range(20))
        self._settings = settings
        self._image = image
        self._last_zxid = recovered.last_zxid
        self._asker = 0
        self._started = False
        self._peer = 0
        if image == b"poison":
            raise AssertionError("this image cannot be")
        if image == b"slow":
            os.write(2, b"dozing\n")
            time.sleep(3600)

    def step(self, now: Now, event: Event) -> tuple[Effect, ...]:
        assert threading.current_thread() is threading.main_thread()
        assert self._started or isinstance(event, Start)
        match event:
            case Start():
                self._started = True
                return (Note("started", {"last_zxid": self._last_zxid}),)
            case Data(number, data):
                if number > 0:
                    self._asker = number
                return self._obey(now, data.decode().split())
            case Done(Appended(zxid)):
                return (Note("durable", {"zxid": zxid}), self._say(f"appended {zxid}"))
            case Done(SnapshotTaken(zxid)):
                return (self._say(f"snapshot {zxid}"),)
            case Woken():
                return (self._say(f"woken {now.ms}"),)
            case Connected(number):
                return (self._say(f"connected {number}"), Write(number, b"echo hello"))
            case Ended(number) if number < 0:
                return (self._say(f"ended {number}"),)
            case Accepted(port=port) if port is not Port.CLIENT:
                self._peer += 1
                return (Note("visited", {"port": port}),)
        return ()

    def _say(self, text: str) -> Write:
        return Write(self._asker, f"{text}\n".encode())

    def _obey(self, now: Now, words: list[str]) -> tuple[Effect, ...]:  # noqa: C901
        match words:
            case ["echo", *rest]:
                return (self._say(" ".join(rest)),)
            case ["append", count]:
                first = self._last_zxid + 1
                self._last_zxid += int(count)
                zxids = range(first, self._last_zxid + 1)
                return tuple(Perform(Append((txn(0, zxid),))) for zxid in zxids)
            case ["snapshot", text]:
                return (Perform(TakeSnapshot(self._last_zxid, [text.encode()])),)
            case ["image"]:
                return (self._say(f"{self._image!r}"),)
            case ["time"]:
                return (self._say(f"{now.ms} {now.wall_ms}"),)
            case ["wake", *times]:
                return tuple(WakeAt(now.ms + int(ms)) for ms in times)
            case ["stream", count]:
                return (Stream(self._asker, (b"%9d\n" % i for i in range(int(count)))),)
            case ["dial", port, sid, host, number]:
                to = Address(host, int(number))
                return (Dial(-1, Port(port), int(sid), to),)
            case ["bye"]:
                return (self._say("bye"), HangUp(self._asker))
            case ["halt"]:
                return (self._say("halting"), Halt("was asked to"))
            case ["break"]:
                raise AssertionError("was asked to")
            case ["tear"]:
                return (self._say("never heard"), Stream(self._asker, self._torn()))
            case ["fill"]:
                # Too long for a log record, and so for the disk's thread.
                return (Perform(Append((b"no txn",))),)
            case _:
                return ()

    def _torn(self) -> Iterator[bytes]:
        yield b""
        raise AssertionError("a stream broke")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Parrot))
