"""How is a bit flipped on the disk of a host, while the node is down?

Rules of this file:
1. It is chosen once, and written as a byte: what is done twice, because a connection broke, must
   not flip it back.
2. A host needs no more for it than GNU's grep and coreutils.
"""

from __future__ import annotations

from typing import Final

from harness.deploy.target import HOME
from harness.flips import Flip, chosen, place
from harness.hosts.host import Done, Host, checked, words

_HISTORY: Final = f"{HOME}/data/version-2"
_LOOK_S: Final = 60.0  # at a file that may be long, though there is nothing in most of it


async def choose(host: Host, file: int, back: int) -> Flip | None:
    """Which byte is wrong, and what it is then; none, if there is no history."""
    listed = await host.run(["ls", _HISTORY], again=True)
    name = chosen(listed.text.split(), file)
    if name is None:
        return None
    # No log and no snapshot ends with a zero or the end of a line: what is found is the last byte.
    at = words([f"{_HISTORY}/{name}"])
    last = f"tr '\\000' '\\n' <{at} | LC_ALL=C grep -abo '.$' | tail -n 1 | cut -d: -f1"
    found = await checked(host, last, deadline_s=_LOOK_S, again=True)
    if not found.text:
        return None
    byte, bit = place(int(found.text) + 1, back)
    was = await checked(host, _byte(name, byte), again=True)
    return Flip(name, byte, int(was.text) ^ bit)


def flip(wrong: Flip, sid: int) -> str:
    """A script that does it, and leaves a line of it in what the node wrote down, if it did."""
    line = f'{{"node":{sid},"event":"bit_flipped","name":"{wrong.name}","byte":{wrong.byte}}}'
    file = words([f"{_HISTORY}/{wrong.name}"])
    return (
        f"if [ -e {file} ]; then printf '\\{wrong.now:03o}' |\n"
        f"  dd of={file} bs=1 seek={wrong.byte} conv=notrunc 2>/dev/null || exit 81; fi\n"
        f"if [ -e $home/events.jsonl ]; then printf '\\n%s\\n' '{line}' >>$home/events.jsonl; fi\n"
    )


async def stands(host: Host, wrong: Flip) -> bool:
    """Whether the byte is what it was made."""
    done: Done = await host.run(_byte(wrong.name, wrong.byte), again=True)
    return done.text == str(wrong.now)


def _byte(name: str, byte: int) -> str:
    return words(["od", "-An", "-tu1", "-j", byte, "-N1", f"{_HISTORY}/{name}"])
