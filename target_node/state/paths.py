"""Which paths can there be, and how do they hang together?"""

from __future__ import annotations

import re
from typing import Final

from target_node.state.refusal import Refused
from target_node.wire.codes import ErrorCode

ROOT: Final = "/"
RESERVED: Final = "/zookeeper"
QUOTA: Final = "/zookeeper/quota"
CONFIG: Final = "/zookeeper/config"
FIXED: Final = frozenset({ROOT, RESERVED, QUOTA, CONFIG})  # these are never deleted

# Java counts in UTF-16: what is beyond U+FFFF is two surrogates there, and those are forbidden.
_BAD_CHARACTER: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\uf8ff\ufff0-\uffff\U00010000-\U0010ffff]"
)


def problem_with(path: str) -> str | None:
    """What is wrong with this path; None if a node may have it."""
    if not path.startswith("/"):
        return "it does not start with a slash"
    if path == ROOT:
        return None
    names = path[1:].split("/")
    if names[-1] == "":
        return "it ends with a slash"
    for name in names:
        if name in ("", ".", ".."):
            return f"{name!r} is no name"
    if bad := _BAD_CHARACTER.search(path):
        return f"it holds the character {bad[0]!r}"
    return None


def check_path(path: str) -> None:
    """Refuses a path that no node may have."""
    if problem_with(path) is not None:
        raise Refused(ErrorCode.BAD_ARGUMENTS)


def split(path: str) -> tuple[str, str]:
    """(parent, name) of a path below the root; a path without a slash is refused."""
    slash = path.rfind("/")
    if slash == -1 or "\0" in path:
        raise Refused(ErrorCode.BAD_ARGUMENTS)
    return path[:slash] or ROOT, path[slash + 1 :]


def join(parent: str, name: str) -> str:
    """The path of this child."""
    return parent + name if parent == ROOT else f"{parent}/{name}"


def upwards(path: str) -> list[str]:
    """The path, then its ancestors up to the root."""
    found = [path]
    while path != ROOT:
        path = path[: path.rfind("/")] or ROOT
        found.append(path)
    return found
