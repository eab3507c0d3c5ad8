"""How are packets between hosts of a lab late, lost, doubled, out of order, or spoilt?

Where the kernel has no netem, a process does it. Each host has a device that leads here; what a
host sends to another goes this way only while its route to that one does, and by the bridge else.
What is to become of it the host says itself, to an address of ours: so it is told in the way in
which netem would be, by SSH, and what undoes a fault on a host undoes this one, too.

    printf '10.77.0.2 40 10 0.1 0 0 0 0' >/dev/udp/10.77.0.253/1

Rules of this file:
1. What is exempt is never touched: SSH, and one port for whoever measures.
2. A link is a pair of a host and another one's address, one way. Who is told the same twice does
   nothing the second time.
3. What a link that is calm again still holds goes out at once: nothing of a fault outlives it.
"""

from __future__ import annotations

import fcntl
import heapq
import ipaddress
import json
import os
import select
import struct
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from typing import Final

from harness.chance import Chance, Draw
from harness.deploy.target import EXEMPT_PORT
from harness.lab.addresses import SWITCH, SWITCH_PORT, address, address_6

OVERTAKEN_S: Final = 0.02  # by which a packet is held, so that others can overtake it
EXEMPT_TCP: Final = 22
MOST_HELD: Final = 10_000  # packets of one link, as with netem
DONE: Final = "+"  # one letter: whoever reads in a shell loses the rest of a datagram
_TUN: Final = "/dev/net/tun"
_SET: Final = 0x400454CA  # TUNSETIFF
_PLAIN: Final = 0x1001  # IFF_TUN | IFF_NO_PI
_IN_A_ROW: Final = 64  # packets of one host, before it is another one's turn
_FINE: Final = 1 << 20  # of so many parts is a share
_TCP: Final = 6
_UDP: Final = 17


@dataclass(frozen=True, slots=True)
class Way:
    """What becomes of packets: times in seconds, shares, and bytes a second, of which 0 is any."""

    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0
    bytes_per_s: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    corrupt: float = 0.0


CALM: Final = Way()


@dataclass(slots=True)
class _Link:
    way: Way = CALM
    free_at: float = 0.0
    held: int = 0


class Switch:
    """Packets go in with `take`, and out by `ports`, at once or when `release` finds them due."""

    def __init__(self, ports: Mapping[int, int], draw: Draw) -> None:
        self._ports = ports
        self._draw = draw
        self._homes: dict[bytes, int] = {}
        for number in ports:
            for one in (address(number), address_6(number)):
                self._homes[ipaddress.ip_address(one).packed] = number
        self._links: dict[tuple[int, bytes], _Link] = {}
        self._held: list[tuple[float, int, tuple[int, bytes], bytes]] = []
        self._order = count()

    def take(self, host: int, packet: bytes, now: float) -> None:
        """What this host has sent."""
        kind = packet[0] >> 4
        if kind == 4 and packet[16:20] == _OURS:
            self._hear(host, packet)
            return
        to = packet[16:20] if kind == 4 else packet[24:40]
        link = self._links.get((host, to))
        if link is None or link.way == CALM or _exempt(packet, kind):
            self._send(to, packet)
            return
        way, drawn = link.way, self._drawn
        if drawn() < way.loss:
            return
        for _ in range(2 if drawn() < way.duplicate else 1):
            due = now
            if way.bytes_per_s:
                due = link.free_at = max(now, link.free_at) + len(packet) / way.bytes_per_s
            due += way.delay_s + drawn() * way.jitter_s
            if way.reorder and drawn() >= way.reorder:
                due += OVERTAKEN_S
            out = self._spoilt(packet) if drawn() < way.corrupt else packet
            if link.held < MOST_HELD:
                link.held += 1
                heapq.heappush(self._held, (due, next(self._order), (host, to), out))
        self.release(now)

    def release(self, now: float) -> float | None:
        """Let out what is due by now; in how many seconds the next one will be."""
        while self._held and self._held[0][0] <= now:
            _, _, key, packet = heapq.heappop(self._held)
            self._links[key].held -= 1
            self._send(key[1], packet)
        return self._held[0][0] - now if self._held else None

    def set(self, host: int, to: bytes, way: Way) -> None:
        """From now on."""
        link = self._links.setdefault((host, to), _Link())
        if way == link.way:
            return
        link.way, link.free_at = way, 0.0
        if way == CALM:
            mine = sorted(one for one in self._held if one[2] == (host, to))
            self._held = [one for one in self._held if one[2] != (host, to)]
            heapq.heapify(self._held)
            link.held = 0
            for one in mine:
                self._send(to, one[3])

    def _hear(self, host: int, packet: bytes) -> None:
        """What a host wants to become of what it sends; it is told when that is so."""
        said = packet[(packet[0] & 15) * 4 + 8 :].split()
        if said == [b"calm"]:
            for key in [key for key in self._links if key[0] == host]:
                self.set(*key, CALM)
        else:
            with suppress(ValueError, TypeError):
                to, delay_ms, jitter_ms, *rest = (one.decode() for one in said)
                way = Way(float(delay_ms) / 1000, float(jitter_ms) / 1000, *map(float, rest))
                self.set(host, ipaddress.ip_address(to).packed, way)
        self._send(packet[12:16], _answer(packet))

    def _drawn(self) -> float:
        """From 0 to 1."""
        return self._draw(_FINE) / _FINE

    def _spoilt(self, packet: bytes) -> bytes:
        """With one bit that is wrong."""
        at = self._draw(len(packet) * 8)
        spoilt = bytearray(packet)
        spoilt[at // 8] ^= 1 << at % 8
        return bytes(spoilt)

    def _send(self, to: bytes, packet: bytes) -> None:
        home = self._homes.get(to)
        if home is not None:
            with suppress(OSError):  # it has gone, or takes no more: as on any wire
                os.write(self._ports[home], packet)


_OURS: Final = ipaddress.ip_address(SWITCH).packed


def _exempt(packet: bytes, kind: int) -> bool:
    at = (packet[0] & 15) * 4 if kind == 4 else 40
    protocol = packet[9] if kind == 4 else packet[6]
    source, to = struct.unpack_from("!HH", packet.ljust(at + 4, b"\0"), at)
    if protocol == _TCP:
        return EXEMPT_TCP in (source, to)
    return protocol == _UDP and to == EXEMPT_PORT


def _answer(packet: bytes) -> bytes:
    """To whoever sent this datagram."""
    (port,) = struct.unpack_from("!H", packet, (packet[0] & 15) * 4)
    said = DONE.encode()
    head = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(said), 0, 0, 64, _UDP, 0)
    head += _OURS + packet[12:16]
    total = sum(struct.unpack("!10H", head))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    head = head[:10] + struct.pack("!H", ~total & 0xFFFF) + head[12:]
    return head + struct.pack("!HHHH", SWITCH_PORT, port, 8 + len(said), 0) + said


def wire(number: int) -> str:
    """What a host's device is called before it is the host's."""
    return f"w{number}"


def wires(numbers: Collection[int]) -> Mapping[int, int]:
    """A device for each of these hosts; none, where there can be none."""
    opened: dict[int, int] = {}
    try:
        for number in numbers:
            opened[number] = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
            asked = struct.pack("16sH22x", wire(number).encode(), _PLAIN)
            fcntl.ioctl(opened[number], _SET, asked)
    except OSError:
        for one in opened.values():
            os.close(one)
        return {}
    return opened


def start(ports: Mapping[int, int]) -> subprocess.Popen[bytes]:
    """A process that lets packets pass, for as long as the lab stands."""
    command = [sys.executable, "-P", "-m", "harness.lab.switch", json.dumps(ports)]
    fds = list(ports.values())
    null = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=null, stdout=null, pass_fds=fds)
    for one in fds:
        os.close(one)
    return process


def serve(ports: Mapping[int, int]) -> None:
    """Without an end."""
    switch = Switch(ports, Chance(0, keeps=False).draw("packets"))
    hosts = {port: number for number, port in ports.items()}
    while True:
        after_s = switch.release(time.monotonic())
        ready, _, _ = select.select(hosts, [], [], after_s)
        for port in ready:
            try:
                for _ in range(_IN_A_ROW):
                    switch.take(hosts[port], os.read(port, 65536), time.monotonic())
            except BlockingIOError:
                continue
            except OSError:  # the host has taken its device away
                del hosts[port]


if __name__ == "__main__":
    serve({int(number): port for number, port in json.loads(sys.argv[1]).items()})
