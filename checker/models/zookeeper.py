"""What does one key of a ZooKeeper-like service hold, and who may answer a read of it?

A cas-register with a second kind of read. `Read` ("read") is linearizable: the service promises
what was newest when it was asked. `LocalRead` ("local-read") is what the server at hand knew: it
may be stale. One copy and one client cannot tell them apart, so this model answers both alike; what
a local read is owed is judged by `checker.contract`.
"""

from dataclasses import dataclass
from typing import Any

from checker.models.register import Call, CasRegister, Read, Result
from checker.outcome import Anything


@dataclass(frozen=True, slots=True)
class LocalRead(Read):
    """What does the register hold, as far as the server at hand has heard?"""


class ZooKeeperRegister(CasRegister):
    """A register with compare-and-set, linearizable reads and local reads."""

    name = "zookeeper"

    def read_call(self, f: str, value: Any) -> Call:
        if f == "local-read":
            return LocalRead()
        if f not in ("read", "write", "cas"):
            known = "read, local-read, write, cas"
            raise ValueError(f"a {self.name} has no call {f!r}; it knows {known}")
        return super().read_call(f, value)

    def write_call(self, call: Call) -> tuple[str, Any]:
        return ("local-read", None) if isinstance(call, LocalRead) else super().write_call(call)

    def tell(self, call: Call, result: Result | Anything) -> str:
        told = super().tell(call, result)
        return f"{told} locally" if isinstance(call, LocalRead) else told
