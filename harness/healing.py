"""`zabtest heal`: what did a dead run leave behind, and is all of it undone?

On this machine nodes end with whoever started them, and their faults with them: this looks whether
it is so, and ends what is left. On hosts faults end by themselves a moment after their controller,
and nodes do not: both are ended by SSH.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from harness.leftovers import Process, is_taken, ports, processes, unfinished
from harness.store import NotARun, StoredRun, is_run
from harness.telling import print_json, say

WRONG_USAGE: Final = 2
CANNOT_SAY: Final = 3
NOT_HEALED: Final = 4
HOSTS_HEALED: Final = "hosts-healed"
"""A file in the run's folder: its hosts may be another's by now, and are not touched again."""
PATIENCE_S: Final = 5.0  # in which processes end by themselves, and then after they were killed
_LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Healed:
    """What became of one run's remains."""

    path: str
    alive: bool = False
    """Whether it is still going: then nothing of it is touched."""
    faults: int = 0
    """So many were active when it died, and are no more."""
    ended: Sequence[str] = ()
    removed: Sequence[str] = ()
    hosts: str = ""
    """Those that were healed."""
    elsewhere: str = ""
    """What can be neither looked at nor undone from here."""
    left: Sequence[str] = ()
    """What could not be undone."""
    unreadable: str = ""
    """Why nobody knows what it left."""

    @property
    def words(self) -> str:
        """All that in a line."""
        if self.alive:
            return f"? {self.path}: it is still going, or kept; Ctrl-C there ends and heals it"
        if self.unreadable:
            return f"✗ {self.path}: what it left cannot be known: {self.unreadable}"
        done = [
            f"{self.faults} faults were active and are over" if self.faults else "",
            f"ended {', '.join(self.ended)}" if self.ended else "",
            f"removed {', '.join(self.removed)}" if self.removed else "",
            f"healed the hosts {self.hosts}" if self.hosts else "",
            self.elsewhere,
        ]
        if self.left:
            done.insert(0, f"still there: {', '.join(self.left)}")
            return f"✗ {self.path}: {'; '.join(filter(None, done))}"
        told = "; ".join(filter(None, done)) or "nothing was left"
        return f"{'?' if self.elsewhere else '✓'} {self.path}: {told}"


def heal(where: Path, *, json: bool) -> int:
    """Undo what is left of this run, or of all runs of this store; the exit status."""
    try:
        runs = [where] if is_run(where) else sorted(where.glob("*/*/run.json"))
        folders = [(one if one.is_dir() else one.parent).resolve() for one in runs]
    except OSError as problem:
        return _refuse(f"{where}: cannot be read ({problem.strerror})")
    if not folders:
        there = "no run is stored in it" if where.is_dir() else "there is no such folder"
        return _refuse(f"{where}: {there}; name a run's folder, or a store with --store")
    found = [_healed(folder) for folder in folders]
    if json:
        print_json({"healed": [asdict(one) for one in found]})
    else:
        told = [one.words for one in found if not one.words.endswith("nothing was left")]
        quiet = len(found) - len(told)
        for line in told if len(found) > 1 else [one.words for one in found]:
            say(line)
        if quiet and len(found) > 1:
            others = "other " if told else ""
            say(f"✓ of {quiet} {others}{'run' if quiet == 1 else 'runs'} nothing was left")
    if any(one.left or one.unreadable for one in found):
        return NOT_HEALED
    return CANNOT_SAY if any(one.alive or one.elsewhere for one in found) else 0


def _healed(folder: Path) -> Healed:
    run = StoredRun(folder)
    try:
        if run.alive:
            return Healed(path=str(folder), alive=True)
        active = run.left_active()
        wanted = run.facts().get("wanted", {})
        on = wanted.get("on", "local")
    except (OSError, ValueError, KeyError, AttributeError) as problem:
        known = isinstance(problem, NotARun)
        why = str(problem) if known else f"what it wrote cannot be read: {problem}"
        return Healed(path=str(folder), unreadable=why)
    ended, left = _end(folder)
    removed = []
    for path in unfinished(folder):
        try:
            path.unlink()
            removed.append(str(path.relative_to(folder)))
        except OSError as problem:
            left.append(f"{path.name} ({problem.strerror})")
    if not left:
        left += [f"port {port}" for port in ports(folder) if is_taken(port) and not ended]
    hosts = elsewhere = ""
    if on == "ssh" and (active or not (folder / "results.json").exists()):
        if _another_is_going(folder):
            elsewhere = "its hosts are left alone: another run of this store is going"
        elif not (folder / HOSTS_HEALED).exists():
            hosts = str(wanted.get("hosts", ""))
            unhealed = _hosts(wanted)
            left += unhealed
            if not unhealed:
                (folder / HOSTS_HEALED).touch()
    elif active and on == "lab":
        elsewhere = "faults were active in a lab, which ends with whoever made it"
    if active and not left and not elsewhere:
        run.journal(())
    return Healed(
        path=str(folder),
        faults=0 if elsewhere else len(active),
        ended=ended,
        removed=removed,
        hosts=hosts,
        elsewhere=elsewhere,
        left=left,
    )


def _another_is_going(folder: Path) -> bool:
    return any(StoredRun(one.parent).alive for one in folder.parents[1].glob("*/*/run.json"))


def _hosts(wanted: Mapping[str, Any]) -> list[str]:
    """End all that is ours on the hosts of a dead run; what could not be done, a line each."""
    from harness.healing_hosts import healed_at
    from harness.hosts.inventory import BadInventory, logins

    try:
        config = Path(wanted["ssh_config"]) if wanted["ssh_config"] else None
        found = logins(
            wanted["hosts"],
            ssh_config=config,
            accept_new=wanted["accept_new"],
            sudo=wanted["sudo"],
        )
    except (BadInventory, KeyError) as problem:
        return [f"the hosts are not known any more: {problem}"]
    healed = asyncio.run(healed_at(found, dead=True))
    return [f"{one.host}: {'; '.join(one.left)}" for one in healed if one.left]


def _end(folder: Path) -> tuple[list[str], list[str]]:
    """Wait until its processes have ended, or end them; which that were, and which still live."""
    until = time.monotonic() + PATIENCE_S
    while (living := _of(folder)) and time.monotonic() < until:
        time.sleep(_LOOK_S)
    killed = living
    for one in killed:
        one.end()
    until = time.monotonic() + PATIENCE_S
    while (living := _of(folder)) and time.monotonic() < until:
        time.sleep(_LOOK_S)
    pids = {one.pid for one in living}
    return (
        [f"process {one.pid}" for one in killed if one.pid not in pids],
        [f"process {one.pid} ({one.words})" for one in living],
    )


def _of(folder: Path) -> Sequence[Process]:
    return [one for one in processes() if one.is_of(folder)]


def _refuse(why: str) -> int:
    sys.stderr.write(f"zabtest: {why}\n")
    return WRONG_USAGE
