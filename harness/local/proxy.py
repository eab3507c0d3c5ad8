"""Which process carries all traffic between the nodes and their clients, and what can it be told?

It reads a JSON object from each line of its input and answers each with one, of the same `id`:

{"do": "open", "seed": 7, "doors": {"quorum/1/2": ["n1", "n2", "127.0.0.1", 2881], …}}
    Listen, for each door, to connections from the first place to the second, which is there;
    answers {"ports": {"quorum/1/2": 40001, …}}.
{"do": "set", "links": [["n1", "n2", {"cut": true}], …], "doors": {"client/n1": "reset"}}
    Let it be so; all that is not named is open.
{"do": "count"}
    Answers {"links": [["n1", "n2", taken, given], …]}, in bytes.
{"do": "probe", "links": [["n1", "n2"], …], "pieces": 3, "size": 1, "for_ms": 200}
    Send so many pieces over each link, past all nodes; answers {"links": [{"link": ["n1", "n2"],
    "arrived": 3, "first_ms": 0.1, "last_ms": 0.1, "given": 3}, …]}.

It ends when its input does: whoever holds the other end is gone.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NoReturn

from harness.local.door import Door, Mode
from harness.local.flow import OPEN, Flow, Link, Way


class Switchboard:
    """All links and doors."""

    def __init__(self) -> None:
        self._links: dict[tuple[str, str], Link] = {}
        self._doors: dict[str, Door] = {}
        self._seed = 0

    async def do(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """What is to be answered."""
        match said["do"]:
            case "open":
                self._seed = said["seed"]
                return {"ports": await self._open(said["doors"])}
            case "set":
                await self._set(said["links"], said["doors"])
                return {}
            case "count":
                links = self._links.items()
                return {"links": [[a, b, link.taken, link.given] for (a, b), link in links]}
            case "probe":
                return {"links": await self._probe(said)}
            case other:
                raise ValueError(f"no command: {other!r}")

    def flows(self) -> int:
        """How many there are."""
        return sum(len(link.flows) for link in self._links.values())

    def held(self) -> int:
        """Bytes that were taken and are not given, of all flows."""
        return sum(flow.held_bytes for link in self._links.values() for flow in link.flows)

    def close(self) -> None:
        """Give up all ports."""
        for door in self._doors.values():
            door.close()

    async def _open(self, doors: Mapping[str, Sequence[Any]]) -> dict[str, int]:
        ports = {}
        for name, (comes_from, goes_to, host, port) in doors.items():
            there, back = self._link(comes_from, goes_to), self._link(goes_to, comes_from)
            self._doors[name] = door = Door((host, port), there, back)
            await door.set(Mode.OPEN)
            ports[name] = door.port
        gc.freeze()
        return ports

    async def _set(
        self, links: Sequence[tuple[str, str, Mapping[str, Any]]], doors: Mapping[str, str]
    ) -> None:
        wanted = {(a, b): Way(**way) for a, b, way in links}
        for names in wanted:
            self._link(*names)
        for names, link in self._links.items():
            link.set(wanted.get(names, OPEN))
        for name, door in self._doors.items():
            await door.set(Mode(doors.get(name, Mode.OPEN)))

    async def _probe(self, said: Mapping[str, Any]) -> list[dict[str, Any]]:
        probes = [
            _Probe((a, b), self._link(a, b), said["pieces"], said["size"]) for a, b in said["links"]
        ]
        seconds = said["for_ms"] / 1000
        arrived = [probe.done.wait() for probe in probes]
        tasks = [asyncio.ensure_future(one) for one in arrived]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
        return [probe.end() for probe in probes]

    def _link(self, one: str, other: str) -> Link:
        names = (one, other)
        if names not in self._links:
            self._links[names] = Link(_chance(f"{self._seed}/{one}>{other}"))
        return self._links[names]


class _Probe:
    """A flow whose source says a few pieces, and whose sink notes when they come."""

    def __init__(self, names: tuple[str, str], link: Link, pieces: int, size: int) -> None:
        self.done = asyncio.Event()
        self._names = names
        self._link = link
        self._pieces = pieces
        self._size = size
        self._bytes = 0
        self._came: list[float] = []
        self._given = link.given
        self._began = asyncio.get_running_loop().time()
        self._flow = Flow(link, self)
        self._flow.reach(self)
        for _ in range(pieces):
            self._flow.take(b"\0" * size)

    def hold(self, *, held: bool) -> None:
        """All that there is was said already."""

    def put(self, data: bytes) -> None:
        # A large piece comes in several, and is there when the last of them is.
        self._bytes += len(data)
        while self._bytes >= self._size * (len(self._came) + 1):
            self._came.append((asyncio.get_running_loop().time() - self._began) * 1000)
        if len(self._came) >= self._pieces:
            self.done.set()

    def finish(self, *, broken: bool) -> None:
        """Never: it is dropped."""

    def settle(self) -> None:
        """Neither."""

    def end(self) -> dict[str, Any]:
        """What came of it."""
        self._flow.drop()
        return {
            "link": self._names,
            "arrived": len(self._came),
            "first_ms": self._came[0] if self._came else None,
            "last_ms": self._came[-1] if self._came else None,
            "given": self._link.given - self._given,
        }


def _chance(label: str) -> Callable[[], float]:
    """Numbers from 0 to 1, the same ones for the same label."""
    count = 0

    def chance() -> float:
        nonlocal count
        count += 1
        number = blake2b(f"{label}/{count}".encode(), digest_size=8).digest()
        return int.from_bytes(number) / 2**64

    return chance


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    board = Switchboard()
    while line := await reader.readline():
        said = json.loads(line)
        try:
            answer = await board.do(said)
        except Exception as failure:
            answer = {"failed": f"{type(failure).__name__}: {failure}"}
        sys.stdout.write(json.dumps({"id": said["id"], **answer}) + "\n")
        sys.stdout.flush()


def main() -> NoReturn:
    """Be the process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        asyncio.run(_serve())
    except BrokenPipeError:
        pass  # whoever asked is gone
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
