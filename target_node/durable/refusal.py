"""What is said when the disk holds something that no crash can have left behind?"""

from __future__ import annotations

from typing import Final

COPY_AFRESH: Final = (
    "if every other server is up and synced, move this server's data directory away and start it, "
    "so that it copies the history from them"
)


class Corrupt(Exception):
    """The node must not start on this: txns that were acknowledged may be missing."""

    def __init__(self, file: str, offset: int, problem: str, mend: str = COPY_AFRESH) -> None:
        super().__init__(f"{file}, byte {offset}: {problem}; {mend}")
        self.file = file
        self.offset = offset
        self.problem = problem
        self.mend = mend


class Unreachable(Exception):
    """History cannot be cut there: what would be left has a hole, no beginning or another end."""

    def __init__(self, zxid: int, problem: str) -> None:
        super().__init__(f"cannot cut the history back to zxid 0x{zxid:x}: {problem}")
        self.zxid = zxid
        self.problem = problem


class DiskFailed(Exception):
    """An earlier call on this disk failed, so nothing after it can be vouched for."""
