"""Can a node's data lie on a file system that forgets what was not synced?

It is mounted over the node's data directory before anything is in it, and stays until the end of
the run. A host without /dev/fuse, libfuse3 or the right to mount cannot have it.
"""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Final

from harness.deploy.target import CACHE, HOME
from harness.deploy.uploading import put_once
from harness.hosts.host import Host, words
from harness.hosts.trouble import HostTrouble, printable
from harness.lossy.packed import lacks, packed
from harness.preload.shim import Wanted

DATA: Final = f"{HOME}/data"
_UNDER: Final = f"{HOME}/under"
_LOG: Final = f"{HOME}/under.log"
_CONTROL: Final = f"{DATA}/.zabtest"
_MOUNT_S: Final = 60.0
_TRIES: Final = 200


def _told(command: str) -> str:
    # Where it is mounted no more, there is not to be a file of that name.
    return f"[ -e {_CONTROL} ] && printf '{command}' >{_CONTROL}"


UNMOUNT: Final = f"while umount -l {DATA} 2>/dev/null; do :; done\n"
"""Whether it is mounted or not; what mounted it ends by that."""

UNDO: Final = f"if [ -e {_CONTROL} ]; then {_told('fail 0 0 0')}; fi\n"

SETTLE: Final = f"if [ -e {_CONTROL} ]; then {_told('settle')} || exit 80; fi\n"
"""As if all that is there had been there for long."""


@dataclass(frozen=True, slots=True)
class Losing:
    """Whether a host has it, or why not."""

    there: bool = False
    why_not: str = ""

    def fail(self, wanted: Wanted) -> str:
        """A script that lets the disk fail like this."""
        if not self.there:
            return ""
        sync_errno, write_errno = wanted.errors
        return f"{_told(f'fail {wanted.sync_ms} {sync_errno} {write_errno}')} || exit 80\n"

    def lose(self, *, torn: bool) -> str:
        """A script that lets the power fail; its process is to be dead."""
        return f"{_told(f'lose {int(torn)}')} || exit 80\n" if self.there else ""


@dataclass(frozen=True, slots=True)
class Failures:
    """What the disk has done up to now that it should not."""

    syncs_late: int = 0
    syncs_failed: int = 0
    writes_failed: int = 0
    losses: int = 0
    bytes_lost: int = 0
    names_lost: int = 0


async def mounted(host: Host) -> Losing:
    """Have it there; or why it cannot be had."""
    if lacks():
        return Losing(why_not=lacks())
    data = await asyncio.to_thread(packed)
    path = f"{CACHE}/lossy-{hashlib.sha256(data).hexdigest()[:16]}.pyz"
    await put_once(host, data, path)
    serve = words(["python3", path, _UNDER, DATA])
    script = f"""\
mkdir -p {DATA} && cd {HOME} || exit 1
setsid {serve} </dev/null >{_LOG} 2>&1 &
pid=$! tries=0
until [ -e {_CONTROL} ]; do
  tries=$((tries + 1)); [ $tries -lt {_TRIES} ] && kill -0 $pid 2>/dev/null || break
  sleep 0.05
done
if [ -e {_CONTROL} ]; then echo there; else kill -KILL $pid 2>/dev/null; tail -n 1 {_LOG}; fi
"""
    try:
        done = await host.run(script, deadline_s=_MOUNT_S)
    except HostTrouble as trouble:
        return Losing(why_not=str(trouble))
    if done.text.strip() == "there":
        return Losing(there=True)
    return Losing(why_not=printable(done.out) or "the file system does not come up")


async def failures(host: Host) -> Failures:
    """As it counts them itself; none, if it cannot say."""
    done = await host.run(["cat", _CONTROL], again=True)
    try:
        return Failures(*(int(word) for word in done.text.split()))
    except (TypeError, ValueError):
        return Failures()
