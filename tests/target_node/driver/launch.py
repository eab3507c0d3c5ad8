"""Nodes as processes of their own, which are gone when a test is over."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from tests.target_node.driver.wiring import LOOPBACK, PATIENCE, free_port

ROOT = Path(__file__).parents[3]
PARROT = ("-m", "tests.target_node.driver.parrot")
REAL = ("-m", "target_node")


class Launched:
    """A node's process, its files and its clients."""

    def __init__(self, process: subprocess.Popen[bytes], where: Path, port: int) -> None:
        self.process = process
        self.port = port
        self._where = where

    def errors(self) -> str:
        return (self._where / "stderr").read_text()

    def events(self) -> list[dict[str, Any]]:
        """All whole lines of the events file."""
        file = self._where / "events"
        lines = file.read_text().split("\n")[:-1] if file.exists() else []
        return [json.loads(line) for line in lines]

    def names(self) -> list[str]:
        return [event["event"] for event in self.events()]

    def wait_for(self, holds: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, self.errors()
            assert self.process.poll() is None or holds(), self.errors()
            time.sleep(0.01)

    def ready(self) -> Launched:
        self.wait_for(lambda: "started" in self.names())
        return self

    @contextmanager
    def client(self) -> Iterator[BinaryIO]:
        with (
            socket.create_connection((LOOPBACK, self.port), PATIENCE) as connection,
            connection.makefile("rwb") as client,
        ):
            yield cast(BinaryIO, client)

    def ask(self, command: str) -> str:
        """One command of the parrot, and the line that it answers."""
        with self.client() as client:
            return say(client, command)

    def ends(self, number: int | None = None) -> int:
        """The exit status, after this signal."""
        if number is not None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def tell(client: BinaryIO, command: str) -> None:
    client.write(command.encode())
    client.flush()


def say(client: BinaryIO, command: str) -> str:
    tell(client, command)
    return hear(client)


def hear(client: BinaryIO) -> str:
    return client.readline().decode().rstrip("\n")


def configure(where: Path, text: str = "", *, port: int | None = None) -> int:
    """A zoo.cfg for a server alone; its client port."""
    where.mkdir(parents=True, exist_ok=True)
    port = free_port() if port is None else port
    common = f"dataDir={where / 'data'}\nclientPort={port}\nclientPortAddress={LOOPBACK}\n"
    (where / "zoo.cfg").write_text(common + text)
    return port


@contextmanager
def launched(
    where: Path,
    *more: str,
    port: int,
    program: tuple[str, ...] = PARROT,
    before: Callable[[], None] | None = None,
) -> Iterator[Launched]:
    """The node of this directory, killed at the end if it still lives."""
    command = [sys.executable, *program, str(where / "zoo.cfg"), "--events", str(where / "events")]
    with (where / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [*command, *more],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=where,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            preexec_fn=before,
        )
    try:
        yield Launched(process, where, port)
    finally:
        process.kill()
        process.wait()
