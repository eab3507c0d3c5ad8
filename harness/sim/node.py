"""How does one server live in a simulation?

`Server` is the real one, and so are the operations on its disk. This file carries out what it
wants, and lets it die at any moment.

Rules of this file:
1. An operation is done on the disk when its time is over, and not before. A crash while it is under
   way leaves any part of it.
2. A crash may come between any two effects of one step: those before it were carried out.
3. An exception out of the core ends the node, and is kept for whoever judges the run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from harness.sim.chance import Chance, Draw
from harness.sim.clock import BEGINNING_MS, SimClock
from harness.sim.connection import End, Taker
from harness.sim.disk import PowerCut, SimDisk
from harness.sim.loop import MS, SECOND, SimLoop
from harness.sim.network import CLIENT_PORT, Dialling, Network
from target_node.durable.operations import Append, Operation, perform
from target_node.durable.refusal import Corrupt, DiskFailed
from target_node.durable.store import Store, open_store
from target_node.protocol.events import WakeAt, Woken
from target_node.server.events import (
    Accepted,
    Connected,
    Data,
    Detail,
    Dial,
    Done,
    Effect,
    Ended,
    Event,
    Halt,
    HangUp,
    Hold,
    Note,
    Perform,
    Port,
    Resume,
    Start,
    Stream,
    Write,
)
from target_node.server.server import Server
from target_node.server.settings import Settings

DIAL_NS: Final = 5 * SECOND
PORTS: Final[Mapping[Port, int]] = {
    Port.CLIENT: CLIENT_PORT,
    Port.QUORUM: 2888,
    Port.ELECTION: 3888,
}
_OUR_KEYS: Final = frozenset({"ms", "mono_ns", "node", "event"})

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DiskPace:
    """How long the disk takes for one operation."""

    least_ms: float = 0.5
    jitter_ms: float = 4.0


class SimNode:
    """One server, up or down, with its disk and its clock."""

    def __init__(
        self,
        settings: Settings,
        loop: SimLoop,
        network: Network,
        chance: Chance,
        tell: Callable[[Record], None],
    ) -> None:
        self.settings = settings
        self.name = f"n{settings.sid}"
        self.disk = SimDisk()
        self.disk_pace = DiskPace()
        self.clock = SimClock()
        self.server: Server | None = None
        self.paused = False
        self.failures: list[BaseException] = []  # what should never have been raised
        self._loop = loop
        self._network = network
        self._chance = chance
        self._draw: Draw = chance.draw(f"{self.name}/disk")
        self._tell = tell
        self._life = 0
        self._fuse: int | None = None  # so many effects until a crash
        self._power_fails = False  # in that crash
        self._forget()

    def _forget(self) -> None:
        self.server = None
        self.paused = False
        self._fuse = None
        self._store: Store | None = None
        self._ends: dict[int, End] = {}
        self._dialling: dict[int, Dialling] = {}
        self._fresh: dict[int, list[bytes]] = {}  # written in this step
        self._inbox: deque[Event | End] = deque()  # what happened while it was paused
        self._operations: deque[Operation] = deque()
        self._busy: list[Operation] = []
        self._disk_waits = False  # it was done while the process was paused
        self._accepted = 0
        self._wake_ms: int | None = None
        self._alarms = 0

    # What is done to it.

    @property
    def up(self) -> bool:
        """Whether there is a process."""
        return self.server is not None

    def start(self) -> bool:
        """From what the disk holds; whether it could."""
        assert self.server is None, "it is up"
        self._network.power_on(self.name)
        self._life += 1
        try:
            self._store, recovered = open_store(self.disk)
            image = self._store.image(recovered)
        except PowerCut:
            self.crash(power=self._power_fails)
            return False
        except (Corrupt, OSError, DiskFailed) as refused:
            self.note("cannot-start", {"why": str(refused)})
            return False
        for repair in recovered.repairs:
            self.note("mended", {"how": type(repair).__name__})
        draw = self._chance.draw(f"{self.name}/{self._life}")
        try:
            self.server = Server(self.settings, recovered, image, draw)
        except Exception as failure:
            self._break(failure)
            return False
        for port, number in PORTS.items():
            self._network.listen(self.name, number, partial(self._accept, port))
        self.note("started", {"life": self._life})
        self._happen(Start())
        return True

    def crash(self, *, power: bool = False) -> None:
        """Its process dies, or with `power` the machine; what the disk was doing is half done."""
        self._finish_half()
        self._forget()
        self._life += 1
        if power:
            self.disk.power_off(self._draw)
            self._network.power_off(self.name)
        else:
            self.disk.kill(self._draw)
            self._network.kill(self.name)

    def crash_after(self, effects: int, *, power: bool = False) -> None:
        """So many effects from now."""
        self._fuse, self._power_fails = effects, power

    def crash_in_disk(self, changes: int, *, power: bool = False) -> None:
        """Within an operation, after so many changes of the disk from now."""
        self.disk.cut_power_at = self.disk.changes + changes
        self._power_fails = power

    def pause(self) -> None:
        """It stands still; its machine does not."""
        self.paused = self.up

    def resume(self) -> None:
        """It goes on with all that has come meanwhile."""
        if not self.paused:
            return
        self.paused = False
        wakes_first = self._draw(2)
        if wakes_first:
            self._ring(self._alarms)
        if self._disk_waits:
            self._disk_waits = False
            self._loop.after(0, self._operated, self._life)
        while self._inbox and not self.paused and self.server is not None:
            waited = self._inbox.popleft()
            if isinstance(waited, End):
                waited.hang_up()
            else:
                self._happen(waited)
        if not wakes_first:
            self._ring(self._alarms)

    def lift_faults(self) -> None:
        """No more of what was to come, and everything at its usual pace."""
        self._fuse = self.disk.cut_power_at = self.disk.fail_at = self.disk.fails = None
        self.disk_pace = DiskPace()
        self.set_clock()

    def set_clock(self, offset_ms: int = 0, rate: float = 1.0) -> None:
        """From now on."""
        if (offset_ms, rate) != (self.clock.offset_ms, self.clock.rate):
            self.clock.set(self._loop.now_ns, offset_ms=offset_ms, rate=rate)
            if self._wake_ms is not None:
                self._set_alarm(self._wake_ms)

    # Its log of events.

    def note(self, event: str, detail: Mapping[str, Detail]) -> None:
        """As the driver's journal has it."""
        now_ns = self._loop.now_ns
        record: Record = {
            "ms": BEGINNING_MS + now_ns // MS,
            "mono_ns": now_ns,
            "node": self.settings.sid,
            "event": event,
        }
        for key, value in detail.items():
            record[f"{key}_" if key in _OUR_KEYS else key] = value
        self._tell(record)

    # What happens to it, and what it does.

    def _happen(self, event: Event) -> None:
        if self.server is None:
            return
        if self.paused:
            self._inbox.append(event)
            return
        try:
            effects = self.server.step(self.clock.now(self._loop.now_ns), event)
        except Exception as failure:
            self._break(failure)
            return
        life = self._life
        for effect in effects:
            if self._fuse is not None and self._burns_down():
                return
            self._carry_out(effect)
            if self._life != life:
                return
        if self._fresh:
            self._flush()

    def _burns_down(self) -> bool:
        """Whether it has died before this effect."""
        assert self._fuse is not None, "it burns"
        self._fuse -= 1
        if self._fuse >= 0:
            return False
        self._flush()
        self.crash(power=self._power_fails)
        return True

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Perform(operation):
                self._operations.append(operation)
                if not self._busy:
                    self._operate()
            case Note(event, detail):
                self.note(event, detail)
            case WakeAt(ms):
                self._set_alarm(ms)
            case Dial():
                self._dial(effect)
            case Halt(reason):
                self.note("halt", {"why": reason})
                self._die()
            case HangUp(number):
                self._hang_up(number)
            case _:
                if (end := self._ends.get(effect.connection)) is not None:
                    self._use(end, effect)

    def _use(self, end: End, effect: Write | Stream | Hold | Resume) -> None:
        match effect:
            case Write(number, data):
                self._fresh.setdefault(number, []).append(data)
            case Stream(_, chunks):
                self._flush()
                end.stream(chunks)
            case Hold():
                end.hold()
            case Resume():
                end.resume()

    def _die(self) -> None:
        """It ends by itself, and its machine stays."""
        self._operations.clear()
        self._busy = []
        self.crash()

    def _break(self, failure: Exception) -> None:
        self.failures.append(failure)
        self.note("broken", {"what": f"{type(failure).__name__}: {failure}"})
        self._die()

    # Connections.

    def _flush(self) -> None:
        fresh, self._fresh = self._fresh, {}
        for number, pieces in fresh.items():
            end = self._ends.get(number)
            if end is not None:
                end.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def _hang_up(self, number: int) -> None:
        self._flush()
        if (end := self._ends.get(number)) is not None:
            end.hang_up()
        elif (dialling := self._dialling.pop(number, None)) is not None:
            dialling.cancel()
            self._loop.after(0, self._happen_in, self._life, Ended(number))

    def _happen_in(self, life: int, event: Event) -> None:
        if life == self._life:
            self._happen(event)

    def _dial(self, dial: Dial) -> None:
        number, life = dial.connection, self._life

        def made(end: End) -> Taker:
            del self._dialling[number]
            self._ends[number] = end
            self._loop.after(0, self._happen_in, life, Connected(number))
            return _Owner(self, number, self._life)

        def failed(_: OSError) -> None:
            del self._dialling[number]
            self._happen(Ended(number))

        there, port = dial.address.host, dial.address.port
        self._dialling[number] = self._network.dial(
            self.name, there, port, made, failed, patience_ns=DIAL_NS
        )

    def _accept(self, port: Port, end: End) -> Taker:
        self._accepted += 1
        number = self._accepted
        self._ends[number] = end
        self._happen(Accepted(number, port, end.there))
        return _Owner(self, number, self._life)

    # Its disk.

    def _operate(self) -> None:
        """Appends that stand side by side share a sync; all else goes by itself."""
        self._busy = [self._operations.popleft()]
        if isinstance(self._busy[0], Append):
            while self._operations and isinstance(self._operations[0], Append):
                self._busy.append(self._operations.popleft())
        pace = self.disk_pace
        delay_ns = int(pace.least_ms * MS) + self._draw(int(pace.jitter_ms * MS) + 1)
        self._loop.after(delay_ns, self._operated, self._life)

    def _operated(self, life: int) -> None:
        if life != self._life:
            return
        if self.paused:
            self._disk_waits = True
            return
        assert self._store is not None, "a server that is up has its store"
        busy, self._busy = self._busy, []
        try:
            completions = perform(self._store, busy)
        except PowerCut:
            self.crash(power=self._power_fails)
            return
        except (OSError, DiskFailed) as failure:
            self.note("halt", {"why": f"the disk failed: {failure}"})
            self._die()
            return
        except Exception as failure:
            self._break(failure)
            return
        if self._operations:
            self._operate()
        for completion in completions:
            self._happen_in(life, Done(completion))

    def _finish_half(self) -> None:
        """The operation under way gets as far as it gets."""
        if self._store is None or not self._busy:
            return
        if self.disk.cut_power_at is None:
            self.disk.cut_power_at = self.disk.changes + self._draw(12)
        busy, self._busy = self._busy, []
        with suppress(PowerCut, OSError, DiskFailed):
            perform(self._store, busy)

    # Its alarm.

    def _set_alarm(self, ms: int) -> None:
        self._wake_ms = ms
        self._alarms += 1
        self._loop.at(self.clock.when_ns(ms), self._ring, self._alarms)

    def _ring(self, alarm: int) -> None:
        if alarm != self._alarms or self._wake_ms is None or self.paused:
            return
        if self.clock.now(self._loop.now_ns).ms < self._wake_ms:
            self._set_alarm(self._wake_ms)
            return
        self._wake_ms = None
        self._happen(Woken())

    def _finished(self, number: int) -> None:
        """As the driver has it: who sends no more wants no more, but for what was asked."""
        if (end := self._ends.get(number)) is None:
            return
        if self.paused:
            self._inbox.append(end)
        else:
            end.hang_up()

    def _gone(self, number: int) -> None:
        self._ends.pop(number, None)
        self._happen(Ended(number))


class _Owner:
    """Who takes what comes over one connection of a node's life."""

    __slots__ = ("_life", "_node", "_number")

    def __init__(self, node: SimNode, number: int, life: int) -> None:
        self._node = node
        self._number = number
        self._life = life

    def came(self, data: bytes) -> None:
        self._node._happen(Data(self._number, data))

    def finished(self) -> None:
        self._node._finished(self._number)

    def ended(self) -> None:
        # It may have died, and even risen, in the same moment.
        if self._life == self._node._life:
            self._node._gone(self._number)
