"""Can a process on a host be bent by a library that is preloaded into it?

It is built here and tried there, with what is to run there: a program that is linked statically, or
a machine of another kind, takes no notice of it.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.deploy.target import BASE, CACHE, HOME, Target
from harness.deploy.uploading import put_once
from harness.hosts.host import Host, words
from harness.hosts.trouble import HostTrouble, printable
from harness.preload import shim

PAGE: Final = f"{HOME}/shim"
_TRIAL: Final = f"{BASE}/shim.trial"
_TRIAL_S: Final = 60.0
_NEW_PAGE: Final = f"head -c {shim.SIZE} /dev/zero >"


@dataclass(frozen=True, slots=True)
class Preload:
    """Where the library is on a host; or why it is of no use there."""

    path: str = ""
    why_not: str = ""

    def command(self, argv: Sequence[str]) -> Sequence[str]:
        """This one, with the library if there is one."""
        return [*_with(self.path, PAGE), *argv] if self.path else argv

    def new_page(self) -> str:
        """A script that makes what the process maps; nothing is wrong in it."""
        return f"{_NEW_PAGE}{PAGE}\n" if self.path else ""

    def bend(self, data: bytes) -> str:
        """A script that lets this be so for the process."""
        return f"{_written(data)} || exit 78\n" if self.path else ""


async def tried(host: Host, target: Target) -> Preload:
    """Put it there, and see whether it is taken in."""
    try:
        data = await asyncio.to_thread(shim.built)
    except shim.CannotBuild as why:
        return Preload(why_not=str(why))
    path = f"{CACHE}/shim-{hashlib.sha256(data).hexdigest()[:16]}.so"
    await host.run(["mkdir", "-p", CACHE])
    await put_once(host, data, path)
    trial = words([*_with(path, _TRIAL), *target.trial()])
    try:
        done = await host.run(
            f"{_NEW_PAGE}{_TRIAL} && {trial} </dev/null >/dev/null 2>{_TRIAL}.said\n"
            f"{_read(_TRIAL)}; tail -n 1 {_TRIAL}.said; rm -f {_TRIAL} {_TRIAL}.said",
            deadline_s=_TRIAL_S,
        )
    except HostTrouble as trouble:
        return Preload(why_not=str(trouble))
    numbers, _, said = done.out.partition(b"\n")
    if shim.seen(numbers.decode(errors="replace")).attached:
        return Preload(path)
    program = target.trial()[0]
    return Preload(why_not=printable(said) or f"{program} takes no notice of what is preloaded")


async def seen(host: Host) -> shim.Seen:
    """What the process of the node was told, and what failed, up to now."""
    done = await host.run(_read(PAGE), again=True)
    return shim.seen(done.out.decode(errors="replace"))


def _read(page: str) -> str:
    at, size = shim.SEEN_AT, shim.SEEN_SIZE
    return f"od -An -v -t d8 -w{size} -j {at} -N {size} {page} 2>/dev/null"


def _written(data: bytes) -> str:
    """In one piece: the process may look at any moment."""
    octal = "".join(f"\\{byte:03o}" for byte in data)
    return f"printf '{octal}' | dd of={PAGE} bs={len(data)} count=1 conv=notrunc 2>/dev/null"


def _with(library: str, page: str) -> list[str]:
    return ["env", f"LD_PRELOAD={library}", f"ZABTEST_SHIM={page}", f"ZABTEST_DISK={HOME}/data"]


UNDO: Final = f"if [ -e {PAGE} ]; then {_written(shim.CALM)}; fi\n"
