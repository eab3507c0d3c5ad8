"""What do clients ask of an ensemble while it is being killed, and which answers did they get?

Some create children of a set, each once. Others write registers, each time with the version that
they read; so of each version of a register there is one value, and whoever was told that it is
written must find it, or a later one.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from typing import Final

from target_node.wire.codes import ErrorCode
from tests.target_node.raw_client import Lost, RawClient, Refusal

REGISTERS: Final = 2


class Load:
    """Clients of all these ports, from `start` to `stop`; `root` is theirs alone."""

    def __init__(self, ports: Sequence[int], root: str, seed: int, clients: int = 4) -> None:
        self.root = root
        self.created: list[str] = []  # acknowledged
        self.written: list[dict[int, bytes]] = [{} for _ in range(REGISTERS)]  # by version
        self.failures: list[BaseException] = []
        self._ports = ports
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(number, random.Random(f"{seed} {number}")))
            for number in range(clients)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """No more is asked, and all that was answered is known."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()
        if self.failures:
            raise self.failures[0]

    @property
    def acknowledged(self) -> int:
        return len(self.created) + sum(map(len, self.written))

    def prepare(self, client: RawClient) -> None:
        client.create(self.root)
        client.create(f"{self.root}/set")
        for register in range(REGISTERS):
            client.create(f"{self.root}/r{register}", b"new")

    def check(self, client: RawClient) -> None:
        """All that was acknowledged is there."""
        client.sync()
        lost = set(self.created) - client.children(f"{self.root}/set")
        assert not lost, f"acknowledged creates were lost: {sorted(lost)}"
        for register, written in enumerate(self.written):
            value, stat = client.read(f"{self.root}/r{register}")
            last = max(written, default=0)
            assert stat.version >= last, f"version {last} was acknowledged, is {stat.version}"
            if stat.version in written:
                assert value == written[stat.version], "another value than was acknowledged"

    def _run(self, number: int, draw: random.Random) -> None:
        mine = 0
        try:
            while not self._stopping.is_set():
                try:
                    with RawClient(draw.choice(self._ports)) as client:
                        while not self._stopping.is_set():
                            mine += 1
                            if draw.random() < 0.7:
                                client.create(f"{self.root}/set/{number}-{mine}")
                                self.created.append(f"{number}-{mine}")
                            else:
                                self._write(client, draw.randrange(REGISTERS), number, mine)
                except Lost:
                    self._stopping.wait(0.02)
        except BaseException as failure:
            self.failures.append(failure)

    def _write(self, client: RawClient, register: int, number: int, mine: int) -> None:
        path, value = f"{self.root}/r{register}", f"{number}-{mine}".encode()
        _, stat = client.read(path)
        try:
            version = client.write(path, value, stat.version).version
        except Refusal as refusal:
            if refusal.code is not ErrorCode.BAD_VERSION:
                raise
            return
        assert version == stat.version + 1
        other = self.written[register].setdefault(version, value)
        assert other == value, f"version {version} was acknowledged twice: {other!r}, {value!r}"
