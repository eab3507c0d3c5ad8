"""Which files has one node, and in which state do we want its process?

All nodes are told the same configuration, real ports in it; a file of each tells it that it reaches
its peers through the proxy. Paths in the configuration are relative to a node's own folder.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from harness.flips import Flip, chosen, flip_of
from harness.local.orders import CLIENTS
from harness.local.ports import HOST
from nemesis.fault import Node
from nemesis.union import Skew

RIGHT: Final = Skew()
PORTS: Final = 3  # of each node: for clients, for the quorum, for elections


@dataclass(slots=True)
class Member:
    """One node. From `up` on it is what was done to it last: `flips` are the bits with which it has
    not been started yet, and `rotten` says whether one was ever flipped on this disk.
    """

    name: Node
    sid: int
    folder: Path
    ports: tuple[int, int, int] = (0, 0, 0)
    up: bool = False
    paused: bool = False
    wiped: bool = False
    flips: dict[tuple[int, int], Flip | None] = field(default_factory=dict)
    rotten: bool = False
    skew: Skew = field(default=RIGHT)

    @property
    def client_port(self) -> int:
        """Its own, which clients should not come to."""
        return self.ports[0]

    @property
    def events(self) -> Path:
        """Where it writes what it does."""
        return self.folder / "events.jsonl"

    @property
    def log(self) -> Path:
        """What it says to people."""
        return self.folder / "log"

    @property
    def data(self) -> Path:
        """Its disk."""
        return self.folder / "data"

    @property
    def line(self) -> str:
        """Of the configuration, about this server."""
        client, quorum, election = self.ports
        return f"server.{self.sid}={HOST}:{quorum}:{election};{HOST}:{client}\n"

    def doors(self, members: Sequence[Member]) -> dict[str, tuple[str, str, str, int]]:
        """Those that others come to this one by, for the proxy."""
        client, quorum, election = self.ports
        doors = {f"client/{self.name}": (CLIENTS, self.name, HOST, client)}
        for other in members:
            if other is not self:
                doors[f"quorum/{other.sid}/{self.sid}"] = (other.name, self.name, HOST, quorum)
                doors[f"election/{other.sid}/{self.sid}"] = (other.name, self.name, HOST, election)
        return doors

    def write_files(self, doors: Mapping[str, int], members: Sequence[Member]) -> None:
        """All that it needs to be started the first time."""
        self.folder.mkdir(parents=True, exist_ok=True)
        routes = {
            port: {
                str(other.sid): f"{HOST}:{doors[f'{port}/{self.sid}/{other.sid}']}"
                for other in members
                if other is not self
            }
            for port in ("quorum", "election")
        }
        (self.folder / "routes.json").write_text(json.dumps(routes))
        self.write_clock(RIGHT)
        self.wipe()

    def write_clock(self, skew: Skew) -> None:
        """In one piece: the node may look at any moment."""
        new = self.folder / "clock.json.new"
        new.write_text(json.dumps({"offset_ms": skew.offset_ms, "rate": skew.rate}))
        os.replace(new, self.folder / "clock.json")
        self.skew = skew

    def wipe(self) -> None:
        """Leave nothing on its disk but who it is."""
        if self.data.exists():
            shutil.rmtree(self.data)
        self.data.mkdir()
        (self.data / "myid").write_text(f"{self.sid}\n")

    def lose_disk(self) -> None:
        """Wipe it, and leave a line of that in its events: else it would seem to have forgotten."""
        self.wipe()
        self.rotten = False
        self._tell({"event": "disk_lost"})

    def flip_bit(self, file: int, back: int) -> None:
        """One bit is wrong, so far from the end of one of its newest files; if it has any."""
        self.flips[file, back] = None
        history = self.data / "version-2"
        name = chosen(os.listdir(history) if history.exists() else (), file)
        wrong = name and flip_of((history / name).read_bytes(), name, back)
        if not wrong:
            return
        with (history / wrong.name).open("r+b") as opened:
            opened.seek(wrong.byte)
            opened.write(bytes([wrong.now]))
        self.flips[file, back] = wrong
        self.rotten = True
        self._tell({"event": "bit_flipped", **asdict(wrong)})

    def byte_of(self, flip: Flip) -> int | None:
        """What stands there now; nothing, if the file is gone."""
        try:
            return (self.data / "version-2" / flip.name).read_bytes()[flip.byte]
        except (OSError, IndexError):
            return None

    def _tell(self, event: Mapping[str, object]) -> None:
        with self.events.open("a", encoding="utf-8") as file:
            # A kill may have torn the last line.
            said = json.dumps({"node": self.sid, **event}, separators=(",", ":"))
            file.write(f"\n{said}\n")

    def command(self, module: Sequence[str], config: Path) -> list[str]:
        """How it is started, in its folder; `module` may have arguments before the others."""
        files = ("--events", str(self.events), "--clock", "clock.json", "--routes", "routes.json")
        return [sys.executable, "-P", "-m", *module, str(config), *files]

    def last_words(self) -> str:
        """The last line of its log."""
        try:
            lines = self.log.read_text(errors="replace").splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""


def configuration(members: Sequence[Member], tick_ms: int, more: str) -> str:
    """The one text that all nodes are told."""
    return (
        f"tickTime={tick_ms}\ninitLimit=25\nsyncLimit=10\ndataDir=data\nmaxClientCnxns=0\n"
        f"4lw.commands.whitelist=*\n{''.join(member.line for member in members)}{more}"
    )
