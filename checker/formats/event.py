"""What does one line of a history say?

`index time_ns process session type f key value error node zxid version mzxid`, all but `process`,
`type` and `f` optional. Readers of foreign formats make the same events.
"""

from enum import Enum
from typing import Any, Final, Literal

from msgspec import Struct

KINDS: Final = ("invoke", "ok", "fail", "info")


class Truth(Enum):
    """JSON's true and false as values of a history: Python's own would equal 1 and 0."""

    TRUE = "true"
    FALSE = "false"

    def __str__(self) -> str:
        return self.value


class Event(Struct, gc=False, forbid_unknown_fields=True):
    """One line with what judging needs, and nothing else: such lines are read fastest."""

    process: int | str
    type: Literal["invoke", "ok", "fail", "info"]
    f: str
    time_ns: int | None = None
    key: Any = None
    value: Any = None
    error: Any = None
    index: int | None = None


class DetailedEvent(Event, gc=False, forbid_unknown_fields=False):
    """Any line, with what a ZooKeeper-like service's replies told besides."""

    session: int | None = None
    node: str | None = None
    zxid: int | None = None
    version: int | None = None
    mzxid: int | None = None


class HistoryError(Exception):
    """A file is no history; the message says where and why in one line."""

    def __init__(self, path: str, line: int, cause: str) -> None:
        super().__init__(f"{path}:{line}: {cause}" if line else f"{path}: {cause}")
        self.path = path
        self.line = line
        self.cause = cause
