"""The switch of a lab, packet by packet: what goes in, and what comes out when."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest

from harness.chance import Chance
from harness.deploy.target import EXEMPT_PORT, MEASURED_PORT
from harness.lab import switch
from harness.lab.addresses import SWITCH, SWITCH_PORT, address, address_6
from harness.lab.switch import CALM, OVERTAKEN_S, Switch, Way

UDP, TCP = 17, 6


def packet(
    source: str, to: str, *, port: int = MEASURED_PORT, protocol: int = UDP, data: bytes = b""
) -> bytes:
    a, b = ipaddress.ip_address(source), ipaddress.ip_address(to)
    body = struct.pack("!HHHH", 5000, port, 8 + len(data), 0) + data
    if a.version == 4:
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0)
    else:
        head = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64)
    return head + a.packed + b.packed + body


class Lab:
    """Three hosts, and what came out at each."""

    def __init__(self, switch: Switch, ends: dict[int, socket.socket]) -> None:
        self.switch = switch
        self._ends = ends

    def came(self, host: int) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self._ends[host].recv(65536))
            except BlockingIOError:
                return found

    def slow(self, host: int, to: int, way: Way) -> None:
        for one in (address(to), address_6(to)):
            self.switch.set(host, ipaddress.ip_address(one).packed, way)


@pytest.fixture
def lab() -> Iterator[Lab]:
    with three() as one:
        yield one


@contextmanager
def three() -> Iterator[Lab]:
    pairs = {
        number: socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for number in (1, 2, 3)
    }
    for _, end in pairs.values():
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    for port, _ in pairs.values():
        port.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 22)
    ports = {number: port.fileno() for number, (port, _) in pairs.items()}
    yield Lab(
        Switch(ports, Chance(1, keeps=False).draw("x")),
        {number: end for number, (_, end) in pairs.items()},
    )
    for port, end in pairs.values():
        port.close()
        end.close()


def numbered(number: int) -> bytes:
    return packet(address(1), address(2), data=number.to_bytes(4, "big"))


def number_of(one: bytes) -> int:
    return int.from_bytes(one[28:32], "big")


@pytest.mark.parametrize("addresses", [address, address_6])
def test_what_is_calm_goes_at_once(lab: Lab, addresses: Callable[[int], str]) -> None:
    one = packet(addresses(1), addresses(2))
    lab.switch.take(1, one, 0.0)
    assert lab.came(2) == [one]
    assert lab.came(1) == lab.came(3) == []
    lab.switch.take(1, packet(addresses(1), "192.0.2.1" if "." in addresses(1) else "ff02::1"), 0.0)
    assert [lab.came(host) for host in (1, 2, 3)] == [[], [], []]


@pytest.mark.parametrize("addresses", [address, address_6])
def test_what_is_late_comes_when_it_is_due_and_one_way_only(
    lab: Lab, addresses: Callable[[int], str]
) -> None:
    lab.slow(1, 2, Way(delay_s=0.5))
    one, back = packet(addresses(1), addresses(2)), packet(addresses(2), addresses(1))
    lab.switch.take(1, one, 10.0)
    lab.switch.take(2, back, 10.0)
    lab.switch.take(1, packet(addresses(1), addresses(3)), 10.0)
    assert (lab.came(1), len(lab.came(3))) == ([back], 1)
    assert lab.switch.release(10.4) == pytest.approx(0.1)
    assert lab.came(2) == []
    assert lab.switch.release(10.6) is None
    assert lab.came(2) == [one]


def test_jitter_is_between_nothing_and_all_of_it(lab: Lab) -> None:
    lab.slow(1, 2, Way(delay_s=1.0, jitter_s=0.5))
    for number in range(500):
        lab.switch.take(1, numbered(number), 0.0)
    lab.switch.release(0.999)
    assert lab.came(2) == []
    lab.switch.release(1.25)
    early = len(lab.came(2))
    lab.switch.release(1.5)
    assert 150 < early < 350
    assert early + len(lab.came(2)) == 500


def test_ssh_and_what_measures_is_exempt(lab: Lab) -> None:
    lab.slow(1, 2, Way(loss=1.0))
    lab.slow(2, 1, Way(loss=1.0))
    for addresses in (address, address_6):
        ssh = packet(addresses(1), addresses(2), port=22, protocol=TCP)
        answer = bytearray(packet(addresses(2), addresses(1), port=5000, protocol=TCP))
        answer[-8:-6] = (22).to_bytes(2, "big")
        exempt = packet(addresses(1), addresses(2), port=EXEMPT_PORT)
        no_ssh = packet(addresses(1), addresses(2), port=22)
        for host, one in ((1, ssh), (2, bytes(answer)), (1, exempt), (1, no_ssh)):
            lab.switch.take(host, one, 0.0)
        assert lab.came(2) == [ssh, exempt]
        assert lab.came(1) == [bytes(answer)]


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_shares(lab: Lab, share: float) -> None:
    def out(way: Way) -> list[bytes]:
        lab.slow(1, 2, way)
        for number in range(2000):
            lab.switch.take(1, numbered(number), number / 1000)
        lab.switch.release(100.0)
        return lab.came(2)

    close = pytest.approx(share, abs=0.03)
    assert 1 - len(out(Way(loss=share))) / 2000 == close
    assert len(out(Way(duplicate=share))) / 2000 - 1 == close
    spoilt = [numbered(number) for number in range(2000)]
    bad = [(a, b) for a, b in zip(out(Way(corrupt=share)), spoilt, strict=True) if a != b]
    assert len(bad) / 2000 == close
    for a, b in bad:
        assert (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).bit_count() == 1
    numbers = [number_of(one) for one in out(Way(reorder=share))]
    assert sorted(numbers) == list(range(2000))
    ahead = sum(number > least for number, least in pairwise(numbers))
    assert 0 < ahead / 2000 <= share + 0.03, "who does not wait overtakes those before it"


def test_a_narrow_link_lets_so_many_bytes_through(lab: Lab) -> None:
    size = len(numbered(0))
    lab.slow(1, 2, Way(bytes_per_s=10 * size))
    for number in range(50):
        lab.switch.take(1, numbered(number), 0.0)
    for second in (1, 2, 3):
        lab.switch.release(second + 0.001)
        assert [number_of(one) for one in lab.came(2)] == list(range(10 * second - 10, 10 * second))


def test_who_overtakes_is_held_no_longer_than_that(lab: Lab) -> None:
    lab.slow(1, 2, Way(reorder=0.1))
    lab.switch.take(1, numbered(0), 0.0)
    assert (lab.switch.release(0.0) or OVERTAKEN_S) <= OVERTAKEN_S
    lab.switch.release(OVERTAKEN_S)
    assert len(lab.came(2)) == 1


def test_what_a_link_holds_goes_out_when_it_is_calm_again(lab: Lab) -> None:
    way = Way(delay_s=5.0, bytes_per_s=1000)
    lab.slow(1, 2, way)
    lab.slow(1, 3, way)
    for number in range(5):
        lab.switch.take(1, numbered(number), 0.0)
    lab.switch.take(1, packet(address(1), address(3)), 0.0)
    lab.slow(1, 2, way)
    assert lab.came(2) == [], "the same once more changes nothing"
    lab.slow(1, 2, CALM)
    assert [number_of(one) for one in lab.came(2)] == list(range(5))
    assert lab.came(3) == []
    lab.switch.release(10.0)
    assert len(lab.came(3)) == 1


def test_hosts_say_what_is_to_become_of_what_they_send(lab: Lab) -> None:
    def say(host: int, text: bytes) -> list[bytes]:
        lab.switch.take(host, packet(address(host), SWITCH, port=SWITCH_PORT, data=text), 0.0)
        return lab.came(host)

    (answer,) = say(1, f"{address(2)} 100 0 0 0 0 0 0".encode())
    assert (
        answer[12:20]
        == ipaddress.ip_address(SWITCH).packed + ipaddress.ip_address(address(1)).packed
    )
    assert answer[22:24] == (5000).to_bytes(2, "big"), "to the port that asked"
    total = sum(struct.unpack("!10H", answer[:20]))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF, "its checksum is right"
    for text in (
        b"",
        b"nonsense",
        b"10.77.0.2 x 0 0 0 0 0 0",
        b"10.77.0.2 1 2 3 4 5 6 7 8",
        b"\xff",
    ):
        assert say(1, text), "whatever is said, it lives on"
    lab.switch.take(1, numbered(1), 0.0)
    lab.switch.take(3, packet(address(3), address(2)), 0.0)
    assert len(lab.came(2)) == 1, "it is the sender's own links that it speaks of"
    say(3, b"calm")
    assert lab.came(2) == []
    say(1, b"calm")
    assert len(lab.came(2)) == 1


def test_a_host_that_takes_nothing_more_stops_nobody() -> None:
    with three() as lab:
        read, write = os.pipe()
        os.close(read)
        switch = Switch({1: write, 2: write}, Chance(1, keeps=False).draw("x"))
        switch.take(1, numbered(0), 0.0)
        os.close(write)
        assert lab.came(2) == []


def test_where_there_is_no_tun_there_is_no_switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "_TUN", "/nowhere")
    assert switch.wires([1, 2]) == {}
