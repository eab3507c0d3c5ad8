"""Is a transaction over several nodes done as a whole, or not at all?

A key is a group of nodes. Only transactions write to it, each to all of its nodes and the same
value, and readers read all of them at one moment. So a group is a register, and judged as one; and
besides, no reader may see two values in it. Some transactions have a last part that must fail:
what they tried to write is never there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from checker.history import Deed
from checker.model import Model
from checker.models.register import Cas, Read, Write
from checker.models.zookeeper import ZooKeeperRegister
from checker.outcome import DONE, Anything, Failed, Ok, Outcome, Refused
from workloads.register import Register
from workloads.workload import Answer, Ask, Draw, Judge, Synced

FAILS_ONE_IN: Final = 3  # writes


@dataclass(frozen=True, slots=True)
class Attempt:
    """Write this with a last part that must fail."""

    value: Any


@dataclass(frozen=True, slots=True)
class Wrote:
    """The zxids that the parts of a transaction told; None for one that told none."""

    zxids: tuple[int | None, ...]


class Groups(ZooKeeperRegister):
    """How the calls look in a file; they are judged as those of registers."""

    name = "multi"

    def apply(self, state: Any, call: Any) -> tuple[Any, Any]:
        raise NotImplementedError("which zxids a transaction tells no state predicts")

    def read_call(self, f: str, value: Any) -> Any:
        return Attempt(value) if f == "attempt" else super().read_call(f, value)

    def read_result(self, call: Any, value: Any) -> Any:
        if not isinstance(value, tuple):
            raise ValueError("a group answers a list: of its values, or of zxids")
        return value if isinstance(call, Read) else Wrote(value)

    def refusal(self, call: Any, error: str | None) -> Any:
        if isinstance(call, Attempt):
            return None if error is None else Refused(error)
        return super().refusal(call, error)

    def write_call(self, call: Any) -> tuple[str, Any]:
        return ("attempt", call.value) if isinstance(call, Attempt) else super().write_call(call)

    def write_result(self, call: Any, result: Any) -> Any:
        return list(result.zxids) if isinstance(result, Wrote) else result

    def tell(self, call: Any, result: Any | Anything) -> str:
        if isinstance(call, Attempt):
            return f"tried to write {call.value} in a transaction that must fail"
        if isinstance(call, Read) and isinstance(result, tuple):
            result = result[0] if len(set(result)) == 1 else f"{list(result)} at once"
        return super().tell(call, DONE if isinstance(result, Wrote) else result)


def as_register(deed: Deed) -> Deed:
    """The same of a register. What has no effect, or shows no one value, is as if it had failed."""
    match deed.call, deed.outcome:
        case Attempt(value), _:
            return Deed(Write(value), Failed("it must fail"))
        case Read(), Ok(tuple() as values) if len(set(values)) == 1:
            return Deed(deed.call, Ok(values[0]))
        case Read(), Ok():
            return Deed(deed.call, Failed("it shows no one value"))
        case Write() | Cas(), Ok(Wrote()):
            return Deed(deed.call, Ok(DONE))
        case _:
            return deed


class Multi:
    """The workload `multi`."""

    name = "multi"
    about = "transactions over several nodes, of which some must fail, and readers of them all"
    least_processes = 1

    def __init__(self, synced: Synced = Synced.LINEARIZABLE) -> None:
        self.synced = synced
        self._registers = Register(synced)
        self.kinds: Sequence[str] = self._registers.kinds  # no attempt ends well

    @property
    def model(self) -> Model[Any, Any, Any]:
        """Groups with local reads."""
        return Groups()

    def calls(self, process: int, draw: Draw) -> Ask:
        """As of registers; of some writes the last part must fail."""
        ask = self._registers.calls(process, draw)
        if isinstance(ask.call, Write) and draw(FAILS_ONE_IN) == FAILS_ONE_IN - 1:
            return Ask(ask.key, Attempt(ask.call.value))
        return ask

    def last_calls(self, process: int, processes: int) -> Sequence[Ask]:
        """Every group is read."""
        return self._registers.last_calls(process, processes)

    def heard(self, process: int, ask: Ask, outcome: Outcome[Any], answer: Answer | None) -> None:
        """Remembered as of a register."""
        call, told = as_register(Deed(ask.call, outcome))
        self._registers.heard(process, Ask(ask.key, call), told, answer)

    def judges(self) -> Mapping[str, Judge]:
        """Those of registers, and whether each transaction was whole."""
        from workloads.wholeness import of_registers, whole

        judges = {name: of_registers(judge) for name, judge in self._registers.judges().items()}
        return {"whole": whole, **judges}
