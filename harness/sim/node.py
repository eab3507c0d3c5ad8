"""How does one server live in a simulation?

`Server` is the real one, and so are the operations on its disk. This file carries out what it
wants, and lets it die at any moment.

Rules of this file:
1. A crash may come between any two effects of one step: those before it were carried out.
2. A process that is paused hears nothing; what happens meanwhile waits for it, in order.
3. An exception out of the core ends the node, and is kept for whoever judges the run.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from harness.chance import Chance, Draw
from harness.flips import Flip, chosen, flip_of
from harness.sim.clock import BEGINNING_MS, SimClock
from harness.sim.disk import PowerCut, SimDisk
from harness.sim.disk_queue import DiskPace, DiskQueue
from harness.sim.loop import MS, SimLoop
from harness.sim.network import Network
from harness.sim.ports import Ports
from harness.sim.timely import by_the_second
from target_node.durable.operations import Completion
from target_node.durable.refusal import Corrupt, DiskFailed
from target_node.durable.store import Store, open_store
from target_node.protocol.events import WakeAt, Woken
from target_node.server.events import (
    Detail,
    Done,
    Effect,
    Event,
    Halt,
    Note,
    Perform,
    Start,
    Write,
)
from target_node.server.server import Server
from target_node.server.settings import Settings

_OUR_KEYS: Final = frozenset({"ms", "mono_ns", "node", "event"})

Record = dict[str, Any]


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
        self.flips: dict[tuple[int, int], Flip] = {}  # bits of its disk that are wrong, as ordered
        self.server: Server | None = None
        self.paused = False
        self.failures: list[BaseException] = []  # what should never have been raised
        self._loop = loop
        self._network = network
        self._chance = chance
        self._draw: Draw = by_the_second(loop, chance, f"disk/{self.name}")
        self._tell = tell
        self._lives = 0
        self._fuse: int | None = None  # so many effects until a crash
        self._power_fails = False  # in that crash
        self._ports: Ports | None = None
        self._operations: DiskQueue | None = None
        self._inbox: deque[Event] = deque()  # what happened while it was paused
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
        self._lives += 1
        try:
            store, recovered = open_store(self.disk)
            image = store.image(recovered)
        except PowerCut:
            self.crash(power=self._power_fails)
            return False
        except Corrupt as refused:
            self.note("cannot-start", {"why": str(refused)})
            return False
        except (OSError, DiskFailed) as failure:
            self.note("halt", {"why": f"the disk failed: {failure}"})
            return False
        for repair in recovered.repairs:
            self.note("mended", {"how": type(repair).__name__})
        draw = by_the_second(self._loop, self._chance, f"node/{self.name}")
        try:
            self.server = Server(self.settings, recovered, image, draw)
        except Exception as failure:
            self._break(failure)
            return False
        self._operations = self._disk_queue(store)
        self._ports = Ports(self.name, self._network, self._happen)
        self.note("begun", {"life": self._lives})
        self._happen(Start())
        return True

    def _disk_queue(self, store: Store) -> DiskQueue:
        return DiskQueue(
            self._loop,
            self.disk,
            store,
            self._draw,
            pace=lambda: self.disk_pace,
            hand_back=self._operated,
            failed=self._disk_failed,
        )

    def crash(self, *, power: bool = False, all_lost: bool = False) -> None:
        """Its process dies, or with `power` the machine; what the disk was doing is half done.

        What was not synced is lost by chance, or all of it.
        """
        if self._ports is not None:
            self._ports.end()
        if self._operations is not None:
            self._operations.end()
        self.server = self._ports = self._operations = self._fuse = self._wake_ms = None
        self.paused = False
        self._inbox.clear()
        if power:
            self.disk.power_off(_nothing_stays if all_lost else self._draw)
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
        if self._ports is not None and self._operations is not None:
            self.paused = True
            self._ports.pause()
            self._operations.pause()

    def resume(self) -> None:
        """It goes on with all that has come meanwhile; its alarm rings before that or after."""
        if not self.paused:
            return
        self.paused = False
        if self._operations is not None:
            self._operations.resume()
        rings_first = self._draw(2)
        if rings_first:
            self._ring(self._alarms)
        while self._inbox and self.up and not self.paused:
            self._happen(self._inbox.popleft())
        if not rings_first:
            self._ring(self._alarms)
        if self._ports is not None and not self.paused:
            self._ports.resume()

    def lift_faults(self) -> None:
        """No more of what was to come, and everything at its usual pace."""
        self._fuse = self.disk.cut_power_at = self.disk.fail_at = self.disk.fails = None
        self.disk.fails_to_sync = False
        self.disk_pace = DiskPace()
        self.set_clock()

    def set_clock(self, offset_ms: int = 0, rate: float = 1.0) -> None:
        """From now on."""
        if (offset_ms, rate) != (self.clock.offset_ms, self.clock.rate):
            self.clock.set(self._loop.now_ns, offset_ms=offset_ms, rate=rate)
            if self._wake_ms is not None:
                self._set_alarm(self._wake_ms)

    def flip(self, file: int, back: int) -> None:
        """A bit is wrong, so far from the end of one of its newest files; if it has any."""
        if (name := chosen(self.disk.list(), file)) and (
            wrong := flip_of(self.disk.seen(name), name, back)
        ):
            self.disk.put(wrong.name, wrong.byte, wrong.now)
            self.flips[file, back] = wrong
            self.note("bit_flipped", asdict(wrong))

    def lose_disk(self) -> None:
        """It starts with nothing, and is not thought to have forgotten."""
        self.disk.wipe()
        self.note("disk_lost", {})

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
        server, ports = self.server, self._ports
        if server is None or ports is None:
            return
        if self.paused:
            self._inbox.append(event)
            return
        try:
            effects = server.step(self.clock.now(self._loop.now_ns), event)
        except Exception as failure:
            self._break(failure)
            return
        for effect in effects:
            if self._fuse is not None and self._burns_down(ports):
                return
            self._carry_out(effect, ports)
            if self.server is not server:
                return
        ports.flush()

    def _burns_down(self, ports: Ports) -> bool:
        """Whether it has died before this effect."""
        assert self._fuse is not None, "it burns"
        self._fuse -= 1
        if self._fuse >= 0:
            return False
        ports.flush()
        self.crash(power=self._power_fails)
        return True

    def _carry_out(self, effect: Effect, ports: Ports) -> None:
        match effect:
            case Write(number, data):
                ports.write(number, data)
            case Perform(operation):
                assert self._operations is not None, "who acts is up"
                self._operations.put(operation)
            case Note(event, detail):
                self.note(event, detail)
            case WakeAt(ms):
                self._set_alarm(ms)
            case Halt(reason):
                self.note("halt", {"why": reason})
                self.crash()
            case _:
                ports.carry_out(effect)

    def _operated(self, completions: Sequence[Completion]) -> None:
        server = self.server
        for completion in completions:
            # The same life: it may die of one of them.
            if self.server is server:
                self._happen(Done(completion))

    def _disk_failed(self, failure: BaseException) -> None:
        if isinstance(failure, PowerCut):
            self.crash(power=self._power_fails)
        elif isinstance(failure, OSError | DiskFailed):
            self.note("halt", {"why": f"the disk failed: {failure}"})
            self.crash()
        else:
            self._break(failure)

    def _break(self, failure: BaseException) -> None:
        self.failures.append(failure)
        self.note("broken", {"what": f"{type(failure).__name__}: {failure}"})
        self.crash()

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


def _nothing_stays(below: int) -> int:
    """Draws by which a disk loses all that it can."""
    return 0
