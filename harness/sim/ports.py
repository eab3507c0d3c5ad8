"""Which connection of a node has which number, and what is to be done with it?

One `Ports` lasts for one life of a node.

Rules of this file:
1. What is written in one step leaves in one piece, at `flush`.
2. Who sends no more wants no more, but for what was asked: as in the real driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from harness.sim.connection import End, Host, Taker
from harness.sim.loop import SECOND
from harness.sim.network import CLIENT_PORT, Dialling, Network
from target_node.server.events import (
    Accepted,
    Connected,
    Data,
    Dial,
    Ended,
    Event,
    HangUp,
    Hold,
    Port,
    Resume,
    Stream,
)

DIAL_NS: Final = 5 * SECOND
PORTS: Final[Mapping[Port, int]] = {
    Port.CLIENT: CLIENT_PORT,
    Port.QUORUM: 2888,
    Port.ELECTION: 3888,
}


class Ports:
    """All connections of one life. `happen` is told what comes over them."""

    def __init__(self, host: Host, network: Network, happen: Callable[[Event], None]) -> None:
        self._host = host
        self._network = network
        self._happen = happen
        self._ends: dict[int, End] = {}
        self._dialling: dict[int, Dialling] = {}
        self._fresh: dict[int, list[bytes]] = {}  # written in this step
        self._finished: list[int] = []  # while paused
        self._paused = False
        self._over = False
        self._accepted = 0
        for port, number in PORTS.items():
            network.listen(host, number, partial(self._accept, port))

    def end(self) -> None:
        """That life is over: nothing more is told."""
        self._over = True

    def pause(self) -> None:
        """Nobody takes notice of what comes; it is for `happen` to keep it."""
        self._paused = True

    def resume(self) -> None:
        """All that was kept has been told."""
        self._paused = False
        finished, self._finished = self._finished, []
        for number in finished:
            self.finished(number)

    def write(self, number: int, data: bytes) -> None:
        """With the next `flush`."""
        if number in self._ends:
            self._fresh.setdefault(number, []).append(data)

    def flush(self) -> None:
        """Let go what was written."""
        if not self._fresh:
            return
        fresh, self._fresh = self._fresh, {}
        for number, pieces in fresh.items():
            end = self._ends.get(number)
            if end is not None:
                end.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def carry_out(self, effect: Dial | Stream | HangUp | Hold | Resume) -> None:
        """Nothing, if the connection has gone."""
        number = effect.connection
        end = self._ends.get(number)
        match effect:
            case Dial():
                self._dial(effect)
            case HangUp() if end is None:
                self._cancel(number)
            case HangUp() if end is not None:
                self.flush()
                end.hang_up()
            case Stream(_, chunks) if end is not None:
                self.flush()
                end.stream(chunks)
            case Hold() if end is not None:
                end.hold()
            case Resume() if end is not None:
                end.resume()
            case _:
                pass

    # What the network tells.

    def came(self, number: int, data: bytes) -> None:
        """These bytes came."""
        self._happen(Data(number, data))

    def finished(self, number: int) -> None:
        """The other end sends no more."""
        if self._paused:
            self._finished.append(number)
        elif (end := self._ends.get(number)) is not None:
            end.hang_up()

    def ended(self, number: int) -> None:
        """It is gone."""
        self._ends.pop(number, None)
        self._tell(Ended(number))

    def _tell(self, event: Event) -> None:
        if not self._over:
            self._happen(event)

    def _accept(self, port: Port, end: End) -> Taker:
        self._accepted += 1
        number = self._accepted
        self._ends[number] = end
        self._happen(Accepted(number, port, end.there))
        return _Owner(self, number)

    def _dial(self, dial: Dial) -> None:
        number = dial.connection

        def made(end: End) -> Taker:
            del self._dialling[number]
            self._ends[number] = end
            self._network.loop.after(0, self._tell, Connected(number))
            return _Owner(self, number)

        def failed(_: OSError) -> None:
            del self._dialling[number]
            self._tell(Ended(number))

        there, port = dial.address.host, dial.address.port
        self._dialling[number] = self._network.dial(
            self._host, there, port, made, failed, patience_ns=DIAL_NS
        )

    def _cancel(self, number: int) -> None:
        if (dialling := self._dialling.pop(number, None)) is not None:
            dialling.cancel()
            self._network.loop.after(0, self._tell, Ended(number))


class _Owner:
    """Who takes what comes over one connection."""

    __slots__ = ("_number", "_ports")

    def __init__(self, ports: Ports, number: int) -> None:
        self._ports = ports
        self._number = number

    def came(self, data: bytes) -> None:
        self._ports.came(self._number, data)

    def finished(self) -> None:
        self._ports.finished(self._number)

    def ended(self) -> None:
        self._ports.ended(self._number)
