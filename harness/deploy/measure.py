"""How does what one host sends come out at another?

This runs on the hosts themselves, at once on all that send or listen. Each datagram is sent twice:
to a port at which links are felt as they are, and to one that is exempt from all that is done to
links. So it is known which ones were sent, and how much later than they could have they came; no
clocks of two hosts are compared.

Rules of this file: it needs nothing but some Python 3, and ends by itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import struct
import sys
import time
import zlib
from typing import Any

HEAD = struct.Struct("!8scI")
HELLO, HEARD, DATA, OVER = b"h", b"r", b"d", b"o"
HELLO_S = 1.5  # for which a sender waits for an answer, which may not come: that way may be cut
LOOK_S = 0.01
QUIET_S = 0.05  # after which nothing comes twice any more
MOST_S = 20.0
NO_CHECK = 11  # SO_NO_CHECK: what is spoilt is to come through, so that it can be seen
NO_CHECK_6 = (101, 102)  # UDP_NO_CHECK6_TX and _RX


def opened(address: str, port: int) -> socket.socket:
    """A socket for what has such an address, on this port; 0 is any."""
    six = ":" in address
    one = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    if six:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for option in NO_CHECK_6:
            one.setsockopt(socket.IPPROTO_UDP, option, 1)
    else:
        one.setsockopt(socket.SOL_SOCKET, NO_CHECK, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    one.bind(("", port))
    one.settimeout(0)
    return one


def packed(token: bytes, kind: bytes, number: int, size: int = 0) -> bytes:
    """One datagram, which shows by itself whether a bit of it is wrong."""
    body = HEAD.pack(token, kind, number)
    body += bytes(max(0, size - len(body) - 4))
    return body + struct.pack("!I", zlib.crc32(body))


def unpacked(data: bytes) -> tuple[bytes, bytes, int] | None:
    """Token, kind and number; nothing, if it is spoilt."""
    if len(data) < HEAD.size + 4 or struct.unpack("!I", data[-4:])[0] != zlib.crc32(data[:-4]):
        return None
    token, kind, number = HEAD.unpack_from(data)
    return token, kind, number


def greet(socks: dict[str, socket.socket], token: bytes, port: int) -> None:
    """Wait until all of them listen, as far as they can say so."""
    end = time.monotonic() + HELLO_S
    waiting = dict(socks)
    while waiting and time.monotonic() < end:
        for to, sock in waiting.items():
            with contextlib.suppress(OSError):
                sock.sendto(packed(token, HELLO, 0), (to, port))
        ready = select.select(list(waiting.values()), [], [], LOOK_S)[0]
        for to in [to for to, sock in waiting.items() if sock in ready]:
            with contextlib.suppress(OSError):
                said = unpacked(socks[to].recv(2048))
                if said is not None and said[:2] == (token, HEARD):
                    del waiting[to]


def send(asked: dict[str, Any], felt: int, exempt: int) -> None:
    """To all of those that listen, side by side."""
    token = bytes.fromhex(asked["token"])
    socks = {to: opened(to, 0) for to in asked["to"]}
    greet(socks, token, exempt)
    for number in range(asked["count"]):
        data = packed(token, DATA, number, asked["size"])
        for to, sock in socks.items():
            for port in (felt, exempt):
                with contextlib.suppress(OSError):  # as good as lost
                    sock.sendto(data, (to, port))
        time.sleep(asked["gap_s"])
    for _ in range(3):
        for to, sock in socks.items():
            with contextlib.suppress(OSError):
                sock.sendto(packed(token, OVER, 0), (to, exempt))
        time.sleep(LOOK_S)


class Heard:
    """What came from one host."""

    def __init__(self) -> None:
        self.sent: dict[int, float] = {}
        self.came: dict[int, float] = {}
        self.most = -1
        self.twice = self.overtaken = self.spoilt = 0
        self.over_at: float | None = None
        self.last_at = 0.0

    def data(self, number: int, now: float) -> None:
        """This one came, over the link as it is."""
        self.last_at = now
        if number in self.came:
            self.twice += 1
            return
        self.came[number] = now
        self.overtaken += number < self.most
        self.most = max(self.most, number)

    def whole(self, now: float, late_s: float) -> bool:
        """Whether nothing more is worth waiting for."""
        if self.over_at is None:
            return False
        quiet = now - max(self.over_at, self.last_at) > QUIET_S
        return (quiet and self.came.keys() >= self.sent.keys()) or now - self.over_at > late_s

    def told(self, size: int) -> dict[str, float | None]:
        """All of it, in numbers."""
        both = [number for number in self.came if number in self.sent]
        late = sorted(self.came[number] - self.sent[number] for number in both)
        took = max(self.came.values()) - min(self.came.values()) if len(self.came) > 1 else 0.0
        return {
            "sent": len(self.sent),
            "came": len(both),
            "late_ms": late[len(late) // 2] * 1000 if late else None,
            "bytes_per_s": (len(self.came) - 1) * size / took if took else None,
            "twice": self.twice,
            "overtaken": self.overtaken,
            "spoilt": self.spoilt,
        }


def listen(asked: dict[str, Any], felt: int, exempt: int) -> dict[str, Heard]:
    """Until all that is to come has come, or is too late."""
    token, names = bytes.fromhex(asked["token"]), asked["from"]
    heard = {name: Heard() for name in names.values()}
    kinds = {":" in one: one for one in names}
    socks = {opened(one, port): port for one in kinds.values() for port in (felt, exempt)}
    end = time.monotonic() + MOST_S
    while time.monotonic() < end:
        ready = select.select(list(socks), [], [], LOOK_S)[0]
        for sock in ready:
            data, where = sock.recvfrom(2048)
            if where[0] in names:
                hear(heard[names[where[0]]], token, data, exempt=socks[sock] == exempt)
            if unpacked(data) == (token, HELLO, 0):
                sock.sendto(packed(token, HEARD, 0), where)
        now = time.monotonic()
        if not ready and all(one.whole(now, asked["late_s"]) for one in heard.values()):
            break
    return heard


def hear(one: Heard, token: bytes, data: bytes, *, exempt: bool) -> None:
    """This is what came from it."""
    now, said = time.monotonic(), unpacked(data)
    if said is None:
        one.spoilt += not exempt
    elif said[:2] == (token, OVER):
        one.over_at = one.over_at or now
    elif said[:2] == (token, DATA) and exempt:
        one.sent.setdefault(said[2], now)
    elif said[:2] == (token, DATA):
        one.data(said[2], now)


def main(asked: dict[str, Any]) -> None:
    """Send and listen as it is asked; what was heard of whom, as JSON."""
    felt, exempt = asked["ports"]
    child = os.fork() if asked["to"] else -1
    if child == 0:
        send(asked, felt, exempt)
        return
    if asked["from"]:
        heard = listen(asked, felt, exempt)
        told = {name: one.told(asked["size"]) for name, one in heard.items()}
        sys.stdout.write(json.dumps(told))
    if child > 0:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
