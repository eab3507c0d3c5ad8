"""How much later does a message arrive that goes through the local world's proxy?

Twenty links carry small messages at a steady pace, in turns directly and through the proxy process,
over and over in one run. One process at each end: the sender writes the time into every message,
and the receiver looks at the same clock. What the proxy costs is the difference of the two.

On a machine with other work to do this measures how long one waits for a core. There, as root:
chrt -f 1 python -m benchmarks.proxies --seconds 1 --rounds 3
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import struct
import tempfile
import time
from collections.abc import Sequence
from itertools import permutations
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from harness.local.lines import Lines

HOST: Final = "127.0.0.1"
NODES: Final = 5
SIZE: Final = 64
_STAMP: Final = struct.Struct("q")
WAYS: Final = ("direct", "proxy")


class Receiver(asyncio.Protocol):
    """Notes how long each message was on its way, in ns."""

    def __init__(self, took: list[int]) -> None:
        self._took = took
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        data = self._rest + data
        for start in range(0, len(data) - SIZE + 1, SIZE):
            self._took.append(now - _STAMP.unpack_from(data, start)[0])
        self._rest = data[len(data) - len(data) % SIZE :]


def receive(pipe: Connection, links: int) -> None:
    """The process at the far end: listens for each link, and tells of each round."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        took: list[int] = []
        servers = [await loop.create_server(lambda: Receiver(took), HOST, 0) for _ in range(links)]
        pipe.send([server.sockets[0].getsockname()[1] for server in servers])
        gc.disable()
        asked = asyncio.Event()
        loop.add_reader(pipe.fileno(), asked.set)
        while True:
            await asked.wait()
            asked.clear()
            if not pipe.poll():
                continue
            if pipe.recv() == "end":
                break
            pipe.send(list(took))
            took.clear()
        for server in servers:
            server.close()

    asyncio.run(run())


async def send(ports: Sequence[int], per_s: int, seconds: float) -> int:
    """So many messages a second over each link; how many there were."""
    loop = asyncio.get_running_loop()
    wires: list[asyncio.Transport] = []
    for port in ports:
        wire, _ = await loop.create_connection(asyncio.Protocol, HOST, port)
        wires.append(wire)
    sent, gap, start = 0, 1 / per_s / len(wires), loop.time() + 0.05
    total = round(seconds * per_s) * len(wires)
    while sent < total:
        # Spread over time: all links at once would wait for each other and not for the proxy.
        due = min(total, int((loop.time() - start) / gap))
        while sent < due:
            wires[sent % len(wires)].write(_STAMP.pack(time.monotonic_ns()) + b"\0" * (SIZE - 8))
            sent += 1
        await asyncio.sleep(0)
        if sent >= due:
            time.sleep(gap / 2)  # noqa: ASYNC251  no timer of the loop is as fine
    await asyncio.sleep(0.3)
    for wire in wires:
        wire.close()
    await asyncio.sleep(0.05)
    return sent


async def measure(asked: argparse.Namespace) -> list[dict[str, Any]]:
    """All rounds of both ways, in turns."""
    links = list(permutations(range(NODES), 2))[: asked.links]
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    far = context.Process(target=receive, args=(there, len(links)))
    far.start()
    ports = here.recv()
    proxy = Lines("harness.local.proxy")
    with tempfile.TemporaryDirectory() as folder:
        await proxy.start(Path(folder) / "log")
        try:
            doors = {
                f"{a}/{b}": (f"n{a}", f"n{b}", HOST, port)
                for (a, b), port in zip(links, ports, strict=True)
            }
            opened = (await proxy.ask("open", seed=0, doors=doors))["ports"]
            to = {"direct": ports, "proxy": list(opened.values())}
            gc.disable()
            rounds = []
            for number in range(-1, asked.rounds):
                for way in WAYS if number % 2 else WAYS[::-1]:
                    burnt = cpu_s(proxy.pid)
                    sent = await send(to[way], asked.rate, asked.seconds)
                    here.send("told")
                    took = here.recv()
                    assert len(took) == sent, f"{sent - len(took)} messages are missing"
                    burnt = (cpu_s(proxy.pid) - burnt) / asked.seconds
                    if number >= 0:  # the first is for warmth
                        rounds.append({"way": way, "took": took, "cpu": burnt})
            here.send("end")
            return rounds
        finally:
            await proxy.stop()
            far.join(5)
            far.kill()


def cpu_s(pid: int) -> float:
    """How long this process has worked."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.proxies", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--links", type=int, default=20)
    parser.add_argument("--rate", type=int, default=1000, help="messages a second and link")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print JSON on standard output")
    asked = parser.parse_args()
    rounds = asyncio.run(measure(asked))
    rows = {}
    for way in WAYS:
        its = [one for one in rounds if one["way"] == way]
        cuts = [quantiles(one["took"], n=100) for one in its]
        rows[way] = {
            "p50_us": median(cut[49] for cut in cuts) / 1000,
            "p90_us": median(cut[89] for cut in cuts) / 1000,
            "p99_us": median(cut[98] for cut in cuts) / 1000,
            "cpu": median(one["cpu"] for one in its),
        }
    if asked.json:
        print(json.dumps(rows))
        return
    print(f"{asked.links} links, {asked.rate} messages/s each, {SIZE} bytes; µs")
    print(f"{'':8} {'p50':>8} {'p90':>8} {'p99':>8}  proxy's share of a core")
    for way, row in rows.items():
        times = " ".join(f"{row[name]:8.0f}" for name in ("p50_us", "p90_us", "p99_us"))
        print(f"{way:8} {times}  {row['cpu']:.0%}")
    direct, proxied = rows["direct"], rows["proxy"]
    names = ("p50_us", "p90_us", "p99_us")
    print(f"{'ratio':8} " + " ".join(f"{proxied[n] / direct[n]:8.2f}" for n in names))
    print(f"{'added':8} " + " ".join(f"{proxied[n] - direct[n]:8.0f}" for n in names))


if __name__ == "__main__":
    main()
