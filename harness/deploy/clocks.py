"""Whose clock goes wrong on a host: its own, or that of one process?

Rules of this file:
1. The clock of a kernel is bent only if no other host has the same kernel, and not the controller
   either; and if nobody else there sets it right.
2. Where it cannot be bent the clock of the node's process is, as far as there is a way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.deploy import clock_agent
from harness.deploy.target import LEASE
from harness.hosts.host import words
from nemesis.fault import Node
from nemesis.union import Skew

AGENT: Final = f"{LEASE}/clock_agent.py"
_STATE: Final = f"{LEASE}/clock.json"
_RUN: Final = f"python3 -P {AGENT}"
_BOOT: Final = "/proc/sys/kernel/random/boot_id"
_KEEPERS: Final = ("chronyd", "ntpd", "systemd-timesyn", "VBoxService")  # as the kernel cuts names
# Asked with a tick that cannot be: who may set the clock is told so, and nothing changes.
_MAY_SET: Final = """\
import ctypes, errno
asked = (ctypes.c_long * 64)()
asked[0], asked[11] = 0x4000, 1
ctypes.CDLL(None, use_errno=True).adjtimex(asked)
raise SystemExit(ctypes.get_errno() != errno.EINVAL)
"""
FACTS: Final = f"""\
echo "boot=$(cat {_BOOT})"
python3 -c {words([_MAY_SET])} 2>/dev/null && echo sets=yes
for one in /proc/[0-9]*/comm; do
  {{ read -r name <$one; }} 2>/dev/null || continue
  case $name in {"|".join(_KEEPERS)}) echo "keeper=$name";; esac
done
"""
"""A script that tells what there is to know of a host's clock."""
PUT_BACK: Final = f"if [ -e {_STATE} ]; then {_RUN} reset || exit 77; fi\n"
"""A script that lets it be as if nobody had touched it."""
TELL: Final = f"{_RUN} tell"


@dataclass(frozen=True, slots=True)
class HostClock:
    """What a host says of its clock: whose kernel's it is, and who else sets it."""

    boot: str = ""
    settable: bool = False
    keepers: tuple[str, ...] = ()


def boot() -> str:
    """Which boot of which kernel this is, where the controller runs."""
    try:
        return Path(_BOOT).read_text().strip()
    except OSError:
        return ""


def why(clock: HostClock, ours: str) -> str:
    """Why it must not be bent, or cannot be; nothing if it may, as far as this host alone tells."""
    if clock.boot == ours:
        return "its kernel is the controller's"
    if not clock.boot:
        return "it does not tell which kernel it has"
    if not clock.settable:
        return "it may not be set there (or there is no python3)"
    if clock.keepers:
        return f"{clock.keepers[0]} sets it right: stop that for the run"
    return ""


def why_shared(found: Mapping[Node, HostClock], ours: str) -> Mapping[Node, str]:
    """The same of several hosts, which may have one kernel between them."""
    count = Counter(one.boot for one in found.values())
    return {
        node: why(one, ours) or ("another host has its kernel" if count[one.boot] > 1 else "")
        for node, one in found.items()
    }


def told(clock: HostClock, ours: str) -> str:
    """For a doctor."""
    reason = why(clock, ours)
    if not reason:
        return "faults bend the host's own, if no other host has its kernel"
    return f"faults bend that of a process only: {reason}"


def split(skew: Skew, *, by_node: bool) -> tuple[Skew, Skew]:
    """What the host's clock is to do of it, and what the node's alone.

    The kernel lets timers go faster or slower by a tenth. What is more is done by the node to all
    its time, if it can; else by the host to its wall clock, and as far as it goes to its timers.
    """
    far = abs(skew.rate - 1.0) > clock_agent.MOST + 1e-9
    if far and by_node:
        return Skew(skew.offset_ms, 1.0), Skew(0, skew.rate)
    return skew, Skew()


def bend(skew: Skew) -> str:
    """A script that lets the host's clock be wrong like this."""
    if skew == Skew():
        return PUT_BACK
    return f"{_RUN} set {int(skew.offset_ms)} {float(skew.rate)!r} {words([boot()])} || exit 77\n"


def agent() -> bytes:
    """What does it there."""
    return Path(clock_agent.__file__).read_bytes()
